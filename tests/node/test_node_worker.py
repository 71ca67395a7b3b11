"""A worker over time: a clock moved by hand, small real processes in Ray's place."""

import os
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
from node_world import wait_for
from test_node_parts import NOTE, HandClock, make_pod

from controller.node import processes
from controller.node.clock import stamp
from controller.node.log import Log
from controller.node.member_state import MemberState, Versions
from controller.node.project_files import (
    HeadRecord,
    MemberFiles,
    read_json,
    write_head,
    write_json,
)
from controller.node.ray.command import MARK
from controller.node.ray.relay import Relay
from controller.node.ray.run import WORKER_PARTS, RayRun, TempDir
from controller.node.ray.tokens import provide
from controller.node.ray.turn import Turn
from controller.node.ray.versions import MATCH_LEVEL
from controller.node.reach import REACHED, Reach
from controller.node.requests.request import DRAIN, DRAIN_IF_IDLE, request_id
from controller.node.worker import Worker

STAYS = "print('Ray runtime started', flush=True); import signal; signal.pause()"
ENDS = "raise SystemExit(1)"
ITS_OWN_DISK = Turn(needed=False)


class World:
    """A worker of one cluster, and what it meets."""

    made: ClassVar["list[World]"] = []

    def __init__(
        self,
        home: Path,
        clock: HandClock,
        level: str = "patch",
        *,
        turn: Turn = ITS_OWN_DISK,
        relay: Relay | None = None,
    ) -> None:
        self.clock = clock
        self.files = MemberFiles(home, "demo")
        self.log = Log(self.files.log("cpu/2"), clock)
        self.member_state = MemberState(
            self.files, make_pod(), Versions("2.60.0", "3.11.7"), clock, self.log
        )
        self.program = ENDS
        self.reach = Reach(REACHED)
        self.joined: list[str] = []
        World.made.append(self)
        self.worker = Worker(
            self.member_state, self._launch, lambda *_: self.reach, level, turn, relay
        )

    def _launch(self, note: HeadRecord) -> RayRun:
        self.joined.append(note.address)
        command = [sys.executable, "-c", self.program]
        environ = {**os.environ, MARK: f"test{os.getpid()}"}
        return RayRun(command, environ, Path.cwd(), TempDir(), (), self.log)

    def head(self, incarnation: str = "one", **changes: str) -> None:
        note = replace(NOTE, incarnation=incarnation, **changes)
        self.head_beats(note.engine_id)
        write_head(self.files, note)

    def head_beats(self, engine: str = "engine", ahead_s: float = 0.0) -> None:
        seen = stamp(self.clock.now() + ahead_s)
        write_json(self.files.member("head"), {"engine_id": engine, "observed_at": seen})

    def until(self, truth: Callable[[], bool], what: str) -> None:
        """Steps without the clock moving: what takes time is a real process."""

        def stepped() -> bool:
            assert self.worker.step() is None
            return truth()

        wait_for(stepped, f"{what}; {self.member_state.view()}", 20)

    def request(self, action: str = DRAIN, incarnation: str = "one", **changes: object) -> Path:
        """Write the request of the controller for this worker."""
        name = request_id(action, "cpu/2", "engine")
        values = {
            "schema": "raycml.request/v1",
            "id": name,
            "cluster": "demo",
            "action": action,
            "member": "cpu/2",
            "engine_id": "engine",
            "incarnation": incarnation,
            "timeout_s": 40.0,
            "reason": "scaled down",
        }
        write_json(self.files.request(name), {**values, **changes})
        return self.files.request(name)

    def state(self) -> str:
        return self.member_state.view().state

    def message(self) -> str:
        return self.member_state.view().message


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path, HandClock())


@pytest.fixture(autouse=True)
def ended() -> Iterator[None]:
    """All workers of a test end with it, also where it fails."""
    yield
    hurry = threading.Event()
    hurry.set()
    for world in World.made:
        world.worker.stop(hurry)
    World.made.clear()


def fail_once(world: World) -> int | None:
    """Let Ray be started and end, and time pass until that is known."""
    world.head()
    tries = len(world.joined)
    world.worker.step()
    assert len(world.joined) == tries + 1
    ended = threading.Event()

    def over() -> bool:
        return "`ray start`" in (world.worker._run.look() if world.worker._run else "")

    wait_for(over, "Ray ended", 20)
    assert not ended.is_set()
    world.worker.step()
    world.clock.seconds += 3
    return world.worker.step()


