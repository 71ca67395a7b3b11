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
    outdated = [m for m in members if in_place(cluster, m) and (m.drift or m.stale)]
    outdated.sort(key=lambda m: not _is_leaving(cluster, m))
    wanting = [m.key.member for m in outdated]
    if cluster.recreate:
        return frozenset(wanting)
    if failing_update(cluster, group) is not None:
        return frozenset()
    away = sum(1 for m in members if not in_place(cluster, m) or _is_unconfirmed(cluster, m))
    return frozenset(wanting[: max(group.budget - away, 0)])


def in_place(cluster: ClusterSituation, member: MemberSituation) -> bool:
    """True if a member serves, or would again once its drain is withdrawn or its head is back."""
    return member.available or _is_leaving(cluster, member)


def _is_leaving(cluster: ClusterSituation, member: MemberSituation) -> bool:
    return member.app is not None and cluster.nodes.is_leaving(member.app)


def _is_unconfirmed(cluster: ClusterSituation, member: MemberSituation) -> bool:
    """True if an updated member may not be back in Ray, since its head does not report."""
    head_runs = any(m.key.member.is_head and m.phase is Phase.RUNNING for m in cluster.members)
    is_unseen = member.phase is Phase.RUNNING and member.joined is None
    return is_unseen and not member.drift and not member.kept and head_runs


def failing_update(cluster: ClusterSituation, group: Group) -> MemberSituation | None:
    """The first member of a group that fails with the configuration which others still lack."""
    members = cluster.of(group)
    if not any(member.drift for member in members):
        return None
    updated = (m for m in members if m.app is not None and not m.drift and not m.joined)
    return next((m for m in updated if _has_failed(cluster, m)), None)


def _has_failed(cluster: ClusterSituation, member: MemberSituation) -> bool:
    """It failed after its update, was restarted for that, or did not join within its time."""
    attempts = len(cluster.past.member(member.key).attempts)  # its update was the first
    has_failed = attempts > 1 or (attempts > 0 and member.phase is Phase.FAILED)
    return has_failed or _is_stuck(cluster, member)


def after_refused(cluster: ClusterSituation, member: MemberSituation) -> Plan | None:
    """No member is stopped for a change that CML refused to another member of its group."""
    other = cluster.refused_update.get(member.group.name)
    if other is None:
        return None
    key, refusal = other
    reason = Reason.QUOTA_EXCEEDED if refusal.fault is FaultKind.QUOTA_EXCEEDED else Reason.REJECTED
    message = f"waits for {key.member}, whose update CML rejected"
    return wait(member.key, reason, message, member.drift.changes)


def after_others(cluster: ClusterSituation, member: MemberSituation) -> Plan:
    changes = member.drift.changes
    failing = failing_update(cluster, member.group)
    if failing is not None:
        message = (
            f"{failing.key.member} fails with the new configuration; correct the spec, or go back "
            "to the previous one"
        )
        return wait(member.key, Reason.ROLLOUT_STALLED, message, changes)
    message = f"waits its turn (maxUnavailable: {member.group.budget})"
    return wait(member.key, Reason.ROLLING_UPDATE, message, changes, intent=Intent.UPDATE)


def serving_for_successors(cluster: ClusterSituation) -> frozenset[str]:
    """Applications of removed groups that serve until their successors do, by id.

    Each worker that is still to come keeps one of them.  Where one cannot come, for want of quota
    or room, the budget of one group lets some go, so that their resources are free for it.
    """
    if cluster.desired.suspended or cluster.desired.protected or cluster.recreate:
        return frozenset()
    workers = [member for member in cluster.members if not member.key.member.is_head]
    coming = [m for m in workers if not m.group.suspended and _is_coming(cluster, m)]
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


def _is_coming(cluster: ClusterSituation, member: MemberSituation) -> bool:
    unseen = member.joined is False or _is_unconfirmed(cluster, member)
    running = member.phase is Phase.RUNNING and unseen
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
