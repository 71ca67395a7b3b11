"""Who fills which place: the applications of one cluster, matched to its members.

An application fills its member's place when its mark, its name and its project all say so.  All
other applications of ours in the cluster are leaving, each with its reason.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from controller.core.desired import DesiredCluster, Group
from controller.core.member import Key, Mark, Member, application_name
from controller.core.observed import ObservedApplication, ObservedState, Phase, is_ours, key_of
from controller.core.policy import Policy
from controller.core.reason import Reason


@dataclass(frozen=True, slots=True)
class Seat:
    """A wanted member, and the application that fills its place, if any.

    `foreign` is somebody else's application that holds the member's name in the project; `held`
    says that one of ours does whose mark names another place, and which therefore leaves.
    """

    group: Group
    member: Member
    app: ObservedApplication | None
    foreign: ObservedApplication | None = None
    held: bool = False

    @property
    def key(self) -> Key:
        return Key(self.group.cluster, self.member)

    @property
    def mark(self) -> Mark:
        if self.app is None or self.app.mark is None:
            raise ValueError(f"{self.key} has no application of ours")
        return self.app.mark


@dataclass(frozen=True, slots=True)
class Leaver:
    """An application of ours that no member wants, and why."""

    app: ObservedApplication
    key: Key
    reason: Reason


@dataclass(frozen=True, slots=True)
class Roster:
    """The seats of a cluster, head first, and its leavers.  `torn`: one name was listed twice."""

    seats: tuple[Seat, ...]
    leavers: tuple[Leaver, ...]
    torn: bool = False

    def of(self, group: Group) -> tuple[Seat, ...]:
        return tuple(s for s in self.seats if s.group.name == group.name)


def call_the_roll(cluster: DesiredCluster, observed: ObservedState, policy: Policy) -> Roster:
    """Match the cluster's applications to its members."""
    ours = [a for a in observed.owned(policy.owner) if key_of(a).cluster == cluster.name]
    seated: dict[Member, ObservedApplication] = {}
    leavers: list[Leaver] = []
    torn = False
    for app in sorted(ours, key=lambda a: (a.created_at is None, a.created_at, a.id)):
        key = key_of(app)
        if reason := _misplaced(app, key, cluster):
            leavers.append(Leaver(app, key, reason))
        elif key.member in seated:
            # A subdomain is unique in a workspace: one of the two is a ghost of a lagging list.
            torn = True
        else:
            seated[key.member] = app
    foreign = _foreign(cluster, observed, policy)
    names = {a.subdomain for a in observed.owned(policy.owner) if a.project == cluster.project}
    seats: list[Seat] = []
    for group in cluster.groups:
        members = _members(group, seated)
        seats += [_seat(group, m, seated.get(m), foreign, names) for m in members]
    wanted = {seat.member for seat in seats}
    for member, app in seated.items():
        if member not in wanted:
            removed = cluster.group(member.group) is None
            reason = Reason.GROUP_REMOVED if removed else Reason.SCALED_DOWN
            leavers.append(Leaver(app, Key(cluster.name, member), reason))
    return Roster(tuple(seats), tuple(sorted(leavers, key=lambda x: (x.key, x.app.id))), torn)


def _seat(
    group: Group,
    member: Member,
    app: ObservedApplication | None,
    foreign: Mapping[str, ObservedApplication],
    names: AbstractSet[str],
) -> Seat:
    name = _name(group, member)
    return Seat(group, member, app, foreign.get(name), held=app is None and name in names)


def _misplaced(app: ObservedApplication, key: Key, cluster: DesiredCluster) -> Reason | None:
    if app.project != cluster.project:
        return Reason.MOVED
    if app.subdomain != application_name(key.cluster, key.member):
        return Reason.SURPLUS
    return None


def _name(group: Group, member: Member) -> str:
    return application_name(group.cluster, member)


def _foreign(
    cluster: DesiredCluster, observed: ObservedState, policy: Policy
) -> Mapping[str, ObservedApplication]:
    project = observed.projects.get(cluster.project)
    if project is None:
        return {}
    return {a.subdomain: a for a in project.applications if not is_ours(a, policy.owner)}


def _members(group: Group, seated: Mapping[Member, ObservedApplication]) -> list[Member]:
    """Which members the group has: those that exist, best first, then the lowest free ordinals.

    A survivor keeps its name.  Where too many exist, those that do not run leave first, and then
    the highest ordinal.
    """
    existing = [m for m in seated if m.group == group.name]
    kept = sorted(existing, key=lambda m: (_rank(seated[m].phase), m.ordinal))[: group.replicas]
    chosen = set(kept)
    ordinal = 0
    while len(chosen) < group.replicas:
        if group.member(ordinal) not in seated:
            chosen.add(group.member(ordinal))
        ordinal += 1
    return sorted(chosen)


def _rank(phase: Phase) -> int:
    return {Phase.RUNNING: 0, Phase.STARTING: 1, Phase.UNKNOWN: 1}.get(phase, 2)


def clusters_of(apps: Iterable[ObservedApplication]) -> list[str]:
    return sorted({key_of(app).cluster for app in apps})
