"""Passes of bootstrap: look, plan, audit and execute, until the goal is reached or time is up.

The loop, the execution and the treatment of faults are those of `raycml reconcile`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from controller.bootstrap.desired import DesiredSetup
from controller.bootstrap.observed import ObservedSetup, remember
from controller.bootstrap.session import BootstrapSession
from controller.core.audit.laws import audit
from controller.core.model.desired import DesiredState
from controller.core.model.fault_kinds import FaultKind
from controller.core.model.faults import Fault
from controller.core.model.history import History, record
from controller.core.model.plan import Outcome, Plan, Result, Wait
from controller.core.situation.past import Past
from controller.core.situation.situation import situate
from controller.core.spec.text import spoken
from controller.core.status.goal import Goal
from controller.execute import Execution, execute
from controller.run.convergence import wait_out
from controller.run.loop import Converged, ConvergeOptions, converge
from controller.terminal.errors import by_kind
from controller.terminal.progress import outcome_line

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
    began: float = field(init=False)
    acted: int = 0
    _looked: bool = False
    _waiting: str = ""
    _since: float = 0.0
    _said: float = 0.0

    def __post_init__(self) -> None:
        self.began = self.session.clock.monotonic()

    def until_done(self) -> Converged[SetupPass]:
        timeout_s, pause_s = self.session.timeout_s, self.session.settings.pass_pause_s
        options = ConvergeOptions(Goal.READY, timeout_s, pause_s)
        return converge(self._patiently, options, self.session.clock, self._passed)

    def look_and_plan(self, history: History) -> SetupPass:
        """The first half of a pass: only reads, and no outcome."""
        observed = self.session.look(self.desired).take(self.session.clock.now())
        environment = "" if self.desired is None else self.desired.environment
        policy = self.session.policy(observed.owner, deletes=self.desired is None)
        past = Past(remember(observed, history, environment), policy, observed.as_of)
        plan = _lawful(self.planner(observed, past), observed, past)
        return SetupPass(observed, plan, past.history)

    def _pass(self, history: History) -> SetupPass:
        done = self.look_and_plan(history)
        run = Execution(
            self.session.effects, done.observed.owner, threads=1, on_outcome=self._heard
        )
        outcomes = execute(done.plan, run)
        after = record(done.history, outcomes, done.observed.as_of)
        return SetupPass(done.observed, done.plan, after, outcomes)

    def _patiently(self, history: History) -> SetupPass:
        """One pass, retried while CML cannot be reached; a fault in the first pass is raised."""
        while True:
            try:
                done = self._pass(history)
            except Fault as fault:
                if not self._looked:
                    raise
                ends = self.began + self.session.timeout_s
                wait_out(fault, ends, self.session.clock, self._note)
            else:
                self._looked = True
                return done

    def _passed(self, done: SetupPass) -> None:
        for outcome in done.outcomes:
            if outcome.fault is FaultKind.UNAUTHORIZED:
                raise by_kind(outcome.fault, outcome.message)
        self._tell(None if done.plan.steps or not done.plan.waits else done.plan.waits[0])

    # Progress

    def _heard(self, outcome: Outcome) -> None:
        self.acted += outcome.result is Result.DONE
        if line := outcome_line(outcome, verbose=self.session.screen.verbose):
            self._note(line)

    def _tell(self, wait: Wait | None) -> None:
        """Print what it waits for, once, and every 30 s for how long."""
        if wait is None:
            self._waiting = ""
            return
        now = self.session.clock.monotonic()
        if wait.message != self._waiting:
            self._waiting, self._since = wait.message, now
            self._note(f"... {wait.member}: {wait.message}")
        elif now - self._said >= HEARTBEAT_S:
            duration = spoken(now - self._since)
            self._note(f"... {wait.member}: {wait.message}, for {duration} now")

    def _note(self, text: str) -> None:
        self._said = self.session.clock.monotonic()
        self.session.screen.say(f"{spoken(self._said - self.began):>6} {text}")


def _lawful(made: Plan, observed: ObservedSetup, past: Past) -> Plan:
    """The plan, or no step and the laws that it would break."""
    situation = situate(DesiredState(), observed.state(), past.history, past.policy)
    broken = audit(situation, made)
    return Plan(refusals=broken) if broken else made
