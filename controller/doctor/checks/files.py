"""What a check-up finds out in a project's files: a probe, the lease, interpreters, logs.

The probe is the only thing that a check-up writes, and it is gone at the end.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

from controller.clock import Clock
from controller.cml.errors import Rejected
from controller.core.model.desired import LAUNCHERS
from controller.core.model.lease import Lease, LeaseObservation, observe
from controller.doctor.state import LeaseSeen, Probe, Unread
from controller.files.leases import read_lease
from controller.files.port import FilesError, ProjectFiles, StoredFile
from controller.process.identity import is_dead

LOGS = ".raycml/logs"
LINES = 200
_LOGS_MAX = 200
_LOOKS = 10  # at a held lease, within its duration
_HOME = "/home/cdsw/"


def probe(files: ProjectFiles, name: str, *, atomic: bool) -> Probe:
    """Write, replace and remove one file beside the launchers.  What fails is told, not raised."""
    path = f"{LAUNCHERS}/doctor-{name}.probe"
    try:
        problem = _try_out(files, path)
        files.remove(path)
    except FilesError as error:
        problem = str(error)
        with suppress(FilesError):
            files.remove(path)
    return Probe(problem, atomic)


def _try_out(files: ProjectFiles, path: str) -> str:
    """What did not hold, in words; empty where all did."""
    first, second = b"probe\n", b"another probe\n"
    files.write_new(path, first)
    if files.read(path) != first:
        return f"{path}: another content is there than was written"
    files.replace(path, second)
    if files.read(path) != second:
        return f"{path}: another content is there than replaced it"
    names = [one.path for one in files.listing(LAUNCHERS)]
    stem = path.removesuffix(".probe")
    return "" if sum(name.startswith(stem) for name in names) == 1 else f"{path}: it was doubled"


def watch_lease(
    files: ProjectFiles, owner: str, clock: Clock, waiting: Callable[[Lease], None]
) -> LeaseSeen:
    """The lease; a held one is watched until it shows life, or for its duration in vain."""
    found = read_lease(files, owner)
    if found is None or found.released:
        return LeaseSeen(found)
    if is_dead(found.place):
        return LeaseSeen(found, ended=True)
    waiting(found)
    seen = observe(None, found, clock.monotonic())
    for _ in range(_LOOKS):
        clock.wait(found.duration_s / _LOOKS)
        later = _look_again(files, owner, seen, clock)
        if later is None or later.lease != found:
            return LeaseSeen(None if later is None else later.lease)
    return LeaseSeen(found, clock.monotonic() - seen.unchanged_since)


def _look_again(
    files: ProjectFiles, owner: str, before: LeaseObservation, clock: Clock
) -> LeaseObservation | None:
    found = read_lease(files, owner)
    return None if found is None else observe(before, found, clock.monotonic())


def has_interpreter(files: ProjectFiles, path: str, home: Path | None) -> bool | Unread:
    """Whether the project holds it.  In a pod of the project the disk itself is asked, for an
    interpreter is mostly a link, and the files' port follows none.

    A folder that is a link out of the project is refused by CML, and pods may follow it all the
    same.
    """
    if home is not None:
        return os.access(home / path, os.X_OK) and (home / path).is_file()
    folder, _, name = path.rpartition("/")
    # A file at the top of the home cannot be listed, but it can be read.
    if not folder:
        return files.read(path) is not None
    try:
        found = files.listing(folder)
    except FilesError as error:
        if not isinstance(error.__cause__, Rejected):
            raise
        return Unread(
            f"CML does not list {folder}; it may be a link out of the project, which only pods "
            "can follow"
        )
    return any(one.name == name and not one.is_dir for one in found)


def within_home(python: str) -> str | None:
    """The path from the project's home; None for one that lies elsewhere."""
    inside = python.removeprefix(_HOME)
    return None if inside.startswith("/") or ".." in inside.split("/") else inside


def last_lines(files: ProjectFiles) -> Iterator[tuple[str, str]]:
    """The end of each member's log, by its path below the folder of logs."""
    for one in _logs(files)[:_LOGS_MAX]:
        try:
            data = files.read(one.path) or b""
        except FilesError as error:
            data = f"not read: {error}".encode()
        lines = data.decode(errors="replace").splitlines()[-LINES:]
        yield one.path.removeprefix(f"{LOGS}/"), "".join(f"{line}\n" for line in lines)


def _logs(files: ProjectFiles) -> list[StoredFile]:
    try:
        folders = [one.path for one in files.listing(LOGS) if one.is_dir]
        found = [one for folder in folders for one in files.listing(folder)]
    except FilesError:
        return []
    return [one for one in found if one.name.endswith(".log") and not one.is_dir]
