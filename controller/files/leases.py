"""The lease in the project's files: taken before the first write of a run, never by a read.

Each renewal is a new generation: a file of its own, written before the older ones are removed.
CML's API cannot overwrite, and a lease that is deleted and uploaded would be free in between.  The
generation with the latest content counts.  The one before it stays until the next renewal, so that
the lease looks held while a new file takes time to appear.

A file that cannot be read as a lease is ignored: a lease protects no data, and a broken file must
not keep a team from its clusters.
"""

import math
import re
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import count

from controller.clock import Clock
from controller.core.model.lease import (
    DURATION_S,
    Lease,
    LeaseClaim,
    LeaseObservation,
    claim,
    newest,
    observe,
    successor,
)
from controller.files.document import parse, render
from controller.files.port import FilesError, ProjectFiles

FOLDER = ".raycml/leases"
SIZE_LIMIT = 16 * 1024  # bytes
RENEW_S = 20.0  # a third of the duration, so that two renewals may be lost
_GENERATIONS_READ = 8  # the latest; there are at most three, unless writers were killed
_LAST = 999_999_999


class LeaseHeldError(Exception):
    """Another controller holds the lease; `lease` says which.

    `alive`: it has shown a sign of life.  Otherwise the lease expires after `expires_in_s` more
    seconds without one.
    """

    def __init__(self, lease: Lease, *, alive: bool = False, expires_in_s: float = 0.0) -> None:
        super().__init__(f"{lease.who} holds the lease since {lease.since}")
        self.lease = lease
        self.alive = alive
        self.expires_in_s = expires_in_s


def lease_path(owner: str, generation: int = 0) -> str:
    """The file of one generation; the owner, which is any text, is encoded in hex."""
    number = f".{generation:09}" if generation else ""
    return f"{FOLDER}/{_stem(owner)}{number}.json"


def _stem(owner: str) -> str:
    return owner.encode().hex()[:160]


def generations(files: ProjectFiles, owner: str) -> tuple[int, ...]:
    """The numbers of the existing generations, ascending.  FilesError."""
    pattern = re.compile(rf"{_stem(owner)}(?:\.([0-9]{{9}}))?\.json")
    names = [stored.name for stored in files.listing(FOLDER) if not stored.is_dir]
    return tuple(sorted(int(m.group(1) or 0) for m in map(pattern.fullmatch, names) if m))


def _next(numbers: tuple[int, ...]) -> int:
    """A free number for the next generation, even beside a file with the highest possible one."""
    latest = max(numbers, default=0)
    return latest + 1 if latest < _LAST else next(n for n in count(1) if n not in numbers)


def read_lease(files: ProjectFiles, owner: str) -> Lease | None:
    """The lease that counts; FilesError where the files cannot be read."""
    return _read(files, owner, generations(files, owner))


def _read(files: ProjectFiles, owner: str, numbers: Iterable[int]) -> Lease | None:
    latest = tuple(numbers)[-_GENERATIONS_READ:]
    leases = (parse_lease(files.read(lease_path(owner, number)), owner) for number in latest)
    return newest(lease for lease in leases if lease is not None)


def parse_lease(data: bytes | None, owner: str) -> Lease | None:
    """The lease of this owner in these bytes; None for anything else.  Raises nothing."""
    lease = parse(Lease, data, SIZE_LIMIT)
    return lease if lease is not None and lease.owner == owner else None


@dataclass(frozen=True, slots=True)
class Claimant:
    """One run of one installation; `holder` is its random id, `who` its name for people."""

    owner: str
    holder: str
    who: str
    place: str = ""


