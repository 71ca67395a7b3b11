"""The revision in force: follows a source, and holds revisions that need approval.

A source is polled outside the passes, so that a slow one delays nothing.  If it fails, the last
valid revision stays in force: it is in the record, which outlives the controller.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from controller.clock import Clock
from controller.core.model.approval import Approval, Held, HoldStore
from controller.core.model.grace import PRUNE_GRACE_S, Countdown, countdowns
from controller.core.model.record import (
    Objection,
    Record,
    SourceReading,
    accept,
    in_force,
    objection,
    removed_by,
)
from controller.core.spec.revision import Revision, content_id
from controller.core.status.snapshot import SourceState
from controller.run.places import Lasting, Sightings, absent_places, empty_places, with_places

REMOVES_SHOWN = 100  # names of clusters in the message of a held revision
EMPTY_S = 60.0  # a list may lag, so a place is forgotten only after being empty for this time
ABSENT_S = 7 * 86400.0  # a project that is missing for this time has no application any more


class Source(Protocol):
    """A source of specs.  Every method raises only the exceptions in `Faults`."""

    @property
    def origin(self) -> str:
        """Name of the source, without credentials."""

    def tip(self) -> str:
        """ID of the source's current revision; empty if only reading shows it."""

    def read(self, tip: str) -> Revision: ...
    def follows(self, old: str, new: str) -> bool:
        """True if `new` is a successor of `old`; False if unknown."""


class RecordStore(Protocol):
    """Storage of the record."""

    def read(self) -> Record: ...
    def write(self, record: Record) -> None: ...


class NoRevisionError(Exception):
    """The source was never read, and there is no record of a revision in force."""


@dataclass(frozen=True, slots=True)
class SourceLook:
    """Result of the latest polls of the source."""

    reading: SourceReading | None = None
    fetched_at: datetime | None = None
    failure: str = ""
    fault: Exception | None = None
    fetched_s: float = 0.0  # monotonic


class Poller:
    """Polls a source; `faults` are the exceptions it may raise.  Thread-safe."""

    def __init__(self, source: Source, faults: type[Exception], clock: Clock) -> None:
        self._source = source
        self._faults = faults
        self._clock = clock
        self._base = ""
        self._look = SourceLook()
        self._lock = threading.Lock()

    @property
    def origin(self) -> str:
        return self._source.origin

    def look(self) -> SourceLook:
        with self._lock:
            return self._look

    def expect(self, base: str) -> None:
        """Compare further readings with this revision, which is in force."""
        with self._lock:
            self._base = base

    def poll(self) -> bool:
        """Poll the source; True for a new reading."""
        with self._lock:
            base, before = self._base, self._look
        try:
            reading = self._read(base, before.reading)
        except self._faults as fault:
            self._keep(replace(before, failure=str(fault), fault=fault))
            return before.failure == ""
        self._keep(SourceLook(reading, self._clock.now(), fetched_s=self._clock.monotonic()))
        return reading != before.reading or before.failure != ""

    def failed(self, why: str) -> None:
        """Record an internal error of a poll."""
        self._keep(replace(self.look(), failure=why, fault=None))

    def _keep(self, look: SourceLook) -> None:
        with self._lock:
            self._look = look

    def _read(self, base: str, before: SourceReading | None) -> SourceReading:
        tip = self._source.tip()
        if tip and before is not None and (before.id, before.base) == (tip, base):
            return before
        is_same = before is not None and tip and before.id == tip
        revision = before.revision if before is not None and is_same else self._source.read(tip)
        id_ = tip or content_id(revision)
        follows = not base or base == id_ or self._source.follows(base, id_)
        return SourceReading(id_, revision, base, follows)


