"""Supervisor of a pod: starts its kernel, probes its port, writes its log, and cleans up.

A separate program (`python -I -S supervisor.py`) with the standard library only, since it outlives
the emulator by some milliseconds: its standard input is a pipe whose end means that the emulator
has ended, and then it kills everything in the pod.  Linux makes it the parent of detached
processes of the pod, so that none is missed.

Input: a line of JSON, the instructions.  Output: the line `answered`.  TERM: stop the pod.  Exit
status: that of the kernel, 128 + n for signal n.
"""

import contextlib
import ctypes
import http.client
import json
import os
import selectors
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, TypedDict

PR_SET_CHILD_SUBREAPER = 36
POLL_S = 0.25
ANSWER_TIMEOUT_S = 5.0
SETTLE_S = 0.05
LOG_DRAIN_S = 2.0
LOG_BYTES = 4 * 1024 * 1024
"""A log is turned over at this size; one old one is kept."""


class Instructions(TypedDict):
    """The instructions of the emulator; `grace_s` is between TERM and KILL.

    Engine ID, temporary folder and polling endpoint are in the environment.  `port` 0: without a
    probe, only the start counts.
    """

    argv: list[str]
    environment: dict[str, str]
    home: str
    log: str
    port: int
    grace_s: float


# the processes of a pod


def _states() -> dict[int, tuple[str, int]]:
    """State and parent of every process of this machine."""
    states: dict[int, tuple[str, int]] = {}
    for pid in _pids():
        with contextlib.suppress(OSError, ValueError, IndexError):
            state, parent = _stat(pid)[:2]
            states[pid] = (state, int(parent))
    return states


def parents() -> dict[int, int]:
    """The parent of every process of this machine that is not a zombie."""
    return {pid: parent for pid, (state, parent) in _states().items() if state not in {"Z", "X"}}