def test_the_delay_grows_to_half_a_minute_and_the_tenth_failure_is_the_last(world: World) -> None:
    delays = []
    for _ in range(9):
        assert fail_once(world) is None
        assert world.state() == "retrying"
        delays.append(float(world.message().split(" in ")[-1].removesuffix(" s")))
        world.clock.seconds += delays[-1] - 0.1
        world.worker.step()
        assert world.state() == "retrying"
        world.clock.seconds += 0.2
    assert delays == [1, 2, 4, 8, 16, 30, 30, 30, 30]
    assert fail_once(world) == 1
    assert world.state() == "failed"
    assert "10 failures in a row" in world.message()


def test_five_quiet_minutes_forgive_earlier_failures(world: World) -> None:
    for _ in range(3):
        assert fail_once(world) is None
        world.clock.seconds += 30
    world.program = STAYS
    world.head()
    world.until(lambda: world.state() == "joined", "joined")
    world.clock.seconds += 301
    world.head_beats()
    world.until(lambda: True, "a quiet step")
    world.program = ENDS
    world.head("two")
    world.until(lambda: world.state() == "waiting-for-head", "left the old head")
    assert fail_once(world) is None
    assert world.message().endswith("attempt 2 in 1 s")


def test_a_head_without_a_sign_of_life_is_not_joined(world: World) -> None:
    world.head()
    world.clock.seconds += 31
    world.worker.step()
    assert world.joined == []
    assert "is not alive" in world.message()


def test_where_clocks_differ_a_time_that_moves_is_a_sign_of_life(world: World) -> None:
    world.program = STAYS
    world.head()
    for ahead_s in (-7200.0, -7196.0):
        world.head_beats(ahead_s=ahead_s)
        assert world.joined == []
        world.worker.step()
    assert world.joined == [NOTE.address]


def test_another_engines_life_is_not_this_heads(world: World) -> None:
    world.head()
    world.head_beats("somebody")
    world.worker.step()
    assert "is not alive" in world.message()


def test_an_address_that_cannot_be_reached_is_waited_for_with_the_reason(world: World) -> None:
    world.head()
    world.reach = Reach("silent", "no answer")
    world.worker.step()
    assert world.message() == f"cannot reach the head at {NOTE.address}: no answer"
    assert world.state() == "waiting-for-head"
    written = read_json(world.files.member("cpu/2")) or {}
    assert written["to_head"] == "silent"
    world.program, world.reach = STAYS, Reach(REACHED)
    world.until(lambda: world.state() == "joined", "joined")
    assert world.member_state.view().to_head == "reached"


def test_a_token_that_cannot_be_read_is_waited_for_with_its_path(world: World) -> None:
    world.head(auth_mode="token")
    world.worker.step()
    assert (world.state(), world.joined) == ("waiting-for-head", [])
    assert "cannot read" in world.message()
    assert world.message().endswith("/.raycml/clusters/demo/token")
    provide(world.files)
    world.worker.step()
    assert world.joined == [NOTE.address]


def test_another_patch_of_python_is_waited_out_and_the_variable_is_named(world: World) -> None:
    world.head(python_version="3.11.9")
    world.worker.step()
    assert world.joined == []
    assert "Python 3.11.9, this member Ray 2.60.0 on Python 3.11.7" in world.message()
    assert f"set {MATCH_LEVEL}: minor" in world.message()


def test_another_minor_of_python_is_waited_out_whatever_the_level(tmp_path: Path) -> None:
    world = World(tmp_path, HandClock(), "minor")
    world.head(python_version="3.12.7")
    world.worker.step()
    assert world.joined == []
    assert MATCH_LEVEL not in world.message()


def test_another_patch_of_python_joins_where_only_the_minor_counts(tmp_path: Path) -> None:
    world = World(tmp_path, HandClock(), "minor")
    world.head(python_version="3.11.9")
    world.worker.step()
    assert world.joined == [NOTE.address]


def test_members_of_one_disk_start_ray_one_after_the_other(tmp_path: Path) -> None:
    first = World(tmp_path / "a", HandClock(), turn=Turn(needed=True))
    second = World(tmp_path / "b", HandClock(), turn=Turn(needed=True))
    first.program = second.program = STAYS
    for world in (first, second):
        world.head()
        world.worker.step()
    assert (first.joined, second.joined) == ([NOTE.address], [])
    assert second.message() == "another member of this host is starting Ray"
    first.until(lambda: first.state() == "joined", "joined")
    second.until(lambda: second.state() == "joined", "joined")


