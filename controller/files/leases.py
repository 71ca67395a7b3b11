"""The lease as a file of the project: taken before the first write of a run, never by a read.

What cannot be read as a lease counts as none: a lease protects nobody's data, and a broken file
must not keep a team from its clusters.
"""

import json
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass

from controller.clock import Clock
from controller.core.lease import Claim, Lease, Sighting, claim, sight, successor
from controller.files import decode
from controller.files.port import ProjectFiles

SCHEMA = "raycml.lease/v1"
SIZE_LIMIT = 16 * 1024  # bytes
DURATION_S = 60.0
_RENEW_S = 20.0  # a third of the duration, so that two signs of life may be lost
_DURATION_MAX_S = 3600.0


class LeaseHeldError(Exception):
    """Another controller holds the lease; `lease` is what it says of itself."""

    def __init__(self, lease: Lease) -> None:
        super().__init__(f"{lease.who} holds the lease since {lease.since}")
        self.lease = lease


def lease_path(owner: str) -> str:
    """One file for each installation; an owner is text of any kind, so it is spelt in hex."""
    return f".raycml/leases/{owner.encode().hex()[:160]}.json"


def render_lease(lease: Lease) -> bytes:
    body = {
        "schema": SCHEMA,
        "owner": lease.owner,
        "holder": lease.holder,
        "who": lease.who,
        "epoch": lease.epoch,
        "renewals": lease.renewals,
        "duration_s": lease.duration_s,
        "since": lease.since,
        "released": lease.released,
        "place": lease.place,
    }
    return (json.dumps(body, indent=2) + "\n").encode()


def parse_lease(data: bytes, owner: str) -> Lease | None:
    """The lease of this owner in these bytes; None for anything else.  Raises nothing."""
    body = decode.json_object(data, SIZE_LIMIT)
    if isinstance(body, str) or body.get("schema") != SCHEMA or body.get("owner") != owner:
        return None
    epoch, renewals = _count(body.get("epoch")), _count(body.get("renewals"))
    holder = decode.text(body.get("holder"))
    if epoch is None or renewals is None or not holder:
        return None
    return Lease(
        owner=owner,
        holder=holder,
        who=decode.text(body.get("who")) or "somebody",
        epoch=epoch,
        renewals=renewals,
        duration_s=_duration(body.get("duration_s")),
        since=decode.text(body.get("since")),
        released=body.get("released") is True,
        place=decode.text(body.get("place")),
    )


def _count(value: object) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool)
    return value if whole and isinstance(value, int) and 0 <= value < 2**62 else None


def _duration(value: object) -> float:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not isinstance(value, int | float) or not math.isfinite(value):
        return DURATION_S
    return min(max(float(value), 1.0), _DURATION_MAX_S)


@dataclass(frozen=True, slots=True)
class Claimant:
    """One run of one installation; `holder` is its random id, `who` says it for people."""

    owner: str
    holder: str
    who: str
    place: str = ""


def _unheld(by: Claimant, since: str) -> Lease:
    return Lease(by.owner, by.holder, by.who, 0, 0, DURATION_S, since, place=by.place)


class LeaseFile:
    """One run's hold on the lease.

    `take_over` waits out a silent holder instead of giving up at once; a holder that shows signs
    of life is never pushed aside.  One that was seen silent for its whole duration, over several
    calls, has lost it, and so has one of which `dead` says that its process is gone.
    """

    def __init__(
        self,
        files: ProjectFiles,
        claimant: Claimant,
        clock: Clock,
        *,
        take_over: bool = False,
        waiting: Callable[[Lease], None] = lambda _: None,
        dead: Callable[[Lease], bool] = lambda _: False,
    ) -> None:
        self._files = files
        self._path = lease_path(claimant.owner)
        self._mine = _unheld(claimant, clock.now().isoformat(timespec="seconds"))
        self._clock = clock
        self._take_over = take_over
        self._waiting = waiting
        self._dead = dead
        self._seen: Sighting | None = None
        self._renewed_at: float | None = None
        self._never = threading.Event()

    def read(self) -> Lease | None:
        """The lease as it is; FilesError when the files cannot be read."""
        data = self._files.read(self._path)
        return None if data is None else parse_lease(data, self._mine.owner)

    def take(self) -> None:
        """Hold the lease, or hold it on.  LeaseHeldError when another run does; FilesError."""
        now = self._clock.monotonic()
        if self._renewed_at is not None and now - self._renewed_at < _RENEW_S:
            return
        self._seen = self._look(self._seen)
        while (found := self._claim(self._seen)) is Claim.HELD:
            self._seen = self._wait(self._seen)
        self._write(found, self._seen)

    @property
    def epoch(self) -> int:
        """Of the hold: another one means that somebody else may have written meanwhile; 0: none."""
        return self._mine.epoch

    def _claim(self, sighting: Sighting | None) -> Claim:
        found = claim(sighting, self._mine.holder, self._clock.monotonic())
        dead = found is Claim.HELD and sighting is not None and self._dead(sighting.lease)
        return Claim.EXPIRED if dead else found

    def _look(self, before: Sighting | None) -> Sighting | None:
        seen = self.read()
        return None if seen is None else sight(before, seen, self._clock.monotonic())

    def _wait(self, sighting: Sighting | None) -> Sighting | None:
        """Watch a holder a while longer; LeaseHeldError when he lives or nobody asked to wait."""
        if sighting is None:
            return None
        if not self._take_over:
            raise LeaseHeldError(sighting.lease)
        self._waiting(sighting.lease)
        self._clock.wait(sighting.lease.duration_s / 10, self._never)
        later = self._look(sighting)
        if later is not None and later.lease != sighting.lease and not later.lease.released:
            raise LeaseHeldError(later.lease)
        return later

    def _write(self, found: Claim, sighting: Sighting | None) -> None:
        if found is Claim.OURS:
            self._mine = self._mine.renewed()
        else:
            self._mine = successor(sighting.lease if sighting else None, self._mine)
        self._files.replace(self._path, render_lease(self._mine))
        self._renewed_at = self._clock.monotonic()

    def release(self) -> None:
        """Give the lease back, if it is held; another's is left alone."""
        if self._renewed_at is None:
            return
        self._renewed_at = None
        seen = self.read()
        if seen is not None and seen.holder == self._mine.holder:
            self._files.replace(self._path, render_lease(self._mine.given_back()))
