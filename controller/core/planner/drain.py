"""Drains: a living Ray node finishes its work before its member is taken away.

A plan is made as if nothing ran; here each step that would take a living node away is held back
until the head reports that the node has ended, or its time is over.  A node that may be exchanged
for another is only ended if it is idle; all others get no more work and finish what they have.

The head's own node is not drained, since Ray ends with it: the nodes of its workers are drained
first, unless they outlive it.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from controller.core.model.member import Key, Member, parse_member
from controller.core.model.observed import ObservedApplication, Phase, key_of
from controller.core.model.other_clocks import AHEAD_S, credible
from controller.core.model.plan import Delete, Intent, Plan, Restart, Step, Stop
from controller.core.model.ray.report import MemberReport
from controller.core.model.ray.requests import (
    Drain,
    HeadRequest,
    RequestAction,
    Withdraw,
    request_id,
    request_path,
)
from controller.core.model.reasons import Reason
from controller.core.planner.retries import gate
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation
from controller.core.situation.past import Past
from controller.core.situation.ray_nodes import RayNodes, ray_nodes
from controller.core.situation.situation import Situation

_TAKES_AWAY = Stop | Restart | Delete
# Waits of a member that leaves, or that a refused call keeps for the moment.
_GOING = frozenset(
    {
        *(Reason.DRAINING, Reason.SETTLING, Reason.STOPPING, Reason.DELETING),
        *(Reason.BACKOFF, Reason.REJECTED, Reason.QUOTA_EXCEEDED),
        *(Reason.STOP_TIMED_OUT, Reason.DELETE_TIMED_OUT),
    }
)


@dataclass(frozen=True, slots=True)
class Drains:
    """The nodes of one cluster in one project, and the time that each has to finish its work.

    `seconds` is by member; 0 for no drain.  `outlive_head`: nodes of workers stay while the head
    is restarted.
    """

    cluster: str
    nodes: RayNodes
    apps: Mapping[str, ObservedApplication]  # by id
    past: Past
    seconds: Callable[[Member], float]
    outlive_head: bool = False

    def taken_by(self, step: Step) -> ObservedApplication | None:
        """The application that the step would take away with a living node: a worker's own, or, as
        a head's, those of its workers."""
        if not isinstance(step.action, _TAKES_AWAY) or step.reason is Reason.DUPLICATE:
            return None  # of two applications of one member, the report does not tell whose it is
        app = self.apps.get(step.application_id or "")
        if app is None or app.phase is not Phase.RUNNING:
            return None
        ends = key_of(app).member.is_head or self.nodes.living(app) is not None
        return app if ends else None


def drains_of(cluster: ClusterSituation) -> list[Drains]:
    """Those of a cluster with a spec, also in projects that it moved away from."""
    desired, whole = cluster.desired, cluster.whole
    groups = {group.name: group.drain_s for group in desired.groups}

    def seconds(member: Member) -> float:
        return groups.get(member.group, desired.drain_s)

    every = whole.index.of_cluster.get(desired.name, ())
    others = sorted({app.project for app in every} - {desired.project})
    outlive = cluster.workers_outlive_head
    own = Drains(
        desired.name,
        cluster.nodes,
        {app.id: app for app in every if app.project == desired.project},
        cluster.past,
        seconds,
        outlive,
    )
    return [own, *(_elsewhere(whole, desired.name, project, seconds) for project in others)]


def drains_without_spec(situation: Situation, name: str) -> list[Drains]:
    """Those of a cluster that no spec declares, by project."""
    every = situation.index.of_cluster.get(name, ())
    projects = sorted({app.project for app in every})
    drain_s = situation.desired.drains.get(name, situation.policy.drain_s)
    return [_elsewhere(situation, name, project, lambda _: drain_s) for project in projects]


def _elsewhere(
    situation: Situation, name: str, project: str, seconds: Callable[[Member], float]
) -> Drains:
    every = situation.index.of_cluster.get(name, ())
    apps = {app.id: app for app in every if app.project == project}
    report, policy = situation.observed.leaving.get((project, name)), situation.policy
    nodes = ray_nodes(project, apps.values(), report, situation.now, policy.report_fresh_s)
    return Drains(name, nodes, apps, situation.past, seconds)


