"""Processes that outlive the tests that started them: found, named by their test, ended.

The test process becomes the parent of each descendant whose own parent has ended (Linux), so no
process can leave its sight.  A process may live as long as a fixture needs it; at the end of the
session each one that is alive fails the session, under the name of the test after which it was
first seen.  With pytest-xdist each worker does so for its own tests, and the main process reports.
"""

import ctypes
import multiprocessing.resource_tracker as tracker
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

PR_SET_CHILD_SUBREAPER = 36
GRACE_S = 10.0  # what has been asked to end may take this long
POLL_S = 0.05
KEY = "leftovers"


class Leftovers:
    """A plugin; one for each process of a session."""

    def __init__(self) -> None:
        self._first_seen: dict[int, str] = {}
        self._reported: list[str] = []
        if sys.platform == "linux":
            ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        result = yield
        if has_children():
            for pid in living():
                self._first_seen.setdefault(pid, item.nodeid)
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        """What a worker of pytest-xdist found."""
        self._reported += getattr(node, "workeroutput", {}).get(KEY, [])

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        found = [
            f"{self._first_seen.get(pid, 'outside of any test')}: process {pid}: {command(pid)}"
            for pid in sorted(outlasting(GRACE_S))
        ]
        end_all()
        self._reported += found
        output = getattr(session.config, "workeroutput", None)
        if output is not None:
            output[KEY] = found
        if self._reported and session.exitstatus in {0, pytest.ExitCode.NO_TESTS_COLLECTED}:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self._reported:
            terminalreporter.section("processes that outlived their tests", red=True)
            for line in self._reported:
                terminalreporter.line(line)


def has_children() -> bool:
    """Cheap: no look at /proc."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return False
    return True


def living() -> set[int]:
    """Every descendant that is no zombie; without the one that multiprocessing keeps."""
    parents = dict(_parents())
    found = {os.getpid()}
    while more := {pid for pid, parent in parents.items() if parent in found} - found:
        found |= more
    kept = getattr(tracker._resource_tracker, "_pid", None)  # type: ignore[attr-defined]
    return found - {os.getpid(), kept}


def outlasting(seconds: float) -> set[int]:
    """The descendants that do not end by themselves in this time."""
    ends = time.monotonic() + seconds
    while (found := living()) and time.monotonic() < ends:
        time.sleep(POLL_S)
    return found


def end_all() -> None:
    """Kill every descendant; a process may start another one meanwhile."""
    ends = time.monotonic() + GRACE_S
    while (found := living()) and time.monotonic() < ends:
        for pid in found:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        time.sleep(POLL_S)


def command(pid: int) -> str:
    try:
        text = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except OSError:
        return "?"
    return " ".join(text.split("\0")).strip()[:300]


def _parents() -> Iterator[tuple[int, int]]:
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
        try:
            text = Path(f"/proc/{name}/stat").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        state, parent = text[text.rindex(")") + 2 :].split()[:2]
        if state not in {"Z", "X"}:
            yield int(name), int(parent)
