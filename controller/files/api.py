"""The project's files through CML's API, for a controller outside the project.

CML never overwrites: an upload onto an existing name is stored as a copy, `name(1)`.  Launchers,
whose names identify their content, are therefore looked up first; the previous content of a state
file is uploaded under another name, then the file is deleted and uploaded again.  After each upload
the folder is listed to check that the file is whole; copies and parts are removed.

A workspace may store a POST in the project's home instead, or serve a PUT only (see `uploads`).
The first upload into a folder therefore notes what is in the home before it.  If the folder does
not show the file afterwards, and the home shows a new one with its content, or the POST is not
served, it is uploaded once more by PUT, and the new file in the home is removed.
"""

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
from controller.files.uploads import UploadMemory, UploadWay, copies_of

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
    def upload(self, project: str, path: str, data: bytes, *, put: bool = False) -> None: ...
    def delete_file(self, project: str, path: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Faults:
    """The exceptions of `RemoteFiles`: of any kind, for absence, for a lost answer.

    `unserved`: True for the answer to a call that the server does not have.
    """

    any: type[Exception]
    missing: type[Exception]
    unknown: type[Exception]
    unserved: Callable[[Exception], bool] = lambda _: False


class _UnseenError(FilesError):
    """CML accepted an upload, and the folder does not show the file."""


class ApiFiles:
    """`ProjectFiles` of one project by API calls."""

    def __init__(
        self,
        remote: RemoteFiles,
        project: str,
        faults: Faults,
        uploads: UploadMemory | None = None,
    ) -> None:
        self._remote = remote
        self._project = project
        self._faults = faults
        self._uploads = uploads or UploadMemory()

    @property
    def way(self) -> str:
        way = self._uploads.way
        return "" if way is None else f"uploaded by {way}"

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
        way = self._uploads.way
        if way is None:
            self._upload_first(path, data)
        elif fault := self._attempt(path, data, way):
            if isinstance(fault, _UnseenError) or self._is_unserved(fault):
                self._uploads.way = None  # the workspace is another one now: the next one finds out
            raise fault

    def _upload_first(self, path: str, data: bytes) -> None:
        """Upload while it is not known by which method this workspace stores files in folders."""
        before = self._home_names() if "/" in path else None
        fault = self._attempt(path, data, UploadWay.POST)
        if fault is None:
            self._uploads.way = UploadWay.POST if "/" in path else None
            return
        strays = [] if before is None else self._strays(path, data, before)
        if not strays and not self._is_unserved(fault):
            raise fault
        again = self._attempt(path, data, UploadWay.PUT)
        for stray in strays:
            with suppress(FilesError):
                self._delete(stray)
        if again is None:
            self._uploads.way = UploadWay.PUT
        elif not self._is_unserved(again):
            raise again
        elif strays:
            message = (
                f"{path}: this workspace stores uploads in the project's home and serves no PUT: "
                "run raycml in a session of the project, where it needs no upload"
            )
            raise FilesError(message) from again.__cause__
        else:
            raise fault

    def _attempt(self, path: str, data: bytes, way: UploadWay) -> FilesError | None:
        """Upload and check; the fault, or None if the folder lists the whole file."""
        fault = self._send(path, data, way)
        try:
            whole = self._arrived(path, data, sure=fault is None)
        except FilesError as error:  # the cause stays CML's answer: callers go by it
            lost = FilesError(str(error), unknown=True)
            lost.__cause__ = error.__cause__
            return fault or lost
        if whole:
            return None
        message = f"{path}: uploaded, but the folder does not show it"
        return fault or _UnseenError(message, unknown=True)

    def _is_unserved(self, fault: FilesError) -> bool:
        return isinstance(fault.__cause__, Exception) and self._faults.unserved(fault.__cause__)

    def _home_names(self) -> frozenset[str] | None:
        """The names in the project's home; None if they cannot be listed."""
        try:
            return frozenset(entry.name for entry in self._entries(""))
        except FilesError:
            return None

    def _strays(self, path: str, data: bytes, before: frozenset[str]) -> list[str]:
        """Files in the project's home that this upload created: new, with its name and content."""
        _, name = split_path(path)
        with suppress(FilesError):
            sizes = {e.name: e.size for e in self._entries("") if not e.is_dir}
            new = [other for other in sizes if other not in before]
            names = [other for other in new if other == name] + copies_of(name, new)
            same = [other for other in names if sizes[other] == len(data)]
            return [other for other in same if self._download(other) == data]
        return []

    def _send(self, path: str, data: bytes, way: UploadWay) -> FilesError | None:
        try:
            self._remote.upload(self._project, path, data, put=way is UploadWay.PUT)
        except self._faults.any as error:
            return self._fault(path, error)
        return None

    def _arrived(self, path: str, data: bytes, *, sure: bool) -> bool:
        """Remove copies, and the file itself if only a part of it arrived.

        A copy means that another writer was faster, so the file may hold other content.
        """
        folder, name = split_path(path)
        beside = {e.name: e for e in self._entries(folder) if not e.is_dir}
        copies = copies_of(name, beside)
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
