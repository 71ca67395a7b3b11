"""The project's files through the file system that all its pods share.

Every folder is opened from its parent's handle and no symbolic link is followed, so nothing in the
project leads out of it.  Content is written under a temporary name, synced, and then renamed: no
pod ever reads half of it.
"""

import errno
import os
import secrets
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from controller.files.port import (
    LISTING_LIMIT,
    READ_LIMIT,
    FilesError,
    StoredFile,
    checked_data,
    checked_growth,
    checked_path,
    is_temporary,
    kept_path,
    presented,
    split_path,
)

_ABANDONED_S = 3600.0  # a write takes seconds
_MODE = 0o644  # applications may run as another user of the project's group
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a named pipe must not block
_WRITE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_NO_LINKS = frozenset({errno.EPERM, errno.ENOTSUP, errno.ENOSYS, errno.EMLINK})


class SharedFiles:
    """`ProjectFiles` under `root`, the project's home as this pod sees it."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @property
    def way(self) -> str:
        return "written to the shared file system"

    def read(self, path: str) -> bytes | None:
        data = self._read(checked_path(path))
        return self._read(kept_path(path)) if data is None else data

    def listing(self, folder: str) -> tuple[StoredFile, ...]:
        with _explained(folder):
            try:
                with self._folder(checked_path(folder)) as handle:
                    return _list(handle, folder)
            except FileNotFoundError:
                return ()

    def write_new(self, path: str, data: bytes) -> None:
        folder, name = split_path(checked_path(path))
        if self._holds(path, checked_data(path, data)):
            return
        with _explained(path), self._folder(folder, create=True) as handle:
            with _temporary(handle, name, data) as temporary:
                placed = _place(handle, temporary, name)
            os.fsync(handle)
        if not placed and not self._holds(path, data):
            raise FilesError(f"{path}: the file went while it was written", unknown=True)

    def replace(self, path: str, data: bytes) -> None:
        folder, name = split_path(checked_path(path))
        checked_data(path, data)
        with _explained(path), self._folder(folder, create=True) as handle:
            with _temporary(handle, name, data) as temporary:
                os.rename(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
            os.fsync(handle)
            with suppress(OSError):  # the file is whole; the next write or removal tries again
                _unlink_kept(handle, name)

    def append(self, path: str, data: bytes) -> None:
        folder, name = split_path(checked_path(path))
        checked_data(path, data)
        with _explained(path), self._folder(folder, create=True) as handle:
            _append(handle, name, path, data)

    def remove(self, path: str) -> None:
        folder, name = split_path(checked_path(path))
        with _explained(path), suppress(FileNotFoundError), self._folder(folder) as handle:
            _unlink_kept(handle, name)  # first, or it would stand in for the file
            os.unlink(name, dir_fd=handle)

    def remove_tree(self, path: str) -> None:
        folder, name = split_path(checked_path(path))
        with _explained(path), suppress(FileNotFoundError), self._folder(folder) as handle:
            _unlink_kept(handle, name)
            if stat.S_ISDIR(os.stat(name, dir_fd=handle, follow_symlinks=False).st_mode):
                shutil.rmtree(name, dir_fd=handle)
            else:
                os.unlink(name, dir_fd=handle)

    def _read(self, path: str) -> bytes | None:
        folder, name = split_path(path)
        with _explained(path):
            try:
                with self._folder(folder) as handle:
                    return _read(handle, name, path)
            except FileNotFoundError:
                return None

    def _holds(self, path: str, data: bytes) -> bool:
        """False if there is no such file; FilesError if its content is another one."""
        there = self._read(path)
        if there is not None and there != data:
            raise FilesError(f"{path}: there is another content already; it is never overwritten")
        return there is not None

    @contextmanager
    def _folder(self, folder: str, *, create: bool = False) -> Iterator[int]:
        handle = os.open(self._root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for name in folder.split("/") if folder else ():
                if create:
                    with suppress(FileExistsError):
                        os.mkdir(name, 0o755, dir_fd=handle)
                below = os.open(name, _FOLDER, dir_fd=handle)
                os.close(handle)
                handle = below
            yield handle
        finally:
            os.close(handle)


@contextmanager
def _explained(path: str) -> Iterator[None]:
    """Errors of the operating system as FilesError, except for absence."""
    try:
        yield
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.ENOTDIR}:
            why = "a symbolic link or a file stands where a folder or file should be"
        else:
            why = error.strerror or type(error).__name__
        raise FilesError(f"{path}: {why}") from error


def _read(handle: int, name: str, path: str) -> bytes:
    descriptor = os.open(name, _READ, dir_fd=handle)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise FilesError(f"{path}: not a regular file")
    with open(descriptor, "rb") as file:
        data = file.read(READ_LIMIT + 1)
    if len(data) > READ_LIMIT:
        raise FilesError(f"{path}: larger than {READ_LIMIT} bytes")
    return data


def _append(handle: int, name: str, path: str, data: bytes) -> None:
    """One write at the end, so that simultaneous appends stay whole."""
    descriptor = os.open(name, _APPEND, _MODE, dir_fd=handle)
    with open(descriptor, "ab", buffering=0) as file:
        there = os.fstat(descriptor)
        if not stat.S_ISREG(there.st_mode):
            raise FilesError(f"{path}: not a regular file")
        if there.st_size == 0:
            with suppress(PermissionError):  # an empty file of another user is his to open
                os.fchmod(descriptor, _MODE)
        if file.write(checked_growth(path, there.st_size, data)) != len(data):
            raise FilesError(f"{path}: only a part could be appended", unknown=True)
        os.fsync(descriptor)


def _list(handle: int, folder: str) -> tuple[StoredFile, ...]:
    with os.scandir(handle) as entries:
        first = list(islice(entries, LISTING_LIMIT + 1))
        if len(first) > LISTING_LIMIT:
            raise FilesError(f"{folder}: more than {LISTING_LIMIT} entries")
        stored = [_entry(one, folder) for one in first]
    return presented(one for one in stored if one is not None)


def _entry(entry: os.DirEntry[str], folder: str) -> StoredFile | None:
    """None for links, devices, and entries that were just removed."""
    if not entry.name.isprintable():
        return None
    try:
        status = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return None
    is_dir = stat.S_ISDIR(status.st_mode)
    if not is_dir and not stat.S_ISREG(status.st_mode):
        return None
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return StoredFile(f"{folder}/{entry.name}", 0 if is_dir else status.st_size, modified, is_dir)


def _unlink_kept(handle: int, name: str) -> None:
    """Remove the content that an interrupted replacement through CML's API kept."""
    with suppress(FileNotFoundError):
        os.unlink(kept_path(name), dir_fd=handle)


