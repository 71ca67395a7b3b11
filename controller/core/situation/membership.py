"""Membership: what a head's report proves about nodes, and what it does not.

Nothing is restarted on a guess.  A report that is old, or that could not be made, proves nothing
about any node.  A node counts as lost only where Ray had it since the present start of its
application, has it no more, and nothing looks after it: no drain that raycml asked for, and no
node program that starts it again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.member import parse_member
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.other_clocks import age_s, precedes
from controller.core.model.ray.report import HeadReport, MemberReport, UnknownNode
from controller.core.model.ray.requests import AnswerState
from controller.core.spec.names import HEAD

# States of a member, in the node program's words.
JOINED, DRAINED, WAITING = "joined", "drained", "waiting-for-head"
SILENT_S = 30.0  # a node program writes its state every few seconds
_LEAVING = frozenset({AnswerState.DRAINING, AnswerState.DRAINED})
# Ray notices within about a minute that the node of an earlier start has ended.
LEFTOVER_S = 120.0


@dataclass(frozen=True, slots=True)
class ReportLoss:
    """The end of the reports of a head that runs and did report since its start.

    `unreadable`: it goes on writing, and cannot read Ray's state.
    """

    message: str
    unreadable: bool


def report_loss(
    report: HeadReport | None, head: ObservedApplication | None, now: datetime, fresh_s: float
) -> ReportLoss | None:
    """The loss of the last report, whichever head wrote it; None for a head that never reported."""
    if report is None or head is None or head.phase is not Phase.RUNNING:
        return None
    if starts_after(report, head, now):
        return None
    if not report.is_fresh(now, fresh_s):
        last = f"{report.observed_at:%Y-%m-%d %H:%M:%S} UTC"
        return ReportLoss(f"the head has not reported since {last}", unreadable=False)
    if report.error:
        return ReportLoss(f"the head cannot read Ray's state: {report.error}", unreadable=True)
    return None


def starts_after(report: HeadReport, app: ObservedApplication, now: datetime) -> bool:
    """True if the report is from before the application's present start.

    Ray takes some ten seconds to notice that a node died, and until then lists the old one.
    """
    return precedes(report.observed_at, app.running_at or app.starting_at, now)


def is_lost(report: HeadReport, member: str) -> bool:
    """True if Ray lost the node of this member, and nothing looks after it.

    The report must be valid, and from after the start of the member's application.
    """
    row = report.members.get(member)
    if row is None or row.alive or is_leaving(report, member):
        return False
    # A head has joined once its GCS and its dashboard answer, which is before its node registers.
    was_there = bool(row.node_id) or (row.state == JOINED and member != HEAD)
    return was_there and (row.state == JOINED or _is_silent(row))


def is_leaving(report: HeadReport, member: str) -> bool:
    """True if the member's node is away from Ray because raycml asked it to drain."""
    row = report.members.get(member)
    if row is None:
        return False
    answers = report.answers_to(member, row.engine_id)
    return row.state == DRAINED or any(answer.state in _LEAVING for answer in answers)


def _is_silent(row: MemberReport) -> bool:
    """True if its node program has ended or is stopped: it does not write its state."""
    return row.silent_s is not None and row.silent_s >= SILENT_S


def unknown_nodes(
    report: HeadReport, running: Iterable[tuple[str, ObservedApplication]], now: datetime
) -> tuple[UnknownNode, ...]:
    """Living nodes of Ray that belong to no application of the cluster.

    `running` are the cluster's members and their applications.  The node of an earlier start of a
    member is not among them until Ray has had the time to notice its end.
    """
    fresh = {
        member
        for member, app in running
        if (age := age_s(app.running_at or app.starting_at, now)) is None or age < LEFTOVER_S
    }
    return tuple(
        node
        for node in report.unknown_nodes
        if not (node.fingerprint and parse_member(node.node_name) and node.node_name in fresh)
    )
