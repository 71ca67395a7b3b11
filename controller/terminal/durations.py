"""Durations and points in time, as users write them."""

import re
from datetime import UTC, datetime, timedelta

_PART = re.compile(r"([0-9]{1,12}(?:\.[0-9]{1,12})?)(ms|s|m|h|d)")
_SECONDS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_LONGEST_S = 366 * 86400.0


def parse_duration(text: str) -> float:
    """Seconds of `90`, `15m`, `1h30m` or `2d`: above 0, at most 366 days.  Else ValueError."""
    written = text.strip().lower().replace(" ", "")
    parts = _PART.findall(written)
    if written.isascii() and written.replace(".", "", 1).isdigit():
        seconds = float(written)
    elif parts and "".join(number + unit for number, unit in parts) == written:
        seconds = sum(float(number) * _SECONDS[unit] for number, unit in parts)
    else:
        raise ValueError(f"`{text[:40]}` is not a duration; write 90s, 15m, 1h30m or 2d")
    if not 0 < seconds <= _LONGEST_S:
        raise ValueError(f"`{text[:40]}` is out of bounds; more than 0, at most 366 days")
    return seconds


def parse_until(text: str, now: datetime) -> datetime:
    """A time after `now`: a duration from now, or an ISO time (UTC without a zone).

    A number alone is refused: `2` hardly means two seconds.
    """
    if text.strip().replace(".", "", 1).isdigit():
        raise ValueError(f"`{text[:40]}` has no unit; write 2h, or 2026-03-02T18:00Z")
    try:
        return now + timedelta(seconds=parse_duration(text))
    except ValueError:
        pass
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"`{text[:40]}` is neither a time nor a duration; write 2h, or 2026-03-02T18:00Z"
        raise ValueError(message) from None
    try:
        moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except OverflowError:
        raise ValueError(f"`{text[:40]}` is out of range; give a time in the future") from None
    if moment <= now:
        raise ValueError(f"`{text[:40]}` is in the past; give a time in the future")
    return moment
