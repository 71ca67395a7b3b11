"""Files that nothing reads any more go by themselves, and no other file does."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from controlled import Controlled, controlled
from stage import NOON, Stage

from controller.core.model.approval import Approval
from controller.core.model.lease import Lease
from controller.core.model.observed import Pause
from controller.core.model.record import Record
from controller.files.approvals import approval_path
from controller.files.document import render
from controller.files.leases import lease_path
from controller.files.leftovers import Leftovers
from controller.files.old_records import OldRecords
from controller.files.pauses import pause_path
from controller.files.records import RecordFile, record_folder
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
    return pause_path(cluster), render(Pause(cluster, "", "jdoe", NOON, until))


def approval(days_old: int) -> tuple[str, bytes]:
    at = NOON - timedelta(days=days_old)
    made = Approval("a" * 40, f"{days_old:040x}", 1, "jdoe", at)
    return approval_path("f" * 16, made.revision), render(made)


def lease(owner: str, renewals: int = 1) -> tuple[str, bytes]:
    return lease_path(owner, 1), render(Lease(owner, "x", "jdoe", 1, renewals, 60.0))


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
    files, left = SharedFiles(tmp_path), Leftovers()
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


# Records of sources that are followed no longer


def moved(stage: Stage, *names: str) -> None:
    """A controller follows `specs`, and stops; what it followed is under another path from now."""
    for name in names:
        stage.spec(name, replicas=0)
    with controlled(stage, "specs") as controller:
        controller.settle()
    (stage.folder / "specs").rename(stage.folder / "elsewhere")


def records(stage: Stage) -> int:
    return len(stage.files(".raycml/sources"))


def test_the_record_of_an_old_source_goes_after_a_month(stage: Stage) -> None:
    """Its cluster runs on: the source that is followed now declares it."""
    moved(stage, "one")
    with controlled(stage, "elsewhere") as controller:
        controller.settle()
        days(controller, 29)
        assert records(stage) == 2
        days(controller, 4)
        assert records(stage) == 1
        assert controller.snapshot.status is not None
        assert [c.word for c in controller.snapshot.status.clusters] == ["Ready"]
        controller.settle()
        assert records(stage) == 1
    with controlled(stage, "elsewhere") as controller:
        controller.settle()
        assert len(stage.applications()) == 1


def test_the_record_of_an_old_source_stays_while_a_cluster_of_it_may_run(stage: Stage) -> None:
    moved(stage, "one", "two")
    (stage.folder / "elsewhere" / "two.yaml").unlink()
    with controlled(stage, "elsewhere") as controller:
        controller.settle()
        days(controller, 33)
        assert records(stage) == 2
        rows = stage.workspace.state.applications
        two = next(key for key, row in rows.items() if row.subdomain == "ray-two-head")
        listed = rows.pop(two)
        stage.wire.instead = lambda request: (
            httpx.Response(500, json={"error": "x"})
            if request.url.path.endswith("/applications")
            else None
        )
        days(controller, 1)
        assert records(stage) == 2, "nothing is removed where lists fail"
        stage.wire.instead = lambda _: None
        rows[two] = listed
        days(controller, 1)
        assert records(stage) == 2
        del rows[two]
        days(controller, 1)
        assert records(stage) == 1


def test_the_record_of_another_installation_stays(stage: Stage) -> None:
    stage.environ["RAYCML_OWNER"] = "another"
    moved(stage, "one")
    stage.environ.pop("RAYCML_OWNER")
    stage.workspace.state.applications.clear()
    with controlled(stage, "elsewhere") as controller:
        controller.settle()
        days(controller, 33)
        assert records(stage) == 2


OWNER = "owner"
HOLDER = Record("specs", "r1", number=3)
MONTH_S = 31 * DAY_S


def stored(files: SharedFiles, tmp_path: Path, age_s: float) -> str:
    """The folder of a record that was last written so long ago."""
    folder = record_folder(OWNER, HOLDER.origin)
    RecordFile(files, folder, HOLDER.origin).write(HOLDER)
    for path in (tmp_path / folder).iterdir():
        written = NOON.timestamp() - age_s
        os.utime(path, (written, written))
    return folder


def due(files: SharedFiles, old: OldRecords, hours: float, ahead_days: float = 0.0) -> list[str]:
    now = NOON + timedelta(hours=hours, days=ahead_days)
    return [folder for folder, _ in old.look(files, OWNER, "elsewhere", now, hours * 3600)]


def test_inside_a_project_the_times_of_files_and_a_day_unchanged_decide(tmp_path: Path) -> None:
    files = SharedFiles(tmp_path)
    folder = stored(files, tmp_path, MONTH_S)
    old = OldRecords()
    assert [due(files, old, hours) for hours in (0, 23, 25)] == [[], [], [folder]]
    assert [f for f, _ in old.look(files, OWNER, HOLDER.origin, NOON, 1e9)] == [], "its own"
    assert due(files, OldRecords(), 1e6) == [], "seen for the first time"
    another = OldRecords()
    for monotonic in (0.0, 90_000.0):
        assert list(another.look(files, "another", "elsewhere", NOON, monotonic)) == []


def test_a_record_of_last_week_stays_whatever_a_clock_says_for_a_while(tmp_path: Path) -> None:
    files = SharedFiles(tmp_path)
    stored(files, tmp_path, 7 * DAY_S)
    old = OldRecords()
    assert [due(files, old, hours, 365 * (hours < 20)) for hours in range(60)] == [[]] * 60


def test_a_record_that_was_written_since_the_look_is_not_removed(tmp_path: Path) -> None:
    files = SharedFiles(tmp_path)
    folder = stored(files, tmp_path, MONTH_S)
    old = OldRecords()
    due(files, old, 0)
    assert due(files, old, 25) == [folder]
    RecordFile(files, folder, HOLDER.origin).write(replace(HOLDER, number=4))
    assert not old.remove(files, folder)
    assert RecordFile(files, folder).read().number == 4
    assert due(files, old, 26) == []


def test_what_a_removal_left_that_was_killed_goes_too(tmp_path: Path) -> None:
    files = SharedFiles(tmp_path)
    folder = stored(files, tmp_path, MONTH_S)
    files.write_new(f"{folder}/000000001-0000.part", b"part")
    files.remove(f"{folder}/000000001.json")
    os.utime(tmp_path / folder / "000000001-0000.part", (0, 0))
    old = OldRecords()
    due(files, old, 0)
    assert list(old.look(files, OWNER, "elsewhere", NOON, 90_000)) == [(folder, None)]
    assert old.remove(files, folder)
    assert files.listing(".raycml/sources") == ()
