"""Translation of jobs, runs and projects.  Pure; see `translate` for the rest.

`environment` is an object on create and JSON text elsewhere; a job's `timeout` is a number on
create and text elsewhere.
"""

from collections.abc import Mapping

from controller.cml import translate, wire
from controller.cml.values import Creation, ProjectState
from controller.core.model.jobs import JobConfiguration, ObservedJob, ObservedRun, RunPhase
from controller.core.model.project import NewProject

_PHASES = {
    "PENDING": RunPhase.SCHEDULING,
    "TIMEDOUT": RunPhase.TIMED_OUT,
    "TIMEOUT": RunPhase.TIMED_OUT,
    "KILLED": RunPhase.FAILED,
    "ERROR": RunPhase.FAILED,
    **{phase.value: phase for phase in RunPhase},
}
_CREATION = {
    **dict.fromkeys(("success", "succeeded", "ready", "running", "created"), Creation.READY),
    **dict.fromkeys(("creating", "pending", "cloning"), Creation.CREATING),
    **dict.fromkeys(("failure", "failed", "error"), Creation.FAILED),
}

# raycml's field name -> CML's, for fields that a PATCH can change
_WIRE_NAMES = {
    "name": "name",
    "script": "script",
    "runtime": "runtime_identifier",
    "cpu": "cpu",
    "memory": "memory",
    "environment": "environment",
    "timeout": "timeout",
    "kill_on_timeout": "kill_on_timeout",
    "parent": "parent_id",
}


def run_phase(status: str) -> RunPhase:
    """The phase, for every observed spelling; UNKNOWN for others."""
    word = status.strip().upper().removeprefix("ENGINE_")
    return _PHASES.get(word, RunPhase.UNKNOWN)


def creation(status: str) -> Creation:
    return _CREATION.get(status.strip().lower(), Creation.UNKNOWN)


def project(seen: wire.Project) -> ProjectState:
    return ProjectState(
        id=seen.id,
        name=seen.name,
        owner=seen.owner.username if seen.owner else "",
        creation=creation(seen.creation_status),
        creation_status=seen.creation_status,
        shared_memory_limit_mb=seen.shared_memory_limit,
        environment=translate.environment(seen.environment),
    )


def job(seen: wire.Job, project_id: str) -> ObservedJob:
    return ObservedJob(
        id=seen.id,
        project=project_id,
        name=seen.name,
        script=seen.script.removeprefix(translate.HOME),
        runtime=seen.runtime_identifier,
        cpu=seen.cpu,
        memory=seen.memory,
        environment=translate.environment(seen.environment),
        timeout=seen.timeout,
        kill_on_timeout=seen.kill_on_timeout,
        parent=seen.parent_id,
        kind=seen.type,
        created_at=seen.created_at,
    )


def run(seen: wire.JobRun, project_id: str, job_id: str) -> ObservedRun:
    return ObservedRun(
        id=seen.id,
        project=project_id,
        job=job_id,
        phase=run_phase(seen.status),
        environment=translate.environment(seen.environment),
        created_at=seen.created_at,
        finished_at=seen.finished_at,
    )


def create_project(wanted: NewProject) -> dict[str, object]:
    """The body of POST projects."""
    body = wire.CreateProjectBody(
        name=wanted.name,
        template="git" if wanted.git_url else "blank",
        visibility=wanted.visibility,
        default_project_engine_type="ml_runtime",
        description=wanted.description or None,
        git_url=wanted.git_url or None,
        git_ref=wanted.git_ref or None,
        shared_memory_limit=wanted.shared_memory_limit_mb or None,
        environment=dict(wanted.environment) or None,
    )
    return body.model_dump(exclude_none=True)


def patch_project(
    shared_memory_limit_mb: int | None, environment: Mapping[str, str] | None
) -> dict[str, object]:
    """The body of PATCH projects; None leaves a field unchanged."""
    body = wire.PatchProject(
        shared_memory_limit=shared_memory_limit_mb,
        environment=None if environment is None else translate.environment_text(environment),
    )
    return body.model_dump(exclude_none=True)


def create_job(wanted: JobConfiguration, project_id: str) -> dict[str, object]:
    """The body of POST jobs."""
    body = wire.CreateJobBody(
        project_id=project_id,
        name=wanted.name,
        script=wanted.script,
        cpu=wanted.cpu,
        memory=wanted.memory,
        runtime_identifier=wanted.runtime,
        environment=dict(wanted.environment),
        kill_on_timeout=wanted.kill_on_timeout,
        timeout=wanted.timeout or None,
        parent_id=wanted.parent or None,
    )
    return body.model_dump(exclude_none=True)


def patch_job(fields: Mapping[str, object]) -> dict[str, object]:
    """The body of PATCH, from `JobConfiguration` names.  ValueError for a field that is none."""
    strange = sorted(set(fields) - set(_WIRE_NAMES))
    if strange or not fields:
        raise ValueError(f"not fields that a job can change: {', '.join(strange) or 'none given'}")
    named = {_WIRE_NAMES[name]: value for name, value in fields.items()}
    if "environment" in named:
        named["environment"] = translate.environment_text(translate.variables(named["environment"]))
    if "timeout" in named:
        named["timeout"] = str(named["timeout"])
    return wire.PatchJob.model_validate(named).model_dump(exclude_unset=True)


def create_run(project_id: str, job_id: str, environment: Mapping[str, str]) -> dict[str, object]:
    """The body of POST runs."""
    body = wire.CreateRun(project_id=project_id, job_id=job_id, environment=dict(environment))
    return body.model_dump()
