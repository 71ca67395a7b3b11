"""The lease file, by both ways into a project's files."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import cast

import pytest
from files_world import LostError, MissingError, Remote, RemoteError
from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.lease import Lease
from controller.files.api import ApiFiles, Faults
from controller.files.document import render
from controller.files.leases import (
    FOLDER,
    Claimant,
    LeaseFile,
    LeaseHeldError,
    lease_path,
    parse_lease,
)
from controller.files.port import FilesError, ProjectFiles, StoredFile
from controller.files.shared import SharedFiles


class Watch:
    """A clock that waits by moving on, and does something meanwhile."""

    def __init__(self) -> None:
        self.at = 0.0
        self.dead: set[str] = set()
        self.meanwhile: Callable[[], None] = lambda: None

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.at)

    def monotonic(self) -> float:
        return self.at

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        self.at += seconds
        self.meanwhile()
        return wake is not None and wake.is_set()


@pytest.fixture(params=["shared", "api"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFiles:
    if request.param == "shared":
        return SharedFiles(tmp_path)
    return ApiFiles(Remote(), "p", Faults(RemoteError, MissingError, LostError))


def lease(files: ProjectFiles, holder: str, clock: Watch) -> LeaseFile:
    claimant = Claimant("team", holder, f"{holder}!", f"machine {holder}")
    return LeaseFile(
        files, claimant, clock, lives=lambda held: False if held.place in clock.dead else None
    )


def test_a_free_lease_is_taken_and_held_by_one(files: ProjectFiles) -> None:
    clock = Watch()
    mine, theirs = lease(files, "me", clock), lease(files, "them", clock)
    mine.take()
    with pytest.raises(LeaseHeldError, match="me! holds the lease since 2026-03-01"):
        theirs.take()
    mine.take()


def test_looking_writes_nothing(files: ProjectFiles) -> None:
    assert lease(files, "me", Watch()).read() is None
    assert files.listing(".raycml/leases") == ()


def test_a_lease_given_back_is_free_at_once(files: ProjectFiles) -> None:
    clock = Watch()
    mine, theirs = lease(files, "me", clock), lease(files, "them", clock)
    mine.take()
    mine.release()
    theirs.take()
    found = theirs.read()
    assert found is not None
    assert (found.holder, found.epoch) == ("them", 2)


def test_giving_back_leaves_anothers_lease_alone(files: ProjectFiles) -> None:
    clock = Watch()
    mine, theirs = lease(files, "me", clock), lease(files, "them", clock)
    mine.take()
    with pytest.raises(LeaseHeldError):
        theirs.take()
    clock.at += 61
    theirs.take()
    mine.release()
    found = theirs.read()
    assert found is not None
    assert (found.holder, found.released) == ("them", False)


def test_a_long_run_shows_signs_of_life(files: ProjectFiles) -> None:
    clock = Watch()
    mine = lease(files, "me", clock)
    mine.take()
    before = mine.read()
    clock.at += 19
    mine.take()
    assert mine.read() == before
    clock.at += 2
    mine.take()
    after = mine.read()
    assert before is not None
    assert after is not None
    assert (after.epoch, after.renewals) == (before.epoch, before.renewals + 1)


def test_a_renewal_leaves_one_file_beside_its_own(files: ProjectFiles) -> None:
    clock = Watch()
    mine = lease(files, "me", clock)
    for turn in range(5):
        mine.take()
        assert len(files.listing(FOLDER)) == min(turn + 1, 2)
        clock.at += 20
    mine.release()
    assert len(files.listing(FOLDER)) == 1


class Slow:
    """A project's files of which a new one shows to others only after a while."""

    def __init__(self, files: ProjectFiles, clock: Watch, hidden_s: float) -> None:
        self.files, self.clock, self.hidden_s = files, clock, hidden_s
        self.born: dict[str, float] = {}

    def __getattr__(self, name: str) -> object:
        return getattr(self.files, name)

    def write_new(self, path: str, data: bytes) -> None:
        self.files.write_new(path, data)
        self.born[path] = self.clock.at

    def _shows(self, path: str) -> bool:
        return self.clock.at - self.born.get(path, -self.hidden_s) >= self.hidden_s

    def read(self, path: str) -> bytes | None:
        return self.files.read(path) if self._shows(path) else None

    def listing(self, folder: str) -> tuple[StoredFile, ...]:
        return tuple(file for file in self.files.listing(folder) if self._shows(file.path))


