"""All steps that would follow if each had its effect: what `--dry-run` shows."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from controller.bootstrap.application import configuration
from controller.bootstrap.decide import decide
from controller.bootstrap.environment import job_configuration
from controller.bootstrap.facts import (
    Answer,
    Decision,
    Seen,
    SeenProject,
    Stage,
    Step,
    Verb,
    Wanted,
    owner_of,
)
from controller.core.model.jobs import ObservedJob
from controller.core.model.observed import ObservedApplication, Phase

_MOST = 100  # more than any workspace needs
_AFTER = {
    Phase.STARTING: Phase.RUNNING,
    Phase.STOPPING: Phase.STOPPED,
}


def forecast(wanted: Wanted, seen: Seen) -> tuple[tuple[Step, ...], Decision]:
    """The steps in their order, and how it ends: done, or stuck at something."""
    steps: list[Step] = []
    for _ in range(_MOST):
        decision = decide(wanted, seen)
        if not decision.steps and not decision.wait:
            break
        if not decision.steps:
            seen = _later(seen)
        for step in decision.steps:
            steps.append(step)
            seen = _EFFECTS[step.verb](wanted, seen, step)
            seen = replace(seen, tried={**seen.tried, step.key: seen.times(*step.key) + 1})
    return tuple(steps), decision


def _later(seen: Seen) -> Seen:
    """What is under way has come to its end, and well."""
    projects = tuple(replace(project, stage=Stage.READY) for project in seen.projects)
    applications = tuple(
        replace(app, phase=_AFTER.get(app.phase, app.phase)) for app in seen.applications
    )
    going = any(not run.phase.is_over for run in seen.runs)
    return replace(
        seen,
        projects=projects,
        specs=True,
        is_built=seen.is_built or going,
        runs=(),
        applications=applications,
        complete=True,
        answer=Answer(ready=True),
    )


def _made(wanted: Wanted, seen: Seen, step: Step) -> Seen:  # noqa: ARG001 - an effect
    made = SeenProject("", wanted.project, shared_memory_mb=wanted.shared_memory_mb, made="git")
    return replace(seen, projects=(made,), specs=True)


def _raised(wanted: Wanted, seen: Seen, step: Step) -> Seen:  # noqa: ARG001 - an effect
    raised = replace(seen.project, shared_memory_mb=wanted.shared_memory_mb)
    return replace(seen, projects=(raised,))


def _written(wanted: Wanted, seen: Seen, step: Step) -> Seen:
    return replace(seen, files={**seen.files, step.target: len(wanted.files[step.target])})


def _job(wanted: Wanted, seen: Seen, step: Step) -> Seen:  # noqa: ARG001 - an effect
    asked = job_configuration(wanted, owner_of(wanted.owner, seen.project.id))
    job = ObservedJob(
        id="",
        project=seen.project.id,
        name=asked.name,
        script=asked.script,
        runtime=asked.runtime,
        cpu=asked.cpu,
        memory=asked.memory,
        environment=asked.environment,
    )
    return replace(seen, jobs=(*seen.jobs, job))


def _job_changed(wanted: Wanted, seen: Seen, step: Step) -> Seen:
    rest = tuple(job for job in seen.jobs if job.id != step.target)
    return _job(wanted, replace(seen, jobs=rest), step)


def _built(wanted: Wanted, seen: Seen, step: Step) -> Seen:  # noqa: ARG001 - an effect
    return replace(seen, is_built=True)


def _app(wanted: Wanted, seen: Seen, step: Step) -> Seen:  # noqa: ARG001 - an effect
    asked = configuration(wanted, seen.project.id)
    app = ObservedApplication(
        id="",
        project=seen.project.id,
        name=asked.name,
        subdomain=asked.subdomain,
        phase=Phase.STARTING,
        script=asked.script,
        cpu=asked.cpu,
        memory=asked.memory,
        gpu=asked.gpu,
        runtime=asked.runtime,
        environment=asked.environment,
    )
    return replace(seen, applications=(*seen.applications, app), answer=None)


def _app_changed(wanted: Wanted, seen: Seen, step: Step) -> Seen:  # noqa: ARG001 - an effect
    changed = tuple(
        replace(app, **dict(step.fields)) if app.id == step.target else app  # type: ignore[arg-type]
        for app in seen.applications
    )
    return replace(seen, applications=changed)


def _app_now(phase: Phase) -> Callable[[Wanted, Seen, Step], Seen]:
    def effect(wanted: Wanted, seen: Seen, step: Step) -> Seen:  # noqa: ARG001 - an effect
        moved = tuple(
            replace(app, phase=phase) if app.id == step.target else app for app in seen.applications
        )
        return replace(seen, applications=moved, answer=None)

    return effect


def _removed(wanted: Wanted, seen: Seen, step: Step) -> Seen:  # noqa: ARG001 - an effect
    return seen  # that it was tried is enough


_EFFECTS: Mapping[Verb, Callable[[Wanted, Seen, Step], Seen]] = {
    Verb.CREATE_PROJECT: _made,
    Verb.RAISE_SHARED_MEMORY: _raised,
    Verb.WRITE_FILE: _written,
    Verb.CREATE_JOB: _job,
    Verb.UPDATE_JOB: _job_changed,
    Verb.START_RUN: _built,
    Verb.CREATE_APPLICATION: _app,
    Verb.UPDATE_APPLICATION: _app_changed,
    Verb.STOP_APPLICATION: _app_now(Phase.STOPPED),
    Verb.RESTART_APPLICATION: _app_now(Phase.STARTING),
    Verb.REMOVE_FILE: _removed,
}
