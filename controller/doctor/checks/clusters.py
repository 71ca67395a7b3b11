"""Checks of clusters and their applications: names, orphans, sign-in, editions, starts, pauses.

Times here are shorter than the controller's deadlines: a check-up is run when a problem is
suspected, and a deadline that the controller met has set the clock of a member back.
"""

from collections.abc import Iterator
from datetime import datetime

from controller.core.model.observed import ObservedApplication, Pause, Phase, key_of
from controller.core.model.other_clocks import age_s
from controller.core.spec.fingerprint import VERSION, version_of
from controller.core.spec.text import counted
from controller.doctor import state
from controller.doctor.probe import NoAnswerError, Probe
from controller.doctor.result import CheckResult, bad, good, listed, skipped, warning
from controller.terminal.specs import scope

SLOW_START_S = 300.0  # the longest start that was measured, without a new node


def names(probe: Probe) -> Iterator[CheckResult]:
    clusters = [c for c in probe.ask(state.listed_situation).clusters if c.project is not None]
    foreign = [app for c in clusters for m in c.members if (app := m.match.foreign) is not None]
    for app in foreign:
        message = f"`{app.subdomain}` is taken by application {app.id}, which raycml does not own"
        yield bad("names", message, "rename the cluster, or delete or rename that application")
    if not foreign:
        yield good("names", "no name conflicts")


def orphans(probe: Probe) -> Iterator[CheckResult]:
    situation, specs = probe.ask(state.listed_situation), probe.attempt(state.specs)
    desired, paths = situation.desired, probe.options.paths
    if isinstance(specs, NoAnswerError) or not desired.whole or scope(paths, specs) is not None:
        yield skipped("orphans", "not all specs were read")
        return
    declared = {cluster.name for cluster in desired.clusters} | set(desired.frozen)
    orphaned = {n: apps for n, apps in situation.index.of_cluster.items() if n not in declared}
    for name, apps in sorted(orphaned.items()):
        message = f"no spec declares `{name}` ({counted(len(apps), 'application')})"
        yield warning("orphans", message, "run `raycml orphans` to see the options")
    if not orphaned:
        yield good("orphans", "no application without a spec")


def sign_in(probe: Probe) -> Iterator[CheckResult]:
    """Ray's dashboard takes jobs from everyone that reaches it; CML's sign-in protects it."""
    apps, unprotected = probe.ask(state.listed_situation).index.owned, set[str]()
    for listing in probe.ask(state.listings).values():
        if not isinstance(listing, NoAnswerError):
            unprotected |= listing.open_to_all
    found = [app.name for app in apps if app.id in unprotected]
    if found:
        message = f"{listed(found)}: anyone who reaches it can run code without signing in"
        fix = "turn `Enable Unauthenticated Access` off in the application's settings"
        yield warning("sign-in", message, fix)
    else:
        yield good("sign-in", "all applications of raycml require sign-in")


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
        yield warning("editions", message, fix)
    if outdated:
        message = f"{listed(a.name for a in outdated)}: launchers of another edition"
        yield warning("editions", message, "run `raycml reconcile --refresh-launchers`")
    if not other and not outdated:
        yield good("editions", "launchers and fingerprints are up to date")


def _version(app: ObservedApplication) -> str:
    return "" if app.mark is None else version_of(app.mark.fingerprint)


def applications(probe: Probe) -> Iterator[CheckResult]:
    """Applications that failed, or that take long to start."""
    situation = probe.ask(state.listed_situation)
    apps, now, deadline_s = situation.index.owned, situation.now, situation.policy.start_deadline_s
    starts = [_slow_start(app, now, deadline_s) for app in apps if app.phase is Phase.STARTING]
    faults = [fault for fault in starts if fault is not None]
    for app in apps:
        if app.phase is Phase.FAILED:
            log = f".raycml/logs/{key_of(app).cluster} in the project"
            fix = f"see {log}, then run `raycml reconcile` to restart it"
            faults.append(bad("applications", f"{app.name} has failed", fix))
    yield from faults
    if not faults:
        running = sum(app.phase is Phase.RUNNING for app in apps)
        yield good("applications", f"{running} of {len(apps)} running, none stuck")


def _slow_start(app: ObservedApplication, now: datetime, deadline_s: float) -> CheckResult | None:
    waited_s = age_s(app.starting_at or app.created_at, now)
    if waited_s is None or waited_s < SLOW_START_S:
        return None
    message = f"{app.name} has been STARTING for {waited_s / 60:.0f} minutes"
    fix = (
        "check for an exhausted quota, full nodes, an image that cannot be pulled, or a launcher "
        "that does not answer (the application's Logs in CML)"
    )
    return (bad if waited_s >= deadline_s else warning)("applications", message, fix)


def pauses(probe: Probe) -> Iterator[CheckResult]:
    """By a pause file, or by `paused: true` in the spec."""
    by_project = probe.attempt(state.pauses)
    unread = [by_project] if isinstance(by_project, NoAnswerError) else []
    active: list[Pause] = []
    now = probe.screen.system.clock.now()
    for found in () if isinstance(by_project, NoAnswerError) else by_project.values():
        if isinstance(found, NoAnswerError):
            unread.append(found)
        else:
            active += [pause for pause in found.values() if pause.holds(now)]
    by_spec = [cluster.name for cluster in probe.ask(state.desired).clusters if cluster.paused]
    for pause in sorted(active, key=lambda pause: pause.cluster):
        yield _paused(pause)
    for name in by_spec:
        yield warning("pauses", f"{name} is paused by its spec", "set `paused: false` in its spec")
    if unread:
        yield skipped("pauses", unread[0])
    elif not active and not by_spec:
        yield good("pauses", "no cluster is paused")


def _paused(pause: Pause) -> CheckResult:
    until = "" if pause.until is None else f" until {pause.until.isoformat()}"
    message = f"{pause.cluster} is paused{until} by {pause.by}: {pause.reason or 'no reason given'}"
    return warning("pauses", message, f"run `raycml unpause {pause.cluster}`")
