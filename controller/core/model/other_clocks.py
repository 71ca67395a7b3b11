"""Times that another clock wrote: CML's, a pod's, a file server's, another controller's.

None of them is compared with this controller's time without a bound on how far it may lie in the
future: a clock that is ahead would otherwise hold a wait open, or keep a file, for as long as it is
ahead.  Every comparison goes through here; a test holds the list of exceptions.
"""

from datetime import datetime, timedelta

AHEAD_S = 30.0  # how far clocks that are kept in step may lie apart


def credible(written: datetime | None, now: datetime, *, ahead_s: float = 0.0) -> datetime | None:
    """The time, or None for none and for one that lies in the future by more than `ahead_s`.

    Nothing observed can have begun later than now, so a caller falls back to the time of its own
    observation.
    """
    if written is None or written > now + timedelta(seconds=ahead_s):
        return None
    return written


def precedes(written: datetime, started: datetime | None, now: datetime) -> bool:
    """True if something was written before a start.  A start in the future says nothing."""
    start = credible(started, now, ahead_s=AHEAD_S)
    return start is not None and written < start


def age_s(written: datetime | None, now: datetime) -> float | None:
    """Seconds, none of them negative; None where there is no time that can be believed."""
    when = credible(written, now, ahead_s=AHEAD_S)
    return None if when is None else max((now - when).total_seconds(), 0.0)
