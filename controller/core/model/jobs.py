"""Jobs of a project and their runs, as requested and as reported by CML.  Values only.

A job is a script that ends.  CML reports the status and times of a run, but no exit code, reason or
output, so a script writes its results into the project's files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.core.model.member import CONTROLLER, ENVIRONMENT, OWNER
from controller.core.spec.python_environment import job_name


class RunPhase(StrEnum):
    """A run's status, normalised.  Another word of CML is UNKNOWN, and not an end."""

    SCHEDULING = "SCHEDULING"
    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    TIMED_OUT = "TIMED_OUT"
    SKIPPED = "SKIPPED"
    UNKNOWN = "UNKNOWN"

    @property
    def is_over(self) -> bool:
        """True at the end.  A run that SUCCEEDED may still have been killed for its memory."""
        return self in _OVER


_OVER = frozenset(map(RunPhase, ("STOPPED", "SUCCEEDED", "FAILED", "TIMED_OUT", "SKIPPED")))


@dataclass(frozen=True, slots=True)
class JobConfiguration:
    """The fields of a job, as sent to CML.  Memory in GiB (CML says GB).

    `timeout` is CML's own figure, 0 for none: seconds by its specification, minutes in some
    releases, so be generous with it and keep a deadline of your own.  It ends a run only with
    `kill_on_timeout`.  With a `parent` the job runs after each run of that job that succeeded;
    otherwise on request.
    """

    name: str
    script: str
    runtime: str
    cpu: float = 1.0
    memory: float = 1.0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: int = 0
    kill_on_timeout: bool = False
    parent: str = ""


@dataclass(frozen=True, slots=True)
class ObservedJob:
    """One job as a list or a GET reported it.  `kind` is CML's word: manual, cron, dependent."""

    id: str
    project: str
    name: str
    script: str = ""
    runtime: str = ""
    cpu: float = 0.0
    memory: float = 0.0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    timeout: int = 0
    kill_on_timeout: bool = False
    parent: str = ""
    kind: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ObservedRun:
    """One run as a list or a GET reported it; `environment` is its own, beyond its job's."""

    id: str
    project: str
    job: str
    phase: RunPhase
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    created_at: datetime | None = None
    finished_at: datetime | None = None


def run_that_counts(
    runs: Sequence[ObservedRun],
) -> tuple[ObservedRun | None, ObservedRun | None]:
    """Of a job's runs, oldest first: the active one, or else the latest that CML did not skip.

    And a later one that CML skipped, if no run is active.
    """
    active = [run for run in runs if not run.phase.is_over]
    if active:
        return active[-1], None
    last = next((run for run in reversed(runs) if run.phase is not RunPhase.SKIPPED), None)
    skipped = runs[-1] if runs and runs[-1].phase is RunPhase.SKIPPED else None
    return last, skipped


CONTROLLER_JOB = "raycml-controller"
"""The job that builds the environment of the controller itself."""


def is_our_job(job: ObservedJob | JobConfiguration, owner: str) -> bool:
    """True if it carries this owner's mark and has the name that the mark implies."""
    if job.name == CONTROLLER_JOB:
        return bool(owner) and job.environment.get(CONTROLLER) == owner
    named = job.name == job_name(environment_built_by(job))
    return named and job.environment.get(OWNER) == owner


def environment_built_by(job: ObservedJob | JobConfiguration) -> str:
    """Hash of the environment that a managed job builds."""
    return job.environment.get(ENVIRONMENT, "")