def test_a_held_lease_is_seen_to_be_held_where_new_files_take_a_while_to_show(
    files: ProjectFiles,
) -> None:
    clock = Watch()
    slow = cast("ProjectFiles", Slow(files, clock, hidden_s=20))
    mine, theirs = lease(slow, "me", clock), lease(slow, "them", clock)
    mine.take()
    clock.at += 20
    for _ in range(60):
        mine.take()
        with pytest.raises(LeaseHeldError):
            theirs.take()
        clock.at += 7
    assert mine.is_held


class Breaking:
    """A project's files of which the named calls fail, before or after their effect."""

    def __init__(self, files: ProjectFiles) -> None:
        self.files = files
        self.broken: set[str] = set()
        self.after = False
        self.before_write: Callable[[], None] = lambda: None

    def listing(self, folder: str) -> tuple[StoredFile, ...]:
        self._break("listing")
        return self.files.listing(folder)

    def read(self, path: str) -> bytes | None:
        self._break("read")
        return self.files.read(path)

    def write_new(self, path: str, data: bytes) -> None:
        meanwhile, self.before_write = self.before_write, lambda: None
        meanwhile()
        if not self.after:
            self._break("write_new")
        self.files.write_new(path, data)
        self._break("write_new")

    def remove(self, path: str) -> None:
        self._break("remove")
        self.files.remove(path)

    def replace(self, path: str, data: bytes) -> None:
        raise AssertionError("a lease that is replaced is free in between")

    append = replace

    def remove_tree(self, path: str) -> None:
        raise AssertionError(path)

    def _break(self, name: str) -> None:
        if name in self.broken:
            raise FilesError(f"{name} failed", unknown=self.after)


@pytest.mark.parametrize("broken", [{"write_new"}, {"remove"}, {"write_new", "remove"}])
@pytest.mark.parametrize("after", [False, True])
def test_no_failure_of_a_renewal_leaves_a_moment_without_a_lease(
    files: ProjectFiles, broken: set[str], after: bool
) -> None:
    clock, mine = Watch(), Breaking(files)
    holder, other = lease(mine, "me", clock), lease(files, "them", clock)
    holder.take()
    mine.broken, mine.after = broken, after
    for _ in range(2):
        clock.at += 25
        with suppress(FilesError):
            holder.take()
        with pytest.raises(LeaseHeldError, match="me!"):
            other.take()
    mine.broken = set()
    for _ in range(6):
        clock.at += 25
        holder.take()
        with pytest.raises(LeaseHeldError, match="me!"):
            other.take()
    assert len(files.listing(FOLDER)) == 2


def test_a_first_hold_whose_answer_was_lost_is_found_and_kept(files: ProjectFiles) -> None:
    clock, mine = Watch(), Breaking(files)
    holder = lease(mine, "me", clock)
    mine.broken, mine.after = {"write_new"}, True
    with pytest.raises(FilesError):
        holder.take()
    mine.broken = set()
    clock.at += 25
    holder.take()
    found = holder.read()
    assert found is not None
    assert (found.holder, found.renewals) == ("me", 1)


@pytest.mark.parametrize("renewals", [0, 1, 2])
def test_of_two_that_take_a_free_lease_at_once_one_has_it(
    files: ProjectFiles, renewals: int
) -> None:
    clock, slow = Watch(), Breaking(files)
    mine, theirs = lease(slow, "me", clock), lease(files, "them", clock)

    def faster() -> None:
        for _ in range(1 + renewals):
            theirs.take()
            clock.at += 21

    slow.before_write = faster
    with pytest.raises(LeaseHeldError, match="them!"):
        mine.take()
    clock.at += 21
    theirs.take()
    assert (mine.is_held, theirs.is_held) == (False, True)


