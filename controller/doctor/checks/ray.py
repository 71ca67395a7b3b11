"""Checks of Ray, from the head reports: reporting heads, joined nodes, Ray's version.

A report counts as it does for the controller: if it is fresh, and of the head that runs now.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.desired import DesiredCluster
from controller.core.model.member import THE_HEAD
from controller.core.model.observed import HeadReport, MemberReport, ObservedApplication, Phase
from controller.core.model.other_clocks import age_s
from controller.core.situation.cluster import valid_report
from controller.core.situation.matching import Match
from controller.core.spec.text import counted
from controller.doctor import state
from controller.doctor.checks.clusters import matched_clusters
from controller.doctor.probe import Probe
from controller.doctor.result import CheckResult, bad, good, listed, unknown

JOIN_S = 120.0  # a join takes seconds
_GAVE_UP = frozenset({"retrying", "failed", "ended"})  # the node program's own words for it


@dataclass(frozen=True, slots=True)
class ReportedCluster:
    """A cluster with its members, and its head report if that is valid."""

    cluster: DesiredCluster
    members: tuple[Match, ...]
    report: HeadReport | None

    def node(self, seat: Match) -> MemberReport:
        """The member's node as the head reports it."""
        absent = MemberReport(alive=False)
        return absent if self.report is None else self.report.members.get(str(seat.member), absent)


def reported_clusters(probe: Probe) -> list[ReportedCluster]:
    """The clusters of the specs.  NoAnswerError if there are none to compare with."""
    matched = probe.ask(matched_clusters)
    probe.ask(state.declared_clusters)
    observed, policy = probe.ask(state.observed), probe.ask(state.policy)
    return [
        ReportedCluster(
            cluster, matching.matches, valid_report(cluster.name, matching, observed, policy)
        )
        for cluster, matching in matched
    ]


def _is_running_long(app: ObservedApplication | None, now: datetime) -> bool:
    if app is None or app.phase is not Phase.RUNNING:
        return False
    running_s = age_s(app.running_at or app.starting_at or app.created_at, now)
    return running_s is not None and running_s >= JOIN_S


def reports(probe: Probe) -> Iterator[CheckResult]:
    observed, reporting, silent = probe.ask(state.applications), 0, 0
    for one in probe.ask(reported_clusters):
        name = one.cluster.name
        head = next((seat.app for seat in one.members if seat.member == THE_HEAD), None)
        if one.report is not None:
            reporting += 1
        elif _is_running_long(head, observed.as_of):
            silent += 1
            last = observed.reports.get(name)
            when = f"last at {last.observed_at.isoformat()}" if last else "never"
            message = f"the head of {name} runs, but has not reported recently ({when})"
            fix = f"see .raycml/logs/{name}/head.log in the project, and compare the clocks"
            yield bad("reports", message, fix)
    if not silent:
        yield good("reports", f"{counted(reporting, 'head')} reporting")


def joins(probe: Probe) -> Iterator[CheckResult]:
    """Members that have run for long, and that their reporting head does not list as alive."""
    now, joined, missing = probe.ask(state.applications).as_of, 0, 0
    for one in probe.ask(reported_clusters):
        if one.report is None:
            continue
        absent = [seat for seat in one.members if not one.node(seat).alive]
        joined += len(one.members) - len(absent)
        stuck = [seat for seat in absent if _is_running_long(seat.app, now)]
        missing += len(stuck)
        yield from _not_joined(one, stuck, one.report.address or "the head")
    if not missing:
        yield good("joins", f"{counted(joined, 'node')} joined")


def _not_joined(
    one: ReportedCluster, seats: Sequence[Match], address: str
) -> Iterator[CheckResult]:
    """A node that keeps trying cannot reach the head; one that gave up was given a reason."""
    refused = [seat for seat in seats if one.node(seat).state in _GAVE_UP]
    trying = [seat for seat in seats if seat not in refused]
    log = f"see .raycml/logs/{one.cluster.name} in the project"
    if trying:
        fix = (
            f"check that pods can reach {address} on any port (with Istio: mTLS PERMISSIVE for the "
            f"user's namespace); {log}"
        )
        yield bad("joins", _missing(one, trying), fix)
    if refused:
        fix = f"{log}; likely causes: too little CPU or memory, or another Ray or Python"
        yield bad("joins", _missing(one, refused), fix)


def _missing(one: ReportedCluster, seats: Sequence[Match]) -> str:
    verb = "runs but has" if len(seats) == 1 else "run but have"
    reasons = listed(sorted({one.node(seat).message for seat in seats} - {""}), most=2)
    names = listed(seat.member for seat in seats)
    return f"{one.cluster.name} {names} {verb} not joined Ray{f': {reasons}' if reasons else ''}"


def ray_version(probe: Probe) -> Iterator[CheckResult]:
    versions: list[str] = []
    mismatch = False
    for one in probe.ask(reported_clusters):
        if one.report is None:
            continue
        name, report = one.cluster.name, one.report
        declared, running = one.cluster.groups[0].inputs.ray_version, report.ray_version
        if running and running != declared:
            mismatch = True
            message = f"{name} runs Ray {running}, but its spec declares {declared}"
            fix = f"install ray=={declared} for its `python`, or set `rayVersion: {running}`"
            yield bad("ray-version", message, fix)
        else:
            python = report.python_version or "?"
            versions.append(f"{name}: Ray {running or '?'}, Python {python}")
    if versions:
        yield good("ray-version", listed(versions))
    elif not mismatch:
        yield unknown("ray-version", "no head reports its versions")
