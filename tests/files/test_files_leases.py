"""The lease file, by both ways into a project's files."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from files_world import LostError, MissingError, Remote, RemoteError
from hypothesis import given
from hypothesis import strategies as st

from controller.core.lease import Lease
from controller.files.api import ApiFiles, Faults
from controller.files.leases import (
    Claimant,
    LeaseFile,
    LeaseHeldError,
    lease_path,
    parse_lease,
    render_lease,
)
from controller.files.port import ProjectFiles
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


def lease(files: ProjectFiles, holder: str, clock: Watch, *, take_over: bool = False) -> LeaseFile:
    claimant = Claimant("team", holder, f"{holder}!", f"machine {holder}")
    return LeaseFile(
        files, claimant, clock, take_over=take_over, dead=lambda held: held.place in clock.dead
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
    mine, theirs = lease(files, "me", clock), lease(files, "them", clock, take_over=True)
    mine.take()
    theirs.take()
    mine.release()
    found = theirs.read()
    assert found is not None
    assert (found.holder, found.released) == ("them", False)


def test_a_silent_holder_is_taken_over_only_after_its_whole_duration(files: ProjectFiles) -> None:
    clock = Watch()
    lease(files, "dead", clock).take()
    started = clock.at
    lease(files, "me", clock, take_over=True).take()
    assert clock.at - started >= 60


def test_a_living_holder_is_never_pushed_aside(files: ProjectFiles) -> None:
    clock = Watch()
    holder = lease(files, "alive", clock)
    holder.take()
    clock.meanwhile = holder.take
    with pytest.raises(LeaseHeldError):
        lease(files, "me", clock, take_over=True).take()


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
    assert parse_lease(render_lease(lease), "team") == lease
    assert parse_lease(render_lease(lease), "others") is None


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
