"""What is in force: follows a source from revision to revision, and lets none in that must wait.

A source is polled apart from the passes, so that a slow one holds up nothing.  Whatever goes wrong
with it, the last good revision stays in force: it is in the record, which outlives the controller.
"""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol

from controller.clock import Clock
from controller.core.board import Held, SourceState
from controller.core.record import (
    Reading,
    Record,
    accept,
    content_id,
    forget,
    in_force,
    is_approved,
    objection,
)
from controller.core.revision import Revision

GRACE_PASSES = 2  # a cluster that left is pruned in the pass after so many have seen it gone


class Source(Protocol):
    """Where specs come from.  Every method raises an exception of the kind `Faults` names."""

    @property
    def origin(self) -> str:
        """For people, without credentials."""

    def tip(self) -> str:
        """Id of what the source holds now; empty where only reading it tells."""

    def read(self, tip: str) -> Revision: ...
    def follows(self, old: str, new: str) -> bool:
        """Whether `new` comes after `old`; False where that cannot be known."""


class RecordStore(Protocol):
    """Where the record is kept."""

    def read(self) -> Record: ...
    def write(self, record: Record) -> None: ...


class NoRevisionError(Exception):
    """The source has never been read and no record says what was in force."""


@dataclass(frozen=True, slots=True)
class Look:
    """What the last polls of the source came to."""

    reading: Reading | None = None
    fetched_at: datetime | None = None
    failure: str = ""


class Poller:
    """Polls a source; `faults` are the exceptions that it may raise.  Safe from threads."""

    def __init__(self, source: Source, faults: type[Exception], clock: Clock) -> None:
        self._source = source
        self._faults = faults
        self._clock = clock
        self._base = ""
        self._look = Look()
        self._lock = threading.Lock()

    @property
    def origin(self) -> str:
        return self._source.origin

    def look(self) -> Look:
        with self._lock:
            return self._look

    def expect(self, base: str) -> None:
        """Have further readings compared with the revision that is in force."""
        with self._lock:
            self._base = base

    def poll(self) -> bool:
        """Look at the source; True when there is a new reading."""
        with self._lock:
            base, before = self._base, self._look
        try:
            reading = self._read(base, before.reading)
        except self._faults as fault:
            self._keep(replace(before, failure=str(fault)))
            return before.failure == ""
        self._keep(Look(reading, self._clock.now()))
        return reading != before.reading or before.failure != ""

    def _keep(self, look: Look) -> None:
        with self._lock:
            self._look = look

    def _read(self, base: str, before: Reading | None) -> Reading:
        tip = self._source.tip()
        if tip and before is not None and (before.id, before.base) == (tip, base):
            return before
        known = before is not None and tip and before.id == tip
        revision = before.revision if before is not None and known else self._source.read(tip)
        found = tip or content_id(revision)
        follows = not base or base == found or self._source.follows(base, found)
        return Reading(found, revision, base, follows)


@dataclass(slots=True)
class Follower:
    """The record, and what may be done by it.  Used by one thread.

    `permission` is asked before the record is written, as before every write.  A fault of the store
    (`faults`) keeps nothing from what is in force: the revision stays, and is written again later.
    """

    poller: Poller
    store: RecordStore
    clock: Clock
    allow_prune: int = 0
    permission: Callable[[], None] = field(default=lambda: None)
    faults: tuple[type[Exception], ...] = ()
    unwritten: str = ""
    record: Record | None = None
    since: datetime | None = None
    held: Held | None = None
    absences: Mapping[str, int] = field(default_factory=dict)

    def advance(self, approvals: Callable[[], frozenset[str]]) -> Revision:
        """The revision to act on in this pass; a newer one comes into force first, if it may.

        `approvals` is asked only where a revision waits for a person.  NoRevisionError where there
        is nothing to act on.
        """
        record = self.recall()
        look = self.poller.look()
        reading = look.reading
        if (
            reading is not None
            and reading.id != record.revision
            and reading.base == record.revision
        ):
            record = self._admit(record, reading, approvals)
        elif reading is not None and reading.id == record.revision:
            self.held = None
            record = self._renewed(record, reading)
        if not record.revision:
            why = look.failure or self._waiting() or self.unwritten
            raise NoRevisionError(why or "the source was not read yet")
        newest = reading if reading is not None and self.held is None else None
        return in_force(record, None if newest is None else newest.revision)

    def recall(self) -> Record:
        """The record, read where it is not known; what the store raises where it cannot be."""
        if self.record is None:
            self._hold(self.store.read())
        if self.record is None:
            raise AssertionError("a record was just read")
        return self.record

    def _hold(self, record: Record) -> None:
        self.record = record
        self.since = self.clock.now()
        self.poller.expect(record.revision)

    def _admit(
        self, record: Record, reading: Reading, approvals: Callable[[], frozenset[str]]
    ) -> Record:
        objected = objection(record, reading, (), self.allow_prune)
        if objected is not None and not is_approved(reading.id, approvals()):
            self._wait(reading.id, objected.reason, objected.message)
            return record
        self.held = None
        return self._put(accept(record, reading))

    def _wait(self, revision: str, reason: str, message: str) -> None:
        same = self.held is not None and self.held.revision == revision
        since = self.held.since if same and self.held is not None else self.clock.now()
        self.held = Held(revision, reason, message, since)

    def _waiting(self) -> str:
        return "" if self.held is None else self.held.message

    def _renewed(self, record: Record, reading: Reading) -> Record:
        """The same revision read again may say more: what was half written is whole now."""
        accepted = accept(record, reading)
        return record if accepted == record else self._put(accepted)

    def _put(self, record: Record) -> Record:
        """The record that holds afterwards: the one before, where this one cannot be written."""
        before = self.recall()
        self.permission()
        try:
            self.store.write(record)
        except self.faults as fault:
            self.unwritten = f"the record cannot be written: {fault}"
            return before
        self.unwritten = ""
        self._hold(record)
        return record

    def note(self, present: frozenset[str], *, complete: bool) -> None:
        """Take note of a pass: which clusters have applications, as far as lists were `complete`.

        Grace is for people: it counts passes that saw the spec gone, whatever CML told in them.
        """
        if self.record is None:
            return
        kept = forget(self.record, present) if complete else self.record
        if kept is not self.record:
            self._put(kept)
        gone = (departed.holder.cluster.name for departed in kept.departed)
        self.absences = {name: self.absences.get(name, 0) + 1 for name in gone}

    def gone(self) -> frozenset[str]:
        """Departed clusters that enough passes have seen gone."""
        return frozenset(name for name, n in self.absences.items() if n >= GRACE_PASSES)

    def state(self) -> SourceState:
        """How it stands with the source, for people."""
        look = self.poller.look()
        problems = () if look.reading is None else look.reading.revision.problems
        return SourceState(
            origin=self.poller.origin,
            revision="" if self.record is None else self.record.revision,
            since=self.since,
            fetched_at=look.fetched_at,
            failure=look.failure or self.unwritten,
            problems=tuple(map(str, problems)),
            held=self.held,
        )
