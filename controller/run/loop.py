"""The long-running loop: passes until a stop; no error ends it."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from controller.clock import Clock
from controller.core.model.history import History
from controller.core.status.snapshot import LoopState
from controller.reconcile import Pass
from controller.run.clock_steps import ClockReading, read_clocks, recalled
from controller.run.schedule import Schedule, changed


@dataclass(slots=True)
class Loop:
    """The long-running loop.

    `one_pass` may raise anything: it is counted as a failure, published and retried with backoff,
    unless `standby` knows that another controller leads (its result), or that a revision needs
    approval (the result is empty).  `publish` is called at the start and the end of each pass.  The
    loop ends soon after `stop` is set.
    """

    one_pass: Callable[[History], Pass]
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
        before, self.begun = self.begun, read_clocks(self.clock)
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
