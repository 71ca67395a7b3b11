"""Builds of Python environments: a script in the project, a job, and runs of it, one at a time.

One call for each step, and a look between any two: script and job are created, the job is run,
and what its run has left in the project's files decides, never the run's word alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.history import BuildHistory
from controller.core.model.jobs import (
    JobConfiguration,
    ObservedJob,
    ObservedRun,
    RunPhase,
    environment_built_by,
)
from controller.core.model.member import ENVIRONMENT, OWNER
from controller.core.model.observed import ObservedEnvironment
from controller.core.model.other_clocks import credible
from controller.core.model.plan import (
    Action,
    CreateJob,
    DeleteJob,
    StartRun,
    Step,
    StopRun,
    WriteBuilder,
)
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.planner.steps import without_member
from controller.core.situation.past import Past
from controller.core.spec.python_environment import Environment, builder_path, job_name

CPU = 1.0
MEMORY_GIB = 4.0  # pip unpacks whole wheels in memory, and some have gigabytes
_STARTS_MAX = 3  # of runs that CML skips, where a person waits for the environment
_TIMEOUTS = 2  # CML's own limit in deadlines: it only ends runs that no controller watches


@dataclass(frozen=True, slots=True)
class Build:
    """Steps towards a missing environment, and the reason why its members wait."""

    reason: Reason
    message: str
    steps: tuple[Step, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Recipe:
    """An environment, the script that builds it, and the job that runs the script.

    `settings`: what the script carries, as canonical JSON.  `mark`: variables of the job that say
    whose it is.
    """

    hash: str
    settings: str
    script: str
    job: str
    mark: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Site:
    """One environment in one project, and what was observed of it.

    `is_awaited`: an operator waits for it, so what failed before this process started is retried.
    """

    cluster: str
    project: str
    runtime: str
    recipe: Recipe
    observed: ObservedEnvironment
    past: Past
    is_awaited: bool = False

    @property
    def hash(self) -> str:
        return self.recipe.hash

    @property
    def history(self) -> BuildHistory:
        return self.past.history.build(self.project, self.hash)


def recipe_of(environment: Environment, policy: Policy) -> Recipe:
    """For an environment that specs ask for: equal ones have one job, whichever cluster it is."""
    return Recipe(
        hash=environment.hash,
        settings=environment.settings,
        script=builder_path(environment.hash, policy.builder),
        job=job_name(environment.hash),
        mark={OWNER: policy.owner},
    )


def is_active(run: ObservedRun | None) -> bool:
    return run is not None and not run.phase.is_over


def build(site: Site) -> Build:
    """The next step towards the environment, or the reason why there is none now."""
    if site.observed.run is not None and is_active(site.observed.run):
        return _active(site, site.observed.run)
    if waiting := _unknown(site) or _last_call(site) or _skipped(site):
        return waiting
    job = site.observed.job
    if job is None:
        return _steps(site, CreateJob(site.hash, job_configuration(site)))
    if (job.script, job.runtime) != (site.recipe.script, site.runtime):
        return _delete(site, job)
    run = site.observed.run
    before = site.observed.skipped or run
    start = StartRun(site.hash, job.id, "" if before is None else before.id)
    if run is None:
        return _steps(site, start)
    return _ended(site, run) or _steps(site, start)


def _delete(site: Site, job: ObservedJob) -> Build:
    """The job runs another script: that of an older edition, or of another environment."""
    digest = environment_built_by(job)
    history = site.past.history.build(site.project, digest)
    waiting = failed_call(site.past, history, _named(site))
    return waiting or _steps(site, DeleteJob(digest, job.id), write=False)


def _unknown(site: Site) -> Build | None:
    """Its job and runs could not be read, so there may be one already."""
    if not site.observed.unknown:
        return None
    refused = site.observed.is_refused
    reason = Reason.ENVIRONMENT_FAILED if refused else Reason.ENVIRONMENT_BUILDING
    return Build(reason, f"{_named(site)} cannot be looked at: {site.observed.unknown}")


def job_configuration(site: Site) -> JobConfiguration:
    policy = site.past.policy
    return JobConfiguration(
        name=site.recipe.job,
        script=site.recipe.script,
        runtime=site.runtime,
        cpu=CPU,
        memory=MEMORY_GIB,
        environment={**site.recipe.mark, ENVIRONMENT: site.hash, "PIP_USER": "0"},
        timeout=int(policy.environment_deadline_s * _TIMEOUTS),
        kill_on_timeout=True,
    )


def _named(site: Site) -> str:
    return f"environment {site.hash}"


def _active(site: Site, run: ObservedRun) -> Build:
    past = site.past
    begun = credible(run.created_at, past.now) or site.history.called_at or past.now
    if until := past.deadline(begun, past.policy.environment_deadline_s):
        message = f"{_named(site)} is being built by job {site.recipe.job}"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=until)
    message = f"{_named(site)}: its job timed out and is being stopped; see its log"
    if run.phase is RunPhase.STOPPING or site.history.call == "stop_run":
        return Build(Reason.ENVIRONMENT_FAILED, message)
    stop = StopRun(site.hash, run.job, run.id)
    return Build(Reason.ENVIRONMENT_FAILED, message, _steps(site, stop, write=False).steps)


def _last_call(site: Site) -> Build | None:
    """The last call failed, or is not visible yet."""
    past, history = site.past, site.history
    if history.called_at is None:
        return None
    if history.failures:
        return failed_call(past, history, _named(site))
    until = past.deadline(history.called_at, past.policy.settle_s)
    if until is None or _shows(history, site.observed):
        return None
    message = f"{_named(site)}: {history.call} was accepted but is not visible yet"
    return Build(Reason.ENVIRONMENT_BUILDING, message, until=until)


def _shows(history: BuildHistory, observed: ObservedEnvironment) -> bool:
    match history.call:
        case "create_job":
            return observed.job is not None
        case "start_run":
            run = observed.skipped or observed.run
            return run is not None and run.id != history.before
        case "delete_job":
            return observed.job is None or observed.job.id != history.before
        case _:
            return not is_active(observed.run)


def _skipped(site: Site) -> Build | None:
    """CML skipped a run: beside an active one, or by its own rules."""
    run, past = site.observed.skipped, site.past
    if run is None or (site.is_awaited and site.history.starts < _STARTS_MAX):
        return None
    ended = credible(run.finished_at or run.created_at, past.now) or site.history.called_at
    until = past.deadline(ended or past.now, past.policy.resync_s)
    if until is None:
        return None
    message = (
        f"CML skipped the last run of job {site.recipe.job}, so it built nothing; "
        "see the job's runs in CML"
    )
    return Build(Reason.ENVIRONMENT_FAILED, message, until=until)


def failed_call(past: Past, history: BuildHistory, name: str) -> Build | None:
    """The pause after a call that failed or was refused; `name` is what the call was about."""
    if not history.failures or history.called_at is None:
        return None
    pause = past.policy.resync_s if history.refused else past.policy.backoff_s(history.failures)
    until = past.deadline(history.called_at, pause)
    if until is None:
        return None
    verb = history.call.replace("_", " ")
    if history.refused:
        message = f"{name}: CML refused to {verb}: {history.error}"
        return Build(Reason.ENVIRONMENT_FAILED, message, until=until)
    return Build(Reason.BACKOFF, f"{name}: {verb} failed: {history.error}", until=until)


def _ended(site: Site, run: ObservedRun) -> Build | None:
    """The wait after a run that built nothing; None when the next one is due."""
    past, policy = site.past, site.past.policy
    ended = credible(run.finished_at or run.created_at, past.now) or site.history.called_at
    if ended is None or (site.is_awaited and not site.history.starts):
        return None
    lag = past.deadline(ended, policy.settle_s)
    if run.phase is RunPhase.SUCCEEDED and lag is not None:
        message = f"{_named(site)} was built but is not visible yet"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=lag)
    until = past.deadline(ended, policy.resync_s)
    return Build(Reason.ENVIRONMENT_FAILED, _failure(site, run), until=until) if until else None


def _failure(site: Site, run: ObservedRun) -> str:
    """With the last output, since CML keeps neither output nor reason of a run."""
    job = site.recipe.job
    output = " | ".join(site.observed.output)
    if not output:
        phase = str(run.phase).lower().replace("_", " ")
        output = f"it {phase} without output; see the job's log (it may have run out of memory)"
    return f"job {job} did not build it: {output}"


def _steps(site: Site, action: Action, *, write: bool = True) -> Build:
    """The step, and before it the script if that is missing.

    A file of its name may be an incomplete upload, so the script is also written before a job is
    created, and before a run that follows one without a result.
    """
    recipe = site.recipe
    script = recipe.script if write else None
    steps = [_step(site, action, script)]
    doubtful = isinstance(action, CreateJob) or site.observed.run is not None
    if write and (doubtful or recipe.script not in site.observed.files):
        steps.insert(0, _step(site, WriteBuilder(recipe.script, recipe.settings), None))
    message = f"{_named(site)} is to be built"
    return Build(Reason.ENVIRONMENT_BUILDING, message, tuple(steps))


def _step(site: Site, action: Action, script: str | None) -> Step:
    reason, message = Reason.ENVIRONMENT_BUILDING, _named(site)
    return without_member(action, site.cluster, site.project, reason, message, script)
