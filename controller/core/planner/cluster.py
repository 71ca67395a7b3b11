"""The plan of one cluster that has a spec."""

from dataclasses import replace

from controller.core.model.desired import Group
from controller.core.model.member import Member
from controller.core.model.observed import Listed
from controller.core.model.plan import Intent, Plan, Step, Stop, Wait, merge
from controller.core.model.reasons import Reason
from controller.core.planner.drain import drains_of, gate_drains
from controller.core.planner.member import plan_member, rest
from controller.core.planner.python_environments.gate import gate_environments
from controller.core.planner.removal import remove
from controller.core.planner.rollout import after_successors, permitted, serving_for_successors
from controller.core.planner.waits import blocked_cluster
from controller.core.situation.cluster import ClusterSituation


def plan_cluster(cluster: ClusterSituation) -> Plan:
    """Steps and waits of the cluster; one wait where its applications are not fully known."""
    name, project = cluster.desired.name, cluster.project
    if project is None or project.listed is Listed.MISSING:
        why = "it was not read" if project is None else project.why
        message = f"its project cannot be read: {why}"
        return blocked_cluster(name, Reason.PROJECT_NOT_FOUND, message)
    if project.listed is Listed.FAILED:
        message = f"its project cannot be read just now: {project.why}"
        return blocked_cluster(name, Reason.INCOMPLETE_LIST, message)
    if not project.complete or cluster.matching.torn:
        message = "the list of applications was incomplete; no action was taken"
        return blocked_cluster(name, Reason.INCOMPLETE_LIST, message)
    parts = [_group(cluster, group) for group in cluster.desired.groups]
    serving = serving_for_successors(cluster)
    parts += [
        after_successors(unwanted) if unwanted.app.id in serving else remove(cluster, unwanted)
        for unwanted in cluster.matching.unwanted
    ]
    whole = gate_environments(cluster, merge(parts))
    if cluster.paused:
        return _paused(whole, cluster)
    if cluster.desired.suspended:
        whole = replace(whole, steps=tuple(s for s in whole.steps if isinstance(s.action, Stop)))
    for drains in drains_of(cluster):
        whole = gate_drains(drains, whole)
    return whole


def _group(cluster: ClusterSituation, group: Group) -> Plan:
    members = cluster.of(group)
    if cluster.desired.suspended or group.suspended:
        return merge(rest(cluster, member) for member in members)
    may_go = permitted(cluster, group)
    return merge(plan_member(cluster, m, permitted=m.key.member in may_go) for m in members)


def _paused(whole: Plan, cluster: ClusterSituation) -> Plan:
    """The plan of a paused cluster: each member's next step as a wait, and no step."""
    prefix = "paused" if cluster.pause is None else str(cluster.pause)
    leading: list[Step | Wait] = [step for step in whole.steps if step.member is not None]
    leading += [wait for wait in whole.waits if wait.intent in _LEADS]
    waits: dict[Member | None, Wait] = {}
    for item in leading:
        message = f"{prefix}; otherwise: {item.intent.word} ({item.reason})"
        wait = Wait(item.cluster, item.member, Reason.PAUSED, message, Intent.BLOCKED, item.changes)
        waits.setdefault(item.member, wait)
    others = [wait for wait in whole.waits if wait.intent not in _LEADS]
    return Plan(waits=(*waits.values(), *others))


_LEADS = frozenset(Intent) - {Intent.BLOCKED, Intent.NOTHING}
