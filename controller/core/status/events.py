"""Events: one entry for each occurrence in words, counted when it repeats."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, WithJsonSchema

from controller.core.model.json_object import (
    JsonObject,
    MomentOrNull,
    SomeText,
    Text,
    count_or_zero,
    text,
)
from controller.core.model.other_clocks import credible

KEPT = 500  # events of a log
_TIMES_MAX = 2**31
_MINIMUM = {"type": "integer", "minimum": 1}
_REPEAT_WINDOW = timedelta(hours=1)  # an event that repeats later than that is a new one


class Kind(StrEnum):
    """Kinds of events: normal ones, and those that need attention."""

    NORMAL = "Normal"
    WARNING = "Warning"


def _times(value: object) -> int:
    """At least 1: an event in a file has happened."""
    return min(max(count_or_zero(value), 1), _TIMES_MAX)


@dataclass(frozen=True, slots=True)
class Event(JsonObject):
    """One event; repeated events are counted."""

    schema: Literal["raycml.event/v1"] = field(default="raycml.event/v1", kw_only=True, repr=False)
    """Name and version of the format."""
    kind: Kind
    """`Warning` if it needs attention, otherwise `Normal`."""
    reason: SomeText
    """Kind of event, in CamelCase."""
    message: Text
    """Explanation for people."""
    cluster: Text = ""
    """Name of the cluster; empty for the controller and its source."""
    member: Text = ""
    """Member that the event is about; empty for a whole cluster."""
    count: Annotated[int, BeforeValidator(_times), WithJsonSchema(_MINIMUM)] = 1
    """Number of occurrences."""
    first_at: MomentOrNull = None
    """Time of the first occurrence."""
    last_at: MomentOrNull = None
    """Time of the last occurrence."""
    pass_id: Annotated[Text, Field(alias="pass")] = ""
    """Pass of the last occurrence."""
    revision: Text = ""
    """Revision at the last occurrence."""

    @property
    def object(self) -> str:
        return f"{self.cluster} {self.member}".strip() or "controller"

    @property
    def identity(self) -> tuple[str, ...]:
        """The identity of an event: two with the same one are one event that repeated."""
        return self.kind, self.reason, self.cluster, self.member, self.message


@dataclass(frozen=True, slots=True)
class EventLog:
    """The latest events, latest first, at most KEPT."""

    events: tuple[Event, ...] = ()


def latest_first(events: Iterable[Event]) -> tuple[Event, ...]:
    """By their last time; events of the same time keep their order."""
    return tuple(sorted(events, key=_last_at, reverse=True))


def _last_at(event: Event) -> float:
    return float("-inf") if event.last_at is None else event.last_at.timestamp()


def restored(events: Iterable[Event]) -> EventLog:
    """The log that continues events read from files."""
    return EventLog(latest_first(events)[:KEPT])


def note(
    journal: EventLog, events: Iterable[Event], at: datetime, pass_id: str, revision: str
) -> tuple[EventLog, tuple[Event, ...]]:
    """The log after a pass, and the events to be written, in their order.

    An event that repeats within an hour is counted.  Every new event is written, and a repeated one
    whenever its count has doubled, so that files stay small.
    """
    written = []
    for event in events:
        journal, noted, news = _note(journal, event, at)
        noted = replace(noted, pass_id=pass_id, revision=revision)
        journal = EventLog((noted, *journal.events)[:KEPT])
        written += [noted] if news else []
    return journal, tuple(written)


def _note(journal: EventLog, event: Event, at: datetime) -> tuple[EventLog, Event, bool]:
    """The log without the event, the updated event, and True if it is to be written."""
    event = replace(event, message=text(event.message))
    previous = next((e for e in journal.events if _is_repeat(e, event, at)), None)
    if previous is None:
        return journal, replace(event, first_at=at, last_at=at), True
    count = previous.count + event.count
    last_at = max(at, previous.last_at or at)  # keeps the order when the clock was set back
    rest = tuple(e for e in journal.events if e is not previous)
    doubled = count.bit_length() > previous.count.bit_length()
    return EventLog(rest), replace(previous, count=count, last_at=last_at), doubled


def _is_repeat(previous: Event, event: Event, at: datetime) -> bool:
    same = previous.identity == event.identity
    last_at = credible(previous.last_at, at, ahead_s=_REPEAT_WINDOW.total_seconds())
    return same and last_at is not None and at - last_at <= _REPEAT_WINDOW
