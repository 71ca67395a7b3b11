"""The project's files through CML's API, for a controller outside the project.

CML never overwrites: an upload onto an existing name is stored as a copy, `name(1)`.  So launchers,
whose names say their content, are looked for first; state files are deleted and uploaded; and
after each upload the folder is listed, to see that it arrived, and copies are removed.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from controller.files.port import (
    READ_LIMIT,
    FilesError,
    StoredFile,
    checked_data,
    checked_growth,
    checked_path,
    is_temporary,
    split_path,
)

T = TypeVar("T")


class RemoteEntry(Protocol):
    """One entry of a folder, as the API lists it."""

    @property
    def name(self) -> str: ...
    @property
    def is_dir(self) -> bool: ...
    @property
    def size(self) -> int: ...


class RemoteFiles(Protocol):
    """The four calls that this needs; an upload never overwrites and is never empty."""

    def list_files(self, project: str, path: str) -> tuple[RemoteEntry, ...]: ...
    def download(self, project: str, path: str) -> bytes: ...
    def upload(self, project: str, path: str, data: bytes) -> None: ...
    def delete_file(self, project: str, path: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Faults:
    """Which exceptions `RemoteFiles` raises: of any kind, for absence, for a lost answer."""

    any: type[Exception]
    missing: type[Exception]
    unknown: type[Exception]


class ApiFiles:
    """`ProjectFiles` of one project by API calls."""

    def __init__(self, remote: RemoteFiles, project: str, faults: Faults) -> None:
        self._remote = remote
        self._project = project
        self._faults = faults

    def read(self, path: str) -> bytes | None:
        checked_path(path)
        with self._explained(path):
            data = self._unless_missing(lambda: self._remote.download(self._project, path))
        if data is not None and len(data) > READ_LIMIT:
            raise FilesError(f"{path}: larger than {READ_LIMIT} bytes")
        return data

    def listing(self, folder: str) -> tuple[StoredFile, ...]:
        checked_path(folder)
        stored = [
            StoredFile(f"{folder}/{e.name}", 0 if e.is_dir else e.size, None, e.is_dir)
            for e in self._entries(folder)
            if not is_temporary(e.name)
        ]
        return tuple(sorted(stored, key=lambda s: s.path))

    def write_new(self, path: str, data: bytes) -> None:
        checked_data(checked_path(path), data)
        there = self.read(path)
        if there is not None and there != data:
            raise FilesError(f"{path}: there is another content already; it is never overwritten")
        if there is None:
            self._upload(path, data)

    def replace(self, path: str, data: bytes) -> None:
        checked_data(checked_path(path), data)
        self.remove(path)
        self._upload(path, data)

    def append(self, path: str, data: bytes) -> None:
        there = self.read(path) or b""
        self.replace(path, there + checked_growth(path, len(there), data))

    def remove(self, path: str) -> None:
        checked_path(path)
        with self._explained(path):
            self._unless_missing(lambda: self._remote.delete_file(self._project, path))

    def remove_tree(self, path: str) -> None:
        """One call: CML deletes folders as it deletes files."""
        self.remove(path)

    def _upload(self, path: str, data: bytes) -> None:
        with self._explained(path):
            self._remote.upload(self._project, path, data)
        folder, name = split_path(path)
        beside = {e.name: e for e in self._entries(folder) if not e.is_dir}
        for copy in filter(_copies_of(name), beside):
            self.remove(f"{folder}/{copy}" if folder else copy)
        arrived = beside.get(name)
        if arrived is None or arrived.size != len(data):
            raise FilesError(f"{path}: uploaded, but the folder does not show it", unknown=True)

    def _entries(self, folder: str) -> tuple[RemoteEntry, ...]:
        with self._explained(folder or "the project's home"):
            found = self._unless_missing(lambda: self._remote.list_files(self._project, folder))
        return found or ()

    def _unless_missing(self, call: Callable[[], T]) -> T | None:
        try:
            return call()
        except self._faults.missing:
            return None

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        try:
            yield
        except self._faults.any as error:
            unknown = isinstance(error, self._faults.unknown)
            raise FilesError(f"{path}: {error}", unknown=unknown) from error


def _copies_of(name: str) -> Callable[[str], bool]:
    """Whether a name is one that CML gives to an upload onto `name`."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    pattern = re.compile(rf"{re.escape(stem)}\([0-9]{{1,4}}\){re.escape(dot + ending)}")
    return lambda other: pattern.fullmatch(other) is not None
