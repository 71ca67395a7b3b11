"""Launchers to write, and launchers to remove.

A launcher exists before, and outlives, every application that names it.  Its path identifies its
content, so a launcher that exists and has the expected size is never written again.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from controller.core.model.configuration import launcher_path
from controller.core.model.desired import LAUNCHERS
from controller.core.model.plan import RemoveLauncher, Step, WriteBuilder, WriteLauncher
from controller.core.model.reasons import Reason
from controller.core.planner.files.cluster_folders import unused_for_s
from controller.core.planner.steps import without_member
from controller.core.situation.situation import Situation


def needed(steps: Iterable[Step], situation: Situation) -> tuple[Step, ...]:
    """The steps without repeated writes of one script, and without writes of existing launchers.

    Several clusters may need one environment: the steps of the first of them are enough.
    """
    unique: list[Step] = []
    places: set[tuple[str, ...]] = set()
    existing = situation.launchers or frozenset()
    for step in steps:
        place = _place(step)
        if place in places or (isinstance(step.action, WriteLauncher) and place in existing):
            continue
        places |= {place} if place else set()
        unique.append(step)
    return tuple(unique)


def _place(step: Step) -> tuple[str, ...]:
    """Key of a step that a plan may have once; empty for steps that may be repeated."""
    if isinstance(step.action, WriteLauncher | WriteBuilder):
        return step.project, step.action.path
    return () if step.build is None else (*step.build, step.name)


def unused(situation: Situation, steps: Sequence[Step]) -> tuple[Step, ...]:
    """Removals of launchers that nothing names: old ones, and those of a deleted cluster."""
    if situation.observed.files is None:
        return ()
    named = _named(situation, steps)
    deleted, retention_s = _deleted_clusters(situation), situation.policy.launcher_kept_s
    paused = {cluster.name for cluster in situation.desired.clusters if cluster.paused}
    removals: list[Step] = []
    for project, files in sorted(situation.observed.files.launchers.items()):
        if not situation.observed.is_complete(project):
            continue
        for file in files:
            cluster = _cluster(file.path)
            if (project, file.path) in named or not cluster or _out_of_scope(cluster, situation):
                continue
            if cluster in paused or situation.observed.pause(project, cluster) is not None:
                continue
            if cluster in deleted or unused_for_s(file, project, situation) >= retention_s:
                action, message = RemoveLauncher(file.path), "no application names it"
                removals.append(
                    without_member(action, cluster, project, Reason.LAUNCHER_UNUSED, message)
                )
    return tuple(removals)


def _cluster(path: str) -> str:
    """The cluster whose folder the file is in; empty for what is not a launcher."""
    head, _, tail = path.removeprefix(f"{LAUNCHERS}/").partition("/")
    return head if path.startswith(f"{LAUNCHERS}/") and tail.endswith(".py") else ""


def _out_of_scope(cluster: str, situation: Situation) -> bool:
    return situation.policy.only is not None and cluster not in situation.policy.only


def _named(situation: Situation, steps: Sequence[Step]) -> set[tuple[str, str]]:
    """Launchers that an application, a member's desired configuration or this plan names."""
    edition = situation.policy.edition
    named = {(app.project, app.script) for app in situation.observed.applications}
    for cluster in situation.desired.clusters:
        named |= {(cluster.project, launcher_path(g, edition)) for g in cluster.groups}
    return named | {(s.project, s.launcher) for s in steps if s.launcher is not None}


def _deleted_clusters(situation: Situation) -> set[str]:
    """Clusters that a person asked to delete and of which no application is left."""
    desired = situation.desired
    declared = {cluster.name for cluster in desired.clusters} | set(desired.frozen)
    return set(situation.policy.delete) - situation.index.of_cluster.keys() - declared


def note_unused(situation: Situation) -> dict[tuple[str, str], datetime]:
    """Times at which this process first observed each launcher that nothing names."""
    before = situation.history.unused_since
    if situation.observed.files is None:
        return {place: since for place, since in before.items() if _cluster(place[1])}
    named = _named(situation, ())
    return {
        (project, file.path): before.get((project, file.path), situation.now)
        for project, files in situation.observed.files.launchers.items()
        for file in files
        if (project, file.path) not in named
    }
