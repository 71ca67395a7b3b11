"""Which files of clusters lie in a project.  Only looks; writing and removing are actions."""

from controller.core.model.desired import FOLDERS, LAUNCHERS
from controller.core.model.observed import ClusterFolder, LauncherFile
from controller.files.port import ProjectFiles, StoredFile

FOLDER = LAUNCHERS


def stored_launchers(files: ProjectFiles) -> tuple[LauncherFile, ...]:
    """All of them, by path: one folder for each cluster, and Python files in it."""
    return _launchers(files, _folders(files, FOLDER))


def stored_files(
    files: ProjectFiles,
) -> tuple[tuple[LauncherFile, ...], tuple[ClusterFolder, ...]]:
    """Launchers, and the folders that clusters have, but those in which launchers are left."""
    found = {folder: _folders(files, folder) for folder in FOLDERS}
    launchers = _launchers(files, found[FOLDER])
    used = {one.path.rpartition("/")[0] for one in launchers}
    folders = tuple(
        ClusterFolder(one.name, one.path, one.modified_at)
        for folder in FOLDERS
        for one in found[folder]
        if one.path not in used
    )
    return launchers, folders


def _folders(files: ProjectFiles, folder: str) -> list[StoredFile]:
    return [one for one in files.listing(folder) if one.is_dir]


def _launchers(files: ProjectFiles, folders: list[StoredFile]) -> tuple[LauncherFile, ...]:
    stored = [one for folder in folders for one in files.listing(folder.path)]
    return tuple(
        LauncherFile(one.path, one.modified_at, one.size)
        for one in stored
        if not one.is_dir and one.path.endswith(".py")
    )
