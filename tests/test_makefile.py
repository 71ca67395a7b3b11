"""`make stop`: ends what runs, starts nothing for it, and may be said twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from controller.emulator import daemon

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]


def stop(state: Path, venv: str = sys.prefix) -> "subprocess.CompletedProcess[str]":
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        ["make", "-s", "stop", f"VENV={venv}"],
        cwd=ROOT,
        env={**kept, "RAYCML_EMULATOR_DIR": str(state)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_where_nothing_runs_nothing_is_started(tmp_path: Path) -> None:
    for _ in range(2):
        done = stop(tmp_path / "state")
        assert (done.returncode, done.stderr) == (0, "")
        assert "was not running" in done.stdout
    assert not (tmp_path / "state").exists()


def test_an_emulator_without_the_cluster_is_stopped_all_the_same(tmp_path: Path) -> None:
    daemon.start(tmp_path)
    done = stop(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "is stopped" in done.stdout
    assert daemon.status(tmp_path) is None


def test_without_an_installation_there_is_nothing_to_stop(tmp_path: Path) -> None:
    done = stop(tmp_path / "state", venv=str(tmp_path / "none"))
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "none").exists()
