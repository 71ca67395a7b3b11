"""The project's files through CML's API, for a controller outside the project.

CML never overwrites: an upload onto an existing name is stored as a copy, `name(1)`.  Launchers,
whose names identify their content, are therefore looked up first; the previous content of a state
file is uploaded under another name, then the file is deleted and uploaded again.  After each upload
the folder is listed to check that the file is whole; copies and parts are removed.
"""

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar

from controller.files.port import (
    READ_LIMIT,
    FilesError,
    StoredFile,
    checked_data,
    checked_growth,
    checked_path,
    kept_path,
    presented,
    split_path,
)

T = TypeVar("T")


class RemoteEntry(Protocol):
    """One entry of a folder in the API's listing."""

    @property
    def name(self) -> str: ...
    @property
    def is_dir(self) -> bool: ...
    @property
    def size(self) -> int: ...


class RemoteFiles(Protocol):
    """The four calls of the API; an upload never overwrites and is never empty."""

    def list_files(self, project: str, path: str) -> tuple[RemoteEntry, ...]: ...
    def download(self, project: str, path: str) -> bytes: ...
    def upload(self, project: str, path: str, data: bytes) -> None: ...
    def delete_file(self, project: str, path: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Faults:
    """The exceptions of `RemoteFiles`: of any kind, for absence, for a lost answer."""

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
        data = self._download(checked_path(path))
        return self._download(kept_path(path)) if data is None else data

    def listing(self, folder: str) -> tuple[StoredFile, ...]:
        checked_path(folder)
        return presented(
            StoredFile(f"{folder}/{e.name}", 0 if e.is_dir else e.size, None, e.is_dir)
            for e in self._entries(folder)
        )

    def write_new(self, path: str, data: bytes) -> None:
        checked_data(checked_path(path), data)
        there = self._download(path)
        if there is not None and there != data:
            raise FilesError(f"{path}: there is another content already; it is never overwritten")
        if there is None:
            self._upload(path, data)

    def replace(self, path: str, data: bytes) -> None:
        checked_data(checked_path(path), data)
        self._exchange(path, self._download(path), data)

    def append(self, path: str, data: bytes) -> None:
        there = self._download(checked_path(path))
        before = (self._download(kept_path(path)) if there is None else there) or b""
        self._exchange(path, there, before + checked_growth(path, len(before), data))

    def remove(self, path: str) -> None:
        self._delete(kept_path(checked_path(path)))  # first, or it would stand in for the file
        self._delete(path)

    def remove_tree(self, path: str) -> None:
        """As `remove`: CML deletes folders as it deletes files."""
        self.remove(path)

    def _exchange(self, path: str, there: bytes | None, data: bytes) -> None:
        """Replace `there`, the present content of the file, with `data`."""
        if there == data:
            return
        if there:  # nothing at all cannot be kept, and is not worth it
            self._delete(kept_path(path))
            self._upload(kept_path(path), there)
        if there is not None:
            self._delete(path)
        self._upload(path, data)
        with suppress(FilesError):  # the file is whole; the next write or removal tries again
            self._delete(kept_path(path))

    def _download(self, path: str) -> bytes | None:
        data = self._call(path, lambda: self._remote.download(self._project, path))
        if data is not None and len(data) > READ_LIMIT:
            raise FilesError(f"{path}: larger than {READ_LIMIT} bytes")
        return data

    def _delete(self, path: str) -> None:
        self._call(path, lambda: self._remote.delete_file(self._project, path))

    def _upload(self, path: str, data: bytes) -> None:
        """Upload onto a free name.  FilesError unless the folder then lists the whole file."""
        fault = self._send(path, data)
        try:
            whole = self._arrived(path, data, sure=fault is None)
        except FilesError as error:  # the cause stays CML's answer: callers go by it
            lost = FilesError(str(error), unknown=True)
            raise fault or lost from (fault or error).__cause__
        if not whole:
            lost = FilesError(f"{path}: uploaded, but the folder does not show it", unknown=True)
            raise fault or lost

    def _send(self, path: str, data: bytes) -> FilesError | None:
        try:
            self._remote.upload(self._project, path, data)
        except self._faults.any as error:
            return self._fault(path, error)
        return None

    def _arrived(self, path: str, data: bytes, *, sure: bool) -> bool:
        """Remove copies, and the file itself if only a part of it arrived.

        A copy means that another writer was faster, so the file may hold other content.
        """
        folder, name = split_path(path)
        beside = {e.name: e for e in self._entries(folder) if not e.is_dir}
        copies = [*filter(_copies_of(name), beside)]
        for copy in copies:
            self._delete(f"{folder}/{copy}" if folder else copy)
        arrived = beside.get(name)
        if arrived is None:
            return False
        if sure and not copies and arrived.size == len(data):
            return True
        there = self._download(path)
        if there is not None and there != data and data.startswith(there):
            self._delete(path)
        return there == data

    def _entries(self, folder: str) -> tuple[RemoteEntry, ...]:
        place = folder or "the project's home"
        return self._call(place, lambda: self._remote.list_files(self._project, folder)) or ()

    def _call(self, path: str, call: Callable[[], T]) -> T | None:
        """The result; None for a missing file.  FilesError for any other error."""
        try:
            return call()
        except self._faults.missing:
            return None
        except self._faults.any as error:
            raise self._fault(path, error) from error

    def _fault(self, path: str, error: Exception) -> FilesError:
        fault = FilesError(f"{path}: {error}", unknown=isinstance(error, self._faults.unknown))
        fault.__cause__ = error
        return fault


def _copies_of(name: str) -> Callable[[str], bool]:
    """True for a name that CML gives to an upload onto `name`."""
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    pattern = re.compile(rf"{re.escape(stem)}\([0-9]{{1,4}}\){re.escape(dot + ending)}")
    return lambda other: pattern.fullmatch(other) is not None
