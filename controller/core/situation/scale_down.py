"""Scale-down and scale-up: the members that a group has, and so the workers that leave.

First leave those that the spec names, and then, in this order: those that drain already, that do
not run, that are not in Ray, that have been idle for longest, and the youngest.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime

from controller.core.model.desired import Group
from controller.core.model.member import Member, application_name
from controller.core.model.observed import ObservedApplication, Phase, is_adopted
from controller.core.situation.index import Index
from controller.core.situation.ray_nodes import RayNodes

_NEVER = datetime.max.replace(tzinfo=UTC)


def chosen_members(
    group: Group,
    existing: Mapping[Member, ObservedApplication],
    project: str,
    index: Index,
    nodes: RayNodes,
    asked: AbstractSet[Member] = frozenset(),
) -> list[Member]:
    """Existing members, best first, then new ones with the lowest free ordinals.

    A survivor keeps its name.  An ordinal whose name an adopted application holds is passed over;
    the head has no other name.  `asked`: members that were asked to drain, without an answer yet.
    """
    candidates = [member for member in existing if member not in group.to_delete]
    best = sorted(candidates, key=lambda m: _leaves_last(m, existing[m], nodes, asked))
    chosen = set(best[: group.replicas])
    ordinal = 0
    while len(chosen) < group.replicas:
        member = group.member(ordinal)
        holder = index.taken.get((project, application_name(group.cluster, member)))
        is_taken = holder is not None and is_adopted(holder) and not group.is_head
        if member not in existing and member not in group.to_delete and not is_taken:
            chosen.add(member)
        ordinal += 1
    return sorted(chosen)


def _leaves_last(
    member: Member, app: ObservedApplication, nodes: RayNodes, asked: AbstractSet[Member]
) -> tuple[object, ...]:
    """The sort key of a member; those that sort last leave first."""
    node = nodes.living(app) if nodes.is_fresh else None
    return (
        nodes.is_leaving(app) or member in asked,
        phase_rank(app.phase),
        nodes.is_gone(app),
        (node.idle_s or 0.0) if node is not None else 0.0,
        app.running_at or app.created_at or _NEVER,
        member.ordinal,
    )


def phase_rank(phase: Phase) -> int:
    """0 for a member that runs, 1 for one that may soon, 2 for one that is down."""
    return {Phase.RUNNING: 0, Phase.STARTING: 1, Phase.UNKNOWN: 1}.get(phase, 2)
