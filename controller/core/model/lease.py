"""The lease: one controller per installation writes at a time, lest two undo each other's work.

A courtesy, not a lock: CML cannot refuse a late writer, so safety never rests on it, and two
controllers at once are merely wasteful.  Expiry is judged by observed change alone: a lease has
expired when another controller has seen it unchanged for its whole duration on its own clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum


@dataclass(frozen=True, slots=True)
class Lease:
    """What the lease file says.

    `epoch` counts holders and `renewals` the signs of life of this one; both only grow.  `holder`
    is a random id of one run, `who` says it for people.  `duration_s` bounds a silence.  `place` is
    the process that holds it, for others on the same machine who can see whether it lives.
    """

    owner: str
    holder: str
    who: str
    epoch: int
    renewals: int
    duration_s: float
    since: str = ""
    released: bool = False
    place: str = ""

    def renewed(self) -> "Lease":
        return replace(self, renewals=self.renewals + 1)

    def given_back(self) -> "Lease":
        return replace(self, renewals=self.renewals + 1, released=True)


@dataclass(frozen=True, slots=True)
class LeaseObservation:
    """The lease as last seen, and since when on our own clock (seconds) it has not changed.

    `signs` counts the changes by the same holder since it was first seen: its signs of life.
    """

    lease: Lease
    unchanged_since: float
    signs: int = 0

    def silence_left_s(self, monotonic: float) -> float:
        """Seconds until it has expired, if its holder stays silent."""
        return max(self.unchanged_since + self.lease.duration_s - monotonic, 0.0)


class LeaseClaim(Enum):
    """What may be done about the lease."""

    FREE = "free"
    OURS = "ours"
    HELD = "held"
    EXPIRED = "expired"


def observe(before: LeaseObservation | None, seen: Lease, monotonic: float) -> LeaseObservation:
    """Take note of a reading; any change of epoch, holder or renewals is a sign of life."""
    if before is None or before.lease.holder != seen.holder:
        return LeaseObservation(seen, monotonic)
    return before if before.lease == seen else LeaseObservation(seen, monotonic, before.signs + 1)


def newest(found: Iterable[Lease]) -> Lease | None:
    """The one that counts of several generations: the latest holder's latest sign of life."""
    return max(found, key=lambda lease: (lease.epoch, lease.renewals), default=None)


def claim(sighting: LeaseObservation | None, holder: str, monotonic: float) -> LeaseClaim:
    """Judge a reading.  None is a lease that is not there."""
    if sighting is None or sighting.lease.released:
        return LeaseClaim.FREE
    if sighting.lease.holder == holder:
        return LeaseClaim.OURS
    return LeaseClaim.EXPIRED if sighting.silence_left_s(monotonic) <= 0.0 else LeaseClaim.HELD


def successor(seen: Lease | None, mine: Lease) -> Lease:
    """The lease to write when it is free or has expired; its epoch is above every one seen."""
    highest = max(mine.epoch, seen.epoch if seen else 0)
    return replace(mine, epoch=highest + 1, renewals=0, released=False)
