"""Checks of Ray, from the head reports: reporting heads, joined nodes, reach, Ray's version.

A report counts as it does for the controller: if it is fresh, and of the head that runs now.
"""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.other_clocks import age_s
from controller.core.situation.cluster import ClusterSituation, MemberSituation
from controller.core.spec.text import counted
from controller.core.status.authentication import no_token
from controller.core.status.reach import meshed as sidecars
from controller.core.status.reach import obstacles
from controller.core.status.reach import unprobed as not_probed
from controller.doctor import state
from controller.doctor.probe import Probe
from controller.doctor.result import CheckResult, bad, good, listed, or_good, unknown, warning

JOIN_S = 120.0  # a join takes seconds
_MOST_OBSTACLES = 5  # lines for a cluster
_GAVE_UP = frozenset({"retrying", "failed", "ended"})  # the node program's own words for it


def listed_clusters(probe: Probe) -> list[ClusterSituation]:
    """The clusters whose project was listed.  NoAnswerError if there are no specs."""
    situation = probe.ask(state.listed_situation)
    probe.ask(state.declared_clusters)
    return [cluster for cluster in situation.clusters if cluster.project is not None]


def _is_running_long(app: ObservedApplication | None, now: datetime) -> bool:
    if app is None or app.phase is not Phase.RUNNING:
        return False
    running_s = age_s(app.running_at or app.starting_at or app.created_at, now)
    return running_s is not None and running_s >= JOIN_S


def reports(probe: Probe) -> Iterable[CheckResult]:
    clusters = probe.ask(listed_clusters)
    problems = [
        _silent(cluster)
        for cluster in clusters
        if cluster.report is None and _is_running_long(cluster.members[0].app, cluster.now)
    ]
    reporting = sum(cluster.report is not None for cluster in clusters)
    return or_good(problems, f"{counted(reporting, 'head')} reporting")


def _silent(cluster: ClusterSituation) -> CheckResult:
    name = cluster.desired.name
    last = cluster.observed.reports.get(name)
    when = f"last at {last.observed_at.isoformat()}" if last else "never"
    message = f"the head of {name} runs, but has not reported recently ({when})"
    fix = f"see .raycml/logs/{name}/head.log in the project, and compare the clocks"
    return bad(message, fix)


def joins(probe: Probe) -> Iterator[CheckResult]:
    """Members that have run for long, and that their reporting head does not list as alive."""
    joined = missing = 0
    for cluster in probe.ask(listed_clusters):
        if cluster.report is None:
            continue
        absent = [member for member in cluster.members if not member.joined]
        joined += len(cluster.members) - len(absent)
        stuck = [member for member in absent if _is_running_long(member.app, cluster.now)]
        missing += len(stuck)
        yield from _not_joined(cluster.desired.name, stuck, cluster.report.address or "the head")
    if not missing:
        yield good(f"{counted(joined, 'node')} joined")


def _not_joined(
    cluster: str, members: Sequence[MemberSituation], address: str
) -> Iterator[CheckResult]:
    """A node that keeps trying cannot reach the head; one that gave up was given a reason."""
    refused = [m for m in members if m.report is not None and m.report.state in _GAVE_UP]
    trying = [m for m in members if m not in refused]
    log = f"see .raycml/logs/{cluster} in the project"
    if trying:
        fix = (
            f"check that pods can reach {address} on any port (with Istio: mTLS PERMISSIVE for the "
            f"user's namespace); {log}"
        )
        yield bad(_missing(cluster, trying), fix)
    if refused:
        fix = f"{log}; likely causes: too little CPU or memory, or another Ray or Python"
        yield bad(_missing(cluster, refused), fix)


def _missing(cluster: str, members: Sequence[MemberSituation]) -> str:
    verb = "runs but has" if len(members) == 1 else "run but have"
    reasons = {m.report.message for m in members if m.report is not None and m.report.message}
    why = f": {listed(sorted(reasons), most=2)}" if reasons else ""
    return f"{cluster} {listed(m.match.member for m in members)} {verb} not joined Ray{why}"


def reach(probe: Probe) -> Iterator[CheckResult]:
    """Members and head reach each other, by the probes that both make of Ray's ports."""
    names: list[str] = []
    unprobed: list[str] = []
    meshed = bad_ones = 0
    for cluster in probe.ask(listed_clusters):
        if (report := cluster.report) is None:
            continue
        name = cluster.desired.name
        problems = [*obstacles(report)]
        bad_ones += len(problems)
        for problem in problems[:_MOST_OBSTACLES]:
            yield bad(f"{name}: {problem}", problem.fix)
        if more := len(problems) - _MOST_OBSTACLES:
            yield from _more(name, more)
        workers = [str(m.match.member) for m in cluster.members[1:] if m.joined]
        unprobed += [f"{name} {worker}" for worker in not_probed(report, workers)]
        names += [f"{name} {worker}" for worker in workers]
        meshed += len(sidecars(report))
    if bad_ones:
        return
    mesh = f"; mesh: istio in {counted(meshed, 'pod')}" if meshed else ""
    if unprobed:
        yield unknown(f"not probed yet: {listed(unprobed)}{mesh}")
    elif names:
        yield good(f"{counted(len(names), 'worker')} and their heads reach each other{mesh}")
    else:
        yield unknown("no worker has joined a head that reports")


def _more(name: str, count: int) -> Iterator[CheckResult]:
    if count > 0:
        yield bad(f"{name}: {counted(count, 'obstacle')} more", "see those above first")


def tokens(probe: Probe) -> Iterable[CheckResult]:
    """Clusters whose Ray runs the code of every program that reaches it."""
    clusters = [cluster for cluster in probe.ask(listed_clusters) if cluster.report is not None]
    open_to_all = [
        (cluster.desired.name, no_token(cluster.report, cluster.desired.groups[0].inputs.auth_mode))
        for cluster in clusters
    ]
    problems = [warning(f"{name}: {each.message}", each.fix) for name, each in open_to_all if each]
    if not clusters:
        return [unknown("no head reports how it authenticates")]
    return or_good(problems, f"{counted(len(clusters), 'cluster')} with a token")


def ray_version(probe: Probe) -> Iterator[CheckResult]:
    versions: list[str] = []
    clusters = probe.ask(listed_clusters)
    pairs = [(cluster, cluster.report) for cluster in clusters if cluster.report is not None]
    for cluster, report in pairs:
        name = cluster.desired.name
        declared, running = cluster.desired.groups[0].inputs.ray_version, report.ray_version
        if running and running != declared:
            message = f"{name} runs Ray {running}, but its spec declares {declared}"
            fix = f"install ray=={declared} for its `python`, or set `rayVersion: {running}`"
            yield bad(message, fix)
        else:
            python = report.python_version or "?"
            versions.append(f"{name}: Ray {running or '?'}, Python {python}")
    if versions:
        yield good(listed(versions))
    elif not pairs:
        yield unknown("no head reports its versions")
