"""Removal of unwanted applications: scaled down, of removed groups, surplus, moved."""

from controller.core.model.observed import ObservedProject, Phase
from controller.core.model.plan import NOTHING, Intent, Plan
from controller.core.model.reasons import Reason
from controller.core.planner import steps
from controller.core.planner.protection import protected_from_removal
from controller.core.planner.retries import gate
from controller.core.planner.settling import settling
from controller.core.planner.waits import wait
from controller.core.situation.cluster import ClusterSituation
from controller.core.situation.matching import UnwantedApplication
from controller.core.situation.past import Past

_WHY = {
    Reason.SCALED_DOWN: "the group has fewer replicas now",
    Reason.GROUP_REMOVED: "the spec no longer has this group",
    Reason.DUPLICATE: "a second application of one member",
    Reason.MOVED: "the spec names another project",
    Reason.PRUNED: "no spec declares the cluster",
    Reason.REQUESTED: "a person asked for it",
    Reason.RETIRED: "a person retired it",
}


def remove(cluster: ClusterSituation, unwanted: UnwantedApplication) -> Plan:
    """An unwanted application of a cluster with a spec; a suspended cluster is only stopped."""
    if cluster.desired.suspended:
        return _rest(cluster.past, unwanted)
    if waits := protected_from_removal(cluster, unwanted, _WHY[unwanted.reason]):
        return waits
    project = unwanted.app.project
    pause = cluster.observed.pause(project, cluster.desired.name)
    if pause is not None and project != cluster.desired.project:
        return wait(unwanted.key, Reason.PAUSED, str(pause))
    return delete(cluster.past, unwanted, cluster.observed.projects.get(project))


def _rest(past: Past, unwanted: UnwantedApplication) -> Plan:
    """Suspended: an unwanted application is stopped as well, so that its resources are free."""
    if waits := settling(past, unwanted.key, unwanted.app):
        return waits
    if unwanted.app.phase not in (Phase.RUNNING, Phase.STARTING):
        return NOTHING
    return gate(past, unwanted.key, "stop") or steps.stop_unwanted(unwanted)


def delete(past: Past, unwanted: UnwantedApplication, project: ObservedProject | None) -> Plan:
    """Delete it; `project` is the application's, which may differ from its cluster's."""
    if project is None or not project.complete:
        message = "the list of applications of its project was incomplete; nothing is deleted"
        return wait(unwanted.key, Reason.INCOMPLETE_LIST, message)
    history = past.application(unwanted.app)
    if history.call == "delete" and history.called_at is not None:
        shows = history.sure or unwanted.app.phase is Phase.STOPPING
        seconds = past.policy.delete_deadline_s if shows else past.policy.settle_s
        if until := past.deadline(history.called_at, seconds):
            return wait(unwanted.key, Reason.DELETING, "CML is deleting it", until=until)
        if shows and past.deadline(history.called_at, past.policy.resync_s):
            message = "it was deleted but is still there; ask the workspace's admin to end its pod"
            return wait(unwanted.key, Reason.DELETE_TIMED_OUT, message)
    elif unwanted.app.phase is Phase.UNKNOWN:
        message = f"CML reports the status `{unwanted.app.status}`; not deleted"
        return wait(unwanted.key, Reason.UNKNOWN_STATUS, message, intent=Intent.DELETE)
    waits = gate(past, unwanted.key, "delete")
    return waits or steps.delete(unwanted, _WHY[unwanted.reason])
