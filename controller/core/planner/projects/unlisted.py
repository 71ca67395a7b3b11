"""Projects that could not be listed, and in which clusters may have applications."""

from controller.core.model.observed import Listed, ObservedState
from controller.core.model.plan import Plan
from controller.core.model.reasons import Reason
from controller.core.planner.waits import blocked_cluster
from controller.core.situation.situation import Situation


def unlisted_projects(situation: Situation) -> tuple[Plan, ...]:
    """A wait for each cluster and project that could not be listed.

    Failures of the project that a spec names are reported by its cluster's own plan.
    """
    desired, observed = situation.desired, situation.observed
    clusters = {cluster.name: cluster for cluster in desired.clusters}
    return tuple(
        _reported(name, project, observed, declared=name in clusters)
        for name, projects in sorted(desired.places.items())
        for project in projects
        if name not in desired.frozen
        and not (name in clusters and clusters[name].project == project)
        and not observed.is_complete(project)
    )


def _reported(name: str, project: str, observed: ObservedState, *, declared: bool) -> Plan:
    listing = observed.projects.get(project)
    absent = listing is None or listing.listed is Listed.MISSING
    unseen = Reason.PROJECT_NOT_LISTED if declared else Reason.PROJECT_NOT_FOUND
    reason = unseen if absent else Reason.INCOMPLETE_LIST
    why = "which does not exist or is not visible" if absent else "which cannot be listed now"
    message = f"its applications may still run in project {project}, {why}"
    return blocked_cluster(name, reason, message)
