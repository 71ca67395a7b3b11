"""The context of an acceptance test: its cluster, the workspace, the time left."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from controller.acceptance.jobs import JobClient
from controller.acceptance.nodes import NodeIdentity, Nodes
from controller.acceptance.spec import Shape, revision
from controller.cml.operations import CallRecord
from controller.core.model.observed import ObservedState
from controller.core.model.policy import Policy
from controller.core.model.reasons import Outlook
from controller.core.status.goal import Goal, Verdict
from controller.process.interrupts import Interrupts
from controller.reconcile import Pass
from controller.run.convergence import Convergence, Drive
from controller.run.diagnosis import explain
from controller.terminal.progress import Progress, heartbeat
from controller.workspace.session import Session


class PhaseError(Exception):
    """The fault that failed a phase, in a sentence; `details` are further lines of text."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


@dataclass(frozen=True, slots=True)
class PhaseSummary:
    """The observations of a phase; `details` are further lines of text."""

    message: str
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AcceptanceOptions:
    """The options that concern the test and not its cluster.

    `stable_s`: how long the cluster must stay ready.  `timeout_s` excludes the cleanup.
    """

    local: bool
    stable_s: float
    timeout_s: float
    cleanup: bool


@dataclass(slots=True)
class AcceptanceContext:
    """One run.  `deadline` is on the monotonic clock.

    `created`: an application may exist.  `listed`: each one that may exist is in CML's list by now.
    """

    session: Session
    name: str
    shape: Shape
    options: AcceptanceOptions
    deadline: float
    interrupts: Interrupts
    progress: Progress
    jobs: JobClient
    calls: list[CallRecord]
    runtime: str = ""
    created: bool = False
    listed: bool = True
    last: Pass | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def left_s(self) -> float:
        return max(self.deadline - self.session.clock.monotonic(), 0.0)

    def deletion(self, name: str) -> str:
        """The command that deletes a test cluster."""
        return f"raycml delete {name} --yes{' --local' if self.options.local else ''}"

    def policy(self) -> Policy:
        return replace(self.session.policy, only=frozenset({self.name}))

    def drive(self, more: int = 0) -> Drive:
        """The drive to the cluster, or with more workers.  It tolerates what the last one would."""
        target = revision(self.name, self.shape, self.runtime, self.shape.workers + more)
        return Drive(
            self.session, target, self.policy(), self.interrupts, self.progress, last=self.last
        )

    def reach(self, drive: Drive, goal: Goal) -> Convergence:
        """Pass until the goal is reached.  PhaseError if the time left is too short for it."""
        try:
            end = drive.until(goal, self.left_s)
        finally:
            self.last = drive.last
        return self.check(end)

    def check(self, end: Convergence) -> Convergence:
        """PhaseError, with conditions and the ends of logs, if the goal was not reached."""
        if end.verdict is not Verdict.REACHED or end.last.plan.refusals:
            raise PhaseError(_cause(end), self.diagnosis(end))
        return end

    def diagnosis(self, end: Convergence) -> tuple[str, ...]:
        """Without advice to run `raycml status`: the cluster is about to be deleted."""
        lines = explain(end, self.session)
        return tuple(line for line in lines if not line.startswith("try: raycml status"))

    def look(self) -> ObservedState:
        """The applications of the project.  PhaseError if their list is incomplete."""
        project = self.session.project
        observed = self.session.world.look([project], {})
        if not observed.projects[project].complete:
            raise PhaseError("the list of applications was incomplete")
        return observed

    def nodes(self) -> Nodes:
        """The nodes of the last pass."""
        if self.last is None:
            return {}
        cluster = self.last.status.cluster(self.name)
        report = self.last.observed.reports.get(self.name)
        reports = {} if report is None else report.members
        engines = {name: member.engine_id for name, member in reports.items()}
        return {
            m.member: NodeIdentity(m.application_id, engines.get(m.member, ""), m.node_id)
            for m in (() if cluster is None else cluster.members)
            if m.application_id
        }


def _cause(end: Convergence) -> str:
    plan = end.last.plan
    if plan.refusals:
        return f"refused, because it would break a law: {plan.refusals[0]}"
    for wait in plan.waits:
        if wait.reason.outlook is Outlook.PERSON:
            member = f"{wait.member}: " if wait.member else ""
            return f"{member}{wait.message} ({wait.reason.title})"
    failure = next((o.message for o in end.last.outcomes if o.message), "")
    return f"timed out; {heartbeat(end.last.status)}" + (f"; {failure}" if failure else "")
