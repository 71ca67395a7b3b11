"""What to do about one cluster that has a spec."""

from dataclasses import replace

from controller.core.model.desired import Group
from controller.core.model.member import Member
from controller.core.model.observed import ObservedProject, Phase
from controller.core.model.plan import Intent, Step, Stop, Wait
from controller.core.model.reasons import Reason
from controller.core.planner.member import decide, rest
from controller.core.planner.partial_plan import PartialPlan, merge, wait
from controller.core.planner.python_environments.gate import behind_environments
from controller.core.planner.removal import leave
from controller.core.situation.matching import UnwantedApplication
from controller.core.situation.situation import Case, View


def decide_cluster(view: View, project: ObservedProject | None) -> PartialPlan:
    """Steps and waits of the cluster; one wait where its applications are not fully known."""
    if project is None or project.problem is not None:
        why = project.problem if project is not None and project.problem else "it was not read"
        return _whole(view, Reason.PROJECT_NOT_FOUND, f"its project cannot be read: {why}")
    if project.failure is not None:
        message = f"its project cannot be read just now: {project.failure}"
        return _whole(view, Reason.INCOMPLETE_LIST, message)
    if not project.complete or view.roster.torn:
        message = "the list of applications was torn; nothing is decided on it"
        return _whole(view, Reason.INCOMPLETE_LIST, message)
    drafts = [_group(view, group) for group in view.cluster.groups]
    kept = _kept_for_now(view)
    drafts += [
        _after_successors(leaver) if leaver.app.id in kept else leave(view, leaver)
        for leaver in view.roster.leavers
    ]
    made = behind_environments(view, merge(drafts))
    if view.paused:
        return _held(made, view)
    return _only_stops(made) if view.cluster.suspended else made


def _kept_for_now(view: View) -> frozenset[str]:
    """Members of removed groups that serve until others do in their stead, by application.

    Each worker that is still to come keeps one of them.  Where one cannot come, for want of quota
    or room, the budget of one group lets some go, so that what they hold is free for it.
    """
    if view.cluster.suspended or view.cluster.protected or view.recreate:
        return frozenset()
    workers = [case for case in view.cases if not case.seat.member.is_head]
    coming = [case for case in workers if not case.seat.group.suspended and _is_coming(case)]
    budgets = (case.seat.group.budget for case in coming if _is_stuck(view, case))
    spare = max(budgets, default=0)
    serving = [
        leaver.app.id
        for leaver in view.roster.leavers
        if leaver.reason is Reason.GROUP_REMOVED and leaver.app.phase is Phase.RUNNING
    ]
    return frozenset(serving[: max(len(coming) - spare, 0)])


def _is_coming(case: Case) -> bool:
    running = case.phase is Phase.RUNNING and case.joined is False
    return running or case.phase in (None, Phase.STARTING)


def _is_stuck(view: View, case: Case) -> bool:
    known = view.past.member(case.seat.key)
    app = case.seat.app
    if app is None:
        return known.refusal is not None
    since, most = known.unjoined_since, view.policy.join_deadline_s
    if app.phase is Phase.STARTING:
        since, most = view.past.application(app).since, view.policy.start_deadline_s
    return since is not None and view.now >= view.past.after(since, most)


def _after_successors(leaver: UnwantedApplication) -> PartialPlan:
    message = "the spec no longer has this group; follows when its successors serve"
    return wait(leaver.key, Reason.ROLLING, message, intent=Intent.DELETE)


def _whole(view: View, reason: Reason, message: str) -> PartialPlan:
    return PartialPlan(waits=(Wait(view.cluster.name, None, reason, message, Intent.BLOCKED),))


def _group(view: View, group: Group) -> PartialPlan:
    cases = view.of(group)
    if view.cluster.suspended or group.suspended:
        return merge(rest(view, case) for case in cases)
    permitted = _permitted(view, group)
    return merge(decide(view, c, permitted=c.seat.member in permitted) for c in cases)


def _permitted(view: View, group: Group) -> frozenset[Member]:
    """Which serving members may be taken away now.

    Those that do not serve are away already and count against the budget; all go at once where
    the whole cluster is recreated.
    """
    cases = view.of(group)
    wanting = [c.seat.member for c in cases if c.available and (c.drift or c.stale)]
    if view.recreate:
        return frozenset(wanting)
    away = sum(1 for c in cases if not c.available)
    return frozenset(wanting[: max(group.budget - away, 0)])


def _held(made: PartialPlan, view: View) -> PartialPlan:
    """A paused cluster: what would be done is said, once for each member, and not done."""
    said = "paused" if view.pause is None else f"paused by {view.pause.by}: {view.pause.reason}"
    leading: list[Step | Wait] = [step for step in made.steps if step.member is not None]
    leading += [wait for wait in made.waits if wait.intent in _LEADS]
    held: dict[Member | None, Wait] = {}
    for item in leading:
        message = f"{said}; otherwise: {item.intent.name.lower()} ({item.reason})"
        wait = Wait(item.cluster, item.member, Reason.PAUSED, message, Intent.BLOCKED, item.changes)
        held.setdefault(item.member, wait)
    kept = [wait for wait in made.waits if wait.intent not in _LEADS]
    return PartialPlan(waits=(*held.values(), *kept))


_LEADS = frozenset(Intent) - {Intent.BLOCKED, Intent.NOTHING}


def _only_stops(made: PartialPlan) -> PartialPlan:
    return replace(made, steps=tuple(s for s in made.steps if isinstance(s.action, Stop)))
