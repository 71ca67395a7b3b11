"""Which revision is in force, whatever happens to the source and to the controller.

The source is scripted, at the outer edge; folders and git have tests of their own.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from controller.core.model.approval import Approval
from controller.core.model.record import Record
from controller.core.spec.revision import Problem, Revision, SpecDocument
from controller.files.approvals import HoldFile, approve
from controller.files.port import FilesError
from controller.files.records import RecordFile
from controller.files.shared import SharedFiles
from controller.run.follow import EMPTY_S, Follower, NoRevisionError, Poller, RecordStore
from controller.run.places import Sightings
from tests.worlds import NOW, named

SOURCE = "0123456789abcdef"
FOLDER = f".raycml/sources/{SOURCE}"
A, B, C = "a" * 40, "b" * 40, "c" * 40


class SourceError(Exception):
    """The source cannot be read."""


class HandClock:
    def __init__(self) -> None:
        self.elapsed = 0.0
        self.jump = 0.0  # of the time of day

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed + self.jump)

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
        holders = tuple(SpecDocument(named(n), f"{n}.yaml", 1) for n in sorted(names))
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
        return old in self.history[:-1] and new == self.history[-1]


@dataclass
class Site:
    """A source and a controller that can be killed and started anew."""

    folder: Path
    script: Script = field(default_factory=Script)
    clock: HandClock = field(default_factory=HandClock)
    allow_prune: int = 0
    permission: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.start()

    def start(self) -> None:
        """A controller without any memory but the files."""
        files = SharedFiles(self.folder)
        store = RecordFile(files, FOLDER, self.script.origin)
        poller = Poller(self.script, SourceError, self.clock)
        self.follower = Follower(
            poller, store, HoldFile(files, FOLDER), FilesError, self.clock, self.allow_prune
        )
        self.follower.permission = self._ask

    def _ask(self) -> None:
        self.permission()

    def turn(self, *present: str) -> list[str]:
        """A look at the source and a pass; the clusters in force.  `present` have applications."""
        self.follower.poller.poll()
        self.last = self.follower.advance()
        self.follower.poller.poll()
        self.last = self.follower.advance()
        self.note(*present)
        return [holder.cluster.name for holder in self.last.clusters]

    def note(self, *present: str, complete: bool = True, absent: bool = False) -> None:
        self.follower.note(
            Sightings(
                frozenset((name, "p1") for name in present),
                frozenset({"p1"}) if complete else frozenset(),
                frozenset({"p1"}) if absent else frozenset(),
                {"": "p1"},
            )
        )

    def later(self, seconds: float) -> None:
        self.clock.wait(seconds)

    def approve(self) -> None:
        """Agree to what is held, as a person would."""
        held = self.follower.state().held
        assert held is not None
        approval = Approval(held.base, held.revision, held.number, "jdoe", NOW)
        approve(SharedFiles(self.folder), SOURCE, approval)

    def departed(self) -> list[str]:
        return [d.holder.cluster.name for d in self.follower.recall().departed]


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
    for _ in range(10):
        site.turn("one", "two", "three")
        assert site.follower.gone() == frozenset()
        site.later(30)
    site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}


def test_a_failed_prune_is_not_forgotten_when_the_controller_dies(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn("one", "two", "three")
    site.script.push(B, "one", "two")
    site.turn("one", "two", "three")
    site.start()
    site.turn("one", "two", "three")
    site.later(300)
    site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}
    site.turn("one", "two")
    site.later(EMPTY_S)
    site.turn("one", "two")
    assert site.departed() == []
    assert site.follower.gone() == frozenset()


def test_a_torn_list_makes_nobody_forget(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn("three")
    site.script.push(B, "one", "two")
    site.turn("three")
    for _ in range(99):
        site.note(complete=False)
        site.later(3600)
    assert site.departed() == ["three"]


def test_a_revision_that_removes_most_waits_and_the_last_one_stays_in_force(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B, "one")
    assert site.turn() == ["one", "three", "two"]
    held = site.follower.state().held
    assert held is not None
    assert (held.revision, held.reason) == (B, "PruneLimit")


def test_an_approved_revision_comes_into_force(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B, "one")
    site.turn()
    site.approve()
    assert site.turn() == ["one"]
    assert site.follower.state().held is None
    assert site.follower.state().approved_by == "jdoe"


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


# An approval is one step


def test_an_approval_is_used_up_by_the_step_that_it_was_for(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B)
    site.turn()
    site.approve()
    assert site.turn() == []
    assert list(site.folder.rglob("approvals/*")) == []
    site.script.push(C, "one", "two", "three")
    site.turn()
    site.script.history.append(B)
    assert site.turn() == ["one", "three", "two"]
    assert site.follower.state().held is not None


def test_an_approval_that_was_left_behind_fits_no_later_step(site: Site) -> None:
    """A folder has the same ids again; a file that could not be removed agrees to nothing."""
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B)
    site.turn()
    site.approve()
    kept = {path: path.read_bytes() for path in site.folder.rglob("approvals/*")}
    assert site.turn() == []
    site.script.history = [A, B, A]
    site.turn()
    for path, data in kept.items():
        path.write_bytes(data)
    site.script.history = [A, B, A, B]
    assert site.turn() == ["one", "three", "two"]
    assert site.follower.state().held is not None


@pytest.mark.parametrize("change", ["base", "revision", "number"])
def test_an_approval_of_another_step_agrees_to_nothing(site: Site, change: str) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B)
    site.turn()
    held = site.follower.state().held
    assert held is not None
    fields = {"base": held.base, "revision": held.revision, "number": held.number}
    fields[change] = 7 if change == "number" else C
    approval = Approval(**fields, by="jdoe", at=NOW)  # type: ignore[arg-type]
    approve(SharedFiles(site.folder), SOURCE, approval)
    assert len(site.turn()) == 3


def test_an_approval_outlives_the_controller_that_held_the_revision(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B)
    site.turn()
    since = site.follower.state().held
    site.approve()
    site.later(60)
    site.start()
    assert site.turn() == []
    assert since is not None


def test_what_waits_is_published_until_it_no_longer_waits(site: Site) -> None:
    published = HoldFile(SharedFiles(site.folder), FOLDER).published
    site.script.push(A, "one", "two", "three")
    site.turn()
    site.script.push(B, "one")
    site.turn()
    assert published() == site.follower.state().held
    site.later(60)
    site.start()
    site.turn()
    assert published() == site.follower.state().held, "it has waited since then"
    site.start()
    site.script.history.append(A)
    site.turn()
    assert published() is None


def test_several_small_removals_in_a_row_are_no_way_around_a_large_one(site: Site) -> None:
    site.script.push(A, "one", "two", "three", "four")
    site.turn("one", "two", "three", "four")
    site.script.push(B, "one", "two")
    assert site.turn("one", "two", "three", "four") == ["one", "two"]
    site.script.push(C, "one")
    assert site.turn("one", "two", "three", "four") == ["one", "two"]
    assert site.follower.state().held is not None
    site.later(300)
    site.turn("one", "two")
    site.later(EMPTY_S)
    assert site.turn("one", "two") == ["one", "two"]
    assert site.turn("one", "two") == ["one"], "those are gone, and half of two is no large removal"


# The grace of a cluster whose spec is gone


def leave(site: Site) -> None:
    site.script.push(A, "one", "two", "three")
    site.turn("one", "two", "three")
    site.script.push(B, "one", "two")
    site.turn("one", "two", "three")


def test_a_restart_neither_begins_the_grace_anew_nor_skips_it(site: Site) -> None:
    leave(site)
    for _ in range(5):
        site.later(50)
        site.start()
        site.turn("one", "two", "three")
        assert site.follower.gone() == frozenset()
    assert site.follower.leaving()["three"] == NOW + timedelta(seconds=300)
    site.later(50)
    site.start()
    site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}


@pytest.mark.parametrize("jump", [-3600.0, 2 * 86400.0, 10 * 365 * 86400.0])
def test_a_clock_that_jumps_neither_shortens_nor_prolongs_the_grace(
    site: Site, jump: float
) -> None:
    leave(site)
    site.clock.jump = jump
    site.script.push(C, "one", "two", "four")  # the grace goes on through another revision
    site.turn("one", "two", "three")
    assert site.follower.gone() == frozenset()
    site.later(300)
    site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}


def test_a_clock_that_was_ahead_when_a_spec_left_prolongs_the_grace_by_one_at_most(
    site: Site,
) -> None:
    leave(site)
    site.clock.jump = -86400.0
    site.start()
    site.turn("one", "two", "three")
    site.later(300)
    site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}


def test_a_spec_that_comes_back_in_its_grace_keeps_its_cluster_and_a_later_one_begins_anew(
    site: Site,
) -> None:
    leave(site)
    site.later(299)
    site.script.push(C, "one", "two", "three")
    assert site.turn("one", "two", "three") == ["one", "three", "two"]
    assert site.follower.leaving() == {}
    site.script.push("d" * 40, "one", "two")
    site.later(10)
    site.turn("one", "two", "three")
    assert site.follower.gone() == frozenset()
    assert site.follower.leaving()["three"] == NOW + timedelta(seconds=609)


def test_a_grace_of_nothing_lets_go_at_once(site: Site) -> None:
    site.follower.grace_s = 0.0
    leave(site)
    assert site.follower.gone() == {"three"}


def test_nothing_is_gone_while_the_source_cannot_be_read_or_was_not_read_since(
    site: Site,
) -> None:
    leave(site)
    site.later(300)
    assert site.follower.gone() == frozenset(), "a spec may have been put back meanwhile"
    site.script.broken = "no such host"
    site.turn("one", "two", "three")
    assert site.follower.gone() == frozenset()
    site.start()
    assert site.follower.recall().departed
    assert site.follower.gone() == frozenset()
    site.script.broken = ""
    site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}


def test_a_spec_that_is_put_back_by_a_push_that_waits_is_not_gone(site: Site) -> None:
    leave(site)
    site.later(300)
    site.script.history = [A]
    site.turn("one", "two", "three")
    held = site.follower.state().held
    assert held is not None
    assert held.reason == "Rewound"
    assert site.follower.gone() == frozenset()


# Where applications of a cluster may be


def test_a_project_that_is_not_found_makes_nobody_forget_for_a_week(site: Site) -> None:
    leave(site)
    for _ in range(167):
        site.note(complete=False, absent=True)
        site.later(3600)
    assert site.departed() == ["three"]
    site.note("three")
    site.note(complete=False, absent=True)
    site.later(7 * 86400)
    site.note(complete=False, absent=True)
    assert site.departed() == []


def test_a_list_that_lags_makes_nobody_forget(site: Site) -> None:
    leave(site)
    for _ in range(3):
        site.note()
        site.later(EMPTY_S / 4)
    assert site.departed() == ["three"]
    site.note("three")
    site.later(EMPTY_S)
    site.note()
    assert site.departed() == ["three"]


# A record that cannot be written


def test_a_record_that_cannot_be_written_keeps_nothing_from_coming_into_force(
    site: Site,
) -> None:
    site.script.push(A, "one")
    site.turn()
    store = site.follower.store
    full = FullDisk(store)
    site.follower.store = full
    site.script.push(B, "one", "two")
    assert site.turn() == ["one", "two"]
    assert "no space left" in site.follower.state().failure
    full.full = False
    site.turn()
    assert site.follower.state().failure == ""
    site.start()
    site.script.broken = "away"
    assert site.turn() == ["one", "two"]


@dataclass
class FullDisk:
    inner: RecordStore
    full: bool = True

    def read(self) -> Record:
        return self.inner.read()

    def write(self, record: Record) -> None:
        if self.full:
            raise FilesError("no space left on device")
        self.inner.write(record)


def test_without_prune_nothing_is_dated_and_with_it_the_grace_begins(site: Site) -> None:
    site.follower.grace_s = None
    leave(site)
    site.later(86400)
    site.turn("one", "two", "three")
    assert (site.follower.gone(), site.follower.leaving()) == (frozenset(), {})
    site.start()
    site.turn("one", "two", "three")
    assert site.follower.gone() == frozenset()
    site.later(200)
    site.start()
    site.turn("one", "two", "three")
    site.later(100)
    site.turn("one", "two", "three")
    assert site.follower.gone() == {"three"}
