"""When a pass happens.

One-shot: pass after pass until the goal is reached, nothing but a person can help, or time is up.
A pass that changed something is followed by the next one at once; otherwise there is a pause.
Long-running: pass after pass until somebody says stop; no error ends it.
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
    """What one pass planned, what came of it, and what is remembered of it."""

    @property
    def plan(self) -> Plan: ...
    @property
    def outcomes(self) -> tuple[Outcome, ...]: ...
    @property
    def history(self) -> History: ...


P = TypeVar("P", bound=AnyPass)


@dataclass(frozen=True, slots=True)
class ConvergeOptions:
    """How long to go on, in seconds.  `pause_s` between passes while something is on its way."""

    goal: Goal
    timeout_s: float
    pause_s: float = 2.0
    passes_max: int = 100_000
    at_once_max: int = AT_ONCE_MAX
    wake: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True, slots=True)
class Converged(Generic[P]):
    """How it ended: the last pass, and REACHED, PERSON, or MOVING when time ran out."""

    last: P
    verdict: Verdict
    passes: int


Convergence = Converged[Pass]


def converge(
    one_pass: Callable[[History], P],
    patience: ConvergeOptions,
    clock: Clock,
    seen: Callable[[P], None] = lambda _: None,
) -> Converged[P]:
    """Pass until there is a verdict.  `seen` is called after every pass."""
    deadline = clock.monotonic() + patience.timeout_s
    history, in_a_row = History(), 0
    begun: ClockReading | None = None
    for number in range(1, patience.passes_max + 1):
        before, begun = begun, _reading(clock)
        done = one_pass(recalled(history, before, begun))
        history = done.history
        seen(done)
        found = verdict(done.plan, patience.goal)
        if found is not Verdict.MOVING or clock.monotonic() >= deadline:
            return Converged(done, found, number)
        acted = any(o.result is Result.DONE for o in done.outcomes)
        in_a_row = in_a_row + 1 if acted else 0
        if not acted or in_a_row > patience.at_once_max:
            left = max(deadline - clock.monotonic(), 0.0)
            clock.wait(min(patience.pause_s, left), patience.wake)
    return Converged(done, Verdict.MOVING, patience.passes_max)


def _reading(clock: Clock) -> ClockReading:
    return ClockReading(clock.now(), clock.monotonic())


@dataclass(frozen=True, slots=True)
class Standby:
    """Why a pass that came to nothing is no failure: another controller leads, or a person is
    waited for.  `holder` says who leads."""

    holder: str = ""


@dataclass(slots=True)
class Loop:
    """Passes for months.

    `one_pass` may raise anything: it is counted, told, and backed off from, unless `excuse` knows
    why it is no failure.  `told` is called at the begin and end of each pass.  Everything ends soon
    after `stop` is set.
    """

    one_pass: OnePass
    rhythm: Schedule
    clock: Clock
    chance: Callable[[], float]
    stop: threading.Event
    wake: threading.Event
    told: Callable[[LoopState, Pass | None, Exception | None], None]
    excuse: Callable[[Exception], Standby | None]
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
        """One pass, whatever comes of it; the pause until the next one, in seconds."""
        self.state = replace(self.state, started_at=self.clock.now())
        self._tell(None, None)
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
        pause_s = self.rhythm.after(
            done.plan, done.outcomes, self.chance(), done.observed.as_of, self.changes_in_a_row
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
        self._tell(done, None)

    def _failed(self, error: Exception) -> None:
        excuse = self.excuse(error)
        failures = 0 if excuse else self.state.failures + 1
        pause_s = self.rhythm.after_failures(failures or _STANDBY, self.chance())
        holder = excuse.holder if excuse else ""
        self.state = replace(
            self.state,
            passes=self.state.passes + 1,
            failures=failures,
            error="" if holder else str(error) or type(error).__name__,
            cause="" if holder else str(getattr(error, "kind", "")),
            holder=holder,
            pause_s=pause_s,
        )
        self._tell(None, error)

    def _tell(self, done: Pass | None, error: Exception | None) -> None:
        try:
            self.told(self.state, done, error)
        except Exception as unheard:  # noqa: BLE001 - nothing may end the loop
            said = f"what was done could not be told: {str(unheard) or type(unheard).__name__}"
            self.state = replace(self.state, failures=self.state.failures + 1, error=said)


_STANDBY = 3  # one who waits for another looks again as after so many failures: 8 s
