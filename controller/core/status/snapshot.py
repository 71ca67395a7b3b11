"""Everything that the page, the JSON API and the metrics show, as one value.

A board is published whole after each pass and never changes; whoever shows it acts on nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.core.model.approval import Held
from controller.core.model.observed import Pause
from controller.core.model.plan import Plan
from controller.core.status.events import Event
from controller.core.status.status import Status


@dataclass(frozen=True, slots=True)
class SourceState:
    """Where specs come from, and how it stands with that.

    `revision` is the one in force (empty before the first), `fetched_at` the last time that the
    source could be read, `failure` why it cannot be read now, and `problems` what is wrong in its
    newest reading, `file:line:column: message` each.  `approved_by` names the person who let the
    revision in force in, where it took one.
    """

    origin: str
    revision: str = ""
    since: datetime | None = None
    fetched_at: datetime | None = None
    failure: str = ""
    problems: tuple[str, ...] = ()
    held: Held | None = None
    approved_by: str = ""


@dataclass(frozen=True, slots=True)
class LoopState:
    """How the loop goes.  `holder` says who has the lease when it is not this controller.

    `ended_at` and `took_s` are of the last pass that ended well; `failures` counts passes in a row
    that did not, `error` says why and `cause` is the kind of fault.
    """

    passes: int = 0
    failures: int = 0
    started_at: datetime | None = None
    ended_at: datetime | None = None
    took_s: float = 0.0
    error: str = ""
    cause: str = ""
    pause_s: float = 0.0
    holder: str = ""
    leads: bool = False


@dataclass(frozen=True, slots=True)
class Sample:
    """Counts of members of one cluster at one moment, for the plot."""

    at: datetime
    desired: int
    ready: int


@dataclass(frozen=True, slots=True)
class ControllerSnapshot:
    """One moment of a running controller.

    `events` begin with the latest, `timelines` (by cluster) with the oldest sample.  `urls` maps
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
