"""Builds of Python environments: a script in the project, a job, and runs of it, one at a time.

One call for each step, and a look between any two: script and job are created, the job is run,
and what its run has left in the project's files decides, never the run's word alone.  Where CML
runs no jobs of the API, an application runs the script.
"""

from controller.core.model.jobs import (
    BuildHistory,
    JobConfiguration,
    ObservedEnvironment,
    ObservedJob,
    ObservedRun,
    RunPhase,
    environment_built_by,
)
from controller.core.model.member import ENVIRONMENT
from controller.core.model.other_clocks import credible
from controller.core.model.plan import CreateJob, DeleteJob, StartRun, StopRun
from controller.core.model.reasons import Reason
from controller.core.planner.python_environments.application import (
    build_by_application,
    is_for_application,
)
from controller.core.planner.python_environments.site import (
    CPU,
    MEMORY_GIB,
    Build,
    Site,
    failed_call,
    is_active,
    named,
    output_or,
    steps_towards,
)

_STARTS_MAX = 3  # of runs that CML skips, where a person waits for the environment
_TIMEOUTS = 2  # CML's own limit in deadlines: it only ends runs that no controller watches


def build(site: Site) -> Build:
    """The next step towards the environment, or the reason why there is none now."""
    if site.observed.run is not None and is_active(site.observed.run):
        return _active(site, site.observed.run)
    if is_for_application(site):
        return build_by_application(site)
    waiting = _unknown(site) or _last_call(site) or _skipped(site)
    return waiting or _by_job(site)


def _by_job(site: Site) -> Build:
    job = site.observed.job
    if job is None:
        return steps_towards(site, CreateJob(site.hash, job_configuration(site)))
    if (job.script, job.runtime) != (site.recipe.script, site.runtime):
        return _delete(site, job)
    run = site.observed.run
    before = site.observed.skipped or run
    start = StartRun(site.hash, job.id, "" if before is None else before.id)
    if run is None:
        return steps_towards(site, start)
    return _ended(site, run) or steps_towards(site, start)


def _delete(site: Site, job: ObservedJob) -> Build:
    """The job runs another script: that of an older edition, or of another environment."""
    digest = environment_built_by(job)
    history = site.past.history.build(site.project, digest)
    waiting = failed_call(site.past, history, named(site))
    return waiting or steps_towards(site, DeleteJob(digest, job.id), write=False)


def _unknown(site: Site) -> Build | None:
    """Its job and runs could not be read, so there may be one already."""
    if not site.observed.unknown:
        return None
    refused = site.observed.is_refused
    reason = Reason.ENVIRONMENT_FAILED if refused else Reason.ENVIRONMENT_BUILDING
    return Build(reason, f"{named(site)} cannot be looked at: {site.observed.unknown}")


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


def _active(site: Site, run: ObservedRun) -> Build:
    past = site.past
    begun = credible(run.created_at, past.now) or site.history.called_at or past.now
    if until := past.deadline(begun, past.policy.environment_deadline_s):
        message = f"{named(site)} is being built by job {site.recipe.job}"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=until)
    message = f"{named(site)}: its job timed out and is being stopped; see its log"
    if run.phase is RunPhase.STOPPING or site.history.call == "stop_run":
        return Build(Reason.ENVIRONMENT_FAILED, message)
    stop = StopRun(site.hash, run.job, run.id)
    return Build(Reason.ENVIRONMENT_FAILED, message, steps_towards(site, stop, write=False).steps)


def _last_call(site: Site) -> Build | None:
    """The last call failed, or is not visible yet."""
    past, history = site.past, site.history
    if history.called_at is None:
        return None
    if history.failures:
        return failed_call(past, history, named(site))
    until = past.deadline(history.called_at, past.policy.settle_s)
    if until is None or _shows(history, site.observed):
        return None
    message = f"{named(site)}: {history.call} was accepted but is not visible yet"
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
    """CML skipped a run although none was active, and only a job is to build it."""
    run, past = site.observed.skipped, site.past
    if run is None or (site.is_awaited and site.history.starts < _STARTS_MAX):
        return None
    ended = credible(run.finished_at or run.created_at, past.now) or site.history.called_at
    until = past.deadline(ended or past.now, past.policy.resync_s)
    if until is None:
        return None
    message = (
        f"CML skipped the last run of job {site.recipe.job} before a container started: another "
        f"run was active, or this workspace runs no jobs of the API; {site.recipe.remedy}"
    )
    return Build(Reason.ENVIRONMENT_FAILED, message, until=until)


def _ended(site: Site, run: ObservedRun) -> Build | None:
    """The wait after a run that built nothing; None when the next one is due."""
    past, policy = site.past, site.past.policy
    ended = credible(run.finished_at or run.created_at, past.now) or site.history.called_at
    if ended is None or (site.is_awaited and not site.history.starts):
        return None
    lag = past.deadline(ended, policy.settle_s)
    if run.phase is RunPhase.SUCCEEDED and lag is not None:
        message = f"{named(site)} was built but is not visible yet"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=lag)
    until = past.deadline(ended, policy.resync_s)
    return Build(Reason.ENVIRONMENT_FAILED, _failure(site, run), until=until) if until else None


def _failure(site: Site, run: ObservedRun) -> str:
    ended = str(run.phase).lower().replace("_", " ")
    return f"job {site.recipe.job} did not build it: {output_or(site, ended, 'job')}"
