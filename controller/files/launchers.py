"""Which launchers lie in a project's files.  Only looks; writing and removing are actions."""

from controller.core.observed import LauncherFile
from controller.files.port import ProjectFiles

FOLDER = ".raycml/launchers"


def stored_launchers(files: ProjectFiles) -> tuple[LauncherFile, ...]:
    """All of them, by path: one folder for each cluster, and Python files in it."""
    folders = [one.path for one in files.listing(FOLDER) if one.is_dir]
    stored = [one for folder in folders for one in files.listing(folder)]
    return tuple(
        LauncherFile(one.path, one.modified_at)
        for one in stored
        if not one.is_dir and one.path.endswith(".py")
    )
