"""Time that passes only when somebody waits, and clocks that may be wrong about it.

One `Time` is the truth of a world.  Each controller has its own clock over it, whose wall time may
jump either way; its monotonic time never does.
"""

import threading
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@dataclass(slots=True)
class Time:
    """True seconds since START."""

    passed: float = 0.0


class SimulatedClock:
    """A controller's `Clock`; `skew` is by how many seconds its wall time is off."""

    def __init__(self, time: Time | None = None) -> None:
        self.time = time or Time()
        self.skew = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.time.passed + self.skew)

    def monotonic(self) -> float:
        return self.time.passed

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        self.time.passed += max(seconds, 0.0)
        return wake is not None and wake.is_set()
