"""Loops of passes.

One-shot: passes until the goal is reached, manual action is needed, or the timeout.  After a change
the next pass starts immediately, otherwise after an interval.
Long-running: passes until a stop; no error ends the loop.
"""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from controller.clock import Clock
from controller.core.model.history import History
from controller.core.model.plan import Outcome, Plan, Result
from controller.core.status.goal import Goal, Verdict, verdict
from controller.core.status.snapshot import LoopState
from controller.reconcile import Pass
from controller.run.clock_steps import ClockReading, recalled
from controller.run.schedule import AT_ONCE_MAX, Schedule, changed

OnePass = Callable[[History], Pass]


class AnyPass(Protocol):
    """The plan, the outcomes and the history of a pass."""

    @property
    def plan(self) -> Plan: ...
    @property
    def outcomes(self) -> tuple[Outcome, ...]: ...
    @property
    def history(self) -> History: ...


P = TypeVar("P", bound=AnyPass)


@dataclass(frozen=True, slots=True)
class ConvergeOptions:
    """Timeout in seconds, and `pause_s`, the interval between passes while something is pending."""

    goal: Goal
    timeout_s: float
    pause_s: float = 2.0
    passes_max: int = 100_000
    wake: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Converged(Generic[P]):
    """The result: the last pass, and REACHED, PERSON, or MOVING after a timeout."""

    last: P
    verdict: Verdict
    passes: int


Convergence = Converged[Pass]


def converge(
    one_pass: Callable[[History], P],
    options: ConvergeOptions,
    clock: Clock,
    on_pass: Callable[[P], None] = lambda _: None,
) -> Converged[P]:
    """Run passes until there is a verdict.  `on_pass` is called after every pass."""
    deadline = clock.monotonic() + options.timeout_s
    history, in_a_row = History(), 0
    begun: ClockReading | None = None
    for number in range(1, options.passes_max + 1):
        before, begun = begun, _reading(clock)
        done = one_pass(recalled(history, before, begun))
        history = done.history
        on_pass(done)
        result = verdict(done.plan, options.goal)
        if result is not Verdict.MOVING or clock.monotonic() >= deadline:
            return Converged(done, result, number)
        acted = any(o.result is Result.DONE for o in done.outcomes)
        in_a_row = in_a_row + 1 if acted else 0
        if not acted or in_a_row > AT_ONCE_MAX:
            remaining_s = max(deadline - clock.monotonic(), 0.0)
            clock.wait(min(options.pause_s, remaining_s), options.wake)
    return Converged(done, Verdict.MOVING, options.passes_max)


def _reading(clock: Clock) -> ClockReading:
    return ClockReading(clock.now(), clock.monotonic())


@dataclass(slots=True)
class Loop:
    """The long-running loop.

    `one_pass` may raise anything: it is counted as a failure, published and retried with backoff,
    unless `standby` knows that another controller leads (its result), or that a revision needs
    approval (the result is empty).  `publish` is called at the start and the end of each pass.  The
    loop ends soon after `stop` is set.
    """

    one_pass: OnePass
    schedule: Schedule
    clock: Clock
    random: Callable[[], float]
    stop: threading.Event
    wake: threading.Event
    publish: Callable[[LoopState, Pass | None, Exception | None], None]
    standby: Callable[[Exception], str | None]
    state: LoopState = field(default_factory=LoopState)
    history: History = field(default_factory=History)
    changes_in_a_row: int = 0
    begun: ClockReading | None = None

    def run(self) -> None:
        while not self.stop.is_set():
            self.wake.clear()
            pause_s = self.turn()
            if not self.stop.is_set():
                self.clock.wait(pause_s, self.wake)

    def turn(self) -> float:
        """Run a pass; the result is the interval until the next one, in seconds."""
        self.state = replace(self.state, started_at=self.clock.now())
        self._publish(None, None)
        before, self.begun = self.begun, _reading(self.clock)
        self.history = recalled(self.history, before, self.begun)
        started = self.begun.monotonic
        try:
            done = self.one_pass(self.history)
        except Exception as error:  # noqa: BLE001 - nothing may end the loop
            self._failed(error)
            return self.state.pause_s
        self._ended(done, self.clock.monotonic() - started)
        return self.state.pause_s

    def _ended(self, done: Pass, took_s: float) -> None:
        self.history = done.history
        self.changes_in_a_row = self.changes_in_a_row + 1 if changed(done.outcomes) else 0
        pause_s = self.schedule.after(
            done.plan, done.outcomes, self.random(), done.observed.as_of, self.changes_in_a_row
        )
        self.state = replace(
            self.state,
            passes=self.state.passes + 1,
            failures=0,
            ended_at=self.clock.now(),
            took_s=took_s,
            error="",
            cause="",
            holder="",
            pause_s=pause_s,
        )
        self._publish(done, None)

    def _failed(self, error: Exception) -> None:
        holder = self.standby(error)
        failures = self.state.failures + 1 if holder is None else 0
        pause_s = self.schedule.after_failures(failures or _STANDBY, self.random())
        self.state = replace(
            self.state,
            passes=self.state.passes + 1,
            failures=failures,
            error="" if holder else str(error) or type(error).__name__,
            cause="" if holder else str(getattr(error, "kind", "")),
            holder=holder or "",
            pause_s=pause_s,
        )
        self._publish(None, error)

    def _publish(self, done: Pass | None, error: Exception | None) -> None:
        try:
            self.publish(self.state, done, error)
        except Exception as failure:  # noqa: BLE001 - nothing may end the loop
            message = f"the outcome could not be recorded: {str(failure) or type(failure).__name__}"
            self.state = replace(self.state, failures=self.state.failures + 1, error=message)


_STANDBY = 3  # a standby polls as after this number of failures: every 8 s