def reports_to_read(situation: Situation, plan: Plan) -> frozenset[tuple[str, str]]:
    """Projects and clusters of which the plan deletes applications without a report at hand."""
    own = {(cluster.desired.project, cluster.desired.name) for cluster in situation.clusters}
    deleted = {(s.project, s.cluster) for s in plan.steps if isinstance(s.action, Delete)}
    return frozenset(p for p in deleted - own if situation.policy.drains(p[1]))


def gate_drains(drains: Drains, plan: Plan) -> Plan:
    """The plan in which no living node is taken away before it was drained, or its time is over.

    Requests of members that stay are withdrawn.
    """
    if drains.nodes.report is None or not drains.past.policy.drains(drains.cluster):
        return plan
    held: dict[Member, Plan] = {}
    steps: list[Step] = []
    for step in plan.steps:
        before = _before(drains, step)
        held |= before
        if not before:
            steps.append(_with_effect(drains, step))
    gated = Plan(
        (*steps, *(step for part in held.values() for step in part.steps)),
        (*plan.waits, *(each for part in held.values() for each in part.waits)),
        plan.refusals,
    )
    return gated + Plan(tuple(_withdrawals(drains, gated)))


def _with_effect(drains: Drains, step: Step) -> Step:
    """The step, which says so where it ends a living node undrained, or no node at all."""
    report, app = drains.nodes.report, drains.taken_by(step)
    is_worker = step.member is not None and not step.member.is_head
    if app is None and is_worker and step.reason is not Reason.DUPLICATE:
        return replace(step, impact="") if drains.nodes.is_fresh else step
    if app is None or report is None or report.answers is not None:
        return step
    if drains.seconds(key_of(app).member) <= 0:
        return step
    message = "its head was started by an older raycml and drains no nodes"
    return replace(step, message=f"{step.message}; {message}" if step.message else message)


def _before(drains: Drains, step: Step) -> Mapping[Member, Plan]:
    """The plans of members without which the step may not run; empty if it may."""
    app = drains.taken_by(step)
    if app is None:
        return {}
    member = key_of(app).member
    if not member.is_head:
        part = _drain(drains, app, step)
        return {} if part is None else {member: part}
    if step.reason is Reason.REPORT_LOST and drains.nodes.report and drains.nodes.report.error:
        return {}  # no node lives on without its GCS, and a drain could not be asked for
    if drains.outlive_head and step.intent in (Intent.UPDATE, Intent.RESTART):
        return {}
    workers = [each for each in drains.apps.values() if not key_of(each).member.is_head]
    parts = {key_of(each).member: _drain(drains, each, step) for each in workers}
    pending = {worker: part for worker, part in parts.items() if part is not None}
    message = f"waits until its workers have finished their work; then {step.impact}"
    return {**pending, member: _wait(step, member, message)} if pending else {}


def _drain(drains: Drains, app: ObservedApplication, step: Step) -> Plan | None:
    """The next thing on the way to the end of a worker's node; None if it may be taken away.

    The time of a node runs from the first attempt to ask its head, by this process's clock, or by
    the head's, whichever is over first.
    """
    node, report, past = drains.nodes.living(app), drains.nodes.report, drains.past
    key = key_of(app)
    seconds = drains.seconds(key.member)
    if node is None or report is None or report.answers is None or seconds <= 0:
        return None
    asked = past.member(key).drain
    asked = asked if asked is not None and asked.engine_id == node.engine_id else None
    end = past.deadline(past.now if asked is None else asked.since, seconds)
    if end is None:
        return None
    written = credible(report.observed_at, past.now, ahead_s=AHEAD_S)
    answers = () if written is None else drains.nodes.answers(key.member, node)
    accepted = [answer for answer in answers if not answer.is_refused_idle]
    if accepted and written is not None:
        ends = past.deadline(written, min(each.remaining_s for each in accepted))
        return _while(step, key.member, node, min(ends, end)) if ends else None
    action = RequestAction.DRAIN
    if _is_exchangeable(drains.nodes, node, step) and not answers:
        action = RequestAction.DRAIN_IF_IDLE
    request = HeadRequest(
        id=request_id(action, str(key.member), node.engine_id),
        cluster=key.cluster,
        action=action,
        member=str(key.member),
        engine_id=node.engine_id,
        incarnation=report.incarnation,
        timeout_s=round((end - past.now).total_seconds(), 3),
        reason=step.reason.title,
        requested_at=past.now,
    )
    is_asked = asked is not None and asked.request == request.id
    if asked is not None and is_asked and past.deadline(asked.written_at, past.policy.settle_s):
        return _while(step, key.member, node, end)
    return gate(past, key, "drain") or _ask(request, app, node, step)