@dataclass(slots=True)
class Follower:
    """The record and its updates.  Used by one thread.

    `permission` is checked before every write.  `faults` are the exceptions of the stores.  While
    the record cannot be written, the revision in force is kept in memory and `trouble` says so:
    repairs need no file.
    """

    poller: Poller
    store: RecordStore
    holds: HoldStore
    faults: type[Exception]
    clock: Clock
    allow_prune: int = 0
    grace_s: float | None = PRUNE_GRACE_S
    permission: Callable[[], None] = field(default=lambda: None)
    record: Record | None = None
    shown: str = ""
    since: datetime | None = None
    held: Held | None = None
    approved_by: str = ""
    trouble: str = ""
    countdowns: Mapping[str, Countdown] = field(default_factory=dict)
    _unsaved: bool = False
    _published: Held | None = None
    _looked_for_holds: bool = False
    _empty: Lasting = field(default_factory=lambda: Lasting(EMPTY_S))
    _absent: Lasting = field(default_factory=lambda: Lasting(ABSENT_S))

    def advance(self) -> Revision:
        """The revision for this pass, after a newer one has taken effect, unless it is held.

        NoRevisionError without any revision.
        """
        record = self.recall()
        if not self._unsaved:
            self.trouble = ""
        self._find_published()
        look = self.poller.look()
        reading = look.reading
        if reading is not None and reading.id == record.revision:
            # A revision that is read again may be more complete, after a file was half written.
            self.held = None
            accepted = accept(record, reading, self._now())
            record = record if accepted == record else self._put(accepted)
        elif reading is not None and reading.base == record.revision:
            record = self._admit(record, reading)
        record = self._dated(record)
        if self._unsaved:
            self.permission()
            self._write(record)
        self._publish()
        if not record.revision:
            why = look.failure or (self.held.message if self.held else "") or self.trouble
            raise NoRevisionError(why or "the source has not been read yet")
        newest = reading.revision if reading is not None and self.held is None else None
        return in_force(record, newest)

    def recall(self) -> Record:
        """The record, read if needed; raises the store's exceptions."""
        record = self.record
        if record is None:
            record = self.store.read()
            self._hold(record)
            self._unsaved = self._looked_for_holds = False
        return record

    def _hold(self, record: Record) -> None:
        self.record, self.shown = record, record.revision
        self.since = self.clock.now()
        self.poller.expect(record.revision)
        if self.grace_s is not None:
            now, monotonic = self.clock.now(), self.clock.monotonic()
            departed, before = record.departed, self.countdowns
            self.countdowns = countdowns(departed, before, now, monotonic, self.grace_s)

    def _admit(self, record: Record, reading: SourceReading) -> Record:
        objected = objection(record, reading, self.allow_prune)
        approval = None
        if objected is not None:
            self._wait(record, reading, objected)
            self._publish()
            approval = self._approval()
            if approval is None:
                return record
        self.held = None
        self.approved_by = "" if approval is None else approval.by
        record = self._put(accept(record, reading, self._now(), agreed=approval is not None))
        self._use_up()
        return record

    def _wait(self, record: Record, reading: SourceReading, why: Objection) -> None:
        before, since = self.held or self._published, self.clock.now()
        if before is not None and (before.revision, before.number) == (reading.id, record.number):
            since = before.since
        self.held = Held(
            reading.id,
            why.reason,
            why.message,
            since,
            base=record.revision,
            number=record.number,
            removes=tuple(sorted(removed_by(record, reading.revision))[:REMOVES_SHOWN]),
            origin=record.origin,
        )

    def _approval(self) -> Approval | None:
        if self.held is None:
            return None
        try:
            approval = self.holds.approval(self.held)
        except self.faults as fault:
            self.trouble = f"approvals cannot be read: {fault}"
            return None
        return approval if approval is not None and approval.fits(self.held) else None

    def _now(self) -> datetime | None:
        """The start of the grace period of a removed cluster."""
        return None if self.grace_s is None else self.clock.now()

    def _dated(self, record: Record) -> Record:
        """The record, with a start of grace for clusters removed while pruning was off."""
        dated = tuple(replace(d, since=d.since or self._now()) for d in record.departed)
        timed = replace(record, departed=dated, grace_s=self.grace_s if dated else None)
        return record if timed == record else self._put(timed)

    def _put(self, record: Record) -> Record:
        """Put a record in force, even if it cannot be written now."""
        record = replace(record, grace_s=self.grace_s if record.departed else None)
        self.permission()
        self._unsaved = True
        self._hold(record)
        self._write(record)
        return record

    def _write(self, record: Record) -> None:
        try:
            self.store.write(record)
        except self.faults as fault:
            self.trouble = f"the record of the source cannot be written: {fault}"
        else:
            self._unsaved, self.trouble = False, ""

    def _find_published(self) -> None:
        """Find a revision that was held when the controller stopped, and may be held no more."""
        if not self._looked_for_holds:
            with suppress(self.faults):
                self._published = self.holds.published()
                self._looked_for_holds = True

    def _use_up(self) -> None:
        """Remove the used approval; a leftover fits no later step, and is removed with the next."""
        if not self._unsaved:
            with suppress(self.faults):
                self.holds.use_up()

    def _publish(self) -> None:
        """Write the held revision to the project's files, for `raycml approve`."""
        if self.held == self._published:
            return
        try:
            self.permission()
            self.holds.publish(self.held)
        except self.faults as fault:
            self.trouble = f"the held revision cannot be published: {fault}"
        else:
            self._published = self.held

    def note(self, sightings: Sightings) -> None:
        """Record the places of clusters that a pass showed, and remove empty ones."""
        if self.record is None:
            return
        now = self.clock.monotonic()
        over = self._empty.of(empty_places(self.record, sightings), now)
        over |= self._absent.of(absent_places(self.record, sightings), now)
        noted = with_places(self.record, sightings, over)
        if noted is not self.record:
            self._put(noted)

    def gone(self) -> frozenset[str]:
        """Removed clusters whose grace period is over, and whose spec was not restored.

        The source must have been read after the grace period, since a spec may have been restored
        in time; while it cannot be read, no cluster is deleted.
        """
        look = self.poller.look()
        if look.failure or look.reading is None or look.reading.revision.problems:
            return frozenset()
        declared = {h.cluster.name for h in look.reading.revision.clusters}
        return frozenset(
            name
            for name, count in self.countdowns.items()
            if name not in declared and (count.left_s <= 0 or look.fetched_s >= count.ends_s)
        )

    def leaving(self) -> Mapping[str, datetime]:
        """The end of the grace period of each removed cluster."""
        now, passed = self.clock.now(), self.clock.monotonic()
        return {n: now + timedelta(seconds=c.ends_s - passed) for n, c in self.countdowns.items()}

    def state(self) -> SourceState:
        """The state of the source."""
        look = self.poller.look()
        problems = () if look.reading is None else look.reading.revision.problems
        return SourceState(
            origin=self.poller.origin,
            revision=self.shown,
            since=self.since,
            fetched_at=look.fetched_at,
            failure=look.failure or self.trouble,
            problems=tuple(map(str, problems)),
            held=self.held,
            approved_by=self.approved_by,
        )
