"""Checks of clusters as they are: lease, names, orphans, launchers, starts, pauses.

Times here are shorter than the controller's deadlines: a check-up is asked for because somebody
wonders, and a deadline that the controller met has set the clock of a member back.
"""

from collections.abc import Callable, Iterator
from datetime import datetime

from controller.core.model.desired import DesiredCluster, DesiredState, launcher_path
from controller.core.model.observed import (
    ObservedApplication,
    ObservedState,
    Pause,
    Phase,
    key_of,
)
from controller.core.model.other_clocks import age_s
from controller.core.situation.matching import Matching, match_members
from controller.core.spec.fingerprint import VERSION, version_of
from controller.doctor.result import Finding, bad, good, listed, not_checked, unknown, warning
from controller.doctor.state import Facts, Unread, seen, wanted

SLOW_START_S = 300.0  # the longest start that was measured, without a new node
UNUSED_MAX = 50  # launchers of unknown age that nothing names
_HOME = "/home/cdsw/"


def lease(facts: Facts) -> Iterator[Finding]:
    found = facts.lease
    if isinstance(found, Unread):
        yield not_checked("lease", found)
        return
    held = found.lease
    if held is None or held.released:
        yield good("lease", "nobody holds it")
    elif found.ended:
        yield good("lease", f"{held.who} held it and has ended; whoever comes next takes it")
    elif found.silent_s >= held.duration_s:
        message = f"{held.who} holds it since {held.since}, silent for {found.silent_s:.0f} s"
        fix = "if that controller died: `raycml reconcile` takes it over"
        yield warning("lease", message, fix)
    else:
        yield good("lease", f"{held.who} holds it since {held.since}, and is alive")


def looked(
    name: str, judge: Callable[[Facts, DesiredState, ObservedState], Iterator[Finding]]
) -> Callable[[Facts], Iterator[Finding]]:
    """A check that needs to know the applications of some project at least."""

    def check(facts: Facts) -> Iterator[Finding]:
        observed = seen(facts)
        if observed.projects:
            yield from judge(facts, wanted(facts), observed)
        else:
            why = next((f for f in facts.applications.values() if isinstance(f, Unread)), None)
            yield not_checked(name, why or Unread("the applications are not known"))

    return check


def rolls(
    facts: Facts, desired: DesiredState, observed: ObservedState
) -> Iterator[tuple[DesiredCluster, Matching]]:
    """The clusters whose project could be read, with who fills which place."""
    for cluster in desired.clusters:
        if cluster.project in observed.projects:
            yield cluster, match_members(cluster, observed, facts.policy)


def _names(facts: Facts, desired: DesiredState, observed: ObservedState) -> Iterator[Finding]:
    seats = [s for _, roll in rolls(facts, desired, observed) for s in roll.seats]
    taken = [seat.foreign for seat in seats if seat.foreign is not None]
    for app in taken:
        message = f"`{app.subdomain}` is application {app.id}, which is not this installation's"
        yield bad("names", message, "rename the cluster, or delete or rename that application")
    if not taken:
        yield good("names", "no other application of these projects holds a name of the specs")


names = looked("names", _names)


def _orphans(facts: Facts, desired: DesiredState, observed: ObservedState) -> Iterator[Finding]:
    if not facts.whole or not desired.whole:
        yield unknown("orphans", "not judged: not all specs were read")
        return
    held = {cluster.name for cluster in desired.clusters} | set(desired.frozen)
    found: dict[str, int] = {}
    for app in observed.owned(facts.policy.owner):
        name = key_of(app).cluster
        if name not in held:
            found[name] = found.get(name, 0) + 1
    for name, count in sorted(found.items()):
        message = f"no spec holds `{name}` ({count} application{'s' if count > 1 else ''} of ours)"
        fix = "`raycml orphans` says what can be done"
        yield warning("orphans", message, fix)
    if not found:
        yield good("orphans", "a spec holds every application of ours")


orphans = looked("orphans", _orphans)


def _launchers(facts: Facts, desired: DesiredState, observed: ObservedState) -> Iterator[Finding]:
    unread = [found for found in facts.launchers.values() if isinstance(found, Unread)]
    if observed.files is None and unread:
        yield not_checked("launchers", unread[0])
        return
    named = _named(facts, desired, observed)
    old = unaged = 0
    for project, found in facts.launchers.items():
        for file in () if isinstance(found, Unread) else found:
            if (project, file.path) not in named:
                old += older(file.modified_at, facts, facts.policy.launcher_kept_s)
                unaged += file.modified_at is None
    yield _leaked(old, unaged)


launchers = looked("launchers", _launchers)


def _leaked(old: int, unaged: int) -> Finding:
    fix = "`raycml reconcile` in a pod of the project removes them"
    if old:
        return warning("launchers", f"{old} that no application has named for long", fix)
    if unaged > UNUSED_MAX:
        return warning("launchers", f"{unaged} that no application names", fix)
    return good("launchers", f"{unaged} that no application names")


