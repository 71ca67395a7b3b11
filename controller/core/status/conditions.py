"""Conditions of a cluster, and the word that sums them up.

Recomputed each pass.  Nothing here latches: Ready means that Ray reports it now.
"""

from collections.abc import Sequence
from dataclasses import replace

from controller.core.model.desired import DesiredCluster
from controller.core.model.observed import Phase
from controller.core.model.plan import Plan, Step, Wait
from controller.core.model.ray.report import UnknownNode
from controller.core.model.reasons import Outlook, Reason
from controller.core.situation.cluster import ClusterSituation, MemberSituation
from controller.core.situation.membership import unknown_nodes
from controller.core.status import authentication
from controller.core.status.status import Condition

_NODES_SHOWN = 5


def conditions(cluster: ClusterSituation, plan: Plan, revision: str) -> tuple[Condition, ...]:
    """`plan` is the cluster's part of the plan."""
    hold = cluster.whole.desired.kept.get(cluster.desired.name, "")
    truths = [_synced(cluster, plan, hold), _ready(cluster)]
    outstanding: list[Step | Wait] = [*(s for s in plan.steps if s.member), *plan.waits]
    moving = [x for x in outstanding if x.reason.outlook is Outlook.MOVING]
    if moving:
        truths.append(Condition("Reconciling", "True", moving[0].reason.title, _text(moving[0])))
    stuck = [w for w in plan.waits if w.reason.outlook is Outlook.PERSON]
    if stuck:
        truths.append(Condition("Stalled", "True", stuck[0].reason.title, _texts(stuck)))
    if cluster.desired.suspended:
        truths.append(_suspended(cluster))
    truths += _unknown_nodes(cluster)
    if cluster.paused:
        message = "paused by its spec" if cluster.pause is None else str(cluster.pause)
        truths.append(Condition("Paused", "True", "Paused", message))
    truths += authentication.condition(cluster.report, cluster.desired.groups[0].inputs.auth_mode)
    return tuple(replace(condition, revision=revision) for condition in truths)


def _text(item: Step | Wait) -> str:
    prefix = "" if item.member is None else f"{item.member}: "
    return f"{prefix}{item.message or item.reason.meaning}"


def _texts(waits: Sequence[Wait]) -> str:
    texts = [_text(w) for w in waits[:5]]
    return "; ".join(texts) + (f"; and {len(waits) - 5} more" if len(waits) > 5 else "")


def _synced(cluster: ClusterSituation, plan: Plan, hold: str) -> Condition:
    """Synced: every application is configured as the newest spec says."""
    if hold:
        return Condition("Synced", "False", Reason.HELD_AT_OLDER_REVISION.title, hold)
    if not cluster.matching.matches and not plan.waits:
        return Condition("Synced", "Unknown", "NotLooked", "nothing is known of the cluster yet")
    differing = [c for c in cluster.members if c.drift]
    to_run = [c for c in cluster.members if not _at_rest(cluster, c)]
    absent = [c for c in to_run if c.app is None]
    public = [c for c in to_run if c.app is not None and c.app.public and not c.kept]
    leaving = cluster.matching.unwanted
    if public:
        names = ", ".join(str(c.key.member) for c in public[:5])
        message = f"{len(public)} open without a sign-in: {names}"
        return Condition("Synced", "False", Reason.PUBLIC_ACCESS.title, message)
    if cluster.kept and not absent and not leaving:
        return Condition("Synced", "True", Reason.AS_ADOPTED.title, _as_adopted(cluster))
    if not differing and not absent and not leaving:
        return Condition("Synced", "True", Reason.UP_TO_DATE.title, Reason.UP_TO_DATE.meaning)
    reason = Reason.MISSING if absent else Reason.OUTDATED if differing else leaving[0].reason
    parts = [(len(absent), "missing"), (len(differing), "outdated"), (len(leaving), "unwanted")]
    message = ", ".join(f"{n} {word}" for n, word in parts if n)
    return Condition("Synced", "False", reason.title, message)


