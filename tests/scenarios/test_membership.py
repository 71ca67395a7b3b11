"""A cluster of real Ray whose GCS is killed, and a node that is lost while its application runs."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from tests.scenarios.stage import Stage, processes_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


def part(engine: str, program: str) -> int:
    """The process of a pod that runs this program of Ray."""
    for pid in processes_of(engine):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if any(word.endswith(b"/" + program.encode()) for word in words[:3]):
            return pid
    raise AssertionError(f"{engine} has no {program}")


def until_dead(stage: Stage, member: str) -> float:
    """The time at which the head reported that Ray has lost the member's node."""
    report = stage.home / ".raycml" / "clusters" / "one" / "ray.json"
    deadline = time.monotonic() + 120
    while json.loads(report.read_text())["members"][member]["alive"]:
        assert time.monotonic() < deadline, "Ray does not notice the end of a raylet"
        time.sleep(0.2)
    return time.monotonic()


def labelled(stage: Stage) -> str:
    """A spec of one worker with a label of its own."""
    path = Path(stage.spec(replicas=1))
    path.write_text(path.read_text() + "      labels: {tier: spot, example.com/rack: b4}\n")
    return str(path)


def test_a_dead_gcs_is_never_ready_and_a_lost_node_comes_back(stage: Stage) -> None:
    path = labelled(stage)
    stage.reconcile(path)
    first = stage.engines()
    raylet = Path(f"/proc/{part(first['w/0'], 'raylet')}/cmdline").read_bytes()
    assert b'"tier": "spot"' in raylet or b'"tier":"spot"' in raylet, raylet
    assert b"raycml.fingerprint" in raylet

    # The last report is recent, and the GCS is dead.
    os.kill(part(first["head"], "gcs_server"), signal.SIGKILL)
    stage.reconcile(path)
    second = stage.engines()
    assert second["head"] != first["head"], "it ended on a report from before"
    assert second["w/0"] == first["w/0"], "a worker rejoins without a new pod"

    # The node program hangs, and its raylet is gone: nothing starts it again.
    member = stage.home / ".raycml" / "clusters" / "one" / "members" / "w-0.json"
    os.kill(json.loads(member.read_text())["pid"], signal.SIGSTOP)
    os.kill(part(second["w/0"], "raylet"), signal.SIGKILL)
    noticed = until_dead(stage, "w/0")
    stage.reconcile(path)
    third = stage.engines()
    print(f"a lost node was alive again after {time.monotonic() - noticed:.1f} s")  # noqa: T201
    assert third["w/0"] != second["w/0"]
    assert third["head"] == second["head"]
    assert stage.plan(path) == []
