"""Laws of draining.  By the reports and the requests alone, and by no decision of the planner."""

from collections.abc import Iterator

from controller.core.audit.case import AuditedPlan, Broken, Law
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication, Phase, key_of
from controller.core.model.other_clocks import AHEAD_S, credible, precedes
from controller.core.model.plan import Delete, Restart, Step, Stop, Update, Wait
from controller.core.model.ray.report import HeadReport, MemberReport
from controller.core.model.ray.requests import (
    AnswerState,
    Drain,
    RequestAction,
    request_id,
)
from controller.core.model.reasons import Reason

_ENDS = Stop | Restart | Delete | Update


def nodes_are_drained_first(case: AuditedPlan) -> Broken:
    """Law 13: no living Ray node is taken away before it was drained or its time is over."""
    for step in case.plan.steps:
        app = case.app(step)
        if app is None or app.mark is None or not case.policy.drains(step.cluster):
            continue
        if not isinstance(step.action, _ENDS) or step.reason is Reason.DUPLICATE:
            continue
        for other, node in _ended_by(case, step, app):
            if not _may_end(case, other, node):
                member = key_of(other).member
                yield step, f"{step.name} of {app.id} while the node of {member} is not drained"


def _ended_by(
    case: AuditedPlan, step: Step, app: ObservedApplication
) -> Iterator[tuple[ObservedApplication, MemberReport]]:
    """Living nodes of workers that end with this step: its own, or all of its head."""
    is_head = key_of(app).member.is_head
    cluster = case.cluster(step)
    stay = cluster is not None and cluster.workers_outlive_head
    if is_head and stay and not isinstance(step.action, Delete):
        return
    for other in case.applications(step.project, step.cluster) if is_head else (app,):
        node = _living(case, other)
        if node is not None and not key_of(other).member.is_head:
            yield other, node


def _report(case: AuditedPlan, app: ObservedApplication) -> HeadReport | None:
    """The last report of the head that runs now beside this application."""
    name, desired = key_of(app).cluster, case.clusters.get(key_of(app).cluster)
    own = desired is not None and desired.project == app.project
    report = case.observed.reports.get(name) if own else None
    report = report or case.observed.leaving.get((app.project, name))
    every = case.applications(app.project, name)
    heads = [a for a in every if key_of(a).member.is_head and a.phase is Phase.RUNNING]
    is_own = report is not None and bool(heads) and _after_start(case, report, heads[0])
    return report if is_own else None


def _after_start(case: AuditedPlan, report: HeadReport, app: ObservedApplication) -> bool:
    started = app.running_at or app.starting_at
    return not precedes(report.observed_at, started, case.observed.as_of)


def _living(case: AuditedPlan, app: ObservedApplication) -> MemberReport | None:
    report = _report(case, app) if app.phase is Phase.RUNNING else None
    if report is None or not _after_start(case, report, app):
        return None
    node = report.members.get(str(key_of(app).member))
    is_alive = node is not None and (node.alive or bool(report.error))
    return node if is_alive else None


def _may_end(case: AuditedPlan, app: ObservedApplication, node: MemberReport) -> bool:
    report, key = _report(case, app), key_of(app)
    seconds = _seconds(case, key)
    if report is None or report.answers is None or seconds <= 0:
        return True
    now, asked = case.observed.as_of, case.history.member(key).drain
    is_asked = asked is not None and asked.engine_id == node.engine_id
    if asked is not None and is_asked and (now - asked.since).total_seconds() >= seconds:
        return True
    written = credible(report.observed_at, now, ahead_s=AHEAD_S)
    answers = [
        answer
        for action in RequestAction
        if (answer := report.answers.get(request_id(action, str(key.member), node.engine_id)))
    ]
    return written is not None and any(
        answer.state is not AnswerState.REFUSED or answer.action is RequestAction.DRAIN
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
    leaving = _leaving(case)
    for step in case.plan.steps:
        if not isinstance(step.action, Drain) or step.reason is not Reason.SCALED_DOWN:
            continue
        for member in _idle_ones(case, step) - leaving:
            yield step, f"drain of {step.member}, which is busy, while {member} is idle"


def _leaving(case: AuditedPlan) -> frozenset[Key]:
    """Members with a step or a wait, which no one would choose instead."""
    items: list[Step | Wait] = [*case.plan.steps, *case.plan.waits]
    stays = Reason.DRAIN_WITHDRAWN
    members = ((i.cluster, i.member) for i in items if i.reason is not stays)
    return frozenset(Key(name, member) for name, member in members if member is not None)


def _idle_ones(case: AuditedPlan, step: Step) -> frozenset[Key]:
    """Idle members of the group of a busy one that the step drains, by a fresh report."""
    cluster, report = case.cluster(step), case.observed.reports.get(step.cluster)
    if step.member is None or cluster is None or report is None:
        return frozenset()
    node, group = report.members.get(str(step.member)), cluster.group(step.member.group)
    now, fresh_s = case.observed.as_of, case.policy.report_fresh_s
    asked = case.history.member(Key(step.cluster, step.member)).drain
    if asked is not None and node is not None and asked.engine_id == node.engine_id:
        return frozenset()  # it was the one to leave before another became idle
    if node is None or group is None or node.idle_s or not report.is_fresh(now, fresh_s):
        return frozenset()
    if step.member in group.to_delete:
        return frozenset()
    every = case.applications(step.project, step.cluster)
    alike = ((key_of(app), _living(case, app)) for app in every)
    return frozenset(
        key for key, other in alike if key.member.group == group.name and other and other.idle_s
    )


DRAINING_LAWS: tuple[Law, ...] = (nodes_are_drained_first, idle_nodes_leave_first)
