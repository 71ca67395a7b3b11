"""A head whose clock is off is believed once its report is seen to change, and only so long."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.clock import SystemClock
from controller.core.model.json_object import json_of
from controller.core.model.ray.report import HeadReport
from controller.files.shared import SharedFiles
from controller.workspace.head_clock import HeadClock, compare, in_this_clock
from controller.workspace.reports import LookAtReports
from tests.worlds import at, report, spec

FRESH_S = 30.0
BELIEVED_S = 9.0  # three periods
WRITTEN_EVERY_S = 3.0


def written(seconds: float, ahead_s: float) -> HeadReport:
    """What a head writes at this time of ours, by a clock that is ahead by so much."""
    made = report(spec(), "head", at_=at(seconds + ahead_s))
    return replace(made, period_s=WRITTEN_EVERY_S)


def looks(times: list[float], ahead_s: float, ends: float = 1e12) -> list[bool]:
    """Whether the report is believed at each look; the head writes every 3 s until it ends."""
    clock: HeadClock | None = None
    believed = []
    for time in times:
        last = min(time, ends) // WRITTEN_EVERY_S * WRITTEN_EVERY_S
        found = written(last, ahead_s)
        clock = compare(clock, found, at(time), time)
        believed.append(in_this_clock(clock, found).is_fresh(at(time), FRESH_S))
    return believed


OFF = [-86_400.0, -600.0, -31.0, 45.0, 600.0, 1e8]


@pytest.mark.parametrize("ahead_s", OFF)
@pytest.mark.parametrize("every_s", [4.0, 30.0, 120.0])
def test_a_head_whose_clock_is_off_is_believed_from_the_second_look_on(
    ahead_s: float, every_s: float
) -> None:
    times = [1.0 + every_s * n for n in range(8)]
    assert looks(times, ahead_s) == [False] + [True] * 7


@pytest.mark.parametrize("ahead_s", [0.0, *OFF])
def test_a_head_that_ends_is_believed_no_longer_than_with_a_clock_in_step(ahead_s: float) -> None:
    times = [2.0 * n for n in range(60)]
    believed = looks(times, ahead_s, ends=40.0)
    assert believed[10] is True
    assert not any(believed[int((40 + BELIEVED_S + WRITTEN_EVERY_S + 2) / 2) :])


@pytest.mark.parametrize("ahead_s", [-86_400.0, -600.0, 600.0, 1e8])
def test_a_report_that_never_changes_is_never_believed(ahead_s: float) -> None:
    assert not any(looks([10.0 * n for n in range(20)], ahead_s, ends=0.0))


@given(
    st.lists(st.floats(0.5, 300), min_size=4, max_size=12),
    st.floats(-1e6, 1e6),
    st.integers(1, 10),
    st.floats(-1e6, 1e6),
)
def test_a_clock_that_is_set_costs_two_looks(
    gaps: list[float], ahead_s: float, turn: int, later_s: float
) -> None:
    clock: HeadClock | None = None
    time, believed = 0.0, []
    for number, gap in enumerate([*gaps, 3.0, 4.0, 5.0, 6.0]):
        time += max(gap, WRITTEN_EVERY_S)
        found = written(time, ahead_s if number < min(turn, len(gaps)) else later_s)
        clock = compare(clock, found, at(time), time)
        believed.append(in_this_clock(clock, found).is_fresh(at(time), FRESH_S))
    assert believed[-1]


def test_a_new_incarnation_begins_anew_and_clocks_in_step_change_nothing() -> None:
    first = compare(None, written(0, 600), at(1), 1.0)
    second = compare(first, written(3, 600), at(4), 4.0)
    assert second.behind_s == -599.0
    other = replace(written(6, 0), incarnation="i2")
    third = compare(second, other, at(7), 7.0)
    assert (third.behind_s, in_this_clock(third, other)) == (None, other)
    near = written(9, 2)
    steady = compare(compare(None, written(0, 2), at(1), 1.0), near, at(10), 10.0)
    assert in_this_clock(steady, near) == near


def test_a_report_that_cannot_be_read_for_a_moment_is_the_last_one(tmp_path: Path) -> None:
    reports = LookAtReports(lambda _: SharedFiles(tmp_path), SystemClock())
    assert reports.take("project", "analytics") is None
    file = tmp_path / ".raycml" / "clusters" / "analytics" / "ray.json"
    file.parent.mkdir(parents=True)
    whole = json_of(written(0, 0))
    file.write_bytes(whole)
    first = reports.take("project", "analytics")
    assert first is not None
    file.write_bytes(whole[:40])
    second = reports.take("project", "analytics")
    file.unlink()
    third = reports.take("project", "analytics")
    assert second is not None
    assert third is not None
    assert replace(second, read_at=None) == replace(first, read_at=None)
    assert replace(third, read_at=None) == replace(first, read_at=None)
    assert first.read_at < second.read_at < third.read_at  # type: ignore[operator]  # it ages
