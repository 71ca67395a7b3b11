"""Which revision is in force, whatever happens to the source and to the controller.

The source is scripted, at the outer edge; folders and git have tests of their own.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from controller.core.record import Record
from controller.core.revision import Holder, Problem, Revision
from controller.files.port import FilesError
from controller.files.records import RecordFile
from controller.files.shared import SharedFiles
from controller.follow import GRACE_PASSES, Follower, NoRevisionError, Poller
from tests.worlds import NOW, named

A, B, C = "a" * 40, "b" * 40, "c" * 40


class SourceError(Exception):
    """The source cannot be read."""


class HandClock:
    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        self.elapsed += seconds
        return wake is not None and wake.is_set()


@dataclass
class Script:
    """A source that says what a test has it say."""

    commits: dict[str, Revision] = field(default_factory=dict)
    history: list[str] = field(default_factory=list)
    broken: str = ""
    reads: int = 0
    origin: str = "https://git.example.com/specs.git"

    def push(self, commit: str, *names: str, problems: tuple[Problem, ...] = ()) -> None:
        holders = tuple(Holder(named(n), f"{n}.yaml", 1) for n in sorted(names))
        self.commits[commit] = Revision(holders, problems, commit, self.origin)
        self.history.append(commit)

    def tip(self) -> str:
        if self.broken:
            raise SourceError(self.broken)
        return self.history[-1]

    def read(self, tip: str) -> Revision:
        self.reads += 1
        return self.commits[tip]

    def follows(self, old: str, new: str) -> bool:
        return old in self.history[: self.history.index(new)]


@dataclass
class Site:
    """A source and a controller that can be killed and started anew."""

    folder: Path
    script: Script = field(default_factory=Script)
    clock: HandClock = field(default_factory=HandClock)
    approved: frozenset[str] = frozenset()
    allow_prune: int = 0
    permission: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A controller without any memory but the files."""
        store = RecordFile(SharedFiles(self.folder), "record", self.script.origin)
        poller = Poller(self.script, SourceError, self.clock)
        self.follower = Follower(poller, store, self.clock, self.allow_prune)
        self.follower.permission = self._ask

    def _ask(self) -> None:
        self.permission()

    def turn(self, *present: str) -> list[str]:
        """A look at the source and a pass; the clusters in force.  `present` have applications."""
        self.follower.poller.poll()
        self.last = self.follower.advance(lambda: self.approved)
        self.follower.poller.poll()
        self.last = self.follower.advance(lambda: self.approved)
        self.follower.note(frozenset(present), complete=True)
        return [holder.cluster.name for holder in self.last.clusters]


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_before_the_first_reading_there_is_nothing_to_act_on(site: Site) -> None:
    site.script.broken = "no such host"
    with pytest.raises(NoRevisionError, match="no such host"):
        site.turn()


def test_a_new_commit_is_in_force_with_the_next_pass(site: Site) -> None:
    site.script.push(A, "one")
    assert site.turn() == ["one"]
    site.script.push(B, "one", "two")
    assert site.turn() == ["one", "two"]
    assert site.follower.state().revision == B


def test_a_commit_is_read_once(site: Site) -> None:
    site.script.push(A, "one")
    site.turn()
    before = site.script.reads
    site.turn()
    assert site.script.reads == before


def test_a_source_that_fails_changes_nothing_and_says_why(site: Site) -> None:
    site.script.push(A, "one")
    site.turn()
    site.script.broken = "no such host"
    assert site.turn() == ["one"]
    assert site.follower.state().failure == "no such host"


def test_a_controller_that_starts_while_the_source_is_away_knows_the_last_revision(
    site: Site,
) -> None:
    site.script.push(A, "one")
    site.turn()
    site.script.broken = "no such host"
    site.start()
    assert site.turn() == ["one"]


