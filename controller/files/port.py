"""The files of a project, through the shared file system or through CML's API.

Paths are relative to the project's home, with slashes, without `.` or `..`.  Nothing here or below
follows a link out of the home or overwrites a launcher.

Guarantees of every write, whatever fails meanwhile (a full disk, a lost answer, a killed process):

- The new content is whole under its name, or the call raises.
- After a call that raised, and at any moment of one that runs, a reader gets the old content or
  the new one.  A file that existed never reads as absent, as empty or as a part of itself.  The one
  exception is an upload that CML cuts short while the writer dies: until the next write a reader
  through either way may get the first part of the new content, which no JSON parser accepts.
- A file that is written for the first time is absent until it is whole.

CML's API can neither overwrite nor exchange a file.  The previous content is therefore uploaded
beside it, as `.NAME.raycml-kept`, before the file is deleted; `read` and `listing` fall back to it
while NAME is absent, and `remove` removes it first.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

READ_LIMIT = 8 * 1024 * 1024  # bytes of one file
LISTING_LIMIT = 10_000  # entries of one folder

_PATH_LIMIT = 512
_NAME_LIMIT = 200  # bytes; a temporary name needs some of the 255 that file systems allow
_TEMPORARY = re.compile(r"\..+\.[0-9a-f]{8}\.tmp")
_KEPT = ".raycml-kept"


class FilesError(Exception):
    """A file could not be read, written or removed; `unknown`: it may have been, after all."""

    def __init__(self, message: str, *, unknown: bool = False) -> None:
        super().__init__(message)
        self.unknown = unknown


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One entry of a folder.  `path` starts at the project's home; `modified_at` may be unknown."""

    path: str
    size: int
    modified_at: datetime | None = None
    is_dir: bool = False

    @property
    def name(self) -> str:
        return self.path.rsplit("/", 1)[-1]


class ProjectFiles(Protocol):
    """The files of one project.  Every method raises FilesError and nothing else."""

    @property
    def way(self) -> str:
        """The way in which files are written, in words; empty while it is not known."""

    def read(self, path: str) -> bytes | None:
        """The content, at most READ_LIMIT bytes; None if there is no such file."""

    def listing(self, folder: str) -> tuple[StoredFile, ...]:
        """Files and folders directly in it, by name; none if the folder is absent."""

    def write_new(self, path: str, data: bytes) -> None:
        """Write a new file.  An existing one must have the same content."""

    def replace(self, path: str, data: bytes) -> None:
        """Write or replace a file.  Not with nothing: CML cannot store an empty file.

        After FilesError the old content is readable; after one that is `unknown`, the old or the
        new content.
        """

    def append(self, path: str, data: bytes) -> None:
        """Append to a file, which may be new and stays below READ_LIMIT.

        The old content stays.  A full disk may leave a part of the data after it.
        """

    def remove(self, path: str) -> None:
        """Remove a file, if it exists, and the content that an interrupted `replace` kept of it."""

    def remove_tree(self, path: str) -> None:
        """Remove a file or a folder with its content, if it exists."""


def checked_path(path: str) -> str:
    """The path; FilesError for one that is not plainly inside the project's home."""
    parts = path.split("/")
    plain = path.isprintable() and "\\" not in path and len(path) <= _PATH_LIMIT
    if not plain or any(p in {"", ".", ".."} or len(p.encode()) > _NAME_LIMIT for p in parts):
        raise FilesError(f"not a path inside the project: {path[:100]!r}")
    return path


def checked_data(path: str, data: bytes) -> bytes:
    if not data or len(data) > READ_LIMIT:
        raise FilesError(f"{path}: {len(data)} bytes cannot be stored (1 to {READ_LIMIT} can)")
    return data


def checked_growth(path: str, size: int, data: bytes) -> bytes:
    """The data; FilesError if a file of this size has no room for it."""
    if size + len(checked_data(path, data)) > READ_LIMIT:
        raise FilesError(f"{path}: no room for {len(data)} bytes more; {READ_LIMIT} can be stored")
    return data


def split_path(path: str) -> tuple[str, str]:
    """Folder (empty for the home) and name."""
    folder, _, name = path.rpartition("/")
    return folder, name


def is_temporary(name: str) -> bool:
    """True for a file that is being written, or that a killed writer left."""
    return _TEMPORARY.fullmatch(name) is not None


def kept_path(path: str) -> str:
    """The place of a file's previous content while the file itself is replaced."""
    folder, name = split_path(path)
    return f"{folder}/.{name}{_KEPT}" if folder else f".{name}{_KEPT}"


def presented(stored: Iterable[StoredFile]) -> tuple[StoredFile, ...]:
    """The entries of a folder as a listing gives them: by path, without temporary files.

    The previous content of a file appears under the file's name while the file is absent.
    """
    visible = [one for one in stored if not is_temporary(one.name)]
    named = {one.path: one for one in visible if _kept_name(one.name) is None}
    for one in visible:
        name = _kept_name(one.name)
        if name is not None and not one.is_dir:
            path = one.path.removesuffix(one.name) + name
            named.setdefault(path, replace(one, path=path))
    return tuple(named[path] for path in sorted(named))


def _kept_name(name: str) -> str | None:
    """The name of the file whose previous content this is; None for any other file."""
    inner = name.removeprefix(".").removesuffix(_KEPT)
    return inner if inner and name == f".{inner}{_KEPT}" else None
