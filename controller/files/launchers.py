"""Listings of the launchers and folders of clusters in a project."""

from controller.core.model.desired import FOLDERS, LAUNCHERS
from controller.core.model.observed import ClusterFolder, LauncherFile
from controller.files.port import ProjectFiles, StoredFile


def stored_launchers(files: ProjectFiles) -> tuple[LauncherFile, ...]:
    """All launchers, by path: Python files in one folder for each cluster."""
    return _launchers(files, _folders(files, LAUNCHERS))


def stored_files(
    files: ProjectFiles,
) -> tuple[tuple[LauncherFile, ...], tuple[ClusterFolder, ...]]:
    """Launchers, and the other folders of clusters; a folder that holds launchers is left out."""
    folders = {folder: _folders(files, folder) for folder in FOLDERS}
    launchers = _launchers(files, folders[LAUNCHERS])
    used = {one.path.rpartition("/")[0] for one in launchers}
    others = tuple(
        ClusterFolder(one.name, one.path, one.modified_at)
        for folder in FOLDERS
        for one in folders[folder]
        if one.path not in used
    )
    return launchers, others


def _folders(files: ProjectFiles, folder: str) -> list[StoredFile]:
    return [one for one in files.listing(folder) if one.is_dir]


def _launchers(files: ProjectFiles, folders: list[StoredFile]) -> tuple[LauncherFile, ...]:
    stored = [one for folder in folders for one in files.listing(folder.path)]
    return tuple(
        LauncherFile(one.path, one.modified_at, one.size)
        for one in stored
        if not one.is_dir and one.path.endswith(".py")
    )
