"""Which launchers are written and which removed.

A launcher exists before, and outlives, every application that names it.  Its path says what is in
it, so one that exists, and has the size that it must have, is never written again.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from controller.core.model.desired import LAUNCHERS, DesiredState, launcher_path
from controller.core.model.observed import LauncherFile, ObservedState, key_of
from controller.core.model.other_clocks import credible
from controller.core.model.plan import Intent, RemoveLauncher, Step, WriteBuilder, WriteLauncher
from controller.core.model.reasons import Reason
from controller.core.situation.past import Past


def needed(
    steps: Iterable[Step], observed: ObservedState, sizes: Mapping[str, int]
) -> tuple[Step, ...]:
    """The steps without repeated writes of one script, and without writes of existing launchers.

    Several clusters may ask for one environment: what the first of them does for it is enough.
    """
    kept: list[Step] = []
    seen: set[tuple[str, ...]] = set()
    for step in steps:
        place = _place(step)
        if place in seen or _exists(step, observed, sizes):
            continue
        seen |= {place} if place else set()
        kept.append(step)
    return tuple(kept)


def _place(step: Step) -> tuple[str, ...]:
    """What only one step of a plan is about; empty for what several may be."""
    if isinstance(step.action, WriteLauncher | WriteBuilder):
        return step.project, step.action.path
    return () if step.build is None else (*step.build, step.name)


def _exists(step: Step, observed: ObservedState, sizes: Mapping[str, int]) -> bool:
    if observed.files is None or not isinstance(step.action, WriteLauncher):
        return False
    launchers = observed.files.launchers.get(step.project, ())
    return any(f.path == step.action.path and f.is_whole(sizes) for f in launchers)


def unused(
    desired: DesiredState, observed: ObservedState, past: Past, steps: Sequence[Step]
) -> tuple[Step, ...]:
    """Removals of launchers that nothing names: old ones, and those of a deleted cluster."""
    if observed.files is None:
        return ()
    named = _named(desired, observed, past, steps)
    gone = _gone(desired, observed, past)
    paused = {cluster.name for cluster in desired.clusters if cluster.paused}
    found: list[Step] = []
    for project, files in sorted(observed.files.launchers.items()):
        if not observed.is_complete(project):
            continue
        for file in files:
            cluster = _cluster(file.path)
            if (project, file.path) in named or not cluster or _out_of_scope(cluster, past):
                continue
            if cluster in paused or observed.pause(project, cluster) is not None:
                continue
            if cluster in gone or _old(file, project, past):
                found.append(_remove(cluster, project, file.path))
    return tuple(found)


def _cluster(path: str) -> str:
    """The cluster whose folder the file is in; empty for what is not a launcher."""
    head, _, tail = path.removeprefix(f"{LAUNCHERS}/").partition("/")
    return head if path.startswith(f"{LAUNCHERS}/") and tail.endswith(".py") else ""


def _out_of_scope(cluster: str, past: Past) -> bool:
    return past.policy.only is not None and cluster not in past.policy.only


def _named(
    desired: DesiredState, observed: ObservedState, past: Past, steps: Sequence[Step]
) -> set[tuple[str, str]]:
    """Whatever any application names, any member would name, or this plan names."""
    edition = past.policy.edition
    named = {
        (app.project, app.script.removeprefix("/home/cdsw/"))
        for project in observed.projects.values()
        for app in project.applications
    }
    for cluster in desired.clusters:
        named |= {(cluster.project, launcher_path(g, edition)) for g in cluster.groups}
    return named | {(s.project, s.launcher) for s in steps if s.launcher is not None}


def _gone(desired: DesiredState, observed: ObservedState, past: Past) -> set[str]:
    """Clusters that a person asked to delete and of which no application is left."""
    left = {key_of(app).cluster for app in observed.owned(past.policy.owner)}
    held = {cluster.name for cluster in desired.clusters} | set(desired.frozen)
    return set(past.policy.delete) - left - held


def _old(file: LauncherFile, project: str, past: Past) -> bool:
    since = _since(file, past.history.unused_since.get((project, file.path)), past.now)
    kept = past.policy.launcher_kept_s
    return since is not None and (past.now - since).total_seconds() >= kept


def _since(file: LauncherFile, noticed: datetime | None, now: datetime) -> datetime | None:
    """The files API tells no time of change; then only what this process saw counts."""
    times = (credible(file.modified_at, now), noticed)
    return min((time for time in times if time is not None), default=None)


def _remove(cluster: str, project: str, path: str) -> Step:
    return Step(
        action=RemoveLauncher(path),
        cluster=cluster,
        project=project,
        member=None,
        reason=Reason.LAUNCHER_UNUSED,
        intent=Intent.NOTHING,
        message="no application names it",
    )


def note_unused(
    desired: DesiredState, observed: ObservedState, past: Past
) -> dict[tuple[str, str], datetime]:
    """Since when each launcher has been named by nothing, as far as this process saw."""
    before = past.history.unused_since
    if observed.files is None:
        return {place: since for place, since in before.items() if _cluster(place[1])}
    named = _named(desired, observed, past, ())
    return {
        (project, file.path): before.get((project, file.path), past.now)
        for project, files in observed.files.launchers.items()
        for file in files
        if (project, file.path) not in named
    }
