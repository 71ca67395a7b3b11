"""What the phases of an acceptance test share: the cluster, the way to it, the time left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from controller.acceptance.jobs import HeadPage
from controller.acceptance.report import Exchange, Node, Nodes
from controller.acceptance.spec import Shape, revision
from controller.core.model.plan import Plan
from controller.core.model.policy import Policy
from controller.core.model.reasons import Outlook
from controller.core.status.goal import Goal, Verdict
from controller.process.interrupts import Interrupts
from controller.reconcile import Pass
from controller.run.convergence import Drive
from controller.run.diagnosis import explain
from controller.run.loop import Convergence
from controller.terminal.progress import Progress, heartbeat
from controller.workspace.session import Session, with_permissions


class PhaseError(Exception):
    """What a phase found wrong, in a sentence; `details` are lines for a person."""

    def __init__(self, message: str, details: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.details = tuple(details)


@dataclass(frozen=True, slots=True)
class Passed:
    """What a phase saw, and for a person who reads on, in detail."""

    message: str
    details: tuple[str, ...] = ()


@dataclass(slots=True)
class Trial:
    """One run.  `deadline` on the monotonic clock ends all phases but those that clean up.

    `begun`: an application may exist.  `certain`: every one that may is in CML's list by now.
    """

    session: Session
    name: str
    shape: Shape
    wait_s: float
    deadline: float
    interrupts: Interrupts
    progress: Progress
    page: Callable[[str], HeadPage]
    exchanges: list[Exchange]
    local: bool
    runtime: str = ""
    begun: bool = False
    certain: bool = True
    last: Pass | None = None
    versions: dict[str, str] = field(default_factory=dict)

    @property
    def left_s(self) -> float:
        return max(self.deadline - self.session.clock.monotonic(), 0.0)

    def removal(self, name: str) -> str:
        """The command that deletes a cluster of a test."""
        return f"raycml delete {name} --yes{' --local' if self.local else ''}"

    def policy(self) -> Policy:
        return with_permissions(self.session.policy, only=frozenset({self.name}))

    def drive(self, workers: int) -> Drive:
        """The way to a cluster of so many workers.  It bears what the last one would bear."""
        wanted = revision(self.name, self.shape, self.runtime, workers)
        return Drive(
            self.session, wanted, self.policy(), self.interrupts, self.progress, last=self.last
        )

    def reach(self, drive: Drive, goal: Goal) -> Convergence:
        """Pass until the goal is reached.  PhaseError where it is not in the time that is left."""
        try:
            end = drive.until(goal, self.left_s)
        finally:
            self.last = drive.last
        if end.verdict is not Verdict.REACHED or end.last.plan.refusals:
            raise self.unwell(end, "")
        return end

    def unwell(self, end: Convergence, said: str) -> PhaseError:
        """Why it did not come to that, with the conditions and the ends of logs."""
        return PhaseError(said or _short(end), self.aftermath(end))

    def aftermath(self, end: Convergence) -> list[str]:
        """`raycml status` shows nothing of a cluster that is about to be deleted."""
        return [x for x in explain(end, self.session) if not x.startswith("try: raycml status")]

    def nodes(self) -> Nodes:
        """The members as the last look saw them."""
        if self.last is None:
            return {}
        cluster = self.last.status.cluster(self.name)
        report = self.last.observed.reports.get(self.name)
        told = {} if report is None else report.members
        return {
            one.member: Node(
                one.application_id,
                told[one.member].engine_id if one.member in told else "",
                one.node_id,
            )
            for one in (() if cluster is None else cluster.members)
            if one.application_id
        }


def why_not(plan: Plan) -> str:
    """The first thing that keeps a plan from being empty."""
    found = [(s.member, s.reason.title, s.message) for s in plan.steps]
    found += [(w.member, w.reason.title, w.message) for w in plan.waits]
    return next((f"{member or 'it'}: {title}: {said}" for member, title, said in found), "")


def _short(end: Convergence) -> str:
    plan = end.last.plan
    if plan.refusals:
        return f"refused, since it would break a law: {plan.refusals[0]}"
    for wait in plan.waits:
        if wait.reason.outlook is Outlook.PERSON:
            who = f"{wait.member}: " if wait.member else ""
            return f"{who}{wait.message} ({wait.reason.title})"
    failed = next((o.message for o in end.last.outcomes if o.message), "")
    return f"the time is up; {heartbeat(end.last.status)}" + (f"; {failed}" if failed else "")
