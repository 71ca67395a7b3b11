"""A run of `ray start --block`: start, observation, end.

`ray start` never exits after a successful end of its raylet, as after a drain; so the raylet itself
is observed, and on a head also the GCS and the dashboard.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
from collections.abc import Mapping
from pathlib import Path

from controller.node import processes
from controller.node.clock import Clock
from controller.node.log import Log
from controller.node.processes import Process
from controller.node.ray.command import DRAIN_S, MARK
from controller.node.ray.drain import Drain

WORKER_PARTS = ("raylet",)
HEAD_PARTS = ("gcs_server", "dashboard", "raylet")
_FILES = {"raylet": "raylet", "gcs_server": "gcs_server", "dashboard.py": "dashboard"}
_STARTED = "Ray runtime started"  # output of `ray start` once the node has joined a cluster
# Counters of an ended raylet, and advice such as `ray stop` that does not apply in CML.
_NOISE = ("[state-dump]", "INFO scripts.py", "SUCC scripts.py", "INFO cli_output", "INFO usage_lib")
_LONGEST_BASE = 40  # characters: Ray adds some 60 for its sockets, and the system's limit is 107
_BURY_EVERY = 10  # looks
_MOST_ERRORS = 65536  # bytes
_LAST_ERRORS = 5  # lines that are logged
_STACK = "(+0x"  # in a line of a stack trace
_END_S = 2.0  # of the grace: `ray start` ends its processes after a drain


_PREFIX = "raycml-"


class TempDir:
    """A folder with a short path on local disk for a run of Ray.

    `variables` also direct temporary files of Ray's processes there, unless the environment has
    a folder for them whose path is too long for Ray.  `adopts`: Ray uses a folder with the path of
    the head's instead, on this pod's disk, which is then removed as well; but not on a disk that
    pods share, where it is the head's.
    """

    def __init__(self, *, adopts: bool = False) -> None:
        self._adopts = adopts
        self._adopted = ""
        base = tempfile.gettempdir()
        short = len(base) <= _LONGEST_BASE
        usable = base if short else "/tmp"  # noqa: S108 - mkdtemp is safe in it
        self.path = tempfile.mkdtemp(prefix=_PREFIX, dir=usable)
        self.variables = {"TMPDIR": self.path} if short else {}

    def adopt(self, raylet: list[str]) -> None:
        """Take note of the folder in the arguments of a raylet."""
        option = "--temp_dir="
        path = next((word[len(option) :] for word in raylet if word.startswith(option)), "")
        if self._adopts and os.path.basename(path).startswith(_PREFIX):
            self._adopted = path

    def remove(self) -> None:
        shutil.rmtree(self.path, ignore_errors=True)
        if self._adopted and not _is_of_a_head(self._adopted):
            shutil.rmtree(self._adopted, ignore_errors=True)


def _is_of_a_head(folder: str) -> bool:
    return any(Path(folder).glob("session_*/logs/gcs_server*"))


class RayRun:
    """A run; MARK in `environ` marks all processes of this node program, also detached ones.

    `drain` is for a Ray that does not drain this node at a SIGTERM.
    """

    def __init__(
        self,
        command: list[str],
        environ: Mapping[str, str],
        home: Path,
        temp_dir: TempDir,
        parts: tuple[str, ...],
        log: Log,
        drain: Drain | None = None,
    ) -> None:
        self._drain = drain
        self._temp_dir = temp_dir
        self._missing = set(parts)
        self._parts: dict[str, Process] = {}
        self._mark = f"{MARK}={environ[MARK]}"
        self._log = log
        self._started = threading.Event()
        self._looks = 0
        self._child = subprocess.Popen(
            command,
            cwd=home,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    @property
    def pid(self) -> int:
        return self._child.pid

    @property
    def is_up(self) -> bool:
        """True once the node has joined, and all observed processes are running."""
        return self._started.is_set() and not self._missing

    def look(self) -> str:
        """The reason for the end of the run; empty while it is running."""
        self._find_parts()
        self._looks += 1
        if self._looks % _BURY_EVERY == 0:
            processes.reap({self._child.pid})
        code = self._child.poll()
        if code is not None:
            return f"`ray start` exited with {_ending(code)}"
        for name, process in self._parts.items():
            if not processes.is_alive(process):
                return f"Ray's {name} ended"
        return ""

    def errors_of(self, program: str) -> str:
        """The end of a program's error output, which Ray keeps in its folder; empty without any."""
        path = Path(self._temp_dir.path, "session_latest", "logs", f"{program}.err")
        try:
            with path.open("rb") as file:
                file.seek(max(path.stat().st_size - _MOST_ERRORS, 0))
                return file.read(_MOST_ERRORS).decode(errors="replace")
        except OSError:
            return ""

    def was_drained(self) -> bool:
        """True if the raylet ended successfully while `ray start` still runs, as after a drain."""
        raylet = self._parts.get("raylet")
        ended = raylet is not None and not processes.is_alive(raylet)
        return ended and self._child.poll() is None

    def end(self, clock: Clock, hurry: threading.Event, grace_s: float = DRAIN_S + _END_S) -> None:
        """Let Ray drain and end within the grace period, then kill the remaining processes.

        `hurry`, or a grace of 0, skips the drain.
        """
        self._log_errors()
        family = processes.descendants(os.getpid())
        if grace_s > 0 and not hurry.is_set() and self._child.poll() is None:
            deadline = clock.monotonic() + grace_s
            raylet = self._parts.get("raylet")
            if self._drain is not None and raylet is not None:
                self._drain.run(raylet, clock, hurry, deadline - _END_S)
            self._child.send_signal(signal.SIGTERM)
            while self._child.poll() is None and clock.monotonic() < deadline:
                if clock.wait(0.1, hurry):
                    break
        self._sweep(family, clock)
        # For its last output; bounded, since another process may keep the pipe open.
        self._listener.join(1)
        self._temp_dir.remove()

    def _log_errors(self) -> None:
        """Log the last errors of the components that have ended, before their folder goes."""
        for name, process in self._parts.items():
            if not processes.is_alive(process):
                lines = self.errors_of(name).splitlines()
                errors = [line for line in lines if line.strip() and _STACK not in line]
                for line in errors[-_LAST_ERRORS:]:
                    self._log.write(f"{name}: {line}")

    def _sweep(self, family: list[Process], clock: Clock) -> None:
        """Kill until no process is left, since a process may start others meanwhile."""
        with contextlib.suppress(OSError):
            self._child.kill()
        never = threading.Event()
        for _ in range(20):
            candidates = [
                *processes.descendants(os.getpid()),
                *processes.with_variable(self._mark),
                *family,
            ]
            running = [process for process in candidates if processes.is_alive(process)]
            for process in running:
                processes.kill(process)
            processes.reap({self._child.pid})
            if not running:
                break
            clock.wait(0.05, never)
        # It may be blocked in the kernel by a dead mount.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.wait(5)

    def _find_parts(self) -> None:
        if not self._missing:
            return
        for process in processes.descendants(self._child.pid):
            name = _part(process.pid)
            if name in self._missing and not process.is_zombie:
                if name == "raylet":
                    self._temp_dir.adopt(processes.arguments(process.pid))
                self._parts[name] = process
                self._missing.discard(name)

    def _listen(self) -> None:
        stream = self._child.stdout
        assert stream is not None  # noqa: S101 - it was asked for as a pipe
        with stream:
            for raw in stream:
                self._handle_line(raw.decode(errors="replace").rstrip())

    def _handle_line(self, line: str) -> None:
        if _STARTED in line:
            self._started.set()
        if line and not any(noise in line for noise in _NOISE):
            self._log.write(f"ray: {line}")


def _part(pid: int) -> str:
    """The component of Ray, by the process's program; empty for others."""
    for argument in processes.arguments(pid)[:3]:
        name = _FILES.get(argument.rpartition("/")[2])
        if name is not None:
            return name
    return ""


def _ending(code: int) -> str:
    return f"signal {-code}" if code < 0 else f"code {code}"