def test_a_member_that_fails_gives_its_turn_away(tmp_path: Path) -> None:
    first = World(tmp_path / "a", HandClock(), turn=Turn(needed=True))
    assert fail_once(first) is None
    second = World(tmp_path / "b", HandClock(), turn=Turn(needed=True))
    second.head()
    second.worker.step()
    assert second.joined == [NOTE.address]


def test_waiting_is_said_again_every_fifteen_seconds_and_ends(world: World) -> None:
    code = None
    for _ in range(1000):
        code = world.worker.step()
        if code is not None:
            break
        world.clock.seconds += 1
    assert code == 1
    assert world.message().startswith("waited 901 s for the head; no head has published")
    log = world.files.log("cpu/2").read_text()
    assert log.count("still waiting") == 60


def test_a_new_incarnation_is_followed_and_an_old_file_is_not(world: World) -> None:
    world.program = STAYS
    world.head()
    world.until(lambda: world.state() == "joined", "joined")
    old = replace(NOTE, incarnation="zero", engine_id="gone", address="10.9.9.9:6379")
    write_head(world.files, old)
    world.until(lambda: True, "a step")
    assert world.state() == "joined"
    world.head("two", address="10.0.0.2:6379")
    world.until(lambda: world.joined[-1] == "10.0.0.2:6379", "joined the new head")
    world.until(lambda: world.member_state.view().head_incarnation == "two", "says so")
    assert len(world.joined) == 2


@pytest.mark.parametrize(
    ("relayed", "before", "after", "stays"),
    [
        (True, "a", "a", True),
        (True, "a", "b", False),  # the store was lost
        (True, "a", "", False),  # the head was told to forget
        (True, "", "a", False),  # the head learned to remember
        (True, "", "", False),
        (False, "a", "a", False),  # this worker is still to be updated
        (False, "", "", False),
    ],
)
def test_ray_outlives_a_head_that_knows_it_and_no_other(
    tmp_path: Path, before: str, after: str, *, relayed: bool, stays: bool
) -> None:
    world = World(tmp_path, HandClock(), relay=Relay(0) if relayed else None)
    world.program = STAYS
    world.head(store_generation=before)
    world.until(lambda: world.state() == "joined", "joined")
    world.head("two", store_generation=after, address="10.0.0.2:6379")

    def follows() -> bool:
        view = world.member_state.view()
        return view.head_incarnation == "two" and view.state == "joined"

    world.until(follows, "follows the new head")
    assert world.member_state.view().head_address == "10.0.0.2:6379"
    assert (len(world.joined) == 1) is stays


def test_ray_that_never_joins_is_tried_again(world: World) -> None:
    world.program = "import signal; signal.pause()"
    world.head()
    world.worker.step()
    world.until(lambda: world.state() == "joining", "joining")
    world.clock.seconds += 121
    world.worker.step()
    assert "did not join within 120 s" in world.message()


@pytest.mark.parametrize("action", [DRAIN, DRAIN_IF_IDLE])
def test_a_worker_leaves_at_its_rays_end_while_its_request_stands_and_joins_when_it_is_withdrawn(
    world: World, action: str
) -> None:
    world.program = STAYS
    world.head()
    world.until(lambda: world.state() == "joined", "joined")
    path = world.request(action)
    world.until(lambda: True, "a step")
    assert world.state() == "joined", "the head has it drained by Ray"
    assert world.worker._run is not None
    os.kill(world.worker._run.pid, 9)
    world.until(lambda: world.state() == "drained", "drained")
    assert world.message() == (
        f"stays away by request {path.stem} (scaled down); "
        "joins when it is withdrawn, after 100 s at the latest"
    )
    world.clock.seconds += 50
    world.head_beats()
    world.until(lambda: True, "a step")
    assert world.state() == "drained"
    path.unlink()
    world.until(lambda: True, "a step without the file, which may be replaced just now")
    assert world.state() == "drained"
    world.clock.seconds += 1
    world.until(lambda: world.state() == "joined", "joined again")
    assert len(world.joined) == 2


