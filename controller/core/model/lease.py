"""The lease: one controller per installation writes at a time, so that two do not compete.

It is advisory: CML cannot refuse a late writer, so safety never depends on it, and two controllers
at once are only wasteful.  A lease has expired when another controller observed no change of it for
its whole duration, measured by its own clock.
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
    amount_or_null,
)

DURATION_S = 60.0
_DURATION_MAX_S = 3600.0


def _duration(value: object) -> float:
    """Bounded, so that a broken file neither frees the lease at once nor blocks it forever."""
    duration_s = amount_or_null(value)
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
    """The last reading of a lease, and the monotonic time of its last change.

    `signs` counts the observed renewals of the same holder.
    """

    lease: Lease
    unchanged_since: float
    signs: int = 0

    def silence_left_s(self, monotonic: float) -> float:
        """Seconds until it expires, if it is not renewed."""
        return max(self.unchanged_since + self.lease.duration_s - monotonic, 0.0)


class LeaseClaim(Enum):
    """The claim that a controller has on the lease."""

    FREE = "free"
    OURS = "ours"
    HELD = "held"
    EXPIRED = "expired"


def observe(before: LeaseObservation | None, lease: Lease, monotonic: float) -> LeaseObservation:
    """The observation after a reading; a change of epoch, holder or renewals is a renewal."""
    if before is None or before.lease.holder != lease.holder:
        return LeaseObservation(lease, monotonic)
    return before if before.lease == lease else LeaseObservation(lease, monotonic, before.signs + 1)


def newest(leases: Iterable[Lease]) -> Lease | None:
    """The valid one of several generations: the latest renewal of the latest holder."""
    return max(leases, key=lambda lease: (lease.epoch, lease.renewals), default=None)


def claim(observation: LeaseObservation | None, holder: str, monotonic: float) -> LeaseClaim:
    """The claim of `holder`; `observation` is None if there is no lease."""
    if observation is None or observation.lease.released:
        return LeaseClaim.FREE
    if observation.lease.holder == holder:
        return LeaseClaim.OURS
    return LeaseClaim.EXPIRED if observation.silence_left_s(monotonic) <= 0.0 else LeaseClaim.HELD


def successor(current: Lease | None, mine: Lease) -> Lease:
    """The lease to write when it is free or expired; its epoch is above all earlier ones."""
    highest = max(mine.epoch, current.epoch if current else 0)
    return replace(mine, epoch=highest + 1, renewals=0, released=False)
