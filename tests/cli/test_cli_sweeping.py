"""Files that nothing reads any more go by themselves, and no other file does."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from controlled import Controlled, controlled
from stage import NOON, Stage

from controller.core.approval import Approval
from controller.core.lease import Lease
from controller.core.observed import Pause
from controller.files.approvals import approval_path, render_approval
from controller.files.leases import lease_path, render_lease
from controller.files.left_behind import LeftBehind
from controller.files.pauses import pause_path, render_pause
from controller.files.shared import SharedFiles

DAY_S = 86400.0


@contextmanager
def following(stage: Stage) -> Iterator[Controlled]:
    stage.spec("one", replicas=0)
    with controlled(stage, "specs") as found:
        yield found


def days(controller: Controlled, number: int) -> None:
    """So many days, with a pass every six hours."""
    for _ in range(4 * number):
        controller.stage.clock.elapsed += DAY_S / 4
        controller.turn()


def pause(cluster: str, until_days: float | None) -> tuple[str, bytes]:
    until = None if until_days is None else NOON + timedelta(days=until_days)
    return pause_path(cluster), render_pause(Pause(cluster, "", "jdoe", NOON, until))


def approval(days_old: int) -> tuple[str, bytes]:
    at = NOON - timedelta(days=days_old)
    made = Approval("a" * 40, f"{days_old:040x}", 1, "jdoe", at)
    return approval_path("f" * 16, made.revision), render_approval(made)


def lease(owner: str, renewals: int = 1) -> tuple[str, bytes]:
    return lease_path(owner, 1), render_lease(Lease(owner, "x", "jdoe", 1, renewals, 60.0))


def there(stage: Stage, path: str) -> bool:
    folder, _, name = path.rpartition("/")
    return name in stage.files(folder)


@pytest.mark.parametrize(
    "left",
    [pause("old", -8.0), approval(31), lease("another"), (approval_path("f" * 16, "b" * 40), b"{")],
    ids=["pause", "approval", "lease", "half an upload"],
)
def test_what_is_over_goes_after_a_day(stage: Stage, left: tuple[str, bytes]) -> None:
    with following(stage) as controller:
        stage.write(*left)
        controller.settle()
        assert there(stage, left[0])
        days(controller, 2)
        assert not there(stage, left[0])


@pytest.mark.parametrize(
    "kept",
    [
        pause("one", None),
        pause("one", 10.0),
        pause("ended", -1.0),
        (pause_path("one"), b"{"),
        (pause_path("one"), json.dumps({"schema": "raycml.pause/v9", "until": "2020"}).encode()),
        approval(1),
        (".raycml/leases/notes.txt", b"of a person"),
        (".raycml/pauses/README.md", b"of a person"),
    ],
    ids=["for good", "to come", "just over", "unreadable", "newer", "fresh", "notes", "readme"],
)
def test_what_may_still_count_stays(stage: Stage, kept: tuple[str, bytes]) -> None:
    with following(stage) as controller:
        stage.write(*kept)
        controller.settle()
        days(controller, 3)
        assert there(stage, kept[0])


def test_what_is_written_anew_meanwhile_stays(stage: Stage) -> None:
    with following(stage) as controller:
        for number in range(8):
            stage.write(*lease("another", number))
            stage.clock.elapsed += DAY_S / 2
            controller.turn()
        assert there(stage, lease("another")[0])


def test_a_clock_that_is_years_ahead_for_a_while_removes_nothing(tmp_path: Path) -> None:
    files, left = SharedFiles(tmp_path), LeftBehind()
    files.replace(*pause("one", 30.0))
    hour_s = 3600.0
    for hour in range(20):
        ahead = NOON + timedelta(days=3650)
        assert left.look("project", files, "owner", ahead, hour * hour_s) == ()
    for hour in range(20, 60):
        assert left.look("project", files, "owner", NOON, hour * hour_s) == ()
    assert files.read(pause_path("one"))


def test_files_that_cannot_be_read_hold_up_nothing(stage: Stage) -> None:
    with following(stage) as controller:
        controller.settle()

        def refused(request: httpx.Request) -> httpx.Response | None:
            wanted = "/approvals" in str(request.url)
            return httpx.Response(500, json={"error": "disk"}) if wanted else None

        stage.wire.instead = refused
        stage.clock.elapsed += DAY_S
        stage.workspace.state.applications.clear()
        controller.turn(3)
        assert stage.applications()
