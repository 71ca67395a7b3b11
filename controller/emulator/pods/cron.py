"""Cron schedules: five fields, minute, hour, day of month, month, day of week.

Lists, ranges and steps of numbers.  If both days are restricted, either one is enough, as in cron.
Times are in the schedule's zone.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

BOUNDS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
YEARS = 5
"""Every schedule occurs within this time, including a 29th of February."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """`parse` makes one; the days of the week go from 0, Sunday, to 6."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    either_day: bool

    def after(self, now: datetime, zone: ZoneInfo) -> datetime | None:
        """The next time after `now`, in UTC; None if there is none in YEARS years."""
        start = now.astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)
        day, last = start.date(), start.date() + timedelta(days=366 * YEARS)
        while day <= last:
            if self._on(day.month, day.day, day.isoweekday() % 7):
                for minute in self._times():
                    moment = datetime(day.year, day.month, day.day, tzinfo=zone) + minute
                    if moment.astimezone(UTC) > now:
                        return moment.astimezone(UTC)
            day += timedelta(days=1)
        return None

    def _on(self, month: int, day: int, weekday: int) -> bool:
        matches = (day in self.days, weekday in self.weekdays)
        return month in self.months and (any(matches) if self.either_day else all(matches))

    def _times(self) -> list[timedelta]:
        return [
            timedelta(hours=hour, minutes=minute)
            for hour in sorted(self.hours)
            for minute in sorted(self.minutes)
        ]


def parse(text: str) -> Schedule:
    """The schedule.  ValueError for invalid text."""
    fields = text.split()
    if len(fields) != len(BOUNDS):
        raise ValueError("a schedule must have five fields")
    minutes, hours, days, months, weekdays = (
        _values(one, low, high) for one, (low, high) in zip(fields, BOUNDS, strict=True)
    )
    weekdays = frozenset(day % 7 for day in weekdays)
    either = "*" not in {fields[2][0], fields[4][0]}
    return Schedule(minutes, hours, days, months, weekdays, either)


def _values(text: str, low: int, high: int) -> frozenset[int]:
    return frozenset(value for part in text.split(",") for value in _part(part, low, high))


def _part(text: str, low: int, high: int) -> range:
    span, slash, step = text.partition("/")
    first, dash, last = span.partition("-")
    begin = low if span == "*" else int(first)
    end = high if span == "*" or (slash and not dash) else int(last) if dash else begin
    every = int(step) if slash else 1
    if not low <= begin <= end <= high or every < 1:
        raise ValueError(f"{text!r} is out of bounds")
    return range(begin, end + 1, every)
