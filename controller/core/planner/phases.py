"""A wanted member whose configuration is not the question: absent, on its way, up or down."""

from controller.core.model.desired import LAUNCHERS, launcher_path
from controller.core.model.member import THE_HEAD, Key
from controller.core.model.observed import ObservedApplication, Phase, is_adopted, key_of
from controller.core.model.offers import IMAGE, SIZES, unoffered
from controller.core.model.plan import Change, Intent
from controller.core.model.reasons import Reason
from controller.core.planner import partial_plan as draft
from controller.core.planner.backoff import gate, spent
from controller.core.planner.partial_plan import NOTHING, PartialPlan, wait
from controller.core.situation.matching import Match
from controller.core.situation.situation import Case, View

_SLOW_START = (
    "CML gives no reason; likely: the quota is used up, no node has room for it, the image cannot "
    "be pulled, or the launcher cannot answer on its port"
)


def absent(view: View, seat: Match) -> PartialPlan:
    """No application: create it, unless its name is held or it was created a moment ago."""
    if seat.foreign is not None:
        message = _conflict(seat.group.cluster, seat.foreign)
        return wait(seat.key, Reason.NAME_CONFLICT, message, intent=Intent.BLOCKED)
    known = view.past.member(seat.key)
    if known.created_at is not None:
        until = view.past.after(known.created_at, view.policy.settle_s)
        if view.now < until:
            lost = "perhaps created: the answer was lost, and lists may lag"
            message = (
                lost if known.created_id is None else "created a moment ago, and not in the list"
            )
            return wait(seat.key, Reason.SETTLING, message, until=until)
    held = _name_held(view, seat)
    if held is not None:
        return held
    if view.offers is not None and (
        said := unoffered(view.offers, seat.group.inputs, (IMAGE, *SIZES))
    ):
        return wait(seat.key, Reason.NOT_OFFERED, said, intent=Intent.BLOCKED)
    return gate(view.past, seat.key, "create") or draft.create(
        seat, view.cluster.project, view.policy
    )


def _conflict(cluster: str, foreign: ObservedApplication) -> str:
    what = f"`{foreign.subdomain}` is application {foreign.id}, which"
    if is_adopted(foreign):
        return f"{what} was adopted as {key_of(foreign)}: rename the cluster or the group"
    mark = foreign.mark
    if mark is not None:
        return (
            f"{what} is {mark.key} of another installation, `{mark.owner[:60]}`: rename the "
            "cluster, or set RAYCML_OWNER to work as that installation"
        )
    if foreign.script.startswith(f"{LAUNCHERS}/{cluster}/"):
        return (
            f"{what} runs a launcher of this cluster without this controller's mark: its "
            "environment was edited, or it was released; to take it back: "
            f"`raycml adopt {cluster}`"
        )
    return (
        f"{what} is not this controller's: rename the cluster, or delete or rename that application"
    )


def _kept(holder: ObservedApplication) -> str:
    key = key_of(holder)
    return (
        f"`{holder.subdomain}` is application {holder.id}, marked as {key}, whose cluster is "
        "paused, suspended, protected or without a spec here: delete it, or mend its mark"
    )


def _name_held(view: View, seat: Match) -> PartialPlan | None:
    """The wait while a managed application, of this or another cluster, has the name."""
    if seat.held is not None and key_of(seat.held).cluster not in view.letting_go:
        return wait(seat.key, Reason.NAME_CONFLICT, _kept(seat.held), intent=Intent.BLOCKED)
    leaving = _held_by_leaver(view, seat)
    if leaving and view.cluster.protected:
        message = "the cluster is protected: what is to leave stays, and holds the name"
        return wait(seat.key, Reason.PROTECTED, message, intent=Intent.BLOCKED)
    if seat.held is None and not leaving:
        return None
    message = "an application that is leaving still holds the name"
    return wait(seat.key, Reason.NAME_HELD, message, intent=Intent.CREATE)


def _held_by_leaver(view: View, seat: Match) -> bool:
    return any(leaver.key == seat.key for leaver in view.roster.leavers)


def starting(view: View, seat: Match, app: ObservedApplication) -> PartialPlan:
    since = view.past.application(app).since
    until = view.past.after(since, view.policy.start_deadline_s)
    if view.now < until:
        return wait(seat.key, Reason.STARTING, "CML is starting it", until=until)
    return wait(seat.key, Reason.START_TIMED_OUT, f"it has not started; {_SLOW_START}")


