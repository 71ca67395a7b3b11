"""Jobs of a project, their runs and what they build, as requested and as observed.  Values only.

A job is a script that ends.  CML reports the status and times of a run, but no exit code, reason or
output, so a script writes its results into the project's files.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from controller.core.model.member import (
    BUILDER,
    BUILDS,
    CONTROLLER,
    ENVIRONMENT,
    OWNER,
    SUBDOMAIN,
)
from controller.core.spec.python_environment import builder_name, job_name


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


@dataclass(frozen=True, slots=True)
class ObservedEnvironment:
    """Observed state of one Python environment built by raycml.

    `files`: all its paths.  `job`: the owner's.  `run`: that job's active run, or else the
    latest that CML did not skip.  `skipped`: a later one that it did skip.  `foreign`: another
    installation has a job for it.  `output`: the last lines of its log, where its run is over, or
    its application has ended, without an environment.  `unknown`: the reason why its job and runs
    could not be read; then their absence means nothing.  `is_refused`: only a person can change
    that.
    """

    ready: bool = False
    files: tuple[str, ...] = ()
    job: ObservedJob | None = None
    run: ObservedRun | None = None
    foreign: bool = False
    skipped: ObservedRun | None = None
    output: tuple[str, ...] = ()
    unknown: str = ""
    is_refused: bool = False


@dataclass(frozen=True, slots=True)
class FilesQuery:
    """Python environments to observe, by project and hash, and the owner of their jobs.

    `ended`: those whose log is to be read, since an application ended that was to build them.
    """

    owner: str
    hashes: Mapping[str, frozenset[str]]
    ended: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class BuildHistory:
    """The last call about a build, and the id of the job or run before it.

    `failures`: calls in a row that failed; `refused`: CML refused the last, for lack of `quota`.
    `starts`: runs that were started, or were active already.  `failed_at`: end of a failed build by
    an application, which is then deleted, and `failure` the reason.
    """

    call: str = ""
    before: str = ""
    called_at: datetime | None = None
    failures: int = 0
    error: str = ""
    refused: bool = False
    quota: bool = False
    starts: int = 0
    failed_at: datetime | None = None
    failure: str = ""


def run_that_counts(
    runs: Sequence[ObservedRun],
) -> tuple[ObservedRun | None, ObservedRun | None]:
    """Of a job's runs, oldest first: the active one, or else the latest that CML did not skip.

    And a later one that CML skipped, if no run is active, nor was one when it was skipped.
    """
    active = [run for run in runs if not run.phase.is_over]
    if active:
        return active[-1], None
    last = next((run for run in reversed(runs) if run.phase is not RunPhase.SKIPPED), None)
    skipped = runs[-1] if runs and runs[-1].phase is RunPhase.SKIPPED else None
    if skipped is not None and last is not None and _overlap(last, skipped):
        skipped = None
    return last, skipped


def _overlap(run: ObservedRun, skipped: ObservedRun) -> bool:
    """True if the run was active when CML skipped another: it runs a job once at a time."""
    end, start = run.finished_at, skipped.created_at
    return end is not None and start is not None and start < end


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


def builder_environment(project: str, owner: str, digest: str) -> dict[str, str]:
    """The mark of the application that builds an environment."""
    name = builder_name(project, owner, digest)
    return {BUILDER: owner, BUILDS: digest, SUBDOMAIN: name}


def built_by_application(
    environment: Mapping[str, str], project: str, subdomain: str, owner: str
) -> str:
    """Hash of the environment that an application of this owner builds; empty for another one.

    A copy made by hand has another subdomain, so it carries no mark.
    """
    digest = environment.get(BUILDS, "")
    mark = builder_environment(project, owner, digest) if owner and digest else {}
    carried = {name: environment.get(name) for name in mark}
    return digest if mark and carried == mark and mark[SUBDOMAIN] == subdomain else ""
