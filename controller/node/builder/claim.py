"""Claim of the run that is building an environment, so that other runs wait.

The claim saves work, and safety does not depend on it: concurrent builds use separate folders, and
the first rename wins.  A holder updates the claim's modification time; ages are taken by the
file system's clock, since the clocks of pods may differ.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

_BEATS = 8  # updates within the time after which a holder counts as dead


class Claim:
    """The claim at a path, for an engine."""

    def __init__(self, path: Path, engine: str, stale_s: float) -> None:
        self._path = path
        self._engine = engine
        self._stale_s = stale_s

    def take(self) -> bool:
        """True if this run holds the claim now; a dead holder's is removed for the next try."""
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            self._clear_dead()
            return False
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self._engine)
        return True

    @contextlib.contextmanager
    def hold(self) -> Iterator[None]:
        """Keep the claim alive; it is released at the end, unless another run took it."""
        over = threading.Event()
        beat = threading.Thread(target=self._beat, args=(over,), daemon=True)
        beat.start()
        try:
            yield
        finally:
            over.set()
            beat.join()
            with contextlib.suppress(OSError):
                if self._is_ours():
                    self._path.unlink()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(self._stale_s / _BEATS):
            with contextlib.suppress(OSError):
                if self._is_ours():
                    os.utime(self._path)

    def _is_ours(self) -> bool:
        return self._path.read_text(encoding="utf-8") == self._engine

    def _clear_dead(self) -> None:
        with contextlib.suppress(OSError):
            if age(self._path, self._engine) > self._stale_s:
                aside = self._path.with_name(f"{self._path.name}.dead-{self._engine}")
                self._path.rename(aside)  # of several runs that remove it, one succeeds
                aside.unlink()


def age(path: Path, engine: str) -> float:
    """Seconds since the path was changed, by the clock of its file system."""
    probe = path.with_name(f"{path.name}.now-{engine}")
    try:
        probe.write_bytes(b"now")
        return probe.stat().st_mtime - path.stat().st_mtime
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
