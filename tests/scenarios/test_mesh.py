"""Real Ray behind a mesh: pods with networks of their own, where every port is the fixed one."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from controller.node.ray.fixed_ports import HIGHEST_WORKER, LOWEST_WORKER, TABLE
from tests.scenarios.stage import Done, Stage, processes_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]
BLOCKED_S = 15.0
PATIENCE_S = 120.0
CLUSTER = ".raycml/clusters/one"
OF_HEAD_METRICS = {44217, 44227}  # Ray's own constants: metrics of autoscaler and dashboard


@pytest.fixture
def meshed(stage: Stage) -> Iterator[Callable[[str], Done]]:
    """Starts the emulator with this mesh; its clusters are gone afterwards."""

    def start(mode: str) -> Done:
        return stage.raycml("emulator", "start", "--set", f"mesh={mode}")

    yield start
    stage.raycml("delete", "--local", "one", "--yes")
    stage.raycml("emulator", "stop")


def document(stage: Stage, name: str) -> dict[str, object]:
    try:
        values: dict[str, object] = json.loads((stage.home / CLUSTER / name).read_text())
    except (OSError, ValueError):
        return {}
    return values


def until(truth: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, f"not within {seconds:g} s: {what}"
        time.sleep(0.1)


def test_a_member_says_within_15_seconds_that_a_mesh_blocks_its_head_and_whom_to_ask(
    stage: Stage, meshed: Callable[[str], Done]
) -> None:
    assert meshed("strict").code == 0
    path = stage.spec(replicas=1)
    done = stage.raycml("reconcile", "--local", path, "--wait-for", "running", "--timeout", "2m")
    assert done.code == 0, done.out + done.err
    until(lambda: document(stage, "head.json"), PATIENCE_S, "the head publishes its address")

    def message() -> str:
        return str(document(stage, "members/w-0.json").get("message"))

    until(lambda: "mTLS STRICT" in message(), BLOCKED_S, f"the reason, not {message()}")
    assert "the mesh accepted the connection and the other side refused it" in message()
    assert "PeerAuthentication with mode PERMISSIVE" in message()
    assert "`Ask your admin` in docs/operations.md" in message()
    worker = document(stage, "members/w-0.json")
    assert (worker["state"], worker["mesh"]) == ("waiting-for-head", "istio")
    assert worker["to_head"] == "closed"
    until(lambda: document(stage, "ray.json").get("mesh") == "istio", PATIENCE_S, "a report")
    status = stage.status()
    assert status["head"]["mesh"] == "istio"
    [row] = [m for m in status["members"] if m["member"] == "w/0"]
    assert "mTLS STRICT" in str(row)
    doctor = stage.raycml("doctor", "--local", path)
    assert "w/0 cannot reach the head" in doctor.out, doctor.out
    assert "auth-policy-" in doctor.out


def listening(pid: int) -> set[int]:
    """Ports at which anything listens in the network of this process."""
    ports = set()
    for family in ("tcp", "tcp6"):
        for line in Path(f"/proc/{pid}/net/{family}").read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == "0A":  # LISTEN
                ports.add(int(fields[1].rpartition(":")[2], 16))
    return ports


def ran_on(stage: Stage, pid: int) -> set[str]:
    """Members on which a task ran, of a driver in the network of this process."""
    script = Path(__file__).parents[2] / "docs" / "examples" / "task_on_every_node.py"
    user = ["--user", "--preserve-credentials"] if os.getuid() else []
    done = subprocess.run(
        ["nsenter", "--target", str(pid), *user, "--net", sys.executable, str(script), "one"],
        cwd=stage.folder,
        env=stage.environment(),
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.split()[0] for line in done.stdout.splitlines() if " ran in engine " in line}


def test_every_fixed_port_is_used_by_real_ray_and_no_other(
    stage: Stage, meshed: Callable[[str], Done]
) -> None:
    assert meshed("permissive").code == 0
    # Ray's own limits for the start of its agents are short on a loaded machine: a second try.
    done = stage.raycml(
        "reconcile", "--local", stage.spec(replicas=1), "--timeout", "6m", timeout_s=400
    )
    assert done.code == 0, done.out + done.err
    engines = stage.engines()
    assert ran_on(stage, processes_of(engines["head"])[0]) == {"head", "w/0"}
    of_sidecar = {8100, 15000, 15001, 15004, 15006, 15020, 15021, 15090}
    workers = set(range(LOWEST_WORKER, HIGHEST_WORKER + 1))
    api = int(json.loads((stage.folder / "cml" / "connection.json").read_text())["port"])
    for member, engine in engines.items():
        fixed = {row.port for row in TABLE if member == "head" or row.only != "head"}
        ports = listening(processes_of(engine)[0]) - of_sidecar - {api}
        assert fixed <= ports, f"{member}: {sorted(fixed - ports)} not used"
        others = ports - fixed - workers - (OF_HEAD_METRICS if member == "head" else set())
        assert not others, f"{member} also listens at {sorted(others)}"
    assert document(stage, "head.json")["address"].endswith(":6379")
    rows = document(stage, "ray.json")["members"]

    def reached() -> bool:
        rows = document(stage, "ray.json")["members"]
        return {row["from_head"] for row in rows.values()} == {"reached"}

    until(reached, PATIENCE_S, f"the head reaches both nodes, not {rows}")
    assert document(stage, "members/w-0.json")["to_head"] == "reached"
