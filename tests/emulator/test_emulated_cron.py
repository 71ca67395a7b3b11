"""When a schedule comes round."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from controller.emulator.pods.cron import parse

LOS_ANGELES = ZoneInfo("America/Los_Angeles")
MONDAY = datetime(2026, 3, 2, 9, 0, 30, tzinfo=UTC)


def next_of(schedule: str, zone: ZoneInfo = ZoneInfo("UTC"), now: datetime = MONDAY) -> str:  # noqa: B008
    found = parse(schedule).after(now, zone)
    return f"{found:%Y-%m-%d %H:%M}" if found else "never"


@pytest.mark.parametrize(
    ("schedule", "moment"),
    [
        ("* * * * *", "2026-03-02 09:01"),
        ("*/15 * * * *", "2026-03-02 09:15"),
        ("5-20/5,50 * * * *", "2026-03-02 09:05"),
        ("0 * * * *", "2026-03-02 10:00"),
        ("0 9 * * *", "2026-03-03 09:00"),
        ("30 22 * * 5", "2026-03-06 22:30"),
        ("0 0 * * 0", "2026-03-08 00:00"),
        ("0 0 * * 7", "2026-03-08 00:00"),
        ("0 0 * * 1-5", "2026-03-03 00:00"),
        ("0 0 31 * *", "2026-03-31 00:00"),
        ("0 0 13 * 5", "2026-03-06 00:00"),
        ("0 0 29 2 *", "2028-02-29 00:00"),
        ("0 0 30 2 *", "never"),
        ("0 0 1 1/6 *", "2026-07-01 00:00"),
    ],
)
def test_a_schedule_comes_round_at_its_next_time(schedule: str, moment: str) -> None:
    assert next_of(schedule) == moment


def test_a_schedule_goes_by_the_clock_of_its_zone_through_summer_time() -> None:
    assert next_of("0 5 * * *", LOS_ANGELES) == "2026-03-02 13:00"
    summer = datetime(2026, 3, 9, 0, 0, tzinfo=UTC)
    assert next_of("0 5 * * *", LOS_ANGELES, summer) == "2026-03-09 12:00"


@pytest.mark.parametrize(
    "text",
    [
        *("", "* * * *", "* * * * * *", "60 * * * *", "* 24 * * *", "* * 0 * *", "a * * * *"),
        *("5-1 * * * *", "*/0 * * * *", "1- * * * *", "@daily", ", * * * *"),
    ],
)
def test_what_is_no_schedule_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  any of them will do: the caller says which
        parse(text)
