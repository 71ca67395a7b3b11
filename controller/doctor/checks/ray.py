"""Checks of what heads report: whether they do, who is missing, which Ray runs.

A report counts as it does for the controller: fresh, and of the head that runs now.
"""

from collections.abc import Iterator, Sequence

from controller.core.model.desired import DesiredState
from controller.core.model.member import THE_HEAD
from controller.core.model.observed import (
    HeadReport,
    MemberReport,
    ObservedApplication,
    ObservedState,
    Phase,
)
from controller.core.situation.matching import Match, Matching
from controller.core.situation.situation import valid_report
from controller.core.spec.text import counted
from controller.doctor.checks.clusters import looked, older, rolls
from controller.doctor.result import Finding, bad, good, listed, unknown
from controller.doctor.state import Facts

_NO_SPECS = "there are no specs to compare with"
JOIN_S = 120.0  # a join takes seconds
_GAVE_UP = frozenset({"retrying", "failed", "ended"})  # a node program's own words for it


def _running_long(app: ObservedApplication | None, facts: Facts) -> bool:
    if app is None or app.phase is not Phase.RUNNING:
        return False
    return older(app.running_at or app.starting_at or app.created_at, facts, JOIN_S)


def _head(roll: Matching) -> ObservedApplication | None:
    return next((seat.app for seat in roll.seats if seat.member == THE_HEAD), None)


def _reports(facts: Facts, desired: DesiredState, observed: ObservedState) -> Iterator[Finding]:
    if not desired.clusters:
        yield unknown("reports", _NO_SPECS)
        return
    silent, speaking = [], 0
    for cluster, roll in rolls(facts, desired, observed):
        if valid_report(cluster.name, roll, observed, facts.policy) is not None:
            speaking += 1
        elif _running_long(_head(roll), facts):
            silent.append(cluster.name)
    for name in silent:
        message = f"the head of {name} runs and has not reported lately ({_last(name, observed)})"
        fix = f"read .raycml/logs/{name}/head.log in the project, and compare the clocks"
        yield bad("reports", message, fix)
    if not silent:
        yield good(
            "reports", f"{counted(speaking, 'head')} reporting, and none that runs is silent"
        )


reports = looked("reports", _reports)


def _last(cluster: str, observed: ObservedState) -> str:
    report = observed.reports.get(cluster)
    return "never" if report is None else f"last {report.observed_at.isoformat()}"


def _joins(facts: Facts, desired: DesiredState, observed: ObservedState) -> Iterator[Finding]:
    """Workers that run for long, whose head is alive and does not list them."""
    if not desired.clusters:
        yield unknown("joins", _NO_SPECS)
        return
    joined, missing = 0, False
    for cluster, roll in rolls(facts, desired, observed):
        report = valid_report(cluster.name, roll, observed, facts.policy)
        if report is None:
            continue
        joined += sum(1 for seat in roll.seats if _told(seat, report).alive)
        lonely = [
            seat
            for seat in roll.seats
            if _running_long(seat.app, facts) and not _told(seat, report).alive
        ]
        missing = missing or bool(lonely)
        yield from _lonely(cluster.name, lonely, report)
    if not missing:
        yield good(
            "joins", f"{counted(joined, 'node')} in Ray, and none that runs is missing for long"
        )


joins = looked("joins", _joins)


def _told(seat: Match, report: HeadReport) -> MemberReport:
    return report.members.get(str(seat.member), MemberReport(alive=False))


def _lonely(cluster: str, seats: Sequence[Match], report: HeadReport) -> Iterator[Finding]:
    """A node that tries on and on does not get through; one that gave up was told why."""
    refused = [seat for seat in seats if _told(seat, report).state in _GAVE_UP]
    silent = [seat for seat in seats if seat not in refused]
    log = f".raycml/logs/{cluster} in the project"
    if silent:
        where = report.address or "the head"
        fix = (
            f"see that pods reach {where} on any port (with Istio: mTLS PERMISSIVE for the user's "
            f"namespace); read {log}"
        )
        yield bad("joins", _missing(cluster, silent, report), fix)
    if refused:
        fix = f"read {log}; likely: too little CPU or memory, or another Ray or Python"
        yield bad("joins", _missing(cluster, refused, report), fix)


def _missing(cluster: str, seats: Sequence[Match], report: HeadReport) -> str:
    verb = "runs" if len(seats) == 1 else "run"
    said = listed(sorted({_told(seat, report).message for seat in seats} - {""}), most=2)
    names = listed(seat.member for seat in seats)
    return f"{cluster} {names} {verb}, and Ray does not list it{f': {said}' if said else ''}"


def _ray_versions(
    facts: Facts, desired: DesiredState, observed: ObservedState
) -> Iterator[Finding]:
    told: list[str] = []
    differ = 0
    for cluster, roll in rolls(facts, desired, observed):
        report = valid_report(cluster.name, roll, observed, facts.policy)
        if report is None:
            continue
        wants, has = cluster.groups[0].inputs.ray_version, report.ray_version
        if has and has != wants:
            message = f"{cluster.name} runs Ray {has}, and its spec says {wants}"
            fix = f"install ray=={wants} where `python` points, or write `rayVersion: {has}`"
            differ += 1
            yield bad("ray-version", message, fix)
        else:
            told.append(f"{cluster.name}: Ray {has or '?'}, Python {report.python_version or '?'}")
    if told:
        yield good("ray-version", listed(told))
    elif not differ:
        yield unknown("ray-version", "no head tells its versions now")


ray_versions = looked("ray-version", _ray_versions)
