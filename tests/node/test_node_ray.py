"""Launchers with real Ray 2.60: nodes on addresses of their own, joined, lost, found again."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from node_world import Pod, Project, wait_for

pytestmark = [pytest.mark.ray, pytest.mark.timeout(240)]

HEAD = {"ray_start_params": {"num-cpus": "0"}}


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    pytest.importorskip("ray")
    (tmp_path / ".venv").symlink_to(sys.prefix)
    project = Project(tmp_path)
    yield project
    project.end()


def reported(project: Project, member: str) -> dict[str, object]:
    members = project.report().get("members", {})
    assert isinstance(members, dict)
    found = members.get(member, {})
    assert isinstance(found, dict)
    return found


def wait_alive(project: Project, pod: Pod, seconds: float = 90) -> None:
    def alive() -> bool:
        row = reported(project, pod.member)
        return row.get("alive") is True and row.get("engine_id") == pod.engine_id

    try:
        wait_for(alive, f"Ray reports {pod.member} alive", seconds)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{reported(project, pod.member)}\n{pod.log()}") from None


def test_head_and_worker_join_and_the_report_knows_them(project: Project) -> None:
    head, worker = project.start("head", **HEAD), project.start("cpu/0")
    wait_alive(project, head)
    wait_alive(project, worker)
    report = project.report()
    row = reported(project, "cpu/0")
    assert row["node_ip"] == worker.ip
    assert row["fingerprint"] == "v1:0123456789abcdef"
    assert row["resources"]["CPU"] == 1.0
    assert isinstance(row["idle_s"], float)
    assert report["error"] is None
    assert report["unknown_nodes"] == []
    assert report["pending_demand"] == []
    assert report["incarnation"] == project.head_note()["incarnation"]
    assert str(report["session_name"]).startswith("session_")
    worker.wait("joined")
    assert worker.terminate() == 0
    assert worker.processes() == []
    assert list(worker.scratch.iterdir()) == []
    assert head.terminate() == 0
    assert head.processes() == []
    assert list(head.scratch.iterdir()) == []
    assert project.head_note() == {}


WORK = """
import sys, ray
ray.init(address=sys.argv[1], log_to_driver=False)
@ray.remote(num_cpus=1)
def busy():
    import time
    time.sleep(60)
running, waiting, impossible = busy.remote(), busy.remote(), busy.options(num_gpus=2).remote()
sys.stdin.read()
"""


def test_the_report_says_what_waits_and_who_is_busy(project: Project) -> None:
    head = project.start("head", **HEAD)
    worker = project.start("cpu/0")
    wait_alive(project, worker)
    address = str(project.head_note()["address"])
    driver = subprocess.Popen(
        [sys.executable, "-c", WORK, address],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(head.scratch), "RAY_AUTH_MODE": "disabled"},
    )
    try:

        def told() -> bool:
            demand = project.report()["pending_demand"]
            wanted = {"resources": {"CPU": 1.0, "GPU": 2.0}, "count": 1}
            return wanted in demand and reported(project, "cpu/0")["idle_s"] == 0.0

        wait_for(told, f"demand and a busy node, not {project.report()}", 60)
    finally:
        driver.kill()
        driver.communicate()


def test_a_worker_rejoins_a_head_that_was_killed_and_came_back_elsewhere(project: Project) -> None:
    head, worker = project.start("head", **HEAD), project.start("cpu/0")
    wait_alive(project, worker)
    before = worker.node_pid()
    head.kill()
    wait_alive(project, project.start("head", **HEAD))
    wait_alive(project, worker)
    assert worker.node_pid() == before
    assert worker.member_document()["head_incarnation"] == project.head_note()["incarnation"]


def test_a_worker_whose_raylet_is_killed_becomes_a_new_node_of_the_same_member(
    project: Project,
) -> None:
    project.start("head", **HEAD)
    worker = project.start("cpu/0")
    wait_alive(project, worker)
    before, node = worker.node_pid(), reported(project, "cpu/0")["node_id"]
    os.kill(worker.part("raylet"), signal.SIGKILL)

    def renewed() -> bool:
        row = reported(project, "cpu/0")
        return row.get("alive") is True and row.get("node_id") != node

    wait_for(renewed, "another node", 60)
    assert worker.node_pid() == before


HELD = """
import os, sys, time, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
address, node_id, begun, go = sys.argv[1:]
ray.init(
    address=address, _node_ip_address=address.rsplit(":", 1)[0], log_to_driver=False)
