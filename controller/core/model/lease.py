"""The lease: one controller per installation writes at a time, lest two undo each other's work.

A courtesy, not a lock: CML cannot refuse a late writer, so safety never rests on it, and two
controllers at once are merely wasteful.  Expiry is judged by observed change alone: a lease has
expired when another controller has seen it unchanged for its whole duration on its own clock.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Annotated, Literal

from pydantic import BeforeValidator

from controller.core.model.json_object import (
    Flag,
    JsonObject,
    Number,
    Person,
    SomeText,
    Text,
    seconds_or_null,
)

DURATION_S = 60.0
_DURATION_MAX_S = 3600.0


def _duration(value: object) -> float:
    """Bounded, so that a broken file neither frees the lease at once nor holds it for ever."""
    duration_s = seconds_or_null(value)
    return DURATION_S if duration_s is None else min(max(duration_s, 1.0), _DURATION_MAX_S)


@dataclass(frozen=True, slots=True)
class Lease(JsonObject):
    """The lease as its file has it."""

    schema: Literal["raycml.lease/v1"] = field(default="raycml.lease/v1", kw_only=True, repr=False)
    """Name and version of the format."""
    owner: str
    """Installation that the lease is for."""
    holder: SomeText
    """Random id of the run that holds it."""
    who: Person
    """The holder, for people."""
    epoch: Number
    """Number of holders so far; it only grows."""
    renewals: Number
    """Signs of life of this holder; it only grows."""
    duration_s: Annotated[float, BeforeValidator(_duration)]
    """Longest silence of a holder that lives."""
    since: Text = ""
    """Start of the hold, for people."""
    released: Flag = False
    """True once the holder gave it back."""
    place: Text = ""
    """The process that holds it, for others on the same machine that can see it live."""

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
