"""What a controller remembers while its clock is set."""

from dataclasses import fields, is_dataclass
from datetime import datetime, timedelta

import pytest

from controller.core.model.faults import FaultKind
from controller.core.model.history import ApplicationHistory, History, MemberHistory, Refusal
from controller.core.model.jobs import BuildHistory
from controller.core.model.member import THE_HEAD, Key
from controller.core.model.observed import Phase
from controller.run.clock_steps import STEP_MIN_S, ClockReading, recalled

NOW = datetime.fromisoformat("2026-03-01T12:00:00+00:00")
NO = Refusal("create", "f", "no", FaultKind.REJECTED, NOW, NOW)
KEY = Key("one", THE_HEAD)
FULL = History(
    members={
        KEY: MemberHistory(
            attempts=(NOW, NOW),
            failed_at=NOW,
            refusal=NO,
            refused_update=NO,
            created_at=NOW,
            unjoined_since=NOW,
        )
    },
    applications={"a": ApplicationHistory(Phase.RUNNING, NOW, "stop", NOW)},
    unused_since={("p", "path"): NOW},
    fault_since=NOW,
    as_of=NOW,
    builds={("p", "hash"): BuildHistory("start_run", "", NOW)},
)


def times(known: object) -> list[object]:
    """Each time in it."""
    if isinstance(known, dict):
        return [time for value in known.values() for time in times(value)]
    if isinstance(known, tuple):
        return [time for value in known for time in times(value)]
    if is_dataclass(known):
        return [time for part in fields(known) for time in times(getattr(known, part.name))]
    return [known] if isinstance(known, datetime) else []


def after(step_s: float) -> ClockReading:
    return ClockReading(NOW + timedelta(seconds=30 + step_s), 30.0)


@pytest.mark.parametrize("step_s", [-7200.0, -40.0, -STEP_MIN_S, STEP_MIN_S, 40.0, 7200.0])
def test_all_that_is_remembered_stays_as_long_ago_as_it_was(step_s: float) -> None:
    moved = recalled(FULL, ClockReading(NOW, 0.0), after(step_s))
    assert times(moved) == [NOW + timedelta(seconds=step_s)] * 15
    assert recalled(moved, after(step_s), ClockReading(NOW + timedelta(seconds=60), 60.0)) == FULL


@pytest.mark.parametrize("before", [None, ClockReading(NOW, 0.0)])
def test_a_clock_that_is_kept_right_moves_nothing(before: ClockReading | None) -> None:
    assert recalled(FULL, before, after(STEP_MIN_S / 2)) is FULL
