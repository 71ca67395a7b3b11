"""Status of clusters by their applications and head reports alone, without a spec to compare with.

Pure.  The state is what runs and how well; that no spec is known is one line, not an alarm.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from controller.core.model.member import THE_HEAD, Member
from controller.core.model.observed import HeadReport, ObservedApplication, Phase, key_of
from controller.core.situation.situation import starts_after
from controller.core.status.status import ClusterStatus, Condition, MemberStatus

NOT_COMPARED = "NotCompared"
_MESSAGE = "no spec at hand to compare it with"
_STILL = frozenset({Phase.STOPPED, Phase.STOPPING})


def without_spec(
    cluster: ClusterStatus,
    applications: Sequence[ObservedApplication],
    report: HeadReport | None,
    now: datetime,
    fresh_s: float,
) -> ClusterStatus:
    """The same cluster, judged by what runs; `applications` are all that carry its mark."""
    by_member = _by_member(applications)
    spoken = _valid(report, by_member.get(THE_HEAD), now, fresh_s)
    joined = {member: _joined(app, spoken, now) for member, app in by_member.items()}
    ready = [m for m, app in by_member.items() if app.phase is Phase.RUNNING and joined[m]]
    groups = {member.group: (0, 0) for member in sorted(by_member)}
    for member in by_member:
        alive, count = groups[member.group]
        groups[member.group] = (alive + (member in ready), count + 1)
    return replace(
        cluster,
        word=_word([app.phase for app in by_member.values()], joined),
        desired=len(by_member),
        ready=len(ready),
        groups=groups,
        conditions=(
            Condition("Synced", "Unknown", NOT_COMPARED, _MESSAGE),
            _ready(len(ready), len(by_member), told=spoken is not None),
        ),
        members=tuple(_row(row, by_member, joined, spoken) for row in cluster.members),
        report=spoken,
    )


def is_uncompared(cluster: ClusterStatus) -> bool:
    return any(condition.reason == NOT_COMPARED for condition in cluster.conditions)


def _by_member(applications: Sequence[ObservedApplication]) -> dict[Member, ObservedApplication]:
    """One application for each member: of several the one that runs."""
    found: dict[Member, ObservedApplication] = {}
    for app in sorted(applications, key=lambda a: (a.phase is not Phase.RUNNING, a.id)):
        found.setdefault(key_of(app).member, app)
    return found


def _valid(
    report: HeadReport | None, head: ObservedApplication | None, now: datetime, fresh_s: float
) -> HeadReport | None:
    if report is None or head is None or head.phase is not Phase.RUNNING:
        return None
    return report if report.is_fresh(now, fresh_s) and not starts_after(report, head, now) else None


def _joined(app: ObservedApplication, report: HeadReport | None, now: datetime) -> bool | None:
    """None where no valid report says anything."""
    if report is None:
        return None
    member = report.members.get(str(key_of(app).member))
    return member is not None and member.alive and not starts_after(report, app, now)


def _word(phases: Sequence[Phase], joined: Mapping[Member, bool | None]) -> str:
    if all(phase in _STILL for phase in phases):
        return "Stopped"
    if any(phase is Phase.STARTING for phase in phases):
        return "Starting"
    well = all(phase is Phase.RUNNING for phase in phases) and False not in joined.values()
    return "Running" if well else "Degraded"


def _ready(alive: int, count: int, *, told: bool) -> Condition:
    if not told:
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
    word = {True: "joined", False: "not joined", None: "unknown"}[joined[member]]
    told = None if report is None else report.members.get(row.member)
    return replace(
        row,
        ray=word if app.phase is Phase.RUNNING else "-",
        node_id=told.node_id if told is not None and joined[member] else "",
        since={
            Phase.RUNNING: app.running_at,
            Phase.STARTING: app.starting_at,
            Phase.STOPPED: app.stopped_at,
        }.get(app.phase),
    )
