"""A head that remembers, with real Ray: ten of its heads are killed, and its actors count on."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from controller.node import processes
from tests.scenarios.stage import Stage, kill, processes_of

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]
DRIVER = Path(__file__).with_name("remembered.py")
OPTION = "  gcsFaultToleranceOptions: {backend: rocksdb}\n"
WORKERS = ("w/0", "w/1")
KILLS = 10
PATIENCE_S = 120.0


def remembering(stage: Stage) -> str:
    """The spec of a cluster whose head remembers, and whose workers have places for actors."""
    path = Path(stage.spec())
    text = path.read_text().replace("  suspend:", f"{OPTION}  suspend:")
    place = "      rayStartParams: {resources: '{\"place\": 3}'}\n"
    path.write_text(text + place)
    return str(path)


def driven(stage: Stage, what: str) -> dict[str, Any]:
    address = str(document(stage, "head.json")["address"])
    done = subprocess.run(
        [sys.executable, str(DRIVER), address, what],
        cwd=stage.folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(stage.folder), **stage.token()},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def document(stage: Stage, name: str) -> dict[str, Any]:
    try:
        path = stage.home / ".raycml" / "clusters" / "one" / name
        values: dict[str, Any] = json.loads(path.read_text())
    except (OSError, ValueError):
        return {}
    return values


def until(truth: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not truth():
        assert time.monotonic() < deadline, f"not within {PATIENCE_S:g} s: {what}"
        time.sleep(0.1)


def kill_gcs(engine: str) -> None:
    for pid in processes_of(engine):
        if any(a.rpartition("/")[2] == "gcs_server" for a in processes.arguments(pid)[:1]):
            os.kill(pid, signal.SIGKILL)


def are_back(stage: Stage, after: str) -> bool:
    """True once a head after this incarnation reports both workers alive."""
    report = document(stage, "ray.json")
    alive = [name for name, one in report.get("members", {}).items() if one["alive"]]
    return report.get("incarnation") not in (None, after) and {*WORKERS} <= {*alive}


def is_published(stage: Stage, after: str) -> bool:
    return document(stage, "head.json").get("incarnation") not in (None, after)


def test_actors_of_workers_outlive_ten_heads_in_a_row(stage: Stage) -> None:
    path = remembering(stage)
    stage.reconcile(path)
    engines, made = stage.engines(), driven(stage, "make")
    assert made["groups"] == ["CREATED"]
    [[_, pid], [_, other]] = made["counts"]
    nodes = {name: made["nodes"][name] for name in WORKERS}
    generation = document(stage, "head.json")["store_generation"]
    for number in range(1, KILLS + 1):
        last = document(stage, "head.json")["incarnation"]
        begun = time.monotonic()
        struck = "GCS" if number % 2 else "pod"
        (kill_gcs if struck == "GCS" else kill)(stage.engines()["head"])
        with subprocess.Popen(
            [Path(sys.executable).with_name("raycml"), "reconcile", "--local", path],
            cwd=stage.folder,
            env=stage.environment(),
            stdout=subprocess.DEVNULL,
        ):
            until(lambda before=last: are_back(stage, before), "all workers in Ray's table")  # type: ignore[misc]
            seconds = time.monotonic() - begun
            until(lambda before=last: is_published(stage, before), "the address of the head")  # type: ignore[misc]
            found = driven(stage, "count")
        sys.stdout.write(f"kill {number}, of the {struck}: {seconds:.1f} s\n")
        after = stage.engines()
        assert {name: after[name] for name in WORKERS} == {n: engines[n] for n in WORKERS}
        assert {name: found["nodes"][name] for name in WORKERS} == nodes
        assert found["counts"] == [[number + 1, pid], [number + 1, other]]
        assert found["groups"] == ["CREATED"]
        assert document(stage, "head.json")["store_generation"] == generation
    report = document(stage, "ray.json")
    assert report["unknown_nodes"] == []
    assert {m: one["alive"] for m, one in report["members"].items()} == {
        "head": True,
        **dict.fromkeys(WORKERS, True),
    }
    store = stage.home / ".raycml" / "stores" / "one"
    assert [one.name for one in store.iterdir()] == [generation]
    assert store.stat().st_mode & 0o777 == 0o700
    done = stage.raycml("delete", "one", "--local", "--yes", "--now")
    assert done.code == 0, done.out + done.err
    assert not store.exists()
