"""Which files of clusters lie in a project.  Only looks; writing and removing are actions."""

from collections.abc import Iterable

from controller.core.cluster_folders import FOLDERS
from controller.core.desired import LAUNCHERS
from controller.core.observed import ClusterFolder, LauncherFile
from controller.files.port import ProjectFiles

FOLDER = LAUNCHERS


def stored_launchers(files: ProjectFiles) -> tuple[LauncherFile, ...]:
    """All of them, by path: one folder for each cluster, and Python files in it."""
    folders = [one.path for one in files.listing(FOLDER) if one.is_dir]
    stored = [one for folder in folders for one in files.listing(folder)]
    return tuple(
        LauncherFile(one.path, one.modified_at, one.size)
        for one in stored
        if not one.is_dir and one.path.endswith(".py")
    )


def stored_folders(
    files: ProjectFiles, launchers: Iterable[LauncherFile]
) -> tuple[ClusterFolder, ...]:
    """The folders that clusters have, but those in which launchers are left."""
    used = {one.path.rpartition("/")[0] for one in launchers}
    return tuple(
        ClusterFolder(one.name, one.path, one.modified_at)
        for folder in FOLDERS
        for one in files.listing(folder)
        if one.is_dir and one.path not in used
    )
