"""Scale-down and scale-up: the members that a group has, and so the workers that leave.

Leave first those that do not run, then the highest ordinal.
"""

from collections.abc import Mapping

from controller.core.model.desired import Group
from controller.core.model.member import Member, application_name
from controller.core.model.observed import ObservedApplication, Phase, is_adopted
from controller.core.situation.index import Index


def chosen_members(
    group: Group, existing: Mapping[Member, ObservedApplication], project: str, index: Index
) -> list[Member]:
    """Existing members, best first, then new ones with the lowest free ordinals.

    A survivor keeps its name.  An ordinal whose name an adopted application holds is passed over;
    the head has no other name.
    """
    best = sorted(existing, key=lambda m: (phase_rank(existing[m].phase), m.ordinal))
    chosen = set(best[: group.replicas])
    ordinal = 0
    while len(chosen) < group.replicas:
        member = group.member(ordinal)
        holder = index.taken.get((project, application_name(group.cluster, member)))
        is_taken = holder is not None and is_adopted(holder) and not group.is_head
        if member not in existing and not is_taken:
            chosen.add(member)
        ordinal += 1
    return sorted(chosen)


def phase_rank(phase: Phase) -> int:
    """0 for a member that runs, 1 for one that may soon, 2 for one that is down."""
    return {Phase.RUNNING: 0, Phase.STARTING: 1, Phase.UNKNOWN: 1}.get(phase, 2)
