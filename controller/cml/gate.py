"""Gate for all calls, closed for a while when CML is rate-limiting.

Shared by all threads of a client.  It delays a call by at most LIMIT_S, whatever the server's
Retry-After.
"""

import threading

from controller.clock import Clock

LIMIT_S = 60.0
USUAL_S = 2.0  # without a Retry-After
_LOOKS = 16


class Gate:
    """A gate that `close` closes for a time."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._opens_at = clock.monotonic()

    def close(self, seconds: float | None) -> None:
        """Close for this time; a shorter time does not shorten a longer one."""
        pause_s = USUAL_S if seconds is None else min(max(seconds, 0.0), LIMIT_S)
        with self._lock:
            self._opens_at = max(self._opens_at, self._clock.monotonic() + pause_s)

    def wait(self, over: threading.Event | None = None) -> None:
        """Return once the gate is open, at `over`, or after LIMIT_S, since it may close again."""
        latest = self._clock.monotonic() + LIMIT_S
        for _ in range(_LOOKS):
            remaining = min(self._opening(), latest) - self._clock.monotonic()
            if remaining <= 0 or self._clock.wait(remaining, over):
                return

    def _opening(self) -> float:
        with self._lock:
            return self._opens_at
