"""The loop: when passes happen, and that nothing ends it but a person."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import repeat

import pytest

from controller.core.model.faults import Result
from controller.core.model.history import History
from controller.core.model.plan import Outcome, Plan, Wait
from controller.core.model.reasons import Reason
from controller.core.situation.situation import situate
from controller.core.status.assess import assess
from controller.core.status.goal import Goal
from controller.core.status.snapshot import LoopState
from controller.reconcile import Pass
from controller.run.convergence import ConvergeOptions, converge
from controller.run.loop import Loop
from controller.run.schedule import Schedule
from tests.worlds import NOW, POLICY, converged, decide, desired, observed, revision, spec

RHYTHM = Schedule(fast_s=2, slow_s=30, jitter=0)


class Hours:
    """A clock that notes every pause, and stops the loop after so many."""

    def __init__(self, most: int) -> None:
        self.elapsed = 0.0
        self.set_by_s = 0.0  # the wall clock alone
        self.pauses: list[float] = []
        self.most = most
        self.stop = threading.Event()

    def now(self) -> datetime:
        return NOW + timedelta(seconds=self.elapsed + self.set_by_s)

    def monotonic(self) -> float:
        return self.elapsed

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        self.pauses.append(seconds)
        self.elapsed += seconds
        if len(self.pauses) >= self.most:
            self.stop.set()
        return wake is not None and wake.is_set()


def a_pass(world: object = None) -> Pass:
    cluster = spec()
    state, seen = desired(cluster), world or converged(cluster)
    plan = decide(state, seen)  # type: ignore[arg-type]
    situation = situate(state, seen, History(), POLICY)  # type: ignore[arg-type]
    status = assess(situation, plan)
    return Pass(revision(cluster), situation, plan, (), History(as_of=NOW), status)


class Told:
    def __init__(self) -> None:
        self.states: list[LoopState] = []

    def __call__(self, state: LoopState, done: Pass | None, error: Exception | None) -> None:
        if done is not None or error is not None:
            self.states.append(state)


def looped(passes: Iterator[Pass | Exception], most: int) -> tuple[list[float], list[LoopState]]:
    clock, told = Hours(most), Told()

    def one_pass(history: History) -> Pass:
        found = next(passes)
        if isinstance(found, Exception):
            raise found
        return found

    def excuse(error: Exception) -> str | None:
        return "somebody" if isinstance(error, PermissionError) else None

    Loop(one_pass, RHYTHM, clock, lambda: 0.5, clock.stop, threading.Event(), told, excuse).run()
    return clock.pauses, told.states


def test_a_steady_world_is_looked_at_slowly_and_a_moving_one_fast() -> None:
    moving = a_pass(observed())
    pauses, _ = looped(iter([moving, moving, a_pass(), a_pass()]), 4)
    assert pauses == [2, 2, 30, 30]


def test_no_exception_ends_it_and_each_is_counted_and_backed_off_from() -> None:
    errors = [ValueError("no"), KeyError(), RuntimeError("boom")]
    pauses, states = looped(iter([*errors, a_pass()]), 4)
    assert pauses == [2, 4, 8, 30]
    assert [state.failures for state in states] == [1, 2, 3, 0]
    assert [state.error for state in states] == ["no", "KeyError", "boom", ""]


def test_one_who_stands_by_has_not_failed() -> None:
    _, states = looped(iter([PermissionError("led"), a_pass()]), 2)
    assert [(s.failures, s.holder) for s in states] == [(0, "somebody"), (0, "")]


def test_memory_goes_from_pass_to_pass_and_survives_a_failure() -> None:
    seen: list[History] = []
    clock = Hours(3)

    def one_pass(history: History) -> Pass:
        seen.append(history)
        if len(seen) == 2:
            raise ValueError("no")
        return a_pass()

    wake = threading.Event()
    Loop(one_pass, RHYTHM, clock, lambda: 0.5, clock.stop, wake, Told(), lambda _: None).run()
    assert [history.as_of for history in seen] == [None, NOW, NOW]


@pytest.mark.parametrize("step_s", [-7200.0, 7200.0])
@pytest.mark.parametrize("once", [False, True], ids=["loop", "one-shot"])
def test_memory_is_as_old_as_it_was_after_the_clock_was_set(once: bool, step_s: float) -> None:
    seen: list[History] = []
    clock = Hours(2)

    def one_pass(history: History) -> Pass:
        seen.append(history)
        clock.set_by_s = step_s
        waits = replace(a_pass(), plan=Plan(waits=(Wait("analytics", None, Reason.STARTING, ""),)))
        return replace(waits, history=History(as_of=NOW))

    if once:
        converge(one_pass, ConvergeOptions(Goal.READY, timeout_s=100, passes_max=2), clock)
    else:
        wake, told = threading.Event(), Told()
        Loop(one_pass, RHYTHM, clock, lambda: 0.5, clock.stop, wake, told, lambda _: None).run()
    assert [h.as_of for h in seen] == [None, NOW + timedelta(seconds=step_s)]


def test_a_stop_that_comes_during_a_pass_ends_it_without_a_pause() -> None:
    clock = Hours(99)

    def one_pass(history: History) -> Pass:
        clock.stop.set()
        return a_pass()

    wake = threading.Event()
    Loop(one_pass, RHYTHM, clock, lambda: 0.5, clock.stop, wake, Told(), lambda _: None).run()
    assert clock.pauses == []


def test_a_refused_plan_is_no_hurry() -> None:
    refused = replace(a_pass(), plan=Plan(refusals=("law",)))
    pauses, _ = looped(iter([refused]), 1)
    assert pauses == [30]


def test_one_to_whom_nothing_can_be_told_does_not_end_it_and_is_counted() -> None:
    clock = Hours(3)

    def told(state: LoopState, done: Pass | None, error: Exception | None) -> None:
        raise OSError("disk full")

    wake = threading.Event()
    loop = Loop(lambda _: a_pass(), RHYTHM, clock, lambda: 0.5, clock.stop, wake, told, no_excuse)
    loop.run()
    assert loop.state.passes == 3
    assert "disk full" in loop.state.error


def no_excuse(error: Exception) -> None:
    return None


def test_changes_that_never_end_come_to_a_pause() -> None:
    tried = a_pass(observed())
    done = replace(tried, outcomes=tuple(Outcome(s, Result.DONE) for s in tried.plan.steps))
    pauses, _ = looped(repeat(done), 25)
    assert pauses == [0] * 10 + [2] * 15