def stopping(view: View, seat: Match, app: ObservedApplication) -> PartialPlan:
    since = view.past.application(app).since
    until = view.past.after(since, view.policy.stop_deadline_s)
    if view.now < until:
        return wait(seat.key, Reason.STOPPING, "CML is stopping it", until=until)
    message = "it has not stopped; ask the workspace's admin to end its pod"
    return wait(seat.key, Reason.STOP_TIMED_OUT, message)


def unknown(view: View, key: Key, app: ObservedApplication) -> PartialPlan:
    """Nothing is done to what is not understood; CML says UNKNOWN for a moment after a create."""
    since = view.past.application(app).since
    until = view.past.after(since, view.policy.start_deadline_s)
    message = f"CML reports the status `{app.status}`"
    if view.now < until:
        return wait(key, Reason.UNKNOWN_STATUS, message, until=until)
    return wait(key, Reason.STATUS_TIMED_OUT, f"{message}, and went on doing so")


def running(view: View, case: Case, app: ObservedApplication, *, permitted: bool) -> PartialPlan:
    if case.stale:
        return _stale(view, case, app, permitted=permitted)
    return NOTHING if case.joined else _joining(view, case, app)


def _stale(view: View, case: Case, app: ObservedApplication, *, permitted: bool) -> PartialPlan:
    seat = case.seat
    if view.cluster.protected and seat.member.is_head:
        message = "the cluster is protected: its head is not restarted"
        return wait(seat.key, Reason.PROTECTED, message, intent=Intent.BLOCKED)
    if not permitted:
        message = "runs an older configuration; follows when the group can spare it"
        return wait(seat.key, Reason.ROLLING, message, intent=Intent.RESTART)
    held = spent(view.past, seat.key, "still runs an older configuration after a restart")
    return (
        held
        or gate(view.past, seat.key, "restart")
        or draft.restart(seat, app, Reason.STALE, Intent.RESTART, "runs an older configuration")
    )


def _joining(view: View, case: Case, app: ObservedApplication) -> PartialPlan:
    """Running, and not in Ray's node table, or nobody can tell."""
    key, policy = case.seat.key, view.policy
    since = view.past.member(key).unjoined_since or view.now
    until = view.past.after(since, policy.join_deadline_s)
    if view.now < until:
        return wait(key, Reason.JOINING, _joining_message(view, case), until=until)
    if view.report is None or case.seat.member.is_head:
        return wait(key, Reason.JOIN_TIMED_OUT, _joining_message(view, case))
    return _repair(view, case, app, Reason.NOT_JOINED)


def _joining_message(view: View, case: Case) -> str:
    if case.report is not None and case.report.message:
        return case.report.message
    if view.report is not None:
        return "Ray does not list its node"
    if case.seat.member == THE_HEAD:
        return "the head has not reported yet"
    return "waiting for the head to report"


def down(view: View, case: Case, app: ObservedApplication) -> PartialPlan:
    """Failed, or stopped though it should run."""
    reason = Reason.DOWN if app.phase is Phase.FAILED else Reason.RESUMED
    since = view.past.history.fault_since
    if since is not None and view.is_struck and reason is Reason.DOWN:
        until = view.past.after(since, view.policy.fault_hold_s)
        if view.now < until:
            message = "so many members fell at once that the platform is at fault; repairs are held"
            return wait(case.seat.key, Reason.PLATFORM_FAULT, message, until=until)
    return _repair(view, case, app, reason)


def _repair(view: View, case: Case, app: ObservedApplication, reason: Reason) -> PartialPlan:
    key = case.seat.key
    held = spent(view.past, key, "failed again after a restart")
    return held or gate(view.past, key, "restart") or _start(view, case, app, reason)


def _start(view: View, case: Case, app: ObservedApplication, reason: Reason) -> PartialPlan:
    seat = case.seat
    if view.has_launcher(app.script.removeprefix("/home/cdsw/")) is False:
        if app.script != launcher_path(seat.group, view.policy.edition):
            change = Change("launcher", "", "")
            held = gate(view.past, seat.key, "update")
            return held or draft.update_and_start(seat, app, (change,), view.policy)
        write = draft.write_launcher(seat.group, app.project, view.policy)
        return PartialPlan((write,)) + draft.restart(
            seat, app, reason, Intent.RESTART, "its launcher is gone"
        )
    intent = Intent.START if reason is Reason.RESUMED else Intent.RESTART
    return draft.restart(seat, app, reason, intent)