@contextmanager
def _temporary(handle: int, name: str, data: bytes) -> Iterator[str]:
    """The content, synced, under a temporary name, which is removed afterwards in any case."""
    temporary = f".{name}.{secrets.token_hex(4)}.tmp"
    try:
        with open(os.open(temporary, _WRITE, _MODE, dir_fd=handle), "wb") as file:
            os.fchmod(file.fileno(), _MODE)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        _sweep(handle, temporary)
        yield temporary
    finally:
        with suppress(FileNotFoundError):
            os.unlink(temporary, dir_fd=handle)


def _sweep(handle: int, newest: str) -> None:
    """Remove temporary files an hour older than the newest one, by the file server's clock."""
    with suppress(OSError), os.scandir(handle) as entries:
        written = os.stat(newest, dir_fd=handle, follow_symlinks=False).st_mtime
        for entry in islice(entries, LISTING_LIMIT):
            old = written - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED_S
            if is_temporary(entry.name) and old:
                os.unlink(entry.name, dir_fd=handle)


def _place(handle: int, temporary: str, name: str) -> bool:
    """Give the content its final name; False if that name is taken."""
    try:
        os.link(temporary, name, src_dir_fd=handle, dst_dir_fd=handle, follow_symlinks=False)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        # Without hard links the last writer wins, which is harmless: the content is the name.
        os.rename(temporary, name, src_dir_fd=handle, dst_dir_fd=handle)
    return True