def _as_adopted(cluster: ClusterSituation) -> str:
    opened = [c.key.member for c in cluster.members if c.app is not None and c.app.public]
    names = ", ".join(map(str, opened[:5]))
    more = f" {len(opened)} open without a sign-in: {names}." if opened else ""
    return Reason.AS_ADOPTED.meaning + more


def _at_rest(cluster: ClusterSituation, member: MemberSituation) -> bool:
    return cluster.desired.suspended or member.group.suspended


def _ready(cluster: ClusterSituation) -> Condition:
    """Ready: Ray reports every desired node as alive, now."""
    members = [c for c in cluster.members if not _at_rest(cluster, c)]
    if not members:
        return Condition("Ready", "False", "Suspended", "every member is to be stopped")
    if cluster.kept:
        running = sum(1 for c in members if c.phase is Phase.RUNNING)
        message = f"{running} of {len(members)} applications run; an adopted head does not report"
        return Condition("Ready", "Unknown", Reason.AS_ADOPTED.title, message)
    alive = sum(1 for c in members if is_ready(c))
    message = f"{alive} of {len(members)} nodes are alive"
    if alive == len(members):
        return Condition("Ready", "True", Reason.ALL_NODES_ALIVE.title, message)
    if cluster.report_loss is not None:
        return Condition("Ready", "Unknown", Reason.REPORT_LOST.title, cluster.report_loss.message)
    if cluster.report is None and any(c.phase is Phase.RUNNING for c in members):
        return Condition("Ready", "Unknown", "NoHeadReport", "no fresh head report tells")
    return Condition("Ready", "False", "NodesMissing", message)


def _unknown_nodes(cluster: ClusterSituation) -> list[Condition]:
    """UnknownNodes, as a note: nothing is done to them."""
    if cluster.report is None:
        return []
    running = [(str(m.key.member), m.app) for m in cluster.members if m.app is not None]
    nodes = unknown_nodes(cluster.report, running, cluster.now)
    if not nodes:
        return []
    names = ", ".join(sorted(_node_text(node) for node in nodes)[:_NODES_SHOWN])
    more = f" and {len(nodes) - _NODES_SHOWN} more" if len(nodes) > _NODES_SHOWN else ""
    belong = "node in Ray belongs" if len(nodes) == 1 else "nodes in Ray belong"
    message = f"{len(nodes)} {belong} to no application of the cluster: {names}{more}"
    return [Condition("UnknownNodes", "True", Reason.UNKNOWN_NODES.title, message)]


def _node_text(node: UnknownNode) -> str:
    return f"{node.node_ip} ({node.node_name})" if node.fingerprint else node.node_ip or "?"


def _suspended(cluster: ClusterSituation) -> Condition:
    up = [c for c in cluster.members if c.phase in (Phase.RUNNING, Phase.STARTING, Phase.STOPPING)]
    if up:
        return Condition("Suspended", "False", "Suspending", f"{len(up)} members still stop")
    return Condition("Suspended", "True", "Suspended", "every member is stopped and kept")


_BY_SYNC = {Reason.HELD_AT_OLDER_REVISION: "OutOfDate", Reason.AS_ADOPTED: "Adopted"}


def phase_word(cluster: DesiredCluster, conditions: Sequence[Condition]) -> str:
    by_type = {c.type: c.status for c in conditions}
    if "Paused" in by_type:
        return "Paused"
    if cluster.suspended and "Stalled" not in by_type:
        return "Suspended" if by_type["Suspended"] == "True" else "Suspending"
    if "Stalled" in by_type:
        return "Stalled"
    if "Reconciling" in by_type:
        return "Reconciling"
    synced = {c.reason for c in conditions if c.type == "Synced"}
    for reason, word in _BY_SYNC.items():
        if reason.title in synced:
            return word
    return "Ready" if by_type["Ready"] == "True" and by_type["Synced"] == "True" else "Reconciling"


def is_ready(member: MemberSituation) -> bool:
    return member.phase is Phase.RUNNING and member.joined is True
