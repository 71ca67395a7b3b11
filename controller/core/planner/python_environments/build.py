"""Builds of Python environments: a script in the project, a job, and runs of it, one at a time.

One call for each step, and a look between any two: the script and the job are made, the job is run,
and what its run has left in the project's files decides, never the run's word alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.history import BuildHistory
from controller.core.model.jobs import (
    JobConfiguration,
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
    Intent,
    StartRun,
    Step,
    StopRun,
    WriteBuilder,
)
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.situation.past import Past
from controller.core.spec.python_environment import Environment, builder_path, job_name

CPU = 1.0
MEMORY_GIB = 4.0  # pip unpacks whole wheels in memory, and some have gigabytes
_STARTS_MAX = 3  # of runs that CML skips, where a person waits for the environment
_TIMEOUTS = 2  # CML's own limit in deadlines: it only ends what nobody watches any more


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
    """The place of one environment, and what there is of it.

    `is_awaited`: a person waits for it, so what failed before this process began is tried again.
    """

    cluster: str
    project: str
    runtime: str
    recipe: Recipe
    seen: ObservedEnvironment
    past: Past
    is_awaited: bool = False

    @property
    def hash(self) -> str:
        return self.recipe.hash

    @property
    def known(self) -> BuildHistory:
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
    """The next step towards the environment, or why there is none just now."""
    if site.seen.run is not None and is_active(site.seen.run):
        return _going_on(site, site.seen.run)
    if held := _unknown(site) or _held(site) or _skipped(site):
        return held
    job = site.seen.job
    if job is None:
        return _steps(site, CreateJob(site.hash, job_configuration(site)))
    if (job.script, job.runtime) != (site.recipe.script, site.runtime):
        return _steps(site, DeleteJob(environment_built_by(job), job.id), write=False)
    run = site.seen.run
    before = site.seen.skipped or run
    start = StartRun(site.hash, job.id, "" if before is None else before.id)
    if run is None:
        return _steps(site, start)
    return _over(site, run) or _steps(site, start)


def _unknown(site: Site) -> Build | None:
    """Without a look at its job there may be one already."""
    if not site.seen.unknown:
        return None
    refused = site.seen.is_refused
    reason = Reason.ENVIRONMENT_FAILED if refused else Reason.ENVIRONMENT_BUILDING
    return Build(reason, f"{_named(site)} cannot be looked at: {site.seen.unknown}")


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


def _going_on(site: Site, run: ObservedRun) -> Build:
    past = site.past
    begun = credible(run.created_at, past.now) or site.known.called_at or past.now
    until = past.after(begun, past.policy.environment_deadline_s)
    if past.now < until:
        message = f"{_named(site)} is being built by job {site.recipe.job}"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=until)
    message = f"{_named(site)}: its job timed out and is being stopped; see its log"
    if run.phase is RunPhase.STOPPING or site.known.call == "stop_run":
        return Build(Reason.ENVIRONMENT_FAILED, message)
    stop = StopRun(site.hash, run.job, run.id)
    made = _steps(site, stop, write=False)
    return Build(Reason.ENVIRONMENT_FAILED, message, made.steps)


def _held(site: Site) -> Build | None:
    """The last call does not show yet, or did not help."""
    past, known = site.past, site.known
    if known.called_at is None:
        return None
    if known.failures:
        return _failed_call(site, known, known.called_at)
    until = past.after(known.called_at, past.policy.settle_s)
    if past.now >= until or _shows(known, site.seen):
        return None
    message = f"{_named(site)}: {known.call} was accepted but is not visible yet"
    return Build(Reason.ENVIRONMENT_BUILDING, message, until=until)


def _shows(known: BuildHistory, seen: ObservedEnvironment) -> bool:
    match known.call:
        case "create_job":
            return seen.job is not None
        case "start_run":
            shown = seen.skipped or seen.run
            return shown is not None and shown.id != known.before
        case "delete_job":
            return seen.job is None or seen.job.id != known.before
        case _:
            return not is_active(seen.run)


def _skipped(site: Site) -> Build | None:
    """CML made a run and did not begin it: for a run that goes on, or by its own rules."""
    run, past = site.seen.skipped, site.past
    if run is None or (site.is_awaited and site.known.starts < _STARTS_MAX):
        return None
    ended = credible(run.finished_at or run.created_at, past.now) or site.known.called_at
    until = past.after(ended or past.now, past.policy.resync_s)
    if ended is not None and past.now >= until:
        return None
    message = (
        f"CML skipped the last run of job {site.recipe.job}, so it built nothing; "
        "see the job's runs in CML"
    )
    return Build(Reason.ENVIRONMENT_FAILED, message, until=until)


def _failed_call(site: Site, known: BuildHistory, at: datetime) -> Build | None:
    past, policy = site.past, site.past.policy
    pause = policy.resync_s if known.refused else policy.backoff_s(known.failures)
    until = past.after(at, pause)
    if past.now >= until:
        return None
    verb = known.call.replace("_", " ")
    if known.refused:
        message = f"{_named(site)}: CML refused to {verb}: {known.error}"
        return Build(Reason.ENVIRONMENT_FAILED, message, until=until)
    message = f"{_named(site)}: {verb} failed: {known.error}"
    return Build(Reason.BACKOFF, message, until=until)


def _over(site: Site, run: ObservedRun) -> Build | None:
    """Its run has ended, and it is not there; None once it may be tried again."""
    past, policy = site.past, site.past.policy
    ended = credible(run.finished_at or run.created_at, past.now) or site.known.called_at
    if ended is None or (site.is_awaited and not site.known.starts):
        return None
    lag = past.after(ended, policy.settle_s)
    if run.phase is RunPhase.SUCCEEDED and past.now < lag:
        message = f"{_named(site)} was built but is not visible yet"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=lag)
    until = past.after(ended, policy.resync_s)
    if past.now >= until:
        return None
    return Build(Reason.ENVIRONMENT_FAILED, _failure(site, run), until=until)


def _failure(site: Site, run: ObservedRun) -> str:
    """With the last output, since CML keeps neither output nor reason of a run."""
    job = site.recipe.job
    said = " | ".join(site.seen.output)
    if not said:
        word = str(run.phase).lower().replace("_", " ")
        said = f"it {word} without output; see the job's log (it may have run out of memory)"
    return f"job {job} did not build it: {said}"


def _steps(site: Site, action: Action, *, write: bool = True) -> Build:
    """The step, and the script before it where that is not there.

    What has its name may be half an upload: it is written as well before a job is made for it, and
    before a run after one that left nothing; a script that is whole costs one look.
    """
    recipe = site.recipe
    script = recipe.script if write else None
    steps = [_step(site, action, script)]
    doubtful = isinstance(action, CreateJob) or site.seen.run is not None
    if write and (doubtful or recipe.script not in site.seen.files):
        steps.insert(0, _step(site, WriteBuilder(recipe.script, recipe.settings), None))
    message = f"{_named(site)} is to be built"
    return Build(Reason.ENVIRONMENT_BUILDING, message, tuple(steps))


def _step(site: Site, action: Action, script: str | None) -> Step:
    return Step(
        action=action,
        cluster=site.cluster,
        project=site.project,
        member=None,
        reason=Reason.ENVIRONMENT_BUILDING,
        intent=Intent.NOTHING,
        message=_named(site),
        launcher=script,
    )
