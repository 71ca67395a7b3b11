"""Log of a member: on standard output, and in a file of the project that outlives the pod.

The file is bounded: 1 MiB and one older file.  If it cannot be written, the node continues.
"""

from __future__ import annotations

import sys
import threading
from collections import deque
from pathlib import Path

from controller.node.clock import Clock, stamp

LIMIT = 1024 * 1024  # bytes
_TAIL = 40  # lines
_LINE = 2000  # characters


class Log:
    """A log; thread-safe."""

    def __init__(self, path: Path, clock: Clock, limit: int = LIMIT) -> None:
        self._path = path
        self._clock = clock
        self._limit = limit
        self._lock = threading.Lock()
        self._tail: deque[str] = deque(maxlen=_TAIL)

    def write(self, message: str) -> None:
        """Log a line, or several, each with the time."""
        now = stamp(self._clock.now())
        with self._lock:
            for line in message.splitlines() or [""]:
                self._write(f"{now} {line[:_LINE]}")

    def tail(self) -> list[str]:
        with self._lock:
            return list(self._tail)

    def _write(self, line: str) -> None:
        self._tail.append(line)
        _to_stdout(line)
        try:
            self._rotate()
            with self._path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(line + "\n")
        except OSError:
            return  # a full or read-only disk; standard output has the line

    def _rotate(self) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        if self._path.exists() and self._path.stat().st_size >= self._limit:
            self._path.replace(self._path.with_name(self._path.name + ".1"))


def _to_stdout(line: str) -> None:
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    try:
        sys.stdout.write(line.encode(encoding, "backslashreplace").decode(encoding) + "\n")
        sys.stdout.flush()
    except (OSError, ValueError):
        return  # its reader has gone
