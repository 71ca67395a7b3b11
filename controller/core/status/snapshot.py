"""The data of the page, the JSON API and the metrics, as one value.

A new snapshot is published after each pass and never changes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.core.model.approval import Held
from controller.core.model.json_object import Count, JsonObject, MomentOrNull, Seconds
from controller.core.model.observed import Pause
from controller.core.model.plan import Plan
from controller.core.status.events import Event
from controller.core.status.status import Status


@dataclass(frozen=True, slots=True)
class SourceState(JsonObject):
    """The source of the specs, and the result of reading it."""

    origin: str
    """Place of the specs: a folder, or a repository with ref and path."""
    revision: str = ""
    """Revision in force; empty before the first."""
    since: MomentOrNull = None
    """Time at which the revision came into force."""
    fetched_at: MomentOrNull = None
    """Last time that the source could be read."""
    failure: str = ""
    """Error of the last reading; empty if it succeeded."""
    problems: tuple[str, ...] = ()
    """Problems of the newest revision, each `file:line:column: message`."""
    held: Held | None = None
    """Newer revision that waits for approval; null if there is none."""
    approved_by: str = ""
    """Person who approved the revision in force; empty if it needed no approval."""


@dataclass(frozen=True, slots=True)
class LoopState(JsonObject):
    """The passes of a running controller."""

    passes: Count = 0
    """Number of passes since the start."""
    failures: Count = 0
    """Number of failed passes in a row."""
    started_at: MomentOrNull = None
    """Start of the last pass."""
    ended_at: MomentOrNull = None
    """End of the last pass that succeeded."""
    took_s: Seconds = 0.0
    """Duration of that pass."""
    error: str = ""
    """Error of the last pass; empty if it succeeded."""
    cause: str = ""
    """Kind of that error."""
    pause_s: Seconds = 0.0
    """Time until the next pass."""
    holder: str = ""
    """Controller that holds the lease, if it is another one."""
    leads: bool = False
    """True if this controller holds the lease."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Member counts of one cluster at one moment, for the plot."""

    at: datetime
    desired: int
    ready: int


@dataclass(frozen=True, slots=True)
class ControllerSnapshot:
    """The state of a running controller at one moment.

    `events` start with the latest, `timelines` (by cluster) with the oldest sample.  `urls` maps
    names of applications to their addresses in the browser.
    """

    as_of: datetime
    source: SourceState
    loop: LoopState
    status: Status | None = None
    plan: Plan = field(default_factory=Plan)
    events: tuple[Event, ...] = ()
    timelines: Mapping[str, tuple[Sample, ...]] = field(default_factory=dict)
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    urls: Mapping[str, str] = field(default_factory=dict)
