"""Projects in which applications of a cluster may exist.  Pure.

A place is recorded from the first pass that acts on the cluster there until a complete list shows
no application of it.  A failed list, and a project that CML does not know, prove nothing.
"""

from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace

from controller.core.model.desired import DesiredState
from controller.core.model.observed import Listed, ObservedState, key_of
from controller.core.model.record import Record

Place = tuple[str, str]  # cluster and project


@dataclass(frozen=True, slots=True)
class Sightings:
    """Facts of a pass about places.

    `present`: places with an application.  `complete`: projects with a complete list; `absent`:
    projects that CML does not know.  `ids`: names of projects in specs, to their IDs.
    """

    present: frozenset[Place]
    complete: frozenset[str]
    absent: frozenset[str]
    ids: Mapping[str, str]


@dataclass(slots=True)
class Lasting:
    """Places with the same fact in every pass for `seconds`."""

    seconds: float
    since: dict[Place, float] = field(default_factory=dict)

    def of(self, places: AbstractSet[Place], now: float) -> set[Place]:
        """The places for which the fact has held long enough, by the monotonic clock."""
        self.since = {place: self.since.get(place, now) for place in places}
        return {place for place in places if now - self.since[place] >= self.seconds}


def sightings(desired: DesiredState, observed: ObservedState, owner: str) -> Sightings:
    """The sightings of one pass."""
    lists = observed.projects.values()
    return Sightings(
        frozenset((key_of(app).cluster, app.project) for app in observed.owned(owner)),
        frozenset(p.project for p in lists if p.complete),
        frozenset(p.project for p in lists if p.listed is Listed.MISSING)
        | desired.unknown_projects,
        desired.project_ids,
    )


def empty_places(record: Record, sightings: Sightings) -> frozenset[Place]:
    """Recorded places where a complete list shows no application of the cluster."""
    return frozenset(
        place
        for place in _recorded(record, sightings)
        if place not in sightings.present and place[1] in sightings.complete
    )


def absent_places(record: Record, sightings: Sightings) -> frozenset[Place]:
    """Recorded places in a project that CML does not know."""
    return frozenset(
        place for place in _recorded(record, sightings) if place[1] in sightings.absent
    )


def with_places(record: Record, sightings: Sightings, over: AbstractSet[Place]) -> Record:
    """The record with the pass's places; places in `over`, and clusters without any, are removed.

    The project of a spec in force stays a place: an application may be created there at any time.
    """
    declared = _declared(record, sightings)
    current = _recorded(record, sightings) | _present(record, sightings)
    places: dict[str, tuple[str, ...]] = {}
    for cluster, project in sorted((current - over) | declared):
        places[cluster] = (*places.get(cluster, ()), project)
    departed = tuple(d for d in record.departed if d.holder.cluster.name in places)
    if (places, departed) == (dict(record.places), record.departed):
        return record
    return replace(record, places=places, departed=departed)


def _recorded(record: Record, sightings: Sightings) -> set[Place]:
    ids = sightings.ids
    places = {(name, ids.get(p, p)) for name, projects in record.places.items() for p in projects}
    for departed in record.departed:  # a record of an older raycml has no places
        name = departed.holder.cluster.name
        if name not in record.places:
            project = departed.holder.cluster.spec.project or ""
            places.add((name, ids.get(project, project)))
    return places


def _declared(record: Record, sightings: Sightings) -> set[Place]:
    specs = ((h.cluster.name, h.cluster.spec.project or "") for h in record.clusters)
    return {(name, sightings.ids[project]) for name, project in specs if project in sightings.ids}


def _present(record: Record, sightings: Sightings) -> set[Place]:
    names = {h.cluster.name for h in record.clusters}
    names |= {d.holder.cluster.name for d in record.departed}
    return {place for place in sightings.present if place[0] in names}
