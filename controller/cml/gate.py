"""One gate for all calls: closed for a while when CML asks to slow down.

Shared by every thread of one client.  It never holds a call longer than LIMIT_S, whatever the
server wished.
"""

import threading

from controller.clock import Clock

LIMIT_S = 60.0
USUAL_S = 2.0  # when CML does not say for how long
_LOOKS = 16


class Gate:
    """Open unless `close` was called within the last so many seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._opens_at = clock.monotonic()

    def close(self, seconds: float | None) -> None:
        """Nobody passes for so long; a shorter wish never shortens a longer one."""
        wanted = USUAL_S if seconds is None else min(max(seconds, 0.0), LIMIT_S)
        with self._lock:
            self._opens_at = max(self._opens_at, self._clock.monotonic() + wanted)

    def wait(self, over: threading.Event | None = None) -> None:
        """Return at `over`, once the gate is open, or after LIMIT_S, for it may close again."""
        latest = self._clock.monotonic() + LIMIT_S
        for _ in range(_LOOKS):
            remaining = min(self._opening(), latest) - self._clock.monotonic()
            if remaining <= 0 or self._clock.wait(remaining, over):
                return

    def _opening(self) -> float:
        with self._lock:
            return self._opens_at
