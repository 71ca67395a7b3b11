"""Passes of bootstrap: look, plan, audit and execute, until the goal is reached or time is up.

The loop, the execution and the treatment of faults are those of `raycml reconcile`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from controller.bootstrap.desired import DesiredSetup
from controller.bootstrap.look import look
from controller.bootstrap.observed import ObservedSetup, remember
from controller.bootstrap.session import BootstrapSession
from controller.core.audit.laws import audit
from controller.core.model.desired import DesiredState
from controller.core.model.faults import Fault, FaultKind, Result
from controller.core.model.history import History, record
from controller.core.model.plan import Outcome, Plan, Wait
from controller.core.situation.past import Past
from controller.core.situation.situation import situate
from controller.core.spec.text import spoken
from controller.core.status.goal import Goal
from controller.execute import Execution, execute
from controller.run.convergence import Converged, ConvergeOptions, converge, wait_out
from controller.terminal.errors import by_kind
from controller.terminal.progress import PlainProgress

HEARTBEAT_S = 30.0

Planner = Callable[[ObservedSetup, Past], Plan]


@dataclass(frozen=True, slots=True)
class SetupPass:
    """Everything that one pass came to."""

    observed: ObservedSetup
    plan: Plan
    history: History
    outcomes: tuple[Outcome, ...] = ()


@dataclass(slots=True)
class BootstrapRun:
    """One run of the command.  `desired` is None for a deletion."""

    session: BootstrapSession
    planner: Planner
    desired: DesiredSetup | None = None
    progress: PlainProgress = field(init=False)
    acted: int = 0
    _has_looked: bool = False
    _wait: str = ""
    _wait_began_s: float = 0.0

    def __post_init__(self) -> None:
        self.progress = PlainProgress(self.session.screen, self.session.clock)

    def until_done(self) -> Converged[SetupPass]:
        timeout_s, pause_s = self.session.timeout_s, self.session.settings.pass_pause_s
        options = ConvergeOptions(Goal.READY, timeout_s, pause_s)
        return converge(self._patiently, options, self.session.clock, self._passed)

    def look_and_plan(self, history: History) -> SetupPass:
        """The first half of a pass: only reads, and no outcome."""
        observed = look(self.session, self.desired)
        environment = "" if self.desired is None else self.desired.environment
        policy = self.session.policy(observed.owner, deletes=self.desired is None)
        past = Past(remember(observed, history, environment), policy, observed.as_of)
        plan = _lawful(self.planner(observed, past), observed, past)
        return SetupPass(observed, plan, past.history)

    def _pass(self, history: History) -> SetupPass:
        done = self.look_and_plan(history)
        owner = done.observed.owner
        run = Execution(self.session.effects, owner, threads=1, on_outcome=self._on_outcome)
        outcomes = execute(done.plan, run)
        history = record(done.history, outcomes, done.observed.as_of)
        return replace(done, history=history, outcomes=outcomes)

    def _patiently(self, history: History) -> SetupPass:
        """One pass, retried while CML cannot be reached; a fault in the first pass is raised."""
        while True:
            try:
                done = self._pass(history)
            except Fault as fault:
                if not self._has_looked:
                    raise
                clock, left_s = self.session.clock, self.session.timeout_s - self.progress.elapsed_s
                wait_out(fault, clock.monotonic() + left_s, clock, self.progress.note)
            else:
                self._has_looked = True
                return done

    def _passed(self, done: SetupPass) -> None:
        for outcome in done.outcomes:
            if outcome.fault is FaultKind.UNAUTHORIZED:
                raise by_kind(outcome.fault, outcome.message)
        if done.plan.waits and not done.plan.steps:
            self._on_wait(done.plan.waits[0])
        else:
            self._wait = ""

    def _on_outcome(self, outcome: Outcome) -> None:
        self.acted += outcome.result is Result.DONE
        self.progress.on_outcome(outcome)

    def _on_wait(self, wait: Wait) -> None:
        """Print what it waits for, once, and every 30 s for how long."""
        now_s, line = self.progress.elapsed_s, f"... {wait.member}: {wait.message}"
        if wait.message != self._wait:
            self._wait, self._wait_began_s = wait.message, now_s
            self.progress.note(line)
        elif self.progress.silent_s >= HEARTBEAT_S:
            self.progress.note(f"{line}, for {spoken(now_s - self._wait_began_s)} now")


def _lawful(plan: Plan, observed: ObservedSetup, past: Past) -> Plan:
    """The plan, or no step and the laws that it would break."""
    situation = situate(DesiredState(), observed.state(), past.history, past.policy)
    broken = audit(situation, plan)
    return Plan(refusals=broken) if broken else plan
