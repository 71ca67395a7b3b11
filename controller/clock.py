"""Time: the only module that reads the time or waits.

Everything else gets a `Clock`, so that tests and the simulator control the time.
"""

import threading
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Time and waiting, for the shell."""

    def now(self) -> datetime:
        """Wall-clock time, aware, in UTC: for display and for comparison with other machines."""

    def monotonic(self) -> float:
        """Seconds that never go backwards: for durations and deadlines."""

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        """Wait for this time, or until `wake` is set (True).  Negative times count as 0."""


class SystemClock:
    """The system's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        if wake is None:
            wake = threading.Event()
        return wake.wait(max(seconds, 0.0))