def _pids() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdigit())


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the third on; the name before may contain anything."""
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text[text.rindex(")") + 2 :].split()


def started_at(pid: int) -> str | None:
    """The start of `pid` in ticks since boot, by which a reused process ID is detected."""
    try:
        fields = _stat(pid)
    except (OSError, ValueError):
        return None
    return None if fields[0] in {"Z", "X"} else fields[19]


def descendants(root: int) -> set[int]:
    parent_of = parents()
    pids = {root}
    while more := {pid for pid, parent in parent_of.items() if parent in pids} - pids:
        pids |= more
    return pids - {root}


def processes_of(engine_ids: set[str]) -> set[int]:
    """Processes with one of these engine IDs in their initial environment."""
    marks = {f"CDSW_ENGINE_ID={engine}".encode() for engine in engine_ids}
    pids: set[int] = set()
    for pid in _pids():
        with contextlib.suppress(OSError):
            entries = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            if not marks.isdisjoint(entries) and started_at(pid) is not None:
                pids.add(pid)
    return pids


def send(pids: set[int], number: signal.Signals) -> None:
    for pid in pids:
        with contextlib.suppress(OSError):
            os.kill(pid, number)


def kill_pods(engine_ids: set[str]) -> None:
    """Kill until none is left, since processes may fork meanwhile."""
    while engine_ids and (living := processes_of(engine_ids) - {os.getpid()}):
        send(living, signal.SIGKILL)
        time.sleep(SETTLE_S)


def adopt_orphans() -> None:
    """Become the parent of every descendant whose parent has ended."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def kill_other_children(own: set[int]) -> None:
    """Kill and reap children of this process that are not `own`, with their descendants."""
    own_pid = os.getpid()
    while others := {pid for pid, parent in parents().items() if parent == own_pid} - own:
        for pid in others:
            send({pid} | descendants(pid), signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


# the log


class Log:
    """Appends to a file that never grows past `LOG_BYTES`."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def copy(self, source: BinaryIO) -> None:
        """Copy until the last writer has closed the pipe."""
        while data := os.read(source.fileno(), 65536):
            if self._path.exists() and self._path.stat().st_size > LOG_BYTES:
                self._path.replace(self._path.with_suffix(".log.1"))
            with open(self._path, "ab", opener=_private) as file:
                file.write(data)


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


# the life of a pod


class Pod:
    """The kernel and all of its processes."""

    def __init__(self, instructions: Instructions) -> None:
        self._instructions = instructions
        self._environment = instructions["environment"]
        self._answered = False
        self._kernel = subprocess.Popen(
            instructions["argv"],
            cwd=instructions["home"],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        assert self._kernel.stdout is not None  # noqa: S101  asked for above
        log = Log(Path(instructions["log"]))
        self._copier = threading.Thread(target=log.copy, args=(self._kernel.stdout,), daemon=True)
        self._copier.start()
        threading.Thread(target=self._watch_answer, daemon=True).start()

    def processes(self) -> set[int]:
        marked = processes_of({self._environment["CDSW_ENGINE_ID"]})
        return (descendants(os.getpid()) | marked) - {os.getpid()}

    def _watch_answer(self) -> None:
        while self._instructions["port"] and not self._answers():
            time.sleep(POLL_S)
        with contextlib.suppress(OSError):
            os.write(1, b"answered\n")

    def _answers(self) -> bool:
        """True for exactly 200; a redirect does not count."""
        link = http.client.HTTPConnection("127.0.0.1", self._instructions["port"], ANSWER_TIMEOUT_S)
        try:
            path = self._environment["CDSW_APP_POLLING_ENDPOINT"]
            link.request("GET", path, headers={"User-Agent": "kube-probe/1.30"})
            return link.getresponse().status == 200
        except (OSError, http.client.HTTPException, ValueError):
            return False
        finally:
            link.close()

    def ended(self) -> bool:
        return self._kernel.poll() is not None

    def terminate(self) -> None:
        """Send TERM to every process; `clear` kills the rest after the grace period."""
        send(self.processes(), signal.SIGTERM)
        deadline = time.monotonic() + self._instructions["grace_s"]
        while self.processes() and time.monotonic() < deadline:
            self.reap()
            time.sleep(SETTLE_S)

    def clear(self) -> int:
        """Kill remaining processes, remove the temporary folder; returns the kernel's status."""
        while living := self.processes():
            send(living, signal.SIGKILL)
            self.reap()
            time.sleep(SETTLE_S)
        shutil.rmtree(self._environment["TMPDIR"], ignore_errors=True)
        self._copier.join(LOG_DRAIN_S)
        status = self._kernel.wait()
        return status if status >= 0 else 128 - status

    def reap(self) -> None:
        """Reap detached processes; the kernel's status is kept for `clear`."""
        self._kernel.poll()
        for pid in zombie_children(os.getpid()) - {self._kernel.pid}:
            with contextlib.suppress(OSError):
                os.waitpid(pid, os.WNOHANG)


def zombie_children(root: int) -> set[int]:
    """The zombies that are children of `root`."""
    return {pid for pid, state in _states().items() if state == ("Z", root)}


def watch(pod: Pod, wake: int) -> None:
    """Wait for the end of the kernel, TERM, or the end of the emulator; the latter end the pod."""
    selector = selectors.DefaultSelector()
    selector.register(0, selectors.EVENT_READ)
    selector.register(wake, selectors.EVENT_READ)
    while not pod.ended():
        ready = {key.fd for key, _ in selector.select(POLL_S)}
        if wake in ready and signal.SIGTERM in os.read(wake, 64):
            pod.terminate()
            return
        if 0 in ready and not os.read(0, 4096):
            return
        pod.reap()


def read_instructions() -> Instructions:
    """The first line of standard input, byte by byte, since the rest must stay in the pipe."""
    line = bytearray()
    while (byte := os.read(0, 1)) not in {b"\n", b""}:
        line += byte
    instructions: Instructions = json.loads(line)
    return instructions


def main() -> int:
    adopt_orphans()
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    signal.set_wakeup_fd(write_end)
    signal.signal(signal.SIGTERM, lambda *_: None)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    pod = Pod(read_instructions())
    watch(pod, read_end)
    return pod.clear()


if __name__ == "__main__":
    sys.exit(main())
