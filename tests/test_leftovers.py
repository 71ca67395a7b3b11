"""A suite that leaves processes behind fails, names the test, and leaves none."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.leftovers import command

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
CONFTEST = """\
from tests.leftovers import Leftovers
def pytest_configure(config):
    config.pluginmanager.register(Leftovers(), "leftovers")
"""
# Orphans of each kind: a child, a grandchild in a session of its own and without an environment,
# and a process that a fixture ends.
TESTS = """\
import subprocess, sys, pytest
SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]

@pytest.fixture(scope="module")
def server():
    process = subprocess.Popen(SLEEP)
    yield process
    process.kill()
    process.wait()

def test_uses_a_server(server):
    assert server.poll() is None

def test_ends_what_it_starts(server):
    subprocess.run([sys.executable, "-c", ""], check=True)
"""
LEAVING = r"""
def note(pid):
    with open("pids", "a") as file:
        print(pid, file=file)

def test_leaves_a_child():
    process = subprocess.Popen(SLEEP)
    note(process.pid)
    process.returncode = 0  # silences the warning of subprocess

def test_leaves_an_orphan():
    inner = (
        "import subprocess; quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)\n"
        f"print(subprocess.Popen({SLEEP}, start_new_session=True, env={{}}, **quiet).pid)"
    )
    done = subprocess.run([sys.executable, "-c", inner], check=True, capture_output=True, text=True)
    note(done.stdout.strip())
"""


def suite(folder: Path, tests: str, *options: str) -> "subprocess.CompletedProcess[str]":
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(tests)
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *options, "test_it.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("-n", "2")], ids=["alone", "workers"])
def test_a_process_that_outlives_its_test_is_ended_and_fails_the_suite(
    tmp_path: Path, options: tuple[str, ...]
) -> None:
    done = suite(tmp_path, TESTS + LEAVING, *options)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "4 passed" in done.stdout
    for name in ("test_leaves_a_child", "test_leaves_an_orphan"):
        assert f"test_it.py::{name}: process " in done.stdout, done.stdout
    assert "test_uses_a_server:" not in done.stdout
    pids = [int(line) for line in (tmp_path / "pids").read_text().split()]
    assert len(pids) == 2
    assert not [pid for pid in pids if "time.sleep(600)" in command(pid)]


def test_a_suite_that_ends_what_it_starts_passes(tmp_path: Path) -> None:
    done = suite(tmp_path, TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
