"""Removal of environments that nothing has named for a day, as far as this process observed.

An environment is kept by a spec, by any application whose mark names it, by a run that builds it,
and by anything that is not understood: a spec that cannot be read, an incomplete list, an
application that runs a launcher of raycml and no longer says in which environment.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from controller.core.model.desired import LAUNCHERS
from controller.core.model.member import ENVIRONMENT
from controller.core.model.observed import ObservedEnvironment, ObservedProject
from controller.core.model.plan import Action, DeleteJob, RemoveEnvironment, Step
from controller.core.model.reasons import Reason
from controller.core.planner.python_environments.build import is_active
from controller.core.planner.steps import without_member
from controller.core.situation.situation import Situation
from controller.core.spec.python_environment import ENVIRONMENTS, environment_folder

_Place = tuple[str, str]


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
