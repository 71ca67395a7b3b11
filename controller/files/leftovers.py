"""Removal of files of people and controllers that have no effect any more.

A file is removed only if its own content shows that it is over, and one process has seen it
unchanged for a day on the monotonic clock: the wall clock alone removes nothing.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from controller.core.model.other_clocks import age_s
from controller.files import approvals, leases, pauses
from controller.files.port import ProjectFiles

SEEN_S = 86400.0
PAUSE_KEPT_S = 7 * 86400.0  # after its end
APPROVAL_KEPT_S = 30 * 86400.0
MOST = 200  # files of one folder that are read at a time

_LEASE = re.compile(r"([0-9a-f]+)(?:\.[0-9]{9})?\.json")


@dataclass(slots=True)
class Leftovers:
    """Files that are over, with the time since which each has not changed, on the monotonic clock.

    `look` and `is_unchanged` raise FilesError if the files cannot be read.
    """

    _since: dict[tuple[str, str], tuple[str, float]] = field(default_factory=dict)

    def look(
        self, project: str, files: ProjectFiles, owner: str, now: datetime, monotonic: float
    ) -> tuple[str, ...]:
        """The files of a project that may be removed now; `owner` is this installation."""
        before = {key: value for key, value in self._since.items() if key[0] == project}
        over = {(project, path): _digest(data) for path, data in _over(files, owner, now)}
        for key in before.keys() - over.keys():
            del self._since[key]
        for key, digest in over.items():
            if key not in before or before[key][0] != digest:
                self._since[key] = (digest, monotonic)
        return tuple(
            path for _, path in sorted(over) if monotonic - self._since[project, path][1] >= SEEN_S
        )

    def is_unchanged(self, project: str, files: ProjectFiles, path: str) -> bool:
        """False if the file was written again since it was seen."""
        data = files.read(path)
        return data is not None and self._since[project, path][0] == _digest(data)


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _over(files: ProjectFiles, owner: str, now: datetime) -> Iterator[tuple[str, bytes]]:
    for path, data in _contents(files, pauses.FOLDER):
        if _pause_is_over(path, data, now):
            yield path, data
    for path, data in _contents(files, approvals.FOLDER):
        approval = approvals.parse_approval(data)
        if approval is None or (age_s(approval.at, now) or 0.0) >= APPROVAL_KEPT_S:
            yield path, data
    for path, data in _contents(files, leases.FOLDER):
        if _is_of_another(path, owner):
            yield path, data


def _contents(files: ProjectFiles, folder: str) -> Iterator[tuple[str, bytes]]:
    stored = [one for one in files.listing(folder) if not one.is_dir and one.name.endswith(".json")]
    for one in stored[:MOST]:
        data = files.read(one.path)
        if data is not None:
            yield one.path, data


def _pause_is_over(path: str, data: bytes, now: datetime) -> bool:
    """A pause without an end, or one that cannot be read, is never over."""
    cluster = path.rsplit("/", 1)[-1].removesuffix(".json")
    over_s = age_s(pauses.parse_pause(data, cluster, now).until, now)
    return over_s is not None and over_s >= PAUSE_KEPT_S


def _is_of_another(path: str, owner: str) -> bool:
    """True for a lease of another installation; it changes every 20 s while it is held."""
    named = _LEASE.fullmatch(path.rsplit("/", 1)[-1])
    own = leases.lease_path(owner).rsplit("/", 1)[-1].removesuffix(".json")
    return named is not None and named.group(1) != own
