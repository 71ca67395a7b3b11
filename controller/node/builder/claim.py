"""Which run builds an environment just now, so that others wait instead of doing the same.

Only work is spared by it, safety never rests on it: two that build at once each do so in a folder
of their own, and the first rename wins.  A holder shows by the claim's time of change that it
lives; ages are taken on the file system's own clock, as those of pods may differ.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

_BEATS = 8  # signs of life within the time after which a holder counts as dead


class Claim:
    """The claim at a path, for one engine."""

    def __init__(self, path: Path, engine: str, stale_s: float) -> None:
        self._path = path
        self._engine = engine
        self._stale_s = stale_s

    def take(self) -> bool:
        """Whether it is ours now; a dead holder's is cleared away, for the next try."""
        try:
            descriptor = os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        except FileExistsError:
            self._clear_dead()
            return False
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self._engine)
        return True

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Show signs of life; the claim is given back at the end, unless another took it."""
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
                self._path.rename(aside)  # of several that clear it, one succeeds
                aside.unlink()


def age(path: Path, engine: str) -> float:
    """Seconds since the path was changed, both ends on the clock of its file system."""
    probe = path.with_name(f"{path.name}.now-{engine}")
    try:
        probe.write_bytes(b"now")
        return probe.stat().st_mtime - path.stat().st_mtime
    finally:
        with contextlib.suppress(OSError):
            probe.unlink()
