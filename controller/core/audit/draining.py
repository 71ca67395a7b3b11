"""Laws of draining.  By the reports and the requests alone, and by no decision of the planner."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from controller.core.audit.case import AuditedPlan, Broken, Law
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication, Phase, key_of
from controller.core.model.other_clocks import AHEAD_S, credible, precedes
from controller.core.model.plan import Delete, Restart, Step, Stop, Update, Wait
from controller.core.model.ray.report import HeadReport, MemberReport
from controller.core.model.ray.requests import Drain
from controller.core.model.reasons import Reason

_ENDS = Stop | Restart | Delete | Update
_Place = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Nodes:
    """Living nodes of one cluster in one project, by application; `report` shows them."""

    report: HeadReport
    living: Mapping[str, tuple[Key, MemberReport]]


def nodes_are_drained_first(case: AuditedPlan) -> Broken:
    """Law 13: no living Ray node is taken away before it was drained or its time is over."""
    steps = [s for s in case.plan.steps if isinstance(s.action, _ENDS) and _is_judged(case, s)]
    clusters = _nodes_of_clusters(case, steps)
    for step in steps:
        nodes = clusters.get((step.project, step.cluster))
        if nodes is None:
            continue
        for key, node in _ended_by(case, step, nodes):
            if not _may_end(case, key, node, nodes.report):
                app = step.application_id
                yield step, f"{step.name} of {app} while the node of {key.member} is not drained"


def _is_judged(case: AuditedPlan, step: Step) -> bool:
    """False where a person said `--now`; and of two applications of one member, no report tells
    whose the node is."""
    return case.policy.drains(step.cluster) and step.reason is not Reason.DUPLICATE


def _nodes_of_clusters(case: AuditedPlan, steps: Iterable[Step]) -> dict[_Place, _Nodes]:
    """Of the clusters of these steps, where a head runs and has reported since its start."""
    found: dict[_Place, _Nodes] = {}
    for project, name in {(step.project, step.cluster) for step in steps}:
        there = case.situation.index.of_cluster.get(name, ())
        apps = [app for app in there if app.project == project and app.phase is Phase.RUNNING]
        heads = [app for app in apps if key_of(app).member.is_head]
        report = _report(case, project, name)
        if report is not None and heads and _is_after_start(case, report, heads[0]):
            found[project, name] = _Nodes(report, dict(_living(case, report, apps)))
    return found


def _report(case: AuditedPlan, project: str, name: str) -> HeadReport | None:
    """The last report of a cluster in a project."""
    desired = case.clusters.get(name)
    own = desired is not None and desired.project == project
    report = case.observed.reports.get(name) if own else None
    return report or case.observed.leaving.get((project, name))


def _is_after_start(case: AuditedPlan, report: HeadReport, app: ObservedApplication) -> bool:
    started = app.running_at or app.starting_at
    return not precedes(report.observed_at, started, case.observed.as_of)


def _living(
    case: AuditedPlan, report: HeadReport, apps: list[ObservedApplication]
) -> Iterator[tuple[str, tuple[Key, MemberReport]]]:
    """A head that could not read Ray's state proves no node dead."""
    for app in apps:
        node = report.members.get(str(key_of(app).member))
        is_alive = node is not None and (node.alive or bool(report.error))
        if node is not None and is_alive and _is_after_start(case, report, app):
            yield app.id, (key_of(app), node)


def _ended_by(case: AuditedPlan, step: Step, nodes: _Nodes) -> Iterator[tuple[Key, MemberReport]]:
    """Living nodes of workers that end with this step: its own, or all of its head."""
    if step.member is None or not step.member.is_head:
        own = nodes.living.get(step.application_id or "")
        yield from () if own is None else (own,)
        return
    app, report, cluster = case.app(step), nodes.report, case.cluster(step)
    if app is None or app.phase is not Phase.RUNNING:
        return
    stays = cluster is not None and bool(cluster.groups[0].inputs.gcs_storage)
    if stays and report.store_generation and not isinstance(step.action, Delete):
        return
    if step.reason is Reason.REPORT_LOST and report.error:
        return  # its GCS does not answer, and no node lives on without it
    yield from (one for one in nodes.living.values() if not one[0].member.is_head)


def _may_end(case: AuditedPlan, key: Key, node: MemberReport, report: HeadReport) -> bool:
    seconds = _seconds(case, key)
    if report.answers is None or seconds <= 0:
        return True
    now, asked = case.observed.as_of, case.history.member(key).drain
    is_asked = asked is not None and asked.engine_id == node.engine_id
    if asked is not None and is_asked and (now - asked.since).total_seconds() >= seconds:
        return True
    written = credible(report.observed_at, now, ahead_s=AHEAD_S)
    answers = report.answers_to(str(key.member), node.engine_id)
    return written is not None and any(
        not answer.is_refused_idle
        for answer in answers
        if (now - written).total_seconds() >= answer.remaining_s
    )


def _seconds(case: AuditedPlan, key: Key) -> float:
    cluster = case.clusters.get(key.cluster)
    if cluster is None:
        return case.desired.drains.get(key.cluster, case.policy.drain_s)
    group = cluster.group(key.member.group)
    return cluster.drain_s if group is None else group.drain_s


def idle_nodes_leave_first(case: AuditedPlan) -> Broken:
    """Law 13: a scale-down asks no busy node to leave while an idle one of its group stays."""
    drains = [step for step in case.plan.steps if _is_choice(case, step)]
    if not drains:
        return
    clusters, leaving = _nodes_of_clusters(case, drains), _leaving(case)
    idle: dict[tuple[str, str], Key] = {}
    for nodes in clusters.values():
        fresh = nodes.report.is_fresh(case.observed.as_of, case.policy.report_fresh_s)
        for key, node in nodes.living.values():
            if fresh and node.idle_s and key not in leaving:
                idle[key.cluster, key.member.group] = key
    for step in drains:
        place = clusters.get((step.project, step.cluster))
        row = None if place is None else place.report.members.get(str(step.member))
        stays = idle.get((step.cluster, "" if step.member is None else step.member.group))
        if row is not None and not row.idle_s and stays is not None:
            yield step, f"drain of {step.member}, which is busy, while {stays.member} is idle"


def _is_choice(case: AuditedPlan, step: Step) -> bool:
    """True for a victim that was not named by the spec, and is asked for the first time."""
    if not isinstance(step.action, Drain) or step.reason is not Reason.SCALED_DOWN:
        return False
    cluster, member = case.cluster(step), step.member
    group = None if cluster is None or member is None else cluster.group(member.group)
    if group is None or member is None or member in group.to_delete:
        return False
    asked = case.history.member(Key(step.cluster, member)).drain
    return asked is None or asked.engine_id != step.action.request.engine_id


def _leaving(case: AuditedPlan) -> frozenset[Key]:
    """Members with a step or a wait, which no one would choose instead."""
    items: list[Step | Wait] = [*case.plan.steps, *case.plan.waits]
    stays = Reason.DRAIN_WITHDRAWN
    members = ((i.cluster, i.member) for i in items if i.reason is not stays)
    return frozenset(Key(name, member) for name, member in members if member is not None)


DRAINING_LAWS: tuple[Law, ...] = (nodes_are_drained_first, idle_nodes_leave_first)
