"""Removal of environments that nothing has named for a day, as far as this process observed, and
of the applications that built one.

An environment is kept by a spec, by any application whose mark names it, by a run that builds it,
and by anything that is not understood: a spec that cannot be read, an incomplete list, an
application that runs a launcher of raycml and no longer says in which environment.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from controller.core.model.desired import LAUNCHERS
from controller.core.model.jobs import ObservedEnvironment
from controller.core.model.member import ENVIRONMENT
from controller.core.model.observed import ObservedApplication, ObservedProject, Phase
from controller.core.model.plan import Action, DeleteBuilder, DeleteJob, RemoveEnvironment, Step
from controller.core.model.reasons import Reason
from controller.core.planner.python_environments.application import deadline, is_leaving
from controller.core.planner.python_environments.site import is_active
from controller.core.planner.steps import without_member
from controller.core.situation.cluster import ClusterSituation
from controller.core.situation.situation import Situation
from controller.core.spec.python_environment import ENVIRONMENTS, environment_folder, hash_of

_Place = tuple[str, str]
_ENDED = (Phase.FAILED, Phase.STOPPED)


def named_environments(situation: Situation) -> Mapping[str, frozenset[str]]:
    """Hashes by project: all that a spec asks for, or an application says it runs in."""
    named: dict[str, set[str]] = {project: set() for project in situation.observed.projects}
    for cluster in situation.desired.clusters:
        desired = {group.environment_hash for group in cluster.groups} - {""}
        named.setdefault(cluster.project, set()).update(desired)
    for project in situation.observed.projects.values():
        entered = {app.environment.get(ENVIRONMENT, "") for app in project.applications}
        named[project.project] |= entered - {""}
    return {project: frozenset(hashes) for project, hashes in named.items()}


def note_unused_environments(situation: Situation) -> dict[_Place, datetime]:
    """Times at which this process first saw each environment that nothing names.

    If the files were not read, environments that were named a pass ago may exist.
    """
    before = situation.history.unused_since
    if situation.environments is None:
        earlier = {place for place in before if is_environment(place)} | situation.history.named
        places = earlier - named_places(situation)
    else:
        unused = _candidates(situation)
        places = {(project, environment_folder(digest)) for project, digest, _ in unused}
        places |= _unread(before, situation) - named_places(situation)
    return {place: before.get(place, situation.now) for place in places}


def named_places(situation: Situation) -> frozenset[tuple[str, str]]:
    """All places that are named; also those of a pass ago, unless everything is understood."""
    named = named_environments(situation)
    now = {(p, environment_folder(digest)) for p, hashes in named.items() for digest in hashes}
    whole = _is_understood(situation) and situation.observed.complete()
    return frozenset(now if whole else now | situation.history.named)


def is_environment(place: _Place) -> bool:
    return place[1].startswith(f"{ENVIRONMENTS}/")


def is_removal_due(situation: Situation) -> bool:
    """True if a look at the files is due although nothing else is to be done."""
    retention_s, unused_since = situation.policy.environment_kept_s, situation.history.unused_since
    unused = (since for place, since in unused_since.items() if is_environment(place))
    return any((situation.now - since).total_seconds() >= retention_s for since in unused)


def unused_environments(situation: Situation) -> tuple[Step, ...]:
    """Removals of unused environments: their folders after a day, other files at once."""
    steps: list[Step] = []
    for project, digest, environment in _candidates(situation):
        folder = environment_folder(digest)
        since = situation.history.unused_since.get((project, folder), situation.now)
        old = (situation.now - since).total_seconds() >= situation.policy.environment_kept_s
        if old or folder not in environment.files:
            steps += _removal(project, digest, environment)
    return tuple(steps)


def _candidates(situation: Situation) -> list[tuple[str, str, ObservedEnvironment]]:
    if situation.environments is None or not _is_understood(situation):
        return []
    named = named_environments(situation)
    return [
        (project, digest, environment)
        for project, environments in sorted(situation.environments.items())
        if situation.observed.is_complete(project)
        and not _hides(situation.observed.projects[project])
        for digest, environment in sorted(environments.items())
        if digest not in named[project] and not environment.foreign
        if not is_active(environment.run) and not environment.unknown
        if (project, digest) not in situation.index.builders
    ]


def _unread(before: Iterable[_Place], situation: Situation) -> set[_Place]:
    """Environments that could not be read in this look: what is remembered of them stays."""
    unknown = {
        (project, environment_folder(digest))
        for project, environments in (situation.environments or {}).items()
        for digest, environment in environments.items()
        if environment.unknown
    }
    return {
        place
        for place in before
        if is_environment(place)
        and (place in unknown or not situation.observed.is_complete(place[0]))
    }


def _is_understood(situation: Situation) -> bool:
    return (
        situation.desired.whole and not situation.desired.frozen and situation.policy.only is None
    )


def _hides(project: ObservedProject) -> bool:
    """True if an application runs a launcher of raycml, and no mark says in which environment."""
    scripts = (app.script for app in project.applications if not app.mark)
    return any(script.startswith(f"{LAUNCHERS}/") for script in scripts)


def _removal(project: str, digest: str, environment: ObservedEnvironment) -> list[Step]:
    """Folder and job; small files only after the job, since they are how it would be found."""
    actions: list[Action] = [
        RemoveEnvironment(path)
        for path in environment.files
        if environment.job is None or path == environment_folder(digest)
    ]
    if environment.job is not None:
        actions.append(DeleteJob(digest, environment.job.id))
    reason, message = Reason.ENVIRONMENT_UNUSED, f"nothing names environment {digest}"
    return [without_member(action, "", project, reason, message) for action in actions]


# Applications that build


def has_builders(situation: Situation) -> bool:
    """True if a look at the files is due, since an application builds, or has built."""
    return bool(_builders(situation))


def ended_builders(situation: Situation) -> Mapping[str, frozenset[str]]:
    """Hashes by project: environments whose application has ended, so that its log says why."""
    ended: dict[str, set[str]] = {}
    for (project, digest), app in _builders(situation):
        if app.phase in _ENDED:
            ended.setdefault(project, set()).add(digest)
    return {project: frozenset(hashes) for project, hashes in ended.items()}


def unneeded_builders(situation: Situation, steps: Iterable[Step]) -> tuple[Step, ...]:
    """Deletions of applications whose environment exists, or is not needed, or will never exist.

    `steps`: those that are planned already, of which one may be about the same application.
    """
    planned = {step.build for step in steps}
    deletions: list[Step] = []
    for (project, digest), app in _builders(situation):
        message = _unneeded(situation, digest, app)
        if message and (project, digest) not in planned:
            action = DeleteBuilder(digest, app.id)
            reason = Reason.BUILDER_UNNEEDED
            deletions.append(without_member(action, "", project, reason, message))
    return tuple(deletions)


def _builders(situation: Situation) -> list[tuple[_Place, ObservedApplication]]:
    """Those of environments that specs ask for; bootstrap has others."""
    builders = sorted(situation.index.builders.items(), key=lambda item: item[0])
    return [item for item in builders if hash_of(environment_folder(item[0][1]))]


def _unneeded(situation: Situation, digest: str, app: ObservedApplication) -> str:
    """The reason to delete the application; empty for one that builds, or is being deleted."""
    if app.phase is Phase.UNKNOWN or is_leaving(app, situation.past, digest):
        return ""
    asking = _asking(situation, app.project, digest)
    if asking and all(cluster.paused for cluster in asking):
        return ""
    return _over(situation, digest, app, asking)


def _asking(situation: Situation, project: str, digest: str) -> list[ClusterSituation]:
    return [
        cluster
        for cluster in situation.clusters
        if cluster.desired.project == project
        and any(group.environment_hash == digest for group in cluster.desired.groups)
    ]


def _over(
    situation: Situation,
    digest: str,
    app: ObservedApplication,
    asking: Sequence[ClusterSituation],
) -> str:
    environments = (situation.environments or {}).get(app.project, {})
    if asking and environments.get(digest, ObservedEnvironment()).ready:
        return f"environment {digest} is built"
    if app.phase in _ENDED:
        return f"it ended without environment {digest}"
    if deadline(app, situation.past, digest) is None:
        return f"it did not build environment {digest} in time"
    needed = any(not cluster.desired.suspended for cluster in asking)
    if needed or not _is_understood(situation) or not situation.observed.is_complete(app.project):
        return ""
    return f"no running cluster asks for environment {digest}"
