"""Removal of environments that nothing has named for a day, as far as this process saw.

An environment is kept by a spec, by any application whose mark names it, by a run that builds it,
and by what we do not understand: a spec that cannot be read, a list that was torn, an application
that runs one of our launchers and no longer says in which environment.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime

from controller.core.model.desired import LAUNCHERS
from controller.core.model.member import ENVIRONMENT
from controller.core.model.observed import ObservedEnvironment, ObservedProject
from controller.core.model.plan import Action, DeleteJob, Intent, RemoveEnvironment, Step
from controller.core.model.reasons import Reason
from controller.core.planner.python_environments.build import is_active
from controller.core.situation.situation import Situation
from controller.core.spec.python_environment import ENVIRONMENTS, environment_folder

_Place = tuple[str, str]


def named_environments(situation: Situation) -> Mapping[str, frozenset[str]]:
    """Hashes by project: all that a spec asks for, or an application says it runs in."""
    found: dict[str, set[str]] = {project: set() for project in situation.observed.projects}
    for cluster in situation.desired.clusters:
        asked = {g.environment.hash for g in cluster.groups if g.environment is not None}
        found.setdefault(cluster.project, set()).update(asked)
    for project in situation.observed.projects.values():
        said = {app.environment.get(ENVIRONMENT, "") for app in project.applications}
        found[project.project] |= said - {""}
    return {project: frozenset(hashes) for project, hashes in found.items()}


def note_unused_environments(situation: Situation) -> dict[_Place, datetime]:
    """Times at which this process first saw each environment that nothing names.

    Where no files were looked at, those that were named a pass ago may be there.
    """
    before = situation.history.unused_since
    if situation.observed.files is None or situation.observed.files.environments is None:
        known = {place for place in before if is_environment(place)} | situation.history.named
        places = known - named_places(situation)
    else:
        found = _candidates(situation)
        places = {(project, environment_folder(digest)) for project, digest, _ in found}
        places |= _unseen(before, situation) - named_places(situation)
    return {place: before.get(place, situation.now) for place in places}


def named_places(situation: Situation) -> frozenset[tuple[str, str]]:
    """All that is named; also what was a pass ago, where not everything is understood."""
    named = named_environments(situation)
    now = {(p, environment_folder(digest)) for p, hashes in named.items() for digest in hashes}
    whole = _is_understood(situation) and situation.observed.complete()
    return frozenset(now if whole else now | situation.history.named)


def is_environment(place: _Place) -> bool:
    return place[1].startswith(f"{ENVIRONMENTS}/")


def is_removal_due(situation: Situation) -> bool:
    """True if a look at the files is due although nothing else is to be done."""
    kept, unused_since = situation.policy.environment_kept_s, situation.history.unused_since
    unused = (since for place, since in unused_since.items() if is_environment(place))
    return any((situation.now - since).total_seconds() >= kept for since in unused)


def unused_environments(situation: Situation) -> tuple[Step, ...]:
    """Removals of what is left of environments: their folders after a time, the rest at once."""
    found: list[Step] = []
    for project, digest, seen in _candidates(situation):
        folder = environment_folder(digest)
        since = situation.history.unused_since.get((project, folder), situation.now)
        old = (situation.now - since).total_seconds() >= situation.policy.environment_kept_s
        if old or folder not in seen.files:
            found += _removal(project, digest, seen)
    return tuple(found)


def _candidates(situation: Situation) -> list[tuple[str, str, ObservedEnvironment]]:
    files = situation.observed.files
    if files is None or files.environments is None or not _is_understood(situation):
        return []
    named = named_environments(situation)
    return [
        (project, digest, seen)
        for project, environments in sorted(files.environments.items())
        if situation.observed.is_complete(project)
        and not _hides(situation.observed.projects[project])
        for digest, seen in sorted(environments.items())
        if digest not in named[project] and not seen.foreign and not is_active(seen.run)
        if not seen.unknown
    ]


def _unseen(before: Iterable[_Place], situation: Situation) -> set[_Place]:
    """Environments of which this look says nothing: what was known of them stays."""
    known = {} if situation.observed.files is None else situation.observed.files.environments or {}
    unknown = {
        (project, environment_folder(digest))
        for project, environments in known.items()
        for digest, seen in environments.items()
        if seen.unknown
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
    """True if an application runs a launcher of ours without a mark that says where."""
    scripts = (app.script for app in project.applications if not app.mark)
    return any(script.startswith(f"{LAUNCHERS}/") for script in scripts)


def _removal(project: str, digest: str, seen: ObservedEnvironment) -> list[Step]:
    """Its folder and its job; small files when the job is gone, by which it would be found."""
    actions: list[Action] = [
        RemoveEnvironment(path)
        for path in seen.files
        if seen.job is None or path == environment_folder(digest)
    ]
    if seen.job is not None:
        actions.append(DeleteJob(digest, seen.job.id))
    return [_step(project, digest, action) for action in actions]


def _step(project: str, digest: str, action: Action) -> Step:
    return Step(
        action=action,
        cluster="",
        project=project,
        member=None,
        reason=Reason.ENVIRONMENT_UNUSED,
        intent=Intent.NOTHING,
        message=f"nothing names environment {digest}",
    )
