"""Translation of jobs, runs and projects.  Pure; see `translate` for the rest."""

from controller.cml import wire
from controller.cml.values import Creation, ProjectState
from controller.core.model.jobs import ObservedJob, ObservedRun, RunPhase
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


def run_phase(status: str) -> RunPhase:
    """The phase, for every observed spelling; UNKNOWN for others."""
    word = status.strip().upper().removeprefix("ENGINE_")
    return _PHASES.get(word, RunPhase.UNKNOWN)


def creation(status: str) -> Creation:
    return _CREATION.get(status.strip().lower(), Creation.UNKNOWN)


def project(project: wire.Project) -> ProjectState:
    return ProjectState(
        id=project.id,
        name=project.name,
        owner=project.owner.username if project.owner else "",
        creation=creation(project.creation_status),
        creation_status=project.creation_status,
        shared_memory_limit_mb=project.shared_memory_limit,
        environment=project.environment,
    )


def job(job: wire.Job, project_id: str) -> ObservedJob:
    return ObservedJob(project=project_id, **dict(job))


def run(run: wire.JobRun, project_id: str, job_id: str) -> ObservedRun:
    return ObservedRun(
        id=run.id,
        project=project_id,
        job=job_id,
        phase=run_phase(run.status),
        environment=run.environment,
        created_at=run.created_at,
        finished_at=run.finished_at,
    )


def create_project(project: NewProject) -> dict[str, object]:
    """The body of POST projects."""
    template = "git" if project.git_url else "blank"
    body = wire.CreateProjectBody.body(project)
    return {**body, "template": template, "default_project_engine_type": "ml_runtime"}
