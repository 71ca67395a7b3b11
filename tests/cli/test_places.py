"""Whether a process lives, as another one on the machine can tell."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.process import identity as places
from controller.process.identity import is_dead, lives, this_place

ROOT = Path(__file__).resolve().parents[2]
SAY = "from controller.process.identity import this_place; print(this_place(), flush=True); input()"


@pytest.fixture
def other() -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = start([])
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.communicate()


def start(before: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*before, sys.executable, "-c", SAY],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def test_a_process_lives_until_it_ends(other: tuple[subprocess.Popen[str], str]) -> None:
    process, place = other
    assert lives(place) is True
    assert lives(this_place()) is True
    process.kill()
    process.wait()
    assert is_dead(place)


def test_a_stopped_process_is_neither_dead_nor_alive(
    other: tuple[subprocess.Popen[str], str],
) -> None:
    process, place = other
    process.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
    assert lives(place) is None


def test_a_number_that_was_given_again_is_another_process() -> None:
    assert is_dead(f"{this_place()}7")


@pytest.mark.parametrize("place", ["", "x", "a b c", "host/boot 1 2", "host/boot/pid:[1] 1 2"])
def test_a_place_elsewhere_is_not_judged(place: str) -> None:
    assert lives(place) is None


def test_a_process_that_proc_does_not_show_is_not_judged(
    other: tuple[subprocess.Popen[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    process, place = other
    monkeypatch.setattr(places, "_stat", lambda _: None)  # as `hidepid` does
    assert lives(place) is None
    process.kill()
    process.wait()
    assert is_dead(place)


def test_a_process_of_another_namespace_is_not_judged() -> None:
    """Two containers with `--network host` share their host's name and boot, not its processes."""
    apart = ["unshare", "--pid", "--fork", "--mount-proc"]
    if subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        namespace = places._machine().replace("pid:[", "pid:[9")
        assert lives(f"{namespace} 999999 1") is None
        return
    process = start(apart)
    try:
        assert process.stdout is not None
        place = process.stdout.readline().strip()
        assert place
        assert lives(place) is None
    finally:
        process.communicate("\n")
