"""Ray's nodes of a cluster, as the last report of the head that runs now has them."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.member import Member
from controller.core.model.observed import ObservedApplication, Phase, key_of
from controller.core.model.ray.report import HeadReport, MemberReport
from controller.core.model.ray.requests import AnswerState, HeadAnswer
from controller.core.situation.membership import starts_after

_LEAVING = (AnswerState.DRAINING, AnswerState.DRAINED, AnswerState.FAILED)


@dataclass(frozen=True, slots=True)
class RayNodes:
    """Nodes of one cluster in one project.

    `report` is the last one of the head that runs now, however old; None without one, which is when
    no node is known to live.  `is_fresh`: it speaks of the present.
    """

    project: str
    report: HeadReport | None
    is_fresh: bool
    now: datetime

    def living(self, app: ObservedApplication) -> MemberReport | None:
        """The node of an application that Ray reported as alive since its present start.

        None too for an application that does not run, or of another project.  A head that could not
        read Ray's state proves no node dead.
        """
        if self.report is None or app.phase is not Phase.RUNNING or app.project != self.project:
            return None
        row = self.report.members.get(str(key_of(app).member))
        is_alive = row is not None and (row.alive or bool(self.report.error))
        return row if is_alive and not starts_after(self.report, app, self.now) else None

    def is_gone(self, app: ObservedApplication) -> bool:
        """True if Ray has no living node of a running application, by a fresh report."""
        return self.is_fresh and app.phase is Phase.RUNNING and self.living(app) is None

    def answers(self, member: Member, node: MemberReport) -> tuple[HeadAnswer, ...]:
        """Answers to the requests for this node, in the last report."""
        return () if self.report is None else self.report.answers_to(str(member), node.engine_id)

    def refused(self, member: Member, node: MemberReport) -> bool:
        """True if the node was to end if it is idle, and was not idle."""
        return any(answer.is_refused_idle for answer in self.answers(member, node))

    def is_leaving(self, app: ObservedApplication) -> bool:
        """True if Ray drains, or has drained, the node of the engine that the application runs.

        A report from before its present start has the node of an earlier engine, which is over.
        """
        member = key_of(app).member
        if self.report is None or app.phase is not Phase.RUNNING or app.project != self.project:
            return False
        row = self.report.members.get(str(member))
        if row is None or starts_after(self.report, app, self.now):
            return False
        return any(answer.state in _LEAVING for answer in self.answers(member, row))


def ray_nodes(
    project: str,
    apps: Iterable[ObservedApplication],
    report: HeadReport | None,
    now: datetime,
    fresh_s: float,
) -> RayNodes:
    """`apps` are those of the cluster, `report` its last one, whichever head wrote it."""
    heads = (app for app in apps if app.project == project and key_of(app).member.is_head)
    head = next((app for app in heads if app.phase is Phase.RUNNING), None)
    if head is None or report is None or starts_after(report, head, now):
        return RayNodes(project, None, is_fresh=False, now=now)
    is_fresh = report.is_fresh(now, fresh_s) and not report.error
    return RayNodes(project, report, is_fresh, now)