@ray.remote(num_cpus=1, max_retries=0)
def work():
    open(begun, "w").close()
    while not os.path.exists(go):
        time.sleep(0.1)
    return "finished"
print(ray.get(work.options(
    scheduling_strategy=NodeAffinitySchedulingStrategy(node_id, soft=False)).remote()))
"""


ACTOR = """
import sys, ray
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy
ray.init(
    address=sys.argv[1], _node_ip_address=sys.argv[1].rsplit(":", 1)[0], log_to_driver=False)
@ray.remote(num_cpus=1, max_restarts=1, max_task_retries=-1)
class Place:
    def node(self):
        return ray.get_runtime_context().get_node_id()
place = Place.options(
    scheduling_strategy=NodeAffinitySchedulingStrategy(sys.argv[2], soft=True)).remote()
for _ in range(2):
    print(ray.get(place.node.remote()), flush=True)
    sys.stdin.readline()
"""


def driver(pod: Pod, code: str, *words: str) -> "subprocess.Popen[str]":
    """A program beside the head that uses its cluster."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.environ["PATH"], "TMPDIR": str(pod.scratch), "RAY_AUTH_MODE": "disabled"},
    )


def line_of(program: "subprocess.Popen[str]") -> str:
    assert program.stdout is not None
    return program.stdout.readline().strip()


def wait_answer(project: Project, path: Path, state: str) -> None:
    try:
        wait_for(lambda: project.answer(path).get("state") == state, f"{path.stem} {state}", 60)
    except AssertionError as error:
        raise AssertionError(f"{error}; {project.report()}") from None


@pytest.mark.timeout(480)
def test_nodes_are_drained_by_request_and_join_again_when_it_is_withdrawn(
    project: Project, tmp_path: Path
) -> None:
    """A busy node ends its task first, and its actors move; an idle one goes only if it is idle."""
    head = project.start("head", **HEAD)
    busy, idle = project.start("cpu/0"), project.start("cpu/1")
    for pod in (busy, idle):
        wait_alive(project, pod)
    address, begun, go = str(project.head_note()["address"]), tmp_path / "begun", tmp_path / "go"
    node_id = str(reported(project, "cpu/0")["node_id"])
    task = driver(head, HELD, address, node_id, str(begun), str(go))
    drivers = [task]
    try:
        wait_for(begun.exists, "the task runs", 60)
        wait_for(lambda: reported(project, "cpu/0")["used"] == {"CPU": 1.0}, "its core is used")
        refused = project.request("drain_if_idle", busy)
        wait_answer(project, refused, "refused")
        refused.unlink()
        wait_for(lambda: project.answer(refused) == {}, "the request is withdrawn")
        assert reported(project, "cpu/0")["alive"] is True

        path = project.request("drain", busy)
        wait_answer(project, path, "draining")
        assert task.poll() is None
        go.touch()
        wait_answer(project, path, "drained")
        assert line_of(task) == "finished"
        busy.wait("drained")
        assert path.stem in str(busy.member_document()["message"])

        removed, before = project.request("drain_if_idle", idle), reported(project, "cpu/1")
        wait_answer(project, removed, "drained")
        idle.wait("drained")
        assert idle.part("raylet") == 0
        removed.unlink()
        wait_alive(project, idle, 150)
        assert reported(project, "cpu/1")["node_id"] != before["node_id"]
        assert busy.is_("drained"), "its own request stands"

        place = driver(head, ACTOR, address, str(reported(project, "cpu/1")["node_id"]))
        drivers.append(place)
        assert line_of(place) == reported(project, "cpu/1")["node_id"]
        path.unlink()
        wait_alive(project, busy, 150)
        path = project.request("drain", idle)
        wait_answer(project, path, "drained")
        assert place.stdin is not None
        place.stdin.write("again\n")
        place.stdin.flush()
        assert line_of(place) == reported(project, "cpu/0")["node_id"]
    finally:
        for one in drivers:
            one.kill()
            one.communicate()
