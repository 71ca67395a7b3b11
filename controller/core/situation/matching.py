"""Matching of applications to members.

An application fills its member's place when its mark, its name and its project all say so; an
adopted one keeps the name that it had.  All other applications of the cluster are unwanted, each
with its reason.
"""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

from controller.core.model.desired import DesiredCluster, Group
from controller.core.model.member import Key, Mark, Member, application_name
from controller.core.model.observed import (
    ObservedApplication,
    Phase,
    has_own_name,
    is_adopted,
    key_of,
)
from controller.core.model.reasons import Reason
from controller.core.situation.authentication import auth_mode
from controller.core.situation.index import Index
from controller.core.situation.ray_nodes import RayNodes
from controller.core.situation.scale_down import chosen_members, phase_rank
from controller.core.spec.placement.kinds import NOTHING, Record, read_record


@dataclass(frozen=True, slots=True)
class Match:
    """A desired member, and the application that fills its place, if any.

    `foreign` is an application that has the member's name in the project and stays: without this
    owner's mark, or adopted into another place.  `holder` is an owned one whose mark names another
    place, and which leaves as soon as its cluster deletes its unwanted applications.
    `auth_mode` is that of the cluster.
    """

    group: Group
    member: Member
    app: ObservedApplication | None
    foreign: ObservedApplication | None = None
    holder: ObservedApplication | None = None
    auth_mode: str = ""

    @property
    def key(self) -> Key:
        return Key(self.group.cluster, self.member)

    @property
    def record(self) -> Record:
        """The ids that its application was configured with; empty without an application."""
        mark = None if self.app is None else self.app.mark
        return NOTHING if mark is None else read_record(mark.resolved)

    @property
    def mark(self) -> Mark:
        if self.app is None or self.app.mark is None:
            raise ValueError(f"{self.key} has no application")
        return self.app.mark


@dataclass(frozen=True, slots=True)
class UnwantedApplication:
    """An owned application that no member wants, and the reason."""

    app: ObservedApplication
    key: Key
    reason: Reason


@dataclass(frozen=True, slots=True)
class Matching:
    """A cluster's matches, head first, and its unwanted applications.  `torn`: a name twice."""

    matches: tuple[Match, ...]
    unwanted: tuple[UnwantedApplication, ...]
    torn: bool = False


def match_members(
    cluster: DesiredCluster,
    index: Index,
    nodes: RayNodes,
    asked: AbstractSet[Member] = frozenset(),
    retired: AbstractSet[str] = frozenset(),
) -> Matching:
    """Match the cluster's applications to its members.  Linear in both.

    `asked`: members that were asked to drain; `retired`: applications that others replace, by id.
    """
    owned = index.of_cluster.get(cluster.name, ())
    filled, unwanted, torn = _fill(owned, cluster)
    mode = auth_mode(cluster, owned)
    by_group: dict[str, dict[Member, ObservedApplication]] = {}
    for member, app in filled.items():
        by_group.setdefault(member.group, {})[member] = app
    matches: list[Match] = []
    for group in cluster.groups:
        existing = by_group.get(group.name, {})
        staying = {m for m, app in existing.items() if app.id not in retired}
        group_nodes = replace(group, to_delete=group.to_delete | (existing.keys() - staying))
        members = chosen_members(group_nodes, existing, cluster.project, index, nodes, asked)
        found = (_match(group, m, filled.get(m), cluster.project, index) for m in members)
        matches += [replace(match, auth_mode=mode) for match in found]
    desired = {match.member for match in matches}
    groups = {group.name for group in cluster.groups}
    for member, app in filled.items():
        if member not in desired:
            removed = member.group not in groups
            reason = Reason.GROUP_REMOVED if removed else Reason.SCALED_DOWN
            reason = Reason.RETIRED if app.id in retired else reason
            unwanted.append(UnwantedApplication(app, Key(cluster.name, member), reason))
    unwanted.sort(key=lambda each: (each.key, each.app.id))
    return Matching(tuple(matches), tuple(unwanted), torn)


def _fill(
    owned: Iterable[ObservedApplication], cluster: DesiredCluster
) -> tuple[dict[Member, ObservedApplication], list[UnwantedApplication], bool]:
    """Applications by the place that they fill, unwanted ones, and True if the list was torn."""
    filled: dict[Member, ObservedApplication] = {}
    unwanted: list[UnwantedApplication] = []
    torn = False
    for app in sorted(owned, key=_seniority):
        key = key_of(app)
        if reason := _misplaced(app, cluster):
            unwanted.append(UnwantedApplication(app, key, reason))
        elif key.member not in filled:
            filled[key.member] = app
        elif filled[key.member].subdomain == app.subdomain:
            # A subdomain is unique in a workspace: one of the two is a ghost of a lagging list.
            torn = True
        else:
            unwanted.append(UnwantedApplication(app, key, Reason.DUPLICATE))
    return filled, unwanted, torn


def _seniority(app: ObservedApplication) -> tuple[object, ...]:
    """Order of applications for one place: those that are well, and then the oldest, stay."""
    rank = 3 if app.phase is Phase.STOPPING else phase_rank(app.phase)
    return rank, app.created_at is None, app.created_at, app.id


def _misplaced(app: ObservedApplication, cluster: DesiredCluster) -> Reason | None:
    if app.project != cluster.project:
        return Reason.MOVED
    if not has_own_name(app) and not is_adopted(app):
        return Reason.DUPLICATE
    return None


def _match(
    group: Group, member: Member, app: ObservedApplication | None, project: str, index: Index
) -> Match:
    place = (project, application_name(group.cluster, member))
    holder = None if app is not None else index.named.get(place)
    return Match(group, member, app, index.taken.get(place), holder)
