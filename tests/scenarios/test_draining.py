"""Work that goes on while its cluster rolls, shrinks and renames its group, with real Ray."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.stage import Stage

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(1200)]
WORKLOAD = Path(__file__).with_name("workload.py")


class Work:
    """The driver of the workload; `told` is its last line."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.told: dict[str, Any] = {}

    def say(self, command: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def end(self) -> None:
        self.say("stop")
        out, _ = self._process.communicate(timeout=120)
        assert self._process.returncode == 0, out
        self.told = json.loads(out.splitlines()[-1])


@contextmanager
def working(stage: Stage) -> Iterator[Work]:
    head = json.loads((stage.home / ".raycml" / "clusters" / "one" / "head.json").read_text())
    with subprocess.Popen(
        [sys.executable, str(WORKLOAD), head["address"]],
        cwd=stage.folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(stage.folder), **stage.token()},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield Work(process)
        finally:
            process.kill()


def changed(stage: Stage, path: str) -> tuple[float, list[str]]:
    """Seconds that a change took, and its lines on drains, in order."""
    begun = time.monotonic()
    done = stage.raycml("reconcile", "--local", path, "--timeout", "8m", timeout_s=540)
    assert done.code == 0, done.out + done.err
    lines = [line[7:] for line in done.err.splitlines()]
    return time.monotonic() - begun, [line for line in lines if "  draining  " in line]


def drained(lines: list[str]) -> list[str]:
    """Members in the order of their drains; a request without an answer is repeated."""
    members = [line.split()[2] for line in lines]
    return [member for n, member in enumerate(members) if members[n - 1 : n] != [member]]


def until_idle(stage: Stage, number: int) -> None:
    """Wait until so many workers have been idle for some seconds."""
    report = stage.home / ".raycml" / "clusters" / "one" / "ray.json"
    deadline = time.monotonic() + 120
    while True:
        members = json.loads(report.read_text())["members"]
        idle = [m for m, row in members.items() if m != "head" and (row["idle_s"] or 0) > 3]
        if len(idle) >= number:
            return
        assert time.monotonic() < deadline, f"idle: {idle}"
        time.sleep(0.2)


def spec(stage: Stage, group: str = "w", **fields: object) -> str:
    """The spec of a cluster whose workers have places for actors."""
    file = Path(stage.spec(**fields))
    text = file.read_text().replace("groupName: w", f"groupName: {group}")
    file.write_text(text + "      rayStartParams: {resources: '{\"place\": 2}'}\n")
    return str(file)


def test_no_task_is_lost_while_a_group_rolls_shrinks_and_is_renamed(stage: Stage) -> None:
    stage.reconcile(spec(stage, replicas=3))
    engines = stage.engines()
    with working(stage) as work:
        took_s, lines = changed(stage, spec(stage, replicas=3, memory="1792Mi"))
        print(f"three workers rolled in {took_s:.0f} s")  # noqa: T201
        rolled = stage.engines()
        assert rolled["head"] == engines["head"]
        assert all(rolled[name] != engines[name] for name in ("w/0", "w/1", "w/2"))
        assert drained(lines) == ["w/0", "w/1", "w/2"], ["one after the other", *lines]

        changed(stage, spec(stage, replicas=4, memory="1792Mi"))
        work.say("load 1")
        until_idle(stage, 1)
        _, lines = changed(stage, spec(stage, replicas=3, memory="1792Mi"))
        assert "idle" in lines[0], lines
        took_s, lines = changed(stage, spec(stage, replicas=1, memory="1792Mi"))
        print(f"three workers became one in {took_s:.0f} s")  # noqa: T201
        assert len(drained(lines)) >= 2

        took_s, _ = changed(stage, spec(stage, "v", replicas=1, memory="1792Mi"))
        print(f"a renamed group was exchanged in {took_s:.0f} s")  # noqa: T201
        after = stage.engines()
        assert set(after) == {"head", "v/0"}
        assert after["head"] == engines["head"]
        work.end()
    print(work.told)  # noqa: T201
    assert work.told["failed"] == []
    assert work.told["done"] > 20
    assert all(len(places) > 1 for places in work.told["places"]), "each actor moved"