def test_a_deletion_made_while_the_controller_was_down_is_seen(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn("one", "two", "three")
    site.start()
    site.script.push(B, "one", "two")
    site.turn("one", "two", "three")
    assert [h.cluster.name for h in site.last.departed] == ["three"]


def test_a_departed_cluster_goes_only_after_its_grace(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn("one", "two", "three")
    site.script.push(B, "one", "two")
    for _ in range(GRACE_PASSES):
        assert site.follower.gone() == frozenset()
        site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}


def test_a_failed_prune_is_not_forgotten_when_the_controller_dies(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn("one", "two", "three")
    site.script.push(B, "one", "two")
    site.turn("one", "two", "three")
    site.start()
    for _ in range(GRACE_PASSES):
        site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}
    for _ in range(2):
        site.turn("one", "two")
    assert site.last.departed == ()
    assert site.follower.gone() == frozenset()


def test_a_torn_list_makes_nobody_forget(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn("three")
    site.script.push(B, "one", "two")
    site.turn("three")
    for _ in range(9):
        site.follower.note(frozenset(), complete=False)
    assert site.follower.record is not None
    assert len(site.follower.record.departed) == 1


def test_a_revision_that_removes_most_waits_and_the_last_one_stays_in_force(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B, "one")
    assert site.turn() == ["one", "three", "two"]
    held = site.follower.state().held
    assert held is not None
    assert (held.revision, held.reason) == (B, "PruneGuarded")


def test_an_approved_revision_comes_into_force(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B, "one")
    site.turn()
    site.approved = frozenset({B[:12]})
    assert site.turn() == ["one"]
    assert site.follower.state().held is None


def test_a_rewound_ref_waits_and_going_forward_again_ends_the_wait(site: Site) -> None:
    site.script.push(A, "one")
    site.script.push(B, "one", "two")
    site.turn()
    site.script.history = [A]
    assert site.turn() == ["one", "two"]
    held = site.follower.state().held
    assert held is not None
    assert held.reason == "Rewound"
    site.script.history = [A, B]
    site.turn()
    assert site.follower.state().held is None


def test_a_newer_revision_that_may_go_through_ends_the_wait_of_another(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B, "one")
    site.turn()
    site.script.push(C, "one", "two", "three", "four")
    assert site.turn() == ["four", "one", "three", "two"]
    assert site.follower.state().held is None


def test_the_record_is_written_only_with_permission(site: Site) -> None:
    def refuse() -> None:
        raise FilesError("somebody else leads")

    site.script.push(A, "one")
    site.turn()
    site.permission = refuse
    site.script.push(B, "one", "two")
    with pytest.raises(FilesError):
        site.turn()
    site.start()
    site.permission = lambda: None
    site.script.broken = "away"
    assert site.turn() == ["one"]


def test_a_steady_source_causes_no_write(site: Site) -> None:
    site.script.push(A, "one")
    site.turn("one")
    kept = sorted(p.name for p in site.folder.rglob("*.json"))
    for _ in range(5):
        site.turn("one")
    assert sorted(p.name for p in site.folder.rglob("*.json")) == kept


def test_a_record_that_cannot_be_written_keeps_what_is_in_force(site: Site) -> None:
    """A disk that is full must stop neither repairs nor pruning's count; the rest comes later."""
    site.script.push(A, "one", "two")
    site.turn()
    site.follower.faults = (OSError,)
    write = site.follower.store.write

    def full(record: Record) -> None:
        raise OSError("no space left on device")

    site.follower.store.write = full  # type: ignore[method-assign]
    site.script.push(B, "one", "two", "three")
    for _ in range(3):
        assert site.turn("one", "two") == ["one", "two"]
    state = site.follower.state()
    assert (state.revision, state.failure) == (
        A,
        "the record cannot be written: no space left on device",
    )
    site.follower.store.write = write  # type: ignore[method-assign]
    assert site.turn("one", "two") == ["one", "three", "two"]
    assert site.follower.state().failure == ""


def test_a_first_record_that_cannot_be_written_is_said(site: Site) -> None:
    site.follower.faults = (OSError,)

    def full(record: Record) -> None:
        raise OSError("no space left on device")

    site.follower.store.write = full  # type: ignore[method-assign]
    site.script.push(A, "one")
    with pytest.raises(NoRevisionError, match="no space left on device"):
        site.turn()
