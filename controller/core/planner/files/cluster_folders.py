"""Removal of the folders that clusters leave in a project: states, reports, logs, old launchers.

A folder goes a day after nothing has named its cluster any more, and at once where a person had
the cluster deleted.  The store of a head that remembers always goes at once, for a later cluster of
the same name is another one.  A folder stays while the cluster has an application of any
installation, a spec or a pause, and while anything is not understood: a spec that cannot be read, a
list that was torn.
"""

from collections.abc import Mapping
from datetime import datetime

from controller.core.model.desired import FOLDERS, STORES
from controller.core.model.member import CLUSTER, is_member_name
from controller.core.model.observed import (
    ClusterFolder,
    LauncherFile,
    ObservedApplication,
    ObservedProject,
)
from controller.core.model.other_clocks import credible
from controller.core.model.plan import RemoveFolder, Step
from controller.core.model.reasons import Reason
from controller.core.planner.steps import without_member
from controller.core.situation.situation import Situation

MOST = 50  # folders of one project that one pass removes


def cluster_of(path: str) -> str:
    """The cluster whose folder this is; empty for anything else."""
    parent, _, name = path.rpartition("/")
    return name if parent in FOLDERS else ""


def unused_folders(situation: Situation) -> tuple[Step, ...]:
    steps: list[Step] = []
    for project, folders in _unused(situation).items():
        due = [f for f in folders if _is_due(f, project, situation)]
        steps += [_removal(project, folder) for folder in due[:MOST]]
    return tuple(steps)


def note_unused_folders(situation: Situation) -> dict[tuple[str, str], datetime]:
    """Times at which this process first observed each folder of a cluster that is gone."""
    before = situation.history.unused_since
    if situation.observed.files is None:
        return {place: since for place, since in before.items() if cluster_of(place[1])}
    return {
        (project, folder.path): before.get((project, folder.path), situation.now)
        for project, folders in _unused(situation).items()
        for folder in folders
    }


def _unused(situation: Situation) -> Mapping[str, list[ClusterFolder]]:
    files, pauses = situation.observed.files, situation.observed.pauses
    if files is None or pauses is None or not situation.desired.whole or situation.desired.frozen:
        return {}
    declared = {(c.project, c.name) for c in situation.desired.clusters}
    return {
        project: [
            folder
            for folder in folders
            if (project, folder.cluster) not in declared
            and folder.cluster not in situation.desired.departed
            and (project, folder.cluster) not in pauses.by_cluster
            and not is_alive(folder.cluster, situation.observed.projects[project])
            and (situation.policy.only is None or folder.cluster in situation.policy.only)
        ]
        for project, folders in sorted(files.folders.items())
        if project in situation.observed.projects and situation.observed.projects[project].complete
    }


def is_alive(cluster: str, project: ObservedProject) -> bool:
    """True if an application is, or may be, the cluster's."""
    return any(may_belong(app, cluster) for app in project.applications)


def may_belong(app: ObservedApplication, cluster: str) -> bool:
    """True if an application is the cluster's by its mark or its launcher.

    One that has neither is judged by its name, which several clusters may have in common:
    `ray-a-b-c-0` is a member of `a`, or of `a-b`.
    """
    marked = "" if app.mark is None else app.mark.cluster
    launched = cluster_of(app.script.rpartition("/")[0])
    if marked or launched:
        return cluster in (marked, launched)
    return app.environment.get(CLUSTER) == cluster or is_member_name(app.subdomain, cluster)


def _is_due(folder: ClusterFolder, project: str, situation: Situation) -> bool:
    old = unused_for_s(folder, project, situation) >= situation.policy.environment_kept_s
    return old or is_store(folder) or folder.cluster in situation.policy.delete


def is_store(folder: ClusterFolder) -> bool:
    """True for the store of a head that remembers."""
    return folder.path == f"{STORES}/{folder.cluster}"


def unused_for_s(file: LauncherFile | ClusterFolder, project: str, situation: Situation) -> float:
    """Seconds since its last change, or since this process noticed that nothing names it.

    The files API has no times of change: there only the time at which it was noticed counts.
    """
    noticed = situation.history.unused_since.get((project, file.path))
    times = (credible(file.modified_at, situation.now), noticed)
    since = min((time for time in times if time is not None), default=situation.now)
    return (situation.now - since).total_seconds()


def _removal(project: str, folder: ClusterFolder) -> Step:
    action, message = RemoveFolder(folder.path), f"cluster {folder.cluster} is gone"
    return without_member(action, folder.cluster, project, Reason.FILES_UNUSED, message)