@pytest.mark.parametrize("broken", ["listing", "read"])
def test_who_was_seen_to_lead_leads_while_the_files_cannot_be_read(
    files: ProjectFiles, broken: str
) -> None:
    clock, mine = Watch(), Breaking(files)
    lease(files, "them", clock).take()
    me = lease(mine, "me", clock)
    with pytest.raises(LeaseHeldError):
        me.take()
    mine.broken = {broken}
    clock.at += 59
    with pytest.raises(LeaseHeldError):
        me.take()
    clock.at += 2
    with pytest.raises(FilesError):
        me.take()


def test_beats_renew_what_is_held_and_take_nothing(files: ProjectFiles) -> None:
    clock = Watch()
    mine, other = lease(files, "me", clock), lease(files, "them", clock)
    other.renew()
    assert files.listing(FOLDER) == ()
    mine.take()
    for _ in range(30):
        clock.at += 5
        mine.renew()
        with pytest.raises(LeaseHeldError):
            other.take()
    clock.at += 61
    other.take()
    mine.renew()
    assert not mine.is_held
    found = mine.read()
    assert found is not None
    assert found.holder == "them"


def test_a_file_that_looks_like_the_last_possible_generation_ends_nothing(
    files: ProjectFiles,
) -> None:
    clock = Watch()
    files.write_new(lease_path("team", 999_999_999), b"{}")
    mine = lease(files, "me", clock)
    for _ in range(3):
        mine.take()
        clock.at += 20
    found = mine.read()
    assert found is not None
    assert (found.holder, found.renewals) == ("me", 2)


def test_a_file_that_is_no_lease_holds_nobody_up(files: ProjectFiles) -> None:
    files.replace(lease_path("team"), b"{ not json")
    lease(files, "me", Watch()).take()


def test_two_installations_have_two_leases() -> None:
    assert lease_path("team") != lease_path("other")
    assert "/" not in lease_path("../../evil").removeprefix(".raycml/leases/")


LEASES = st.builds(
    Lease,
    owner=st.just("team"),
    holder=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30),
    who=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30),
    epoch=st.integers(0, 2**40),
    renewals=st.integers(0, 2**40),
    duration_s=st.floats(1, 3600),
    since=st.just("2026-03-01T00:00:00+00:00"),
    released=st.booleans(),
)


@given(LEASES)
def test_a_lease_reads_back_as_it_was_written(lease: Lease) -> None:
    assert parse_lease(render(lease), "team") == lease
    assert parse_lease(render(lease), "others") is None


@given(st.binary(max_size=200) | st.text().map(str.encode))
def test_no_bytes_make_the_reader_fall(data: bytes) -> None:
    assert parse_lease(data, "team") is None


def test_a_holder_whose_process_is_gone_is_followed_at_once(files: ProjectFiles) -> None:
    clock = Watch()
    lease(files, "killed", clock).take()
    me = lease(files, "me", clock)
    with pytest.raises(LeaseHeldError):
        me.take()
    clock.dead.add("machine killed")
    me.take()
    assert me.epoch == 2


def test_one_who_asks_again_and_again_follows_a_holder_that_stays_silent(
    files: ProjectFiles,
) -> None:
    clock = Watch()
    lease(files, "silent", clock).take()
    me = lease(files, "me", clock)
    for _ in range(6):
        with pytest.raises(LeaseHeldError):
            me.take()
        clock.at += 10
    me.take()
    assert me.epoch == 2


def test_one_who_asks_again_and_again_never_pushes_a_living_holder_aside(
    files: ProjectFiles,
) -> None:
    clock = Watch()
    holder, me = lease(files, "alive", clock), lease(files, "me", clock)
    for _ in range(30):
        holder.take()
        with pytest.raises(LeaseHeldError):
            me.take()
        clock.at += 10
