"""The only place that reads the time or waits.

Everything that needs the time is given a `Clock`, so that tests and the simulator can be the ones
who say what time it is.
"""

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What the shell may ask of time."""

    def now(self) -> datetime:
        """Wall-clock time, aware, in UTC: for display and for comparison with other machines."""

    def monotonic(self) -> float:
        """Seconds that never go backwards: for durations and deadlines."""

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        """Pause for so long, or until `wake` is set; True when it was.  Never negative."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        if wake is None:
            wake = threading.Event()
        return wake.wait(max(seconds, 0.0))