def test_a_worker_does_not_join_for_the_first_time_while_its_request_stands(world: World) -> None:
    path = world.request()
    world.head()
    for _ in range(3):
        assert world.worker.step() is None
    assert (world.state(), world.joined) == ("drained", [])
    path.unlink()
    world.clock.seconds += 1
    world.worker.step()
    assert world.joined == [NOTE.address]


def test_a_wait_for_a_head_does_not_go_on_while_a_worker_is_drained(world: World) -> None:
    world.worker.step()
    world.clock.seconds += 800
    path = world.request(timeout_s=10_000)
    world.head()
    for _ in range(10):
        world.clock.seconds += 100
        assert world.worker.step() is None
    assert world.state() == "drained"
    path.unlink()
    world.clock.seconds += 1
    assert world.worker.step() is None
    assert "is not alive" in world.message()


def test_a_worker_that_was_forgotten_joins_a_minute_after_the_time_of_its_request(
    world: World,
) -> None:
    world.program = STAYS
    path = world.request()
    world.head()
    for second in range(99):
        if second == 20:
            world.request(timeout_s=20.0)  # repeated with the time that is left
        world.worker.step()
        world.clock.seconds += 1
    assert (world.state(), world.joined) == ("drained", [])
    world.clock.seconds += 1
    world.head_beats()
    world.until(lambda: world.state() == "joined", "joined")
    # The same request, withdrawn and repeated while Ray runs, counts from its own beginning.
    path.unlink()
    world.clock.seconds += 1
    world.until(lambda: True, "a step")
    world.request()
    assert world.worker._run is not None
    os.kill(world.worker._run.pid, 9)
    world.until(lambda: world.state() == "drained", "drained")


@pytest.mark.parametrize(
    "changes", [{"incarnation": "two"}, {"cluster": "other"}, {"timeout_s": "long"}]
)
def test_a_request_to_another_head_or_of_other_content_keeps_no_worker_away(
    world: World, changes: dict[str, str]
) -> None:
    world.request(**changes)
    world.head()
    world.worker.step()
    assert world.joined == [NOTE.address]


def test_a_drained_worker_joins_the_next_incarnation_of_its_head(world: World) -> None:
    world.request()
    world.head()
    world.worker.step()
    assert world.state() == "drained"
    world.head("two", address="10.0.0.2:6379")
    world.worker.step()
    assert world.joined == ["10.0.0.2:6379"]


def test_the_last_error_of_a_component_that_ended_is_in_the_log(tmp_path: Path) -> None:
    clock, temp_dir = HandClock(), TempDir()
    log = Log(tmp_path / "log", clock)
    logs = Path(temp_dir.path, "session_latest", "logs")
    logs.mkdir(parents=True)
    stack = "".join(f"/x/raylet(+0x{n:x}) [0x{n:x}] main\n" for n in range(30))
    (logs / "raylet.err").write_text(f"Check failed: no port of the agent\n{stack}\n")
    raylet = tmp_path / "raylet"
    raylet.write_text("import signal\nsignal.pause()\n")
    parent = f"import subprocess, sys; subprocess.run([sys.executable, {str(raylet)!r}]); {STAYS}"
    environ = {**os.environ, MARK: f"test{os.getpid()}"}
    run = RayRun([sys.executable, "-c", parent], environ, tmp_path, temp_dir, WORKER_PARTS, log)
    try:
        wait_for(lambda: run.look() or run._parts, "the raylet", 20)
        processes.kill(run._parts["raylet"])
        wait_for(lambda: run.look() == "Ray's raylet ended", "its end", 20)
    finally:
        run.end(clock, threading.Event(), grace_s=0.0)
    assert [line.partition(" ")[2] for line in log.tail() if "raylet:" in line] == [
        "raylet: Check failed: no port of the agent"
    ]


def test_what_is_watched_by_name_must_be_seen_before_ray_is_up(tmp_path: Path) -> None:
    clock = HandClock()
    log = Log(tmp_path / "log", clock)
    environ = {**os.environ, MARK: f"test{os.getpid()}"}
    command = [sys.executable, "-c", STAYS]
    run = RayRun(command, environ, tmp_path, TempDir(), WORKER_PARTS, log)
    try:
        wait_for(lambda: any("started" in line for line in log.tail()), "Ray's first line")
        assert run.look() == ""
        assert not run.is_up
    finally:
        run.end(clock, threading.Event(), grace_s=0.0)
