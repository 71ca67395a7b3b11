"""Processes of this pod, from /proc: running processes, descendants, processes with a mark.

A process is identified by ID and start time, since IDs are reused.  A zombie counts as ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_SET_CHILD_SUBREAPER = 36  # prctl(2)
_ZOMBIE = "ZX"


@dataclass(frozen=True)
class Process:
    """`started` is in clock ticks since boot, `state` as in proc(5)."""

    pid: int
    parent: int
    started: int
    state: str

    @property
    def is_zombie(self) -> bool:
        return self.state in _ZOMBIE


def find(pid: int) -> Process | None:
    try:
        text = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
        # The name in brackets may contain spaces and brackets.
        fields = text.rpartition(")")[2].split()
        return Process(pid, int(fields[1]), int(fields[19]), fields[0])
    except (OSError, ValueError, IndexError):
        return None


def is_alive(process: Process) -> bool:
    now = find(process.pid)
    return now is not None and now.started == process.started and not now.is_zombie


def all_processes() -> dict[int, Process]:
    pids = [int(entry.name) for entry in _PROC.iterdir() if entry.name.isdigit()]
    return {process.pid: process for process in map(find, pids) if process is not None}


def descendants(ancestor: int) -> list[Process]:
    """All descendants, including zombies."""
    children: dict[int, list[Process]] = {}
    for process in all_processes().values():
        children.setdefault(process.parent, []).append(process)
    family: list[Process] = []
    wave = [ancestor]
    while wave:
        next_wave = [child for pid in wave for child in children.get(pid, [])]
        family += next_wave
        wave = [child.pid for child in next_wave]
    return family


def with_variable(mark: str) -> list[Process]:
    """Processes with `mark`, a whole `NAME=value`, in their initial environment."""
    variable = mark.encode()
    return [
        p
        for p in all_processes().values()
        if variable in _environment(p.pid) and p.pid != os.getpid()
    ]


def _environment(pid: int) -> list[bytes]:
    try:
        return (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return []


def arguments(pid: int) -> list[str]:
    try:
        data = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return []
    return [part.decode(errors="replace") for part in data.split(b"\0") if part]


def kill(process: Process) -> None:
    if is_alive(process):
        with contextlib.suppress(OSError):
            os.kill(process.pid, signal.SIGKILL)


def adopt_orphans() -> None:
    """Become the parent of descendants whose parent has ended.

    If the system does not support it, such processes are found only by their mark.
    """
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def reap(keep: set[int]) -> None:
    """Reap ended adopted children; `keep` are IDs that other code waits for."""
    for process in descendants(os.getpid()):
        mine = process.parent == os.getpid() and process.pid not in keep
        if mine and process.is_zombie:
            with contextlib.suppress(OSError):
                os.waitpid(process.pid, os.WNOHANG)
