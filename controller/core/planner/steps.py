"""Steps of one member, each with its reason and message."""

from controller.core.model.desired import Group, launcher_path, launcher_settings
from controller.core.model.member import Member
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import (
    Action,
    Change,
    Create,
    Delete,
    Intent,
    RequireSignIn,
    Restart,
    Step,
    Stop,
    WriteLauncher,
)
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.planner.partial_plan import PartialPlan
from controller.core.situation.drift import desired_configuration, patch
from controller.core.situation.matching import Match, UnwantedApplication


def impact(cluster: str, member: Member, app: ObservedApplication) -> str:
    """Cost of the step for people who use the cluster; empty if the member is down."""
    if app.phase is not Phase.RUNNING:
        return ""
    if member.is_head:
        return f"ends running jobs on {cluster}"
    return f"ends tasks and actors on {member}"


def _step(
    match: Match,
    action: Action,
    reason: Reason,
    intent: Intent,
    *,
    changes: tuple[Change, ...] = (),
    message: str = "",
    costs: bool = False,
    launcher: str | None = None,
) -> Step:
    app = match.app
    return Step(
        action=action,
        cluster=match.group.cluster,
        project=app.project if app is not None else "",
        member=match.member,
        reason=reason,
        intent=intent,
        changes=changes,
        message=message,
        impact=impact(match.group.cluster, match.member, app) if costs and app is not None else "",
        launcher=launcher,
    )


def create(match: Match, project: str, policy: Policy) -> PartialPlan:
    configuration = desired_configuration(match.group, match.member, policy)
    step = Step(
        action=Create(configuration),
        cluster=match.group.cluster,
        project=project,
        member=match.member,
        reason=Reason.MISSING,
        intent=Intent.CREATE,
        launcher=configuration.script,
    )
    return PartialPlan((write_launcher(match.group, project, policy), step))


def stop_to_update(
    match: Match,
    app: ObservedApplication,
    changes: tuple[Change, ...],
    message: str,
    policy: Policy,
) -> PartialPlan:
    """The first of stop, PATCH and restart; the launcher is written before anything is stopped."""
    launcher = write_launcher(match.group, app.project, policy)
    stop = _step(
        match,
        Stop(app.id),
        Reason.OUTDATED,
        Intent.UPDATE,
        changes=changes,
        message=message,
        costs=True,
        launcher=launcher_path(match.group, policy.edition),
    )
    return PartialPlan((launcher, stop))


def update_and_start(
    match: Match, app: ObservedApplication, changes: tuple[Change, ...], policy: Policy
) -> PartialPlan:
    """PATCH and restart of an application that is at rest; the second only if the first took."""
    configuration = desired_configuration(match.group, match.member, policy)
    launcher = write_launcher(match.group, app.project, policy)
    update = _step(
        match,
        patch(app, match.mark.variables, configuration),
        Reason.OUTDATED,
        Intent.UPDATE,
        changes=changes,
        launcher=configuration.script,
    )
    start = _step(
        match, Restart(app.id), Reason.OUTDATED, Intent.UPDATE, launcher=configuration.script
    )
    return PartialPlan((launcher, update, start))


def require_sign_in(match: Match, app: ObservedApplication) -> PartialPlan:
    return PartialPlan((_step(match, RequireSignIn(app.id), Reason.PUBLIC_ACCESS, Intent.UPDATE),))


def restart(
    match: Match, app: ObservedApplication, reason: Reason, intent: Intent, message: str = ""
) -> PartialPlan:
    costs = reason in (Reason.STALE, Reason.NOT_JOINED)
    return PartialPlan(
        (_step(match, Restart(app.id), reason, intent, message=message, costs=costs),)
    )


def stop(match: Match, app: ObservedApplication) -> PartialPlan:
    return PartialPlan((_step(match, Stop(app.id), Reason.SUSPENDED, Intent.STOP, costs=True),))


def replace(match: Match, app: ObservedApplication, changes: tuple[Change, ...]) -> PartialPlan:
    names = ", ".join(change.field for change in changes)
    message = f"CML ignores an update of {names}: the application is deleted and created again"
    step = _step(
        match,
        Delete(app.id),
        Reason.REPLACED,
        Intent.UPDATE,
        changes=changes,
        message=message,
        costs=True,
    )
    return PartialPlan((step,))


def delete(unwanted: UnwantedApplication, message: str) -> PartialPlan:
    return _unwanted_step(
        unwanted, Delete(unwanted.app.id), unwanted.reason, Intent.DELETE, message
    )


def stop_unwanted(unwanted: UnwantedApplication) -> PartialPlan:
    message = "the cluster is suspended and no longer needs it"
    return _unwanted_step(unwanted, Stop(unwanted.app.id), Reason.SUSPENDED, Intent.STOP, message)


def _unwanted_step(
    unwanted: UnwantedApplication, action: Action, reason: Reason, intent: Intent, message: str
) -> PartialPlan:
    step = Step(
        action=action,
        cluster=unwanted.key.cluster,
        project=unwanted.app.project,
        member=unwanted.key.member,
        reason=reason,
        intent=intent,
        message=message,
        impact=impact(unwanted.key.cluster, unwanted.key.member, unwanted.app),
    )
    return PartialPlan((step,))


def write_launcher(group: Group, project: str, policy: Policy) -> Step:
    path = launcher_path(group, policy.edition)
    return Step(
        action=WriteLauncher(path, launcher_settings(group, policy.edition)),
        cluster=group.cluster,
        project=project,
        member=None,
        reason=Reason.LAUNCHER_MISSING,
        intent=Intent.NOTHING,
        message=f"launcher of {group.name}",
    )
