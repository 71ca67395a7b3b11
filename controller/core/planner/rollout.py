"""Rollouts: the number of members that may be away at once, and the order of the others.

A group's budget is `upgradeStrategy.maxUnavailable` of it, at least one.  Members that are away
already, for whatever reason, count against it.
"""

from controller.core.model.desired import Group
from controller.core.model.faults import FaultKind
from controller.core.model.member import Member
from controller.core.model.observed import Phase
from controller.core.model.plan import Intent, Plan
from controller.core.model.reasons import Reason
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation, MemberSituation
from controller.core.situation.matching import UnwantedApplication


def permitted(cluster: ClusterSituation, group: Group) -> frozenset[Member]:
    """The serving members of a group that may be taken away now.

    All of them where the whole cluster is recreated.
    """
    members = cluster.of(group)
    wanting = [m.key.member for m in members if m.available and (m.drift or m.stale)]
    if cluster.recreate:
        return frozenset(wanting)
    away = sum(1 for m in members if not m.available)
    return frozenset(wanting[: max(group.budget - away, 0)])


def after_refused(cluster: ClusterSituation, member: MemberSituation) -> Plan | None:
    """No member is stopped for a change that CML refused to another member of its group."""
    other = cluster.refused_update.get(member.group.name)
    if other is None:
        return None
    key, refusal = other
    reason = Reason.QUOTA_EXCEEDED if refusal.fault is FaultKind.QUOTA_EXCEEDED else Reason.REJECTED
    message = f"waits for {key.member}, whose update CML rejected"
    return wait(member.key, reason, message, member.drift.changes)


def after_others(member: MemberSituation) -> Plan:
    message = f"waits its turn (maxUnavailable: {member.group.budget})"
    changes = member.drift.changes
    return wait(member.key, Reason.ROLLING_UPDATE, message, changes, intent=Intent.UPDATE)


def serving_for_successors(cluster: ClusterSituation) -> frozenset[str]:
    """Applications of removed groups that serve until their successors do, by id.

    Each worker that is still to come keeps one of them.  Where one cannot come, for want of quota
    or room, the budget of one group lets some go, so that their resources are free for it.
    """
    if cluster.desired.suspended or cluster.desired.protected or cluster.recreate:
        return frozenset()
    workers = [member for member in cluster.members if not member.key.member.is_head]
    coming = [member for member in workers if not member.group.suspended and _is_coming(member)]
    budgets = (member.group.budget for member in coming if _is_stuck(cluster, member))
    spare = max(budgets, default=0)
    serving = [
        unwanted.app.id
        for unwanted in cluster.matching.unwanted
        if unwanted.reason is Reason.GROUP_REMOVED and unwanted.app.phase is Phase.RUNNING
    ]
    return frozenset(serving[: max(len(coming) - spare, 0)])


def after_successors(unwanted: UnwantedApplication) -> Plan:
    message = "its group was removed; waits until the new members are ready"
    return wait(unwanted.key, Reason.ROLLING_UPDATE, message, intent=Intent.DELETE)


def _is_coming(member: MemberSituation) -> bool:
    running = member.phase is Phase.RUNNING and member.joined is False
    return running or member.phase in (None, Phase.STARTING)


def _is_stuck(cluster: ClusterSituation, member: MemberSituation) -> bool:
    history = cluster.past.member(member.key)
    app = member.app
    if app is None:
        return history.refusal is not None
    since, most = history.unjoined_since, cluster.policy.join_deadline_s
    if app.phase is Phase.STARTING:
        since, most = cluster.past.application(app).since, cluster.policy.start_deadline_s
    return since is not None and cluster.past.deadline(since, most) is None
