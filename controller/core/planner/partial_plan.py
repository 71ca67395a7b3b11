"""Steps and waits in the making, and the words that they are given."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.desired import Group, launcher_path, launcher_settings
from controller.core.model.member import Key, Member
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
    Wait,
    WriteLauncher,
)
from controller.core.model.policy import Policy
from controller.core.model.reasons import Outlook, Reason
from controller.core.situation.drift import patch, wanted_configuration
from controller.core.situation.matching import Match, UnwantedApplication


@dataclass(frozen=True, slots=True)
class PartialPlan:
    """What one decision came to."""

    steps: tuple[Step, ...] = ()
    waits: tuple[Wait, ...] = ()

    def __add__(self, other: "PartialPlan") -> "PartialPlan":
        return PartialPlan(self.steps + other.steps, self.waits + other.waits)


NOTHING = PartialPlan()


def merge(drafts: Iterable[PartialPlan]) -> PartialPlan:
    steps: list[Step] = []
    waits: list[Wait] = []
    for draft in drafts:
        steps += draft.steps
        waits += draft.waits
    return PartialPlan(tuple(steps), tuple(waits))


def impact(cluster: str, member: Member, app: ObservedApplication) -> str:
    """What taking the member away costs the people who use the cluster; nothing if it is down."""
    if app.phase is not Phase.RUNNING:
        return ""
    if member.is_head:
        return f"ends running jobs on {cluster}"
    return f"ends tasks and actors on {member}"


def _step(
    seat: Match,
    action: Action,
    reason: Reason,
    intent: Intent,
    *,
    changes: tuple[Change, ...] = (),
    message: str = "",
    costs: bool = False,
    launcher: str | None = None,
) -> Step:
    app = seat.app
    return Step(
        action=action,
        cluster=seat.group.cluster,
        project=app.project if app is not None else "",
        member=seat.member,
        reason=reason,
        intent=intent,
        changes=changes,
        message=message,
        impact=impact(seat.group.cluster, seat.member, app) if costs and app is not None else "",
        launcher=launcher,
    )


def create(seat: Match, project: str, policy: Policy) -> PartialPlan:
    wanted = wanted_configuration(seat.group, seat.member, policy)
    step = Step(
        action=Create(wanted),
        cluster=seat.group.cluster,
        project=project,
        member=seat.member,
        reason=Reason.MISSING,
        intent=Intent.CREATE,
        launcher=wanted.script,
    )
    return PartialPlan((write_launcher(seat.group, project, policy), step))


def stop_to_update(
    seat: Match, app: ObservedApplication, changes: tuple[Change, ...], message: str, policy: Policy
) -> PartialPlan:
    """The first of stop, PATCH and restart; the launcher is written before anything is stopped."""
    launcher = write_launcher(seat.group, app.project, policy)
    stop = _step(
        seat,
        Stop(app.id),
        Reason.OUTDATED,
        Intent.UPDATE,
        changes=changes,
        message=message,
        costs=True,
        launcher=launcher_path(seat.group, policy.edition),
    )
    return PartialPlan((launcher, stop))


def update_and_start(
    seat: Match, app: ObservedApplication, changes: tuple[Change, ...], policy: Policy
) -> PartialPlan:
    """PATCH and restart of an application that is at rest; the second only if the first took."""
    wanted = wanted_configuration(seat.group, seat.member, policy)
    launcher = write_launcher(seat.group, app.project, policy)
    update = _step(
        seat,
        patch(app, seat.mark, wanted),
        Reason.OUTDATED,
        Intent.UPDATE,
        changes=changes,
        launcher=wanted.script,
    )
    start = _step(seat, Restart(app.id), Reason.OUTDATED, Intent.UPDATE, launcher=wanted.script)
    return PartialPlan((launcher, update, start))


def require_sign_in(seat: Match, app: ObservedApplication) -> PartialPlan:
    return PartialPlan((_step(seat, RequireSignIn(app.id), Reason.PUBLIC_ACCESS, Intent.UPDATE),))


def restart(
    seat: Match, app: ObservedApplication, reason: Reason, intent: Intent, message: str = ""
) -> PartialPlan:
    costs = reason in (Reason.STALE, Reason.NOT_JOINED)
    return PartialPlan(
        (_step(seat, Restart(app.id), reason, intent, message=message, costs=costs),)
    )


def stop(seat: Match, app: ObservedApplication) -> PartialPlan:
    return PartialPlan((_step(seat, Stop(app.id), Reason.SUSPENDED, Intent.STOP, costs=True),))


def replace(seat: Match, app: ObservedApplication, changes: tuple[Change, ...]) -> PartialPlan:
    names = ", ".join(change.field for change in changes)
    message = f"CML does not take {names} by update: delete it and create it anew"
    step = _step(
        seat,
        Delete(app.id),
        Reason.REPLACED,
        Intent.UPDATE,
        changes=changes,
        message=message,
        costs=True,
    )
    return PartialPlan((step,))


def delete(leaver: UnwantedApplication, message: str) -> PartialPlan:
    return _leaver(leaver, Delete(leaver.app.id), leaver.reason, Intent.DELETE, message)


def stop_leaver(leaver: UnwantedApplication) -> PartialPlan:
    message = "the suspended cluster no longer wants it"
    return _leaver(leaver, Stop(leaver.app.id), Reason.SUSPENDED, Intent.STOP, message)


def _leaver(
    leaver: UnwantedApplication, action: Action, reason: Reason, intent: Intent, message: str
) -> PartialPlan:
    step = Step(
        action=action,
        cluster=leaver.key.cluster,
        project=leaver.app.project,
        member=leaver.key.member,
        reason=reason,
        intent=intent,
        message=message,
        impact=impact(leaver.key.cluster, leaver.key.member, leaver.app),
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


def wait(
    key: Key,
    reason: Reason,
    message: str,
    *,
    intent: Intent = Intent.NOTHING,
    changes: tuple[Change, ...] = (),
    until: datetime | None = None,
) -> PartialPlan:
    """A member left alone.  Messages are stable: the same matter, the same sentence, no times.

    What waits for a person is blocked, whatever it would lead to.
    """
    intent = Intent.BLOCKED if reason.outlook is Outlook.PERSON else intent
    return PartialPlan(
        waits=(Wait(key.cluster, key.member, reason, message, intent, changes, until),)
    )