def _is_exchangeable(nodes: RayNodes, node: MemberReport, step: Step) -> bool:
    """True for an idle victim; if it is not idle any more, another worker may leave instead."""
    return step.reason is Reason.SCALED_DOWN and nodes.is_fresh and bool(node.idle_s)


def _ask(request: HeadRequest, app: ObservedApplication, node: MemberReport, step: Step) -> Plan:
    member = key_of(app).member
    own = step.member == member
    message = "; ".join(filter(None, [step.message, work(node)]))
    drain = Step(
        action=Drain(request),
        cluster=request.cluster,
        project=app.project,
        member=member,
        reason=step.reason if own else Reason.DRAINING,
        intent=step.intent if own else Intent.RESTART,
        changes=step.changes if own else (),
        message=message if own else f"{work(node)}; before its head is taken away",
        impact=_effect(request),
    )
    return Plan((drain,))


def _effect(request: HeadRequest) -> str:
    if request.action is RequestAction.DRAIN_IF_IDLE:
        return "only if it is still idle"
    return f"ends tasks and actors that still run after {request.timeout_s:.0f} s"


def work(node: MemberReport) -> str:
    """The work on a node, for people."""
    if node.used:
        return f"{', '.join(f'{name} {n:g}' for name, n in sorted(node.used.items()))} in use"
    return "idle" if node.idle_s else "busy"


def _while(step: Step, member: Member, node: MemberReport, until: datetime) -> Plan:
    doing = "its idle Ray node ends" if node.idle_s else "its Ray node finishes its work"
    message = doing if node.idle_s else f"{doing}: {work(node)}"
    own = step.member == member
    message = message if own else f"{message}; before its head is taken away"
    return _wait(step, member, message, until)


def _wait(step: Step, member: Member, message: str, until: datetime | None = None) -> Plan:
    intent, changes = step.intent, step.changes
    if step.member != member:
        intent, changes = Intent.RESTART, ()
    key = Key(step.cluster, member)
    return wait(key, Reason.DRAINING, message, changes, intent=intent, until=until)


def _withdrawals(drains: Drains, plan: Plan) -> Iterator[Step]:
    """Removals of the requests that a fresh report answers and nothing needs any more."""
    report = drains.nodes.report
    if report is None or not drains.nodes.is_fresh:
        return
    going = {step.member for step in plan.steps if isinstance(step.action, Drain | _TAKES_AWAY)}
    going |= {each.member for each in plan.waits if each.reason in _GOING}
    running = {key_of(app).member for app in drains.apps.values() if app.phase is Phase.RUNNING}
    for request, answer in sorted((report.answers or {}).items()):
        member, row = parse_member(answer.member), report.members.get(answer.member)
        is_current = row is not None and row.engine_id == answer.engine_id
        if member in going and is_current and not answer.is_refused_idle:
            continue
        place = drains.nodes.project, request_path(drains.cluster, request)
        last = drains.past.history.withdrawn.get(place)
        if last is not None and drains.past.deadline(last, drains.past.policy.settle_s):
            continue  # the next report may still answer it
        stays = is_current and member in running
        yield Step(
            action=Withdraw(place[1]),
            cluster=drains.cluster,
            project=place[0],
            member=member if stays else None,
            reason=Reason.DRAIN_WITHDRAWN if stays else Reason.DRAIN_OVER,
            intent=Intent.NOTHING,
            message="it is busy again" if answer.is_refused_idle else "",
        )
