"""Steps of one member, each with its reason and message."""

from controller.core.model.configuration import configuration, launcher_path, launcher_settings
from controller.core.model.desired import Group
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import (
    Action,
    Change,
    Create,
    Delete,
    Intent,
    Plan,
    RequireSignIn,
    Restart,
    Step,
    Stop,
    WriteLauncher,
)
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.situation.drift import patch
from controller.core.situation.matching import Match, UnwantedApplication
from controller.core.spec.placement.kinds import NOTHING as NO_NAMES
from controller.core.spec.placement.kinds import Record


def create(match: Match, project: str, policy: Policy, record: Record = NO_NAMES) -> Plan:
    desired = configuration(match.group, match.member, policy, record, match.auth_mode)
    step = Step(
        action=Create(desired),
        cluster=match.group.cluster,
        project=project,
        member=match.member,
        reason=Reason.MISSING,
        intent=Intent.CREATE,
        launcher=desired.script,
    )
    return Plan((write_launcher(match.group, project, policy), step))


def stop_to_update(
    match: Match,
    app: ObservedApplication,
    changes: tuple[Change, ...],
    message: str,
    policy: Policy,
) -> Plan:
    """The first of stop, PATCH and restart; the launcher is written before anything is stopped."""
    write = write_launcher(match.group, app.project, policy)
    path = launcher_path(match.group, policy.edition)
    action, reason = Stop(app.id), Reason.OUTDATED
    stop = _step(match.key, app, action, reason, Intent.UPDATE, changes, message, path)
    return Plan((write, stop))


def update_and_start(
    match: Match,
    app: ObservedApplication,
    changes: tuple[Change, ...],
    policy: Policy,
    record: Record = NO_NAMES,
) -> Plan:
    """PATCH and restart of an application that is at rest; the second only if the first took."""
    desired = configuration(match.group, match.member, policy, record, match.auth_mode)
    write, path = write_launcher(match.group, app.project, policy), desired.script
    reason, intent = Reason.OUTDATED, Intent.UPDATE
    action = patch(app, match.mark.variables, desired)
    update = _step(match.key, app, action, reason, intent, changes, launcher=path)
    start = _step(match.key, app, Restart(app.id), reason, intent, launcher=path)
    return Plan((write, update, start))


def require_sign_in(match: Match, app: ObservedApplication) -> Plan:
    action, reason = RequireSignIn(app.id), Reason.PUBLIC_ACCESS
    return Plan((_step(match.key, app, action, reason, Intent.UPDATE),))


def restart(
    match: Match, app: ObservedApplication, reason: Reason, intent: Intent, message: str = ""
) -> Plan:
    step = _step(match.key, app, Restart(app.id), reason, intent, message=message)
    return Plan((step,))


def stop(match: Match, app: ObservedApplication) -> Plan:
    return Plan((_step(match.key, app, Stop(app.id), Reason.SUSPENDED, Intent.STOP),))


def stop_to_start(
    match: Match,
    app: ObservedApplication,
    reason: Reason,
    changes: tuple[Change, ...],
    message: str,
) -> Plan:
    """The first of stop and restart, of a failed application."""
    intent = Intent.UPDATE if changes else Intent.RESTART
    return Plan((_step(match.key, app, Stop(app.id), reason, intent, changes, message),))


def replace_to_start(
    match: Match,
    app: ObservedApplication,
    reason: Reason,
    changes: tuple[Change, ...],
    message: str,
) -> Plan:
    """The first of delete and create, of an application that does not run."""
    intent = Intent.START if reason is Reason.RESUMED else Intent.RESTART
    intent = Intent.UPDATE if changes else intent
    return Plan((_step(match.key, app, Delete(app.id), reason, intent, changes, message),))


def replace(
    match: Match, app: ObservedApplication, changes: tuple[Change, ...], message: str = ""
) -> Plan:
    names = ", ".join(change.field for change in changes)
    ignored = f"CML ignores an update of {names}: the application is deleted and created again"
    message = message or ignored
    action, reason = Delete(app.id), Reason.REPLACED
    return Plan((_step(match.key, app, action, reason, Intent.UPDATE, changes, message),))


def delete(unwanted: UnwantedApplication, message: str) -> Plan:
    key, app, reason = unwanted.key, unwanted.app, unwanted.reason
    return Plan((_step(key, app, Delete(app.id), reason, Intent.DELETE, message=message),))


def stop_unwanted(unwanted: UnwantedApplication) -> Plan:
    key, app, reason = unwanted.key, unwanted.app, Reason.SUSPENDED
    message = "the cluster is suspended and no longer needs it"
    return Plan((_step(key, app, Stop(app.id), reason, Intent.STOP, message=message),))


def _step(
    key: Key,
    app: ObservedApplication,
    action: Action,
    reason: Reason,
    intent: Intent,
    changes: tuple[Change, ...] = (),
    message: str = "",
    launcher: str | None = None,
) -> Step:
    takes_away = isinstance(action, Stop | Restart | Delete) and app.phase is Phase.RUNNING
    return Step(
        action=action,
        cluster=key.cluster,
        project=app.project,
        member=key.member,
        reason=reason,
        intent=intent,
        changes=changes,
        message=message,
        impact=_impact(key) if takes_away else "",
        launcher=launcher,
    )


def _impact(key: Key) -> str:
    """Cost of the step for people who use the cluster."""
    if key.member.is_head:
        return f"ends running jobs on {key.cluster}"
    return f"ends tasks and actors on {key.member}"


def write_launcher(group: Group, project: str, policy: Policy) -> Step:
    path = launcher_path(group, policy.edition)
    write = WriteLauncher(path, launcher_settings(group, policy.edition))
    message = f"launcher of {group.name}"
    return without_member(write, group.cluster, project, Reason.LAUNCHER_MISSING, message)


def without_member(
    action: Action,
    cluster: str,
    project: str,
    reason: Reason,
    message: str,
    launcher: str | None = None,
) -> Step:
    """A step that changes a file, a folder or a job of the project, and no member."""
    return Step(
        action=action,
        cluster=cluster,
        project=project,
        member=None,
        reason=reason,
        intent=Intent.NOTHING,
        message=message,
        launcher=launcher,
    )
