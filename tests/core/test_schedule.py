"""When the next pass happens."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.faults import Result
from controller.core.model.plan import Outcome, Plan, Wait
from controller.core.model.reasons import Outlook, Reason
from controller.run.schedule import TIMED, Schedule
from tests.worlds import NOW, decide, desired, observed, spec

RHYTHM = Schedule(fast_s=2, slow_s=30, jitter=0.1, failed_max_s=60)
STEPS = decide(desired(spec()), observed())


def waiting(*reasons: Reason) -> Plan:
    return Plan(waits=tuple(Wait("analytics", None, reason, "") for reason in reasons))


def came_to(result: Result) -> tuple[Outcome, ...]:
    return tuple(Outcome(step, result) for step in STEPS.steps)


@pytest.mark.parametrize("result", [Result.DONE, Result.UNKNOWN])
def test_a_pass_that_changed_something_is_followed_at_once(result: Result) -> None:
    assert RHYTHM.after(STEPS, came_to(result), 0.5) == 0


@pytest.mark.parametrize("result", [Result.DONE, Result.UNKNOWN])
def test_changes_that_never_end_are_not_made_without_a_pause(result: Result) -> None:
    pauses = [RHYTHM.after(STEPS, came_to(result), 0.5, NOW, n) for n in (1, 10, 11, 1000)]
    assert pauses == [0, 0, 2, 2]


@pytest.mark.parametrize("result", [Result.FAILED, Result.REJECTED, Result.SKIPPED])
def test_one_that_tried_in_vain_is_followed_soon(result: Result) -> None:
    assert RHYTHM.after(STEPS, came_to(result), 0.5) == 2


@pytest.mark.parametrize(
    "reason",
    [r for r in Reason if r.outlook is Outlook.MOVING and r not in TIMED],
)
def test_what_is_on_its_way_is_looked_at_often(reason: Reason) -> None:
    assert RHYTHM.after(waiting(reason), (), 0.5) == 2


@pytest.mark.parametrize("reason", [r for r in Reason if r.outlook is not Outlook.MOVING])
def test_what_stands_still_is_looked_at_seldom(reason: Reason) -> None:
    assert RHYTHM.after(waiting(reason), (), 0.5) == 30


def test_a_next_try_that_has_its_time_is_not_hurried() -> None:
    assert RHYTHM.after(waiting(Reason.BACKOFF), (), 0.5) == 30
    assert RHYTHM.after(waiting(Reason.BACKOFF, Reason.STARTING), (), 0.5) == 2


def test_failures_double_the_pause_up_to_a_bound() -> None:
    assert [RHYTHM.after_failures(n, 0.5) for n in (1, 2, 3, 5, 6, 1000)] == [2, 4, 8, 32, 60, 60]


@given(st.floats(0, 1))
def test_controllers_that_started_together_drift_apart_by_a_tenth(chance: float) -> None:
    assert 27 <= RHYTHM.after(Plan(), (), chance) <= 33
    assert 54 <= RHYTHM.after_failures(99, chance) <= 66


@pytest.mark.parametrize(("left_s", "pause_s"), [(300.0, 30), (30.0, 30), (12.5, 12.5), (0.5, 2)])
def test_the_end_of_a_grace_is_met_and_not_slept_through(left_s: float, pause_s: float) -> None:
    until = NOW + timedelta(seconds=left_s)
    grace = Plan(waits=(Wait("analytics", None, Reason.PRUNE_GRACE, "", until=until),))
    assert RHYTHM.after(grace, (), 0.5, NOW) == pause_s
