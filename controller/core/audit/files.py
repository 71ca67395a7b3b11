"""The law about files of clusters."""

from controller.core.audit.case import AuditedPlan, Broken
from controller.core.model.plan import RemoveFolder


def files_of_clusters_stay(case: AuditedPlan) -> Broken:
    """No folder goes while its cluster has an application, a spec or a pause, or may have one."""
    pauses = {} if case.observed.pauses is None else case.observed.pauses.by_cluster
    declared = {(cluster.project, cluster.name) for cluster in case.desired.clusters}
    for step in case.plan.steps:
        if not isinstance(step.action, RemoveFolder):
            continue
        path = step.action.path
        name = step.cluster
        kinds = ("clusters", "launchers", "logs", "stores")
        if path not in {f".raycml/{kind}/{name}" for kind in kinds}:
            yield step, f"removal of {path}, which is no folder of {name}"
        apps = case.observed.projects[step.project].applications
        marked = any(app.mark is not None and app.mark.cluster == name for app in apps)
        launched = any(f".raycml/launchers/{name}/" in app.script for app in apps)
        place = (step.project, name)
        if place in declared or place in pauses or marked or launched:
            yield step, f"removal of {path}, whose cluster is not gone"
        understood = case.desired.whole and not case.desired.frozen
        if not understood or not case.observed.is_complete(step.project):
            yield step, f"removal of {path}, while not everything can be read"
