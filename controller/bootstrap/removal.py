"""The plan of `raycml bootstrap --delete`: what bootstrap created, and nothing else.  Pure.

The project stays, with all other files in it.  With `--with-project` it is deleted too, but only if
bootstrap created it and no other application or job is in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from controller.bootstrap.application import unsettled
from controller.bootstrap.observed import ObservedSetup
from controller.bootstrap.plan import ambiguity
from controller.bootstrap.steps import (
    builders_removed,
    gated,
    in_turn,
    removable,
    removals,
    step_of,
)
from controller.core.model.jobs import environment_built_by
from controller.core.model.member import MADE, THE_CONTROLLER, THE_ENVIRONMENT, THE_PROJECT
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import NOTHING, Delete, DeleteJob, Intent, Plan
from controller.core.model.project import DeleteProject
from controller.core.model.reasons import Reason
from controller.core.planner.python_environments.site import failed_call
from controller.core.planner.waits import wait
from controller.core.situation.past import Past

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Removal:
    """`owner` is empty for the project's id; `everything`: the project too; `options`: options that
    advised commands need to reach the same workspace."""

    project: str
    owner: str
    everything: bool
    options: str = ""


def plan_removal(removal: Removal, observed: ObservedSetup, past: Past) -> Plan:
    """The application and the job, then the files, or the project."""
    if not observed.projects:
        return Plan()
    if several := ambiguity(observed):
        return in_turn([several])
    if not observed.complete:
        message = "CML's lists do not fit together"
        return in_turn([wait(THE_CONTROLLER, Reason.INCOMPLETE_LIST, message)])
    if removal.everything and (objection := _objection(removal, observed)):
        return in_turn([wait(THE_PROJECT, Reason.PROTECTED, objection)])
    last = _project(observed, past) if removal.everything else _files(observed, past)
    return in_turn([_running(observed, past), last])


def _objection(removal: Removal, observed: ObservedSetup) -> str:
    """The reason why the project is not deleted, with advice; empty if it may be."""
    project = observed.project
    if MADE not in project.environment:
        return (
            f"{project.name} does not say that bootstrap created it, so it is not deleted: leave "
            "out --with-project, or delete it in CML"
        )
    ours = observed.own_ids
    rest = [app for app in observed.applications if app.id not in ours]
    owner = observed.owner
    clusters = {a.mark.cluster for a in rest if a.mark is not None and a.mark.owner == owner}
    strangers = [a.name for a in rest if a.mark is None or a.mark.owner != owner]
    strangers += [job.name for job in observed.jobs if job.id not in ours]
    if strangers:
        problem = f"{project.name} has other applications or jobs: {_named(strangers)}"
        return f"{problem}; delete them in CML, or leave out --with-project"
    if clusters:
        names = sorted(clusters)
        problem = f"{project.name} has clusters: {_named(names)}"
        return f"{problem}; try: {_in_turn(removal, project.id, names)}"
    return ""


def _named(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (", ..." if len(names) > _SHOWN else "")


def _in_turn(removal: Removal, project: str, clusters: Sequence[str]) -> str:
    """The controller is deleted first: a running one would create the clusters again."""
    bootstrap = f"`raycml bootstrap --project-name {removal.project} --delete{removal.options}`"
    owner = f"RAYCML_OWNER={removal.owner} " if removal.owner else ""
    variables = f"{owner}CML_PROJECT_ID={project}"
    deletion = f"`{variables} raycml delete {' '.join(clusters)}{removal.options}`"
    return f"{bootstrap}, then {deletion}, then the same command"


def _running(observed: ObservedSetup, past: Past) -> Plan:
    part = _jobs(observed, past) + builders_removed(observed, past, Reason.REQUESTED)
    for app in observed.controllers:
        part += _application(app, past)
    return part


def _application(app: ObservedApplication, past: Past) -> Plan:
    if waiting := unsettled(app, past):
        return waiting
    if app.phase is Phase.STOPPING and past.application(app).call == "delete":
        return wait(THE_CONTROLLER, Reason.DELETING, f"CML deletes application {app.name}")
    message = f"application {app.name}"
    step = step_of(
        THE_CONTROLLER, Delete(app.id), app.project, Reason.REQUESTED, Intent.DELETE, message
    )
    return gated(past, step)


def _jobs(observed: ObservedSetup, past: Past) -> Plan:
    """One job of each environment at a time."""
    part, at = NOTHING, observed.project.id
    jobs = {environment_built_by(job): job for job in reversed(observed.own_jobs)}
    for digest, job in jobs.items():
        name = f"job {job.name}"
        if failed := failed_call(past, past.history.build(at, digest), name):
            part += wait(THE_ENVIRONMENT, failed.reason, failed.message, until=failed.until)
            continue
        action, reason = DeleteJob(digest, job.id), Reason.REQUESTED
        step = step_of(THE_ENVIRONMENT, action, at, reason, Intent.DELETE, name)
        part += Plan((step,))
    return part


def _project(observed: ObservedSetup, past: Past) -> Plan:
    project = observed.project
    if past.member(THE_PROJECT).deleted_at is not None:
        return wait(THE_PROJECT, Reason.DELETING, f"CML deletes the project {project.name}")
    message, reason = f"project {project.name} with all its files", Reason.REQUESTED
    step = step_of(THE_PROJECT, DeleteProject(), project.id, reason, Intent.DELETE, message)
    return gated(past, step)


def _files(observed: ObservedSetup, past: Past) -> Plan:
    """Files and environments, except what another application or job runs."""
    ours = observed.own_ids
    needed = {app.script for app in observed.applications if app.id not in ours}
    needed |= {job.script for job in observed.jobs if job.id not in ours}
    built = [path for environment in observed.environments.values() for path in environment.files]
    files = {removable(path) for path in observed.files if path not in needed}
    return removals([*sorted(built), *sorted(files)], observed, past, Reason.REQUESTED)
