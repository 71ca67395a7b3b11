"""Status of clusters without a spec, from their applications and head reports.

Pure.  The state is that of the applications; the missing spec is one line, not an alarm.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from controller.core.model.member import THE_HEAD, Member
from controller.core.model.observed import ObservedApplication, Phase, key_of
from controller.core.model.ray.report import HeadReport
from controller.core.model.reasons import Reason
from controller.core.situation.cluster import valid_report
from controller.core.situation.membership import ReportLoss, report_loss, starts_after
from controller.core.status import authentication
from controller.core.status.status import RAY_WORDS, ClusterStatus, Condition, MemberStatus

NOT_COMPARED = "NotCompared"
_MESSAGE = "no spec available for comparison"
_STILL = frozenset({Phase.STOPPED, Phase.STOPPING})


def without_spec(
    cluster: ClusterStatus,
    applications: Sequence[ObservedApplication],
    report: HeadReport | None,
    now: datetime,
    fresh_s: float,
) -> ClusterStatus:
    """The cluster, assessed by its applications; `applications` are all with its mark."""
    by_member = _by_member(applications)
    head = by_member.get(THE_HEAD)
    current, loss = (
        valid_report(report, head, now, fresh_s),
        report_loss(report, head, now, fresh_s),
    )
    joined = {member: _joined(app, current, now) for member, app in by_member.items()}
    ready = [m for m, app in by_member.items() if app.phase is Phase.RUNNING and joined[m]]
    alive, every = Counter(m.group for m in ready), Counter(m.group for m in by_member)
    return replace(
        cluster,
        word=_word([app.phase for app in by_member.values()], joined),
        desired=len(by_member),
        ready=len(ready),
        groups={m.group: (alive[m.group], every[m.group]) for m in sorted(by_member)},
        conditions=(
            Condition("Synced", "Unknown", NOT_COMPARED, _MESSAGE),
            _ready(len(ready), len(by_member), loss, reported=current is not None),
            *authentication.condition(current, None),
        ),
        members=tuple(_row(row, by_member, joined, current) for row in cluster.members),
        report=current,
    )


def is_uncompared(cluster: ClusterStatus) -> bool:
    return any(condition.reason == NOT_COMPARED for condition in cluster.conditions)


def _by_member(applications: Sequence[ObservedApplication]) -> dict[Member, ObservedApplication]:
    """One application for each member: of several, the running one."""
    by_member: dict[Member, ObservedApplication] = {}
    for app in sorted(applications, key=lambda a: (a.phase is not Phase.RUNNING, a.id)):
        by_member.setdefault(key_of(app).member, app)
    return by_member


def _joined(app: ObservedApplication, report: HeadReport | None, now: datetime) -> bool | None:
    """None without a valid report."""
    if report is None:
        return None
    member = report.members.get(str(key_of(app).member))
    return member is not None and member.alive and not starts_after(report, app, now)


def _word(phases: Sequence[Phase], joined: Mapping[Member, bool | None]) -> str:
    if all(phase in _STILL for phase in phases):
        return "Stopped"
    if any(phase is Phase.STARTING for phase in phases):
        return "Starting"
    healthy = all(phase is Phase.RUNNING for phase in phases) and False not in joined.values()
    return "Running" if healthy else "Degraded"


def _ready(alive: int, count: int, loss: ReportLoss | None, *, reported: bool) -> Condition:
    if loss is not None:
        return Condition("Ready", "Unknown", Reason.REPORT_LOST.title, loss.message)
    if not reported:
        return Condition("Ready", "Unknown", "NoHeadReport", "no fresh head report")
    message = f"{alive} of {count} nodes are alive"
    if alive == count:
        return Condition("Ready", "True", "AllNodesAlive", message)
    return Condition("Ready", "False", "NodesMissing", message)


def _row(
    row: MemberStatus,
    by_member: Mapping[Member, ObservedApplication],
    joined: Mapping[Member, bool | None],
    report: HeadReport | None,
) -> MemberStatus:
    member = next((m for m, app in by_member.items() if app.id == row.application_id), None)
    if member is None:
        return row
    app = by_member[member]
    node = None if report is None else report.members.get(row.member)
    return replace(
        row,
        ray=RAY_WORDS[joined[member]] if app.phase is Phase.RUNNING else "-",
        node_id=node.node_id if node is not None and joined[member] else "",
        since=app.in_phase_since,
    )
