"""Passes until a goal is reached, manual action is needed, or the time is up; for `reconcile` and
`delete`.  After a change the next pass starts immediately, otherwise after an interval.

An error in the first read ends the command; later, an unreachable or busy CML is retried until the
timeout.  A rejected key ends the command immediately, and so does another active controller.  A
silent controller is waited for, and the pass starts again.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Generic, Protocol, TypeVar

from controller.clock import Clock
from controller.core.model.faults import Fault, FaultKind, Result
from controller.core.model.history import History
from controller.core.model.plan import Outcome, Plan
from controller.core.model.policy import Policy
from controller.core.model.ray.report import HeadReport
from controller.core.model.reasons import Outlook
from controller.core.spec.revision import Revision
from controller.core.status.goal import Goal, Verdict, verdict
from controller.core.status.status import ClusterStatus
from controller.process.interrupts import Interrupted, Interrupts
from controller.reconcile import Pass, reconcile
from controller.run.clock_steps import ClockReading, read_clocks, recalled
from controller.run.interrupted_steps import InterruptedSteps
from controller.run.lease_wait import await_lease
from controller.run.schedule import AT_ONCE_MAX
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
    is_proven: Callable[[P], bool] = lambda _: True,
) -> Converged[P]:
    """Run passes until there is a verdict.

    `on_pass` is called after every pass.  A goal that is reached by a pass that is not `is_proven`
    needs another pass.
    """
    deadline = clock.monotonic() + options.timeout_s
    history, in_a_row = History(), 0
    begun: ClockReading | None = None
    for number in range(1, options.passes_max + 1):
        before, begun = begun, read_clocks(clock)
        done = one_pass(recalled(history, before, begun))
        history = done.history
        on_pass(done)
        result = verdict(done.plan, options.goal)
        if result is Verdict.REACHED and not is_proven(done):
            result = Verdict.MOVING
        if result is not Verdict.MOVING or clock.monotonic() >= deadline:
            return Converged(done, result, number)
        acted = any(o.result is Result.DONE for o in done.outcomes)
        in_a_row = in_a_row + 1 if acted else 0
        if not acted or in_a_row > AT_ONCE_MAX:
            remaining_s = max(deadline - clock.monotonic(), 0.0)
            clock.wait(min(options.pause_s, remaining_s), options.wake)
    return Converged(done, Verdict.MOVING, options.passes_max)


@dataclass(slots=True)
class Drive:
    """Passes of a command towards its goal.  `deadline` is on the monotonic clock, once started.

    `command` continues after an interrupt; Interrupted describes incomplete work.
    """

    session: Session
    revision: Revision
    policy: Policy
    interrupts: Interrupts
    progress: Progress
    deadline: float = 0.0
    last: Pass | None = None
    command: str = "raycml reconcile"
    interrupted_steps: InterruptedSteps = field(default_factory=InterruptedSteps)
    first_reports: dict[str, HeadReport | None] = field(default_factory=dict)

    def until(self, goal: Goal, timeout_s: float) -> Convergence:
        clock = self.session.clock
        self.deadline = clock.monotonic() + timeout_s
        pause_s = self.session.settings.pass_pause_s
        options = ConvergeOptions(goal, timeout_s, pause_s, wake=self.interrupts.stop)
        with self._interruptible():
            proof = self._is_proven if goal is Goal.READY else lambda _: True
            return converge(self._retrying, options, clock, self._on_pass, proof)

    def _is_proven(self, done: Pass) -> bool:
        """True if each head that makes its cluster ready has reported since the command began.

        A report from before proves nothing: Ray may have ended a second ago.  What its clock says
        decides nothing either: it must have changed since this process first read it.
        """
        ready = (c.name for c in done.status.clusters if _is_ready(c))
        return all(self._is_new(done.observed.reports.get(name), name) for name in ready)

    def _is_new(self, report: HeadReport | None, cluster: str) -> bool:
        first = self.first_reports.get(cluster)
        if report is None or first is None:
            return report is not None
        return (report.incarnation, report.observed_at) != (first.incarnation, first.observed_at)

    def once(self, goal: Goal, timeout_s: float) -> Convergence:
        """A single pass, which waits only for the lease.

        A restart that the workspace refuses, since it restarts only what runs, is followed by
        another pass: what was learned would be lost with the process.
        """
        self.deadline = self.session.clock.monotonic() + timeout_s
        with self._interruptible():
            try:
                done = self._pass(History())
            except Fault as fault:
                self.interrupts.check()
                self._lead(fault)
                done = self._pass(History())
            self._on_pass(done)
            while any(outcome.fault is FaultKind.NOT_LIVE for outcome in done.outcomes):
                done = self._pass(done.history)  # at most once for each phase at rest
                self._on_pass(done)
            return Converged(done, verdict(done.plan, goal), 1)

    @contextmanager
    def _interruptible(self) -> Iterator[None]:
        try:
            yield
        except Interrupted as stop:
            raise Interrupted(stop.number, self.interrupted_steps.lines(self.command)) from None

    def _retrying(self, history: History) -> Pass:
        """A pass that waits while CML is unavailable; a failure of the first pass is raised."""
        while True:
            try:
                return self._pass(history)
            except Fault as fault:
                self.interrupts.check()  # calls that a stop cut off are no fault of CML
                if fault.kind == FaultKind.LEASE_HELD:
                    self._lead(fault)
                elif self.last is None:
                    raise
                else:
                    stop, note = self.interrupts.stop, self.progress.note
                    wait_out(fault, self.deadline, self.session.clock, note, stop)

    def _lead(self, fault: Fault) -> None:
        """Wait for the lease; a plan made without it is discarded."""
        if fault.kind != FaultKind.LEASE_HELD:
            raise fault
        await_lease(self.session, self.deadline, self.progress.note, self.interrupts.stop)

    def _pass(self, history: History) -> Pass:
        self.interrupts.check()
        session, clock = self.session, self.session.clock
        started = clock.monotonic()
        run = replace(session.execution(self._on_outcome), stopped=self.interrupts.aborted)
        done = reconcile(self.revision, session.world, run, history, self.policy)
        session.log.info("pass", **pass_line(done, clock.monotonic() - started))
        for cluster in done.desired.clusters:
            self.first_reports.setdefault(cluster.name, done.observed.reports.get(cluster.name))
        self.last = done
        return done

    def _on_outcome(self, outcome: Outcome) -> None:
        self.session.log.info("step", **step_line(outcome))
        self.interrupted_steps.on_outcome(outcome)
        self.progress.on_outcome(outcome)

    def _on_pass(self, done: Pass) -> None:
        self.progress.on_pass(done)
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
    remaining_s = deadline - clock.monotonic()
    if fault.kind not in _PASSING or remaining_s <= 0:
        raise fault
    note(f"{fault}; retrying")
    clock.wait(min(_RETRY_S, remaining_s), stop)


def _is_ready(cluster: ClusterStatus) -> bool:
    ready = cluster.condition("Ready")
    return ready is not None and ready.status == "True"


def _unfinished(done: Pass) -> set[str]:
    """Projects with pending work; "" for an unknown project."""
    moving = {w.cluster for w in done.plan.waits if w.reason.outlook is Outlook.MOVING}
    clusters = {c.name: c.project for c in done.desired.clusters}
    return {s.project for s in done.plan.steps} | {clusters.get(name, "") for name in moving}
