"""A person's agreement to one step of a source, from the revision in force to another.  Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

PREFIX_MIN = 7  # characters of a revision's id that a person may give for the whole


@dataclass(frozen=True, slots=True)
class Held:
    """A newer revision that waits for a person: `raycml approve REVISION`.

    `base` is the revision in force and `number` its number; `removes` are the clusters that would
    leave.
    """

    revision: str
    reason: str
    message: str
    since: datetime
    base: str = ""
    number: int = 0
    removes: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Approval:
    """One step, and who agreed to it when.  All ids are whole.

    `number` is that of the revision in force, of those that ever were: an approval that was left
    behind fits no later step, even from and to the same revisions.
    """

    base: str
    revision: str
    number: int
    by: str
    at: datetime

    def fits(self, held: Held) -> bool:
        """Whether this is the agreement that the held revision waits for."""
        step = (held.base, held.revision, held.number)
        return (self.base, self.revision, self.number) == step


class HoldStore(Protocol):
    """Where a revision that waits is published for `raycml approve`, and approvals are found."""

    def published(self) -> Held | None: ...
    def publish(self, held: Held | None) -> None: ...
    def approval(self, held: Held) -> Approval | None: ...
    def use_up(self) -> None:
        """Remove all approvals of this source."""


def matching(named: str, held: Iterable[Held]) -> tuple[Held, ...]:
    """The held revisions that a person may mean by an id or its first characters."""
    if len(named) < PREFIX_MIN:
        return ()
    return tuple(each for each in held if each.revision.startswith(named))
