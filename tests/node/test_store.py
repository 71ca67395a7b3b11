"""The store of a head that remembers: when a new head goes on with it, and when it begins anew."""

import errno
import fcntl
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_node_parts import HandClock

from controller.node.log import Log
from controller.node.member_state import Versions
from controller.node.ray.store import LOCK_WAIT_S, MOST_STARTS, Store, StoreError

HOLDS = """
import fcntl, signal, sys
file = open(sys.argv[1], "w")
fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
print("locked", flush=True)
signal.pause()
"""
REFUSED = "(gcs_server) x.cc:179: Check failed: Failed to open RocksDB at /a/db/tables: {}\nmore\n"


class Heads:
    """Heads of one cluster, one after the other."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "stores" / "demo"
        self.clock = HandClock()
        self.log = Log(folder / "log", self.clock)

    def store(self, ray: str = "2.60.0", python: str = "3.11.7", level: str = "patch") -> Store:
        return Store(self.folder, Versions(ray, python), level, self.clock, self.log)

    def run(self, store: Store) -> Path:
        """A head of which Ray answers, with what RocksDB makes; its folder."""
        variables = store.open()
        assert variables is not None
        assert variables["RAY_gcs_storage"] == "rocksdb"
        database = Path(variables["RAY_gcs_storage_path"])
        for name in ("tables", "kv"):
            (database / name).mkdir(exist_ok=True)
            (database / name / "LOCK").touch()
        store.answered()
        return database


@pytest.fixture
def heads(tmp_path: Path) -> Heads:
    return Heads(tmp_path)


@pytest.fixture
def locked(heads: Heads) -> Iterator[subprocess.Popen[str]]:
    """A process that has locked the store of the last head."""
    path = heads.run(heads.store()) / "kv" / "LOCK"
    command = [sys.executable, "-c", HOLDS, str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "locked\n"
        yield holder
        holder.kill()


def test_a_new_head_goes_on_with_the_store_of_the_last(heads: Heads) -> None:
    first, second = heads.store(), heads.store()
    assert heads.run(first) == heads.run(second)
    assert first.generation == second.generation != ""


def test_only_its_owner_may_read_it(heads: Heads) -> None:
    database = heads.run(heads.store())
    for folder in (heads.folder, database.parent, database):
        assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("ray", "python", "level", "same"),
    [
        ("2.60.1", "3.11.7", "patch", False),
        ("2.60.0", "3.11.9", "patch", False),
        ("2.60.0", "3.11.9", "minor", True),
        ("2.60.0", "3.12.1", "minor", False),
    ],
)
def test_another_ray_or_python_begins_anew_and_the_old_one_goes(
    heads: Heads, ray: str, python: str, level: str, *, same: bool
) -> None:
    before = heads.run(heads.store())
    after = heads.run(heads.store(ray, python, level))
    assert (after == before) is same
    assert [*heads.folder.iterdir()] == [after.parent]
    assert ("Ray 2.60.0 on Python 3.11.7 wrote it" in heads.log.tail()[-1:].__str__()) is not same


def test_an_earlier_store_stays_until_ray_answers_on_the_next(heads: Heads) -> None:
    before = heads.run(heads.store())
    later = heads.store("2.60.1")
    later.open()
    assert before.exists()
    later.answered()
    assert not before.exists()


def test_a_store_that_ray_refuses_is_left_by_the_next_head(heads: Heads) -> None:
    before = heads.run(heads.store())
    broken = heads.store()
    broken.open()
    assert broken.refusal("all is well") == ""
    said = broken.refusal(REFUSED.format("Corruption: no log_file_number in MANIFEST"))
    assert said == (
        "Ray cannot open its store: Corruption: no log_file_number in MANIFEST; "
        "the next start begins a new one"
    )
    assert heads.run(heads.store()) != before
    assert "cannot be used: Corruption: no log" in heads.log.tail()[-1]


@pytest.mark.parametrize(
    "fault",
    [
        "IO error: No space left on device: While appending to file: /a/db/tables/000004.log",
        "IO error: While lock file: /a/db/tables/LOCK: Resource temporarily unavailable",
    ],
)
def test_a_full_disk_or_a_lock_costs_no_store(heads: Heads, fault: str) -> None:
    before = heads.run(heads.store())
    unlucky = heads.store()
    unlucky.open()
    assert fault in unlucky.refusal(REFUSED.format(fault))
    assert heads.run(heads.store()) == before


def test_a_store_on_which_ray_never_answers_is_left_after_five_starts(heads: Heads) -> None:
    before = heads.run(heads.store())
    opened = [heads.store() for _ in range(MOST_STARTS + 1)]
    paths = [(store.open() or {})["RAY_gcs_storage_path"] for store in opened]
    assert paths[:MOST_STARTS] == [str(before)] * MOST_STARTS
    assert paths[MOST_STARTS] != str(before)


def test_a_start_that_answers_forgives_those_before_it(heads: Heads) -> None:
    before = heads.run(heads.store())
    for _ in range(3):
        for _ in range(MOST_STARTS - 1):
            heads.store().open()
        assert heads.run(heads.store()) == before


def test_a_locked_store_is_waited_for_and_goes_on_once_it_is_free(
    heads: Heads, locked: subprocess.Popen[str]
) -> None:
    store = heads.store()
    assert store.open() is None
    heads.clock.seconds += LOCK_WAIT_S - 1
    assert store.open() is None
    locked.send_signal(signal.SIGKILL)
    locked.wait()
    heads.run(store)
    assert [one.name for one in heads.folder.iterdir()] == [store.generation]
    assert "cannot be used" not in "".join(heads.log.tail())


def test_a_lock_that_stays_costs_the_store_after_two_minutes(
    heads: Heads, locked: subprocess.Popen[str]
) -> None:
    [before] = heads.folder.iterdir()
    store = heads.store()
    assert store.open() is None
    heads.clock.seconds += LOCK_WAIT_S
    heads.run(store)
    assert store.generation != before.name
    assert "another process has locked it for 120 s" in heads.log.tail()[-1]
    assert locked.poll() is None


def test_a_file_system_without_locks_is_said_with_a_remedy(
    heads: Heads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "lockf", refuse)
    with pytest.raises(StoreError) as refused:
        heads.store().open()
    message = str(refused.value.strerror)
    assert message.startswith("the project's file system has no locks (No locks available)")
    assert "remove gcsFaultToleranceOptions from the spec" in message


@pytest.mark.parametrize("text", ["", "[]", "{", '{"ray_version": 3}', "\0"])
def test_a_store_whose_beginning_is_lost_begins_anew(heads: Heads, text: str) -> None:
    before = heads.run(heads.store())
    (before.parent / "store.json").write_text(text)
    assert heads.run(heads.store()) != before