class LeaseFile:
    """The hold of one run on the lease; safe to use from several threads.

    `lives`: True if the holder's process lives, False if it is gone, None if that is unknown.  A
    holder that renews its lease keeps it.  A holder that did not renew it for the whole duration,
    as observed over several calls, has lost it, and so has one whose process is gone.
    """

    def __init__(
        self,
        files: ProjectFiles,
        claimant: Claimant,
        clock: Clock,
        *,
        lives: Callable[[Lease], bool | None] = lambda _: None,
    ) -> None:
        self._files = files
        self._owner = claimant.owner
        since, by = clock.now().isoformat(timespec="seconds"), claimant
        self._mine = Lease(by.owner, by.holder, by.who, 0, 0, DURATION_S, since, place=by.place)
        self._clock = clock
        self._lives = lives
        self._observation: LeaseObservation | None = None
        self._kept: tuple[int, ...] = ()  # generations of this hold, the latest last
        self._held = False
        self._due_at = -math.inf
        self._lock = threading.Lock()

    def read(self) -> Lease | None:
        """The lease as it is; FilesError when the files cannot be read."""
        return read_lease(self._files, self._owner)

    @property
    def epoch(self) -> int:
        """The epoch of the hold; if it changed, another controller may have written."""
        return self._mine.epoch

    @property
    def is_held(self) -> bool:
        """True after this run took the lease, until it lost it."""
        return self._held

    def take(self) -> None:
        """Take the lease, or renew it.

        LeaseHeldError if another run holds it.  FilesError if the lease cannot be read or written;
        it is tried again after RENEW_S, and until then nothing is raised.
        """
        with self._lock:
            if self._clock.monotonic() >= self._due_at:
                self._take()

    def renew(self) -> None:
        """Renew the lease if it is held and that is due; raises nothing.

        Does not wait for another thread that renews it.
        """
        if not self._lock.acquire(blocking=False):
            return
        try:
            if self._held and self._clock.monotonic() >= self._due_at:
                self._take()
        except (LeaseHeldError, FilesError):
            return  # the next `take` raises it
        finally:
            self._lock.release()

    def _take(self) -> None:
        self._due_at = self._clock.monotonic() + RENEW_S
        try:
            numbers = self._look()
        except FilesError:
            self._check()  # the controller that led a moment ago still leads
            raise
        self._check()
        self._write(numbers)

    def _look(self) -> tuple[int, ...]:
        """Observe the lease.  Generations written by this run need no reading."""
        numbers = generations(self._files, self._owner)
        if self._held and numbers and set(numbers) <= set(self._kept):
            self._observation = observe(self._observation, self._mine, self._clock.monotonic())
            return numbers
        lease = _read(self._files, self._owner, numbers)
        now = self._clock.monotonic()
        self._observation = None if lease is None else observe(self._observation, lease, now)
        return numbers

    def _check(self) -> None:
        """LeaseHeldError if another controller holds the lease."""
        now = self._clock.monotonic()
        if (
            self._observation is None
            or claim(self._observation, self._mine.holder, now) is not LeaseClaim.HELD
        ):
            return
        living = self._lives(self._observation.lease)
        if living is False:
            return
        self._held, self._due_at = False, -math.inf
        alive = living is True or self._observation.signs > 0
        expires_in_s = self._observation.silence_left_s(now)
        raise LeaseHeldError(self._observation.lease, alive=alive, expires_in_s=expires_in_s)

    def _write(self, numbers: tuple[int, ...]) -> None:
        before, now = self._observation, self._clock.monotonic()
        if before is not None and claim(before, self._mine.holder, now) is LeaseClaim.OURS:
            renews, mine = True, before.lease.renewed()
        else:
            renews, mine = False, successor(before.lease if before else None, self._mine)
        number = _next((*numbers, *self._kept))
        try:
            self._files.write_new(lease_path(self._owner, number), render(mine))
        except FilesError:
            self._concede()
            raise
        self._mine = mine
        self._kept = (*self._kept[-1:], number) if renews else (number,)
        if not renews:
            self._concede()
        self._held = True
        self._observation = observe(self._observation, mine, now)
        self._sweep({*numbers} - {*self._kept})

    def _concede(self) -> None:
        """LeaseHeldError if another controller was faster; CML cannot refuse a second upload."""
        self._look()
        self._check()

    def _sweep(self, numbers: Iterable[int]) -> None:
        """Remove older generations; one that stays has no effect, and the next sweep removes it."""
        for number in numbers:
            with suppress(FilesError):
                self._files.remove(lease_path(self._owner, number))

    def release(self) -> None:
        """Release the lease if this run holds it.  FilesError."""
        with self._lock:
            if not self._held:
                return
            self._held = False
            numbers = generations(self._files, self._owner)
            lease = _read(self._files, self._owner, numbers)
            if lease is not None and lease.holder == self._mine.holder:
                path = lease_path(self._owner, _next((*numbers, *self._kept)))
                self._files.write_new(path, render(self._mine.given_back()))
                self._sweep(numbers)
