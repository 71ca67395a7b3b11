"""Records of sources that are no longer followed."""

from collections.abc import Mapping

from controller.core.model.desired import DesiredState
from controller.core.model.observed import ObservedProject
from controller.core.model.record import Record
from controller.core.planner.files.cluster_folders import is_alive
from controller.run.places import Place


def open_places(record: Record, desired: DesiredState) -> frozenset[Place]:
    """Clusters and projects of the record that the current source does not declare."""
    declared = {(cluster.name, cluster.project) for cluster in desired.clusters}
    declared |= {(name, project) for name, places in desired.places.items() for project in places}
    holders = (*record.clusters, *(departed.holder for departed in record.departed))
    last = {holder.cluster.name: (holder.cluster.spec.project or "",) for holder in holders}
    return frozenset(
        place
        for name, projects in {**last, **record.places}.items()
        for project in projects
        if (place := (name, desired.project_ids.get(project, project))) not in declared
    )


def is_over(places: frozenset[Place], projects: Mapping[str, ObservedProject]) -> bool:
    """True if complete lists show no cluster of the record in any of these places."""
    for name, project in places:
        listing = projects.get(project)
        if listing is None or not listing.complete or is_alive(name, listing):
            return False
    return True
