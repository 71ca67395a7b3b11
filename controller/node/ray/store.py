"""The store of a head that remembers: Ray's GCS in RocksDB, in a folder of the project.

One generation is in use at a time, each in a folder of its own.  A new head goes on with the newest
one, unless Ray cannot: then a new generation begins, and the workers, whose actors the new store
does not know, restart Ray.  That is so if

- another Ray or Python wrote it,
- Ray's GCS refused it (RocksDB says `Corruption`, for instance), or ended before it answered
  MOST_STARTS times in a row,
- another process keeps it locked for LOCK_WAIT_S.  RocksDB locks its folder by `fcntl`.  On a local
  disk the lock of a killed GCS is free within a millisecond (measured); on NFS it is freed when
  the file server gives up the lease of a lost host, by default after 90 s.

Without locks in the file system, RocksDB does not open (measured), and neither does the store.  It
holds job entrypoints, runtime environments and functions, so only its owner may read it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import re
import secrets
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from controller.node.clock import Clock
from controller.node.log import Log
from controller.node.member_state import Versions
from controller.node.project_files import read_json, text_of, write_json
from controller.node.ray.versions import python_agrees

ROCKSDB = "rocksdb"
LOCK_WAIT_S = 120.0
MOST_STARTS = 5
_SCHEMA = "raycml.store/v1"
_NAME = re.compile(r"([0-9]{6})-[0-9a-f]{8}")
_LOCKS = ("tables/LOCK", "kv/LOCK")
_LOCKED = frozenset({errno.EACCES, errno.EAGAIN})
_PRIVATE = 0o700
_OPENING = "Failed to open RocksDB at "
_IO_ERROR = "IO error"  # of the disk or of a lock: a new generation would not help


class StoreError(OSError):
    """No store can be opened here; the message has the reason and a remedy."""


@dataclass(frozen=True)
class _Generation:
    """A generation; `starts` of heads that have not answered, `fault` by which Ray refused it."""

    folder: Path
    ray_version: str
    python_version: str
    starts: int = 0
    fault: str = ""

    @property
    def database(self) -> Path:
        return self.folder / "db"

    def write(self) -> None:
        values = {name: value for name, value in vars(self).items() if name != "folder"}
        write_json(self.folder / "store.json", {"schema": _SCHEMA, **values})


class Store:
    """The generations in `folder`.  `python_level`: see `python_agrees`."""

    def __init__(
        self, folder: Path, versions: Versions, python_level: str, clock: Clock, log: Log
    ) -> None:
        self._folder = folder
        self._versions = versions
        self._python_level = python_level
        self._clock = clock
        self._log = log
        self._current: _Generation | None = None
        self._locked_since: float | None = None

    @property
    def generation(self) -> str:
        """The name of the generation in use; empty before `open`."""
        return self._current.folder.name if self._current else ""

    def open(self) -> dict[str, str] | None:
        """Variables of Ray for the generation to use; None while another process locks it.

        Raises StoreError, and OSError if the folder cannot be written.
        """
        _private(self._folder)
        newest = self._newest()
        reason = "" if newest is None else self._unusable(newest)
        if newest is not None and not reason and _is_locked(newest.database):
            now = self._clock.monotonic()
            if self._locked_since is None:
                self._locked_since = now
            if now - self._locked_since < LOCK_WAIT_S:
                return None
            reason = f"another process has locked it for {LOCK_WAIT_S:.0f} s"
        if newest is None or reason:
            newest = self._begin(newest, reason)
        self._current = replace(newest, starts=newest.starts + 1)
        self._current.write()
        return {
            "RAY_gcs_storage": ROCKSDB,
            "RAY_gcs_storage_path": str(newest.database),
        }

    def answered(self) -> None:
        """Ray's GCS has opened the store: remove the earlier generations."""
        if self._current is None:
            return
        self._current = replace(self._current, starts=0)
        with contextlib.suppress(OSError):
            self._current.write()
        for folder in self._generations():
            if folder != self._current.folder:
                shutil.rmtree(folder, ignore_errors=True)

    def refusal(self, output: str) -> str:
        """The reason why Ray's GCS could not open the store, by its output; empty if it could.

        The next head begins a new generation, unless the disk or a lock is the reason.
        """
        _, opening, rest = output.partition(_OPENING)
        if not opening or self._current is None:
            return ""
        fault = rest.splitlines()[0].partition(": ")[2][:300]
        if fault.startswith(_IO_ERROR):
            return f"Ray cannot open its store in {self._folder}: {fault}"
        self._current = replace(self._current, fault=fault)
        with contextlib.suppress(OSError):
            self._current.write()
        return f"Ray cannot open its store: {fault}; the next start begins a new one"

    def _generations(self) -> list[Path]:
        return sorted(one for one in self._folder.iterdir() if _NAME.fullmatch(one.name))

    def _newest(self) -> _Generation | None:
        folder = max(self._generations(), default=None)
        if folder is None:
            return None
        values = read_json(folder / "store.json") or {}
        starts = values.get("starts")
        return _Generation(
            folder,
            text_of(values, "ray_version"),
            text_of(values, "python_version"),
            starts if isinstance(starts, int) else 0,
            text_of(values, "fault"),
        )

    def _unusable(self, generation: _Generation) -> str:
        """The reason why Ray cannot go on with it; empty if it may."""
        own, python = self._versions, generation.python_version
        if generation.ray_version != own.ray or not python_agrees(
            own.python, python, self._python_level
        ):
            wrote = f"Ray {generation.ray_version} on Python {python}"
            return f"{wrote} wrote it" if generation.ray_version else "its beginning is missing"
        if generation.fault:
            return generation.fault
        if generation.starts >= MOST_STARTS:
            return f"Ray's GCS ended on it {generation.starts} times in a row"
        return ""

    def _begin(self, previous: _Generation | None, reason: str) -> _Generation:
        number = int(previous.folder.name.partition("-")[0]) + 1 if previous else 1
        folder = self._folder / f"{number:06d}-{secrets.token_hex(4)}"
        if reason:
            self._log.write(f"the store of the last head cannot be used: {reason}")
        generation = _Generation(folder, self._versions.ray, self._versions.python)
        _private(folder)
        _private(generation.database)
        _try_lock(folder)
        generation.write()
        return generation


def _private(folder: Path) -> None:
    folder.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    folder.chmod(_PRIVATE)


def _try_lock(folder: Path) -> None:
    """Raises StoreError in a file system without locks."""
    path = folder / "lock"
    path.touch()
    try:
        _locked(path)
    finally:
        path.unlink()


def _is_locked(database: Path) -> bool:
    paths = (database / name for name in _LOCKS)
    return any(_locked(path) for path in paths if path.exists())


def _locked(path: Path) -> bool:
    """True if another process has locked this file.  Raises StoreError."""
    with path.open("r+b") as file:
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in _LOCKED:
                return True
            message = (
                f"the project's file system has no locks ({error.strerror}), without which Ray's "
                "RocksDB does not open; remove gcsFaultToleranceOptions from the spec, or ask an "
                "admin for an NFS mount with locks"
            )
            raise StoreError(error.errno, message) from error
    return False
