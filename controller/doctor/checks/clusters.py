"""Checks of clusters and their applications: names, orphans, sign-in, editions, starts, pauses.

Times here are shorter than the controller's deadlines: a check-up is run when a problem is
suspected, and a deadline that the controller met has set the clock of a member back.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from controller.core.model.observed import ObservedApplication, Pause, Phase, key_of
from controller.core.model.other_clocks import age_s
from controller.core.spec.fingerprint import VERSION, version_of
from controller.core.spec.text import counted
from controller.doctor import state
from controller.doctor.probe import NoAnswerError, Probe, answered
from controller.doctor.result import CheckResult, bad, good, listed, or_good, skipped, warning
from controller.terminal.specs import scope

SLOW_START_S = 300.0  # the longest start that was measured, without a new node


def names(probe: Probe) -> Iterable[CheckResult]:
    clusters = [c for c in probe.ask(state.listed_situation).clusters if c.project is not None]
    foreign = [app for c in clusters for m in c.members if (app := m.match.foreign) is not None]
    fix = "rename the cluster, or delete or rename that application"
    problems = (
        bad(f"`{app.subdomain}` is taken by application {app.id}, which raycml does not own", fix)
        for app in foreign
    )
    return or_good(problems, "no name conflicts")


def orphans(probe: Probe) -> Iterable[CheckResult]:
    situation, specs = probe.ask(state.listed_situation), probe.attempt(state.specs)
    desired, paths = situation.desired, probe.paths
    if isinstance(specs, NoAnswerError) or not desired.whole or scope(paths, specs) is not None:
        return [skipped("not all specs were read")]
    declared = {cluster.name for cluster in desired.clusters} | set(desired.frozen)
    problems = (
        warning(
            f"no spec declares `{name}` ({counted(len(apps), 'application')})",
            "run `raycml orphans` to see the options",
        )
        for name, apps in sorted(situation.index.of_cluster.items())
        if name not in declared
    )
    return or_good(problems, "no application without a spec")


def sign_in(probe: Probe) -> Iterator[CheckResult]:
    """Ray's dashboard takes jobs from everyone that reaches it; CML's sign-in protects it."""
    apps = probe.ask(state.listed_situation).index.owned
    listings = answered(probe.ask(state.listings)).values()
    unprotected = {app for listing in listings for app in listing.open_to_all}
    names = [app.name for app in apps if app.id in unprotected]
    if names:
        message = f"{listed(names)}: anyone who reaches it can run code without signing in"
        fix = "turn `Enable Unauthenticated Access` off in the application's settings"
        yield warning(message, fix)
    else:
        yield good("all applications of raycml require sign-in")


def editions(probe: Probe) -> Iterator[CheckResult]:
    situation = probe.ask(state.listed_situation)
    declared = {cluster.name for cluster in situation.desired.clusters}
    apps = [app for app in situation.index.owned if key_of(app).cluster in declared]
    other = [app for app in apps if _version(app) != VERSION]
    outdated = [app for app in apps if not app.script.endswith(f"-{situation.policy.edition}.py")]
    if other:
        versions = listed(sorted({_version(app) or "none" for app in other}))
        message = f"{listed(a.name for a in other)}: fingerprints of another version ({versions})"
        fix = "the next change of the spec renews them; newer ones need a newer raycml"
        yield warning(message, fix)
    if outdated:
        message = f"{listed(a.name for a in outdated)}: launchers of another edition"
        yield warning(message, "run `raycml reconcile --refresh-launchers`")
    if not other and not outdated:
        yield good("launchers and fingerprints are up to date")


def _version(app: ObservedApplication) -> str:
    return "" if app.mark is None else version_of(app.mark.fingerprint)


def applications(probe: Probe) -> Iterable[CheckResult]:
    """Applications that failed, or that take long to start."""
    situation = probe.ask(state.listed_situation)
    apps, now, deadline_s = situation.index.owned, situation.now, situation.policy.start_deadline_s
    starts = [_slow_start(app, now, deadline_s) for app in apps if app.phase is Phase.STARTING]
    problems = [start for start in starts if start is not None]
    for app in apps:
        if app.phase is Phase.FAILED:
            log = f".raycml/logs/{key_of(app).cluster} in the project"
            fix = f"see {log}, then run `raycml reconcile` to restart it"
            problems.append(bad(f"{app.name} has failed", fix))
    running = sum(app.phase is Phase.RUNNING for app in apps)
    return or_good(problems, f"{running} of {len(apps)} running, none stuck")


def _slow_start(app: ObservedApplication, now: datetime, deadline_s: float) -> CheckResult | None:
    waited_s = age_s(app.starting_at or app.created_at, now)
    if waited_s is None or waited_s < SLOW_START_S:
        return None
    message = f"{app.name} has been STARTING for {waited_s / 60:.0f} minutes"
    fix = (
        "check for an exhausted quota, full nodes, an image that cannot be pulled, or a launcher "
        "that does not answer (the application's Logs in CML)"
    )
    return (bad if waited_s >= deadline_s else warning)(message, fix)


def pauses(probe: Probe) -> Iterator[CheckResult]:
    """By a pause file, or by `paused: true` in the spec."""
    now, by_project = probe.screen.system.clock.now(), probe.attempt(state.pauses)
    answers = [by_project] if isinstance(by_project, NoAnswerError) else by_project.values()
    active: list[Pause] = []
    unread: list[NoAnswerError] = []
    for answer in answers:
        if isinstance(answer, NoAnswerError):
            unread.append(answer)
        else:
            active += [pause for pause in answer.values() if pause.holds(now)]
    yield from (_paused(pause) for pause in sorted(active, key=lambda pause: pause.cluster))
    by_spec = [cluster.name for cluster in probe.ask(state.desired).clusters if cluster.paused]
    for name in by_spec:
        yield warning(f"{name} is paused by its spec", "set `paused: false` in its spec")
    if unread:
        yield skipped(unread[0])
    elif not active and not by_spec:
        yield good("no cluster is paused")


def _paused(pause: Pause) -> CheckResult:
    until = "" if pause.until is None else f" until {pause.until.isoformat()}"
    message = f"{pause.cluster} is paused{until} by {pause.by}: {pause.reason or 'no reason given'}"
    return warning(message, f"run `raycml unpause {pause.cluster}`")
