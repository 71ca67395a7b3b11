"""`raycml bootstrap --delete`: away with what bootstrap made, and with nothing else.

The project stays, with whatever people have put there, unless it was asked for as well: then it
goes only where bootstrap made it and nobody else has an application or a job in it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller.bootstrap.decide import removable
from controller.bootstrap.facts import (
    JOB_NAME,
    Decision,
    End,
    Seen,
    Step,
    Verb,
    controllers,
    our_jobs,
    owner_of,
    stuck,
)
from controller.core.model.observed import ObservedApplication, Phase

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Removal:
    """`owner` is empty for the project's id; `everything`: the project too; `options`: how commands
    that are advised reach the same workspace."""

    project: str
    owner: str
    everything: bool
    options: str = ""


def decide_removal(removal: Removal, seen: Seen) -> Decision:
    """Applications, then jobs, then files, then perhaps the project.  None found is done."""
    if len(seen.projects) > 1:
        ids = ", ".join(p.id for p in seen.projects[:_SHOWN])
        message = f"several projects are called {removal.project}: {ids}"
        return stuck(End.USAGE, message, "use a key that sees one of them")
    if not seen.projects:
        return Decision()
    if not seen.complete:
        return Decision(wait="CML's lists do not fit together")
    objection = _objection(removal, seen) if removal.everything else None
    return objection or _next(removal, seen)


def _next(removal: Removal, seen: Seen) -> Decision:
    owner = owner_of(removal.owner, seen.project.id)
    steps = _applications(seen, owner) or _jobs(seen, owner)
    if steps:
        return Decision(tuple(steps))
    if controllers(seen, owner):
        return Decision(wait="the controller's application goes")
    return _project(seen) if removal.everything else Decision(tuple(_files(seen, owner)))


def _objection(removal: Removal, seen: Seen) -> Decision | None:
    """Why the project may not go; None where it may."""
    project = seen.project
    if not project.made:
        message = f"{project.name} does not say that bootstrap made it, so it is not deleted"
        return stuck(End.REFUSED, message, "leave out --with-project, or delete it in CML")
    owner = owner_of(removal.owner, project.id)
    ours = {app.id for app in controllers(seen, owner)} | {job.id for job in our_jobs(seen, owner)}
    rest = [app for app in seen.applications if app.id not in ours]
    clusters = {a.mark.cluster for a in rest if a.mark is not None and a.mark.owner == owner}
    strangers = [a.name for a in rest if a.mark is None or a.mark.owner != owner]
    strangers += [job.name for job in seen.jobs if job.id not in ours]
    if strangers:
        message = f"{project.name} holds what is not the controller's: {_named(strangers)}"
        return stuck(End.REFUSED, message, "delete that in CML, or leave out --with-project")
    if clusters:
        names = sorted(clusters)
        message = f"{project.name} holds clusters: {_named(names)}"
        return stuck(End.REFUSED, message, _in_turn(removal, project.id, names))
    return None


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _in_turn(removal: Removal, project: str, clusters: Sequence[str]) -> str:
    """The controller goes first: a living one would make again what a spec declares."""
    bootstrap = f"`raycml bootstrap --project-name {removal.project} --delete{removal.options}`"
    owner = f"RAYCML_OWNER={removal.owner} " if removal.owner else ""
    variables = f"{owner}CML_PROJECT_ID={project}"
    deletion = f"`{variables} raycml delete {' '.join(clusters)}{removal.options}`"
    return f"{bootstrap}, then {deletion}, then the same command"


def _applications(seen: Seen, owner: str) -> list[Step]:
    return [
        Step(Verb.DELETE_APPLICATION, app.id, f"delete the application {app.name}")
        for app in controllers(seen, owner)
        if not _leaves(seen, app)
    ]


def _leaves(seen: Seen, app: ObservedApplication) -> bool:
    told = seen.times(Verb.DELETE_APPLICATION, app.id)
    return bool(told) and app.phase is Phase.STOPPING


def _jobs(seen: Seen, owner: str) -> list[Step]:
    return [
        Step(Verb.DELETE_JOB, job.id, f"delete the job {JOB_NAME}") for job in our_jobs(seen, owner)
    ]


def _project(seen: Seen) -> Decision:
    project = seen.project
    if seen.times(Verb.DELETE_PROJECT, project.id):
        return Decision(wait=f"the project {project.name} goes")
    text = f"delete the project {project.name} with all its files"
    return Decision((Step(Verb.DELETE_PROJECT, project.id, text),))


def _files(seen: Seen, owner: str) -> Iterator[Step]:
    """But for what somebody else's application or job runs."""
    ours = {app.id for app in controllers(seen, owner)} | {job.id for job in our_jobs(seen, owner)}
    named = {app.script for app in seen.applications if app.id not in ours}
    named |= {job.script for job in seen.jobs if job.id not in ours}
    environments = (path for paths in seen.environments.values() for path in paths)
    files = {removable(path) for path in seen.files if path not in named}
    for path in (*sorted(environments), *sorted(files)):
        if not seen.times(Verb.REMOVE_FILE, path):
            yield Step(Verb.REMOVE_FILE, path, f"remove {path}")


def inventory(removal: Removal, seen: Seen) -> tuple[str, ...]:
    """All that goes, for a person who is to agree."""
    owner = owner_of(removal.owner, seen.project.id)
    steps = (*_applications(seen, owner), *_jobs(seen, owner))
    rest = _project(seen).steps if removal.everything else tuple(_files(seen, owner))
    return tuple(step.line for step in (*steps, *rest))
