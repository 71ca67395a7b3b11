"""Time of the node program, whose only module this is that reads a clock or waits.

Times in files are text in UTC to the second, as in `2026-01-31T09:00:00Z`.
"""

from __future__ import annotations

import calendar
import threading
import time

_FORMAT = "%Y-%m-%dT%H:%M:%SZ"


class Clock:
    """The clock of this pod; tests replace it."""

    def now(self) -> float:
        """Seconds since the epoch, for comparison with other pods' times."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds that never go backwards, for deadlines."""
        return time.monotonic()

    def wait(self, seconds: float, wake: threading.Event) -> bool:
        """Wait for this time, or until `wake` is set (True)."""
        return wake.wait(max(seconds, 0.0))


def stamp(seconds: float) -> str:
    return time.strftime(_FORMAT, time.gmtime(seconds))


def parse_stamp(text: object) -> float | None:
    """Seconds since the epoch; None for anything that `stamp` does not write."""
    if not isinstance(text, str):
        return None
    try:
        return float(calendar.timegm(time.strptime(text, _FORMAT)))
    except ValueError:
        return None
