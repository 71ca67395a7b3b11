"""Who fills which place: the applications of one cluster, matched to its members.

An application fills its member's place when its mark, its name and its project all say so; one that
a person adopted keeps the name that it had.  All other applications of ours in the cluster are
leaving, each with its reason.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from controller.core.model.desired import DesiredCluster, Group
from controller.core.model.member import Key, Mark, Member, application_name
from controller.core.model.observed import (
    Index,
    ObservedApplication,
    ObservedState,
    Phase,
    has_own_name,
    is_adopted,
    key_of,
)
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason


@dataclass(frozen=True, slots=True)
class Match:
    """A wanted member, and the application that fills its place, if any.

    `foreign` is an application that holds the member's name in the project and stays: somebody
    else's, or one that was adopted into another place; `held` is one of ours whose mark names
    another place, and which leaves as soon as its cluster lets it go.
    """

    group: Group
    member: Member
    app: ObservedApplication | None
    foreign: ObservedApplication | None = None
    held: ObservedApplication | None = None

    @property
    def key(self) -> Key:
        return Key(self.group.cluster, self.member)

    @property
    def mark(self) -> Mark:
        if self.app is None or self.app.mark is None:
            raise ValueError(f"{self.key} has no application of ours")
        return self.app.mark


@dataclass(frozen=True, slots=True)
class UnwantedApplication:
    """An application of ours that no member wants, and why."""

    app: ObservedApplication
    key: Key
    reason: Reason


@dataclass(frozen=True, slots=True)
class Matching:
    """The seats of a cluster, head first, and its leavers.  `torn`: one name was listed twice."""

    seats: tuple[Match, ...]
    leavers: tuple[UnwantedApplication, ...]
    torn: bool = False

    def of(self, group: Group) -> tuple[Match, ...]:
        return tuple(s for s in self.seats if s.group.name == group.name)


def match_members(cluster: DesiredCluster, observed: ObservedState, policy: Policy) -> Matching:
    """Match the cluster's applications to its members."""
    index = observed.by_owner(policy.owner)
    seated, leavers, torn = _sit(index.of_cluster.get(cluster.name, ()), cluster)
    seats: list[Match] = []
    for group in cluster.groups:
        members = _members(group, seated, cluster.project, index)
        seats += [_seat(group, m, seated.get(m), cluster.project, index) for m in members]
    wanted = {seat.member for seat in seats}
    for member, app in seated.items():
        if member not in wanted:
            removed = cluster.group(member.group) is None
            reason = Reason.GROUP_REMOVED if removed else Reason.SCALED_DOWN
            leavers.append(UnwantedApplication(app, Key(cluster.name, member), reason))
    return Matching(tuple(seats), tuple(sorted(leavers, key=lambda x: (x.key, x.app.id))), torn)


def _sit(
    ours: Iterable[ObservedApplication], cluster: DesiredCluster
) -> tuple[dict[Member, ObservedApplication], list[UnwantedApplication], bool]:
    """Who fills which place, who leaves, and whether one name was listed twice."""
    seated: dict[Member, ObservedApplication] = {}
    leavers: list[UnwantedApplication] = []
    torn = False
    for app in sorted(ours, key=_seniority):
        key = key_of(app)
        if reason := _misplaced(app, cluster):
            leavers.append(UnwantedApplication(app, key, reason))
        elif key.member not in seated:
            seated[key.member] = app
        elif seated[key.member].subdomain == app.subdomain:
            # A subdomain is unique in a workspace: one of the two is a ghost of a lagging list.
            torn = True
        else:
            leavers.append(UnwantedApplication(app, key, Reason.SURPLUS))
    return seated, leavers, torn


def _seniority(app: ObservedApplication) -> tuple[object, ...]:
    """Who stays where one place has two: those that are well, and then the oldest."""
    rank = 3 if app.phase is Phase.STOPPING else _rank(app.phase)
    return rank, app.created_at is None, app.created_at, app.id


def _seat(
    group: Group, member: Member, app: ObservedApplication | None, project: str, index: Index
) -> Match:
    place = (project, _name(group, member))
    return Match(
        group, member, app, index.taken.get(place), None if app else index.named.get(place)
    )


def _misplaced(app: ObservedApplication, cluster: DesiredCluster) -> Reason | None:
    if app.project != cluster.project:
        return Reason.MOVED
    if not has_own_name(app) and not is_adopted(app):
        return Reason.SURPLUS
    return None


def _name(group: Group, member: Member) -> str:
    return application_name(group.cluster, member)


def _members(
    group: Group, seated: Mapping[Member, ObservedApplication], project: str, index: Index
) -> list[Member]:
    """Which members the group has: those that exist, best first, then the lowest free ordinals.

    A survivor keeps its name.  Where too many exist, those that do not run leave first, and then
    the highest ordinal.  An ordinal whose name an adopted application holds is passed over;
    the head has no other name.
    """
    existing = [m for m in seated if m.group == group.name]
    kept = sorted(existing, key=lambda m: (_rank(seated[m].phase), m.ordinal))[: group.replicas]
    chosen = set(kept)
    ordinal = 0
    while len(chosen) < group.replicas:
        member = group.member(ordinal)
        holder = index.taken.get((project, _name(group, member)))
        held = holder is not None and is_adopted(holder) and not group.is_head
        if member not in seated and not held:
            chosen.add(member)
        ordinal += 1
    return sorted(chosen)


def _rank(phase: Phase) -> int:
    return {Phase.RUNNING: 0, Phase.STARTING: 1, Phase.UNKNOWN: 1}.get(phase, 2)