def _named(
    facts: Facts, desired: DesiredState, observed: ObservedState
) -> frozenset[tuple[str, str]]:
    apps = [app for project in observed.projects.values() for app in project.applications]
    used = {(app.project, app.script.removeprefix(_HOME)) for app in apps}
    edition = facts.policy.edition
    return frozenset(used).union(
        (cluster.project, launcher_path(group, edition))
        for cluster in desired.clusters
        for group in cluster.groups
    )


def older(since: datetime | None, facts: Facts, seconds: float) -> bool:
    age = age_s(since, facts.as_of)
    return age is not None and age >= seconds


def _sign_in(facts: Facts, _: DesiredState, observed: ObservedState) -> Iterator[Finding]:
    """Ray's page takes jobs from whoever reaches it, so CML's sign-in is what stands before it."""
    found = [a for a in observed.owned(facts.policy.owner) if a.id in facts.open_to_all]
    if found:
        message = f"{listed(a.name for a in found)}: whoever reaches it may run code, unasked"
        fix = "switch `Enable Unauthenticated Access` of the application off in its settings"
        yield warning("sign-in", message, fix)
    else:
        yield good("sign-in", "every application of ours asks for a sign-in")


sign_in = looked("sign-in", _sign_in)


def _editions(facts: Facts, desired: DesiredState, observed: ObservedState) -> Iterator[Finding]:
    held = {cluster.name for cluster in desired.clusters}
    ours = [a for a in observed.owned(facts.policy.owner) if key_of(a).cluster in held]
    strange = [a for a in ours if _version(a) != VERSION]
    behind = [a for a in ours if not a.script.endswith(f"-{facts.policy.edition}.py")]
    if strange:
        versions = listed(sorted({_version(a) or "none" for a in strange}))
        message = f"{listed(a.name for a in strange)}: fingerprints of another version ({versions})"
        fix = "they renew with the next change of the spec; newer ones need a newer raycml"
        yield warning("editions", message, fix)
    if behind:
        message = f"{listed(a.name for a in behind)}: launchers of another edition"
        yield warning("editions", message, "`raycml reconcile --refresh-launchers`")
    if not strange and not behind:
        yield good("editions", "every launcher and fingerprint is of this version")


editions = looked("editions", _editions)


def _version(app: ObservedApplication) -> str:
    mark = app.mark
    return "" if mark is None else version_of(mark.fingerprint)


def _applications(facts: Facts, _: DesiredState, observed: ObservedState) -> Iterator[Finding]:
    """Members that neither run nor are on their way in the usual time."""
    ours = observed.owned(facts.policy.owner)
    slow = [a for a in ours if a.phase is Phase.STARTING]
    faults = [fault for app in slow if (fault := _start(app, facts)) is not None]
    fallen = [a for a in ours if a.phase is Phase.FAILED]
    for app in fallen:
        log = f".raycml/logs/{key_of(app).cluster} in the project"
        fix = f"read {log}, then `raycml reconcile` restarts it"
        faults.append(bad("applications", f"{app.name} has failed", fix))
    yield from faults
    if not faults:
        running = sum(1 for a in ours if a.phase is Phase.RUNNING)
        yield good("applications", f"{running} of {len(ours)} run, and none is stuck")


applications = looked("applications", _applications)


def _start(app: ObservedApplication, facts: Facts) -> Finding | None:
    waited = age_s(app.starting_at or app.created_at, facts.as_of)
    if waited is None or waited < SLOW_START_S:
        return None
    message = f"{app.name} is STARTING for {waited / 60:.0f} minutes"
    fix = (
        "look for used-up quota, nodes without room, an image that cannot be pulled, or a launcher "
        "that does not answer (the application's Logs in CML)"
    )
    if waited >= facts.policy.start_deadline_s:
        return bad("applications", message, fix)
    return warning("applications", message, fix)


def pauses(facts: Facts) -> Iterator[Finding]:
    read = [found for found in facts.pauses.values() if not isinstance(found, Unread)]
    known = [pause for found in read for pause in found.values() if pause.holds(facts.as_of)]
    by_spec = [cluster.name for cluster in wanted(facts).clusters if cluster.paused]
    for pause in sorted(known, key=lambda one: one.cluster):
        yield _pause(pause)
    for name in by_spec:
        fix = "write `paused: false` into its spec"
        yield warning("pauses", f"{name} is paused by its spec", fix)
    unread = next((found for found in facts.pauses.values() if isinstance(found, Unread)), None)
    if unread is not None or not facts.pauses:
        yield not_checked("pauses", unread or Unread("the project's files are not known"))
    elif not known and not by_spec:
        yield good("pauses", "no cluster is paused")


def _pause(pause: Pause) -> Finding:
    until = "for ever" if pause.until is None else f"until {pause.until.isoformat()}"
    message = f"{pause.cluster} is paused {until} by {pause.by}: {pause.reason or 'no reason'}"
    return warning("pauses", message, f"`raycml unpause {pause.cluster}`")
