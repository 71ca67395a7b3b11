"""Places of clusters that cannot be looked at: what may run there is reported until it is seen."""

from controller.core.model.desired import DesiredState
from controller.core.model.observed import ObservedState
from controller.core.model.plan import Intent, Wait
from controller.core.model.reasons import Reason
from controller.core.planner.partial_plan import PartialPlan


def unseen(desired: DesiredState, observed: ObservedState) -> tuple[PartialPlan, ...]:
    """A wait for each cluster and project of which no list could be had.

    The project that a spec names itself is the matter of its cluster.
    """
    return tuple(
        _reported(name, project, desired, observed)
        for name, projects in sorted(desired.places.items())
        for project in projects
        if name not in desired.frozen
        and not _is_its_own(desired, name, project)
        and not _is_seen(observed, project)
    )


def _is_its_own(desired: DesiredState, name: str, project: str) -> bool:
    cluster = desired.cluster(name)
    return cluster is not None and cluster.project == project


def _is_seen(observed: ObservedState, project: str) -> bool:
    found = observed.projects.get(project)
    return found is not None and found.complete and not found.problem and not found.failure


def _reported(
    name: str, project: str, desired: DesiredState, observed: ObservedState
) -> PartialPlan:
    found = observed.projects.get(project)
    absent = found is None or found.problem is not None
    gone = Reason.PROJECT_NOT_FOUND if desired.cluster(name) is None else Reason.PROJECT_UNSEEN
    reason = gone if absent else Reason.INCOMPLETE_LIST
    why = "which does not exist or cannot be seen" if absent else "which cannot be listed now"
    message = f"applications of it may still run in project {project}, {why}"
    return PartialPlan(waits=(Wait(name, None, reason, message, Intent.BLOCKED),))
