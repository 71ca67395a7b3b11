"""Passes until there is an end, for commands: `reconcile` and `delete` drive the same loop.

What goes wrong at the first look ends the command; later, an unreachable or busy CML is waited out
until the time is up.  A key that is refused ends the command at once, for nothing can get better.
So does another controller that lives; one that is silent is waited out, and the pass made anew.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from controller.clock import Clock
from controller.core.model.fault_kinds import FaultKind
from controller.core.model.faults import Fault
from controller.core.model.history import History
from controller.core.model.plan import Outcome
from controller.core.model.policy import Policy
from controller.core.model.reasons import Outlook
from controller.core.spec.revision import Revision
from controller.core.status.goal import Goal, verdict
from controller.process.interrupts import Interrupted, Interrupts
from controller.reconcile import Pass, reconcile
from controller.run.interrupted_steps import InterruptedSteps
from controller.run.lease_wait import await_lease
from controller.run.loop import Converged, Convergence, ConvergeOptions, converge
from controller.telemetry import pass_line, step_line
from controller.terminal.errors import by_kind
from controller.terminal.progress import Progress
from controller.workspace.session import Session

_PASSING = frozenset(
    {
        FaultKind.UNAVAILABLE,
        FaultKind.THROTTLED,
        FaultKind.UNKNOWN,
        FaultKind.MALFORMED,
        FaultKind.FILES,
    }
)
_RETRY_S = 5.0


@dataclass(slots=True)
class Drive:
    """One command's way to its goal.  `deadline` on the monotonic clock, once it has begun.

    `command` goes on after an interrupt; Interrupted says what is half done.
    """

    session: Session
    revision: Revision
    policy: Policy
    interrupts: Interrupts
    progress: Progress
    deadline: float = 0.0
    last: Pass | None = None
    command: str = "raycml reconcile"
    half_done: InterruptedSteps = field(default_factory=InterruptedSteps)

    def until(self, goal: Goal, timeout_s: float) -> Convergence:
        clock = self.session.clock
        self.deadline = clock.monotonic() + timeout_s
        pause_s = self.session.settings.pass_pause_s
        patience = ConvergeOptions(goal, timeout_s, pause_s, wake=self.interrupts.stop)
        with self._interruptible():
            return converge(self._patiently, patience, clock, self._seen)

    def once(self, goal: Goal, timeout_s: float) -> Convergence:
        """One pass; only a lease is waited for."""
        self.deadline = self.session.clock.monotonic() + timeout_s
        with self._interruptible():
            try:
                done = self._pass(History())
            except Fault as fault:
                self.interrupts.check()
                self._lead(fault)
                done = self._pass(History())
            self._seen(done)
            return Converged(done, verdict(done.plan, goal), 1)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except Interrupted as stop:
            raise Interrupted(stop.number, self.half_done.lines(self.command)) from None

    def _patiently(self, history: History) -> Pass:
        """One pass, waiting while CML cannot be asked; the first failure of all is the caller's."""
        while True:
            try:
                return self._pass(history)
            except Fault as fault:
                self.interrupts.check()  # calls that a stop cut are no fault of CML
                if fault.kind == FaultKind.LEASE_HELD:
                    self._lead(fault)
                else:
                    self._bear(fault)

    def _lead(self, fault: Fault) -> None:
        """What was planned without the lease is void when it comes."""
        if fault.kind != FaultKind.LEASE_HELD:
            raise fault
        await_lease(self.session, self.deadline, self.progress.note, self.interrupts.stop)

    def _bear(self, fault: Fault) -> None:
        if self.last is None:
            raise fault
        stop, note = self.interrupts.stop, self.progress.note
        wait_out(fault, self.deadline, self.session.clock, note, stop)

    def _pass(self, history: History) -> Pass:
        self.interrupts.check()
        session, clock = self.session, self.session.clock
        started = clock.monotonic()
        run = replace(session.execution(self._heard), stopped=self.interrupts.aborted)
        done = reconcile(self.revision, session.world, run, history, self.policy)
        session.log.info("pass", **pass_line(done, clock.monotonic() - started))
        self.last = done
        return done

    def _heard(self, outcome: Outcome) -> None:
        self.session.log.info("step", **step_line(outcome))
        self.half_done.heard(outcome)
        self.progress.heard(outcome)

    def _seen(self, done: Pass) -> None:
        self.progress.seen(done)
        refused = [o for o in done.outcomes if o.fault is FaultKind.UNAUTHORIZED]
        if refused and not _unfinished(done) - {o.step.project for o in refused}:
            raise by_kind(FaultKind.UNAUTHORIZED, refused[0].message)
        self.interrupts.check()


def wait_out(
    fault: Fault,
    deadline: float,
    clock: Clock,
    note: Callable[[str], None],
    stop: threading.Event | None = None,
) -> None:
    """Pause before another look; raises the fault where none can help, or the time is up."""
    left = deadline - clock.monotonic()
    if fault.kind not in _PASSING or left <= 0:
        raise fault
    note(f"{fault}; trying again")
    clock.wait(min(_RETRY_S, left), stop)


def _unfinished(done: Pass) -> set[str]:
    """The projects in which something is left to do; "" for one that is not known."""
    moving = {w.cluster for w in done.plan.waits if w.reason.outlook is Outlook.MOVING}
    clusters = {c.name: c.project for c in done.desired.clusters}
    return {s.project for s in done.plan.steps} | {clusters.get(name, "") for name in moving}
