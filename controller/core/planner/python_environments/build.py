"""How an environment comes to be: a script in the project, a job, and runs of it, one at a time.

One call for each step, and a look between any two: the script and the job are made, the job is run,
and what its run has left in the project's files decides, never the run's word alone.
"""

from dataclasses import dataclass
from datetime import datetime

from controller.core.model.history import BuildHistory
from controller.core.model.jobs import JobConfiguration, ObservedRun, RunPhase
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
from controller.core.model.reasons import Reason
from controller.core.situation.past import Past
from controller.core.spec.python_environment import Environment, builder_path, job_name

CPU = 1.0
MEMORY_GIB = 4.0  # pip unpacks whole wheels in memory, and some have gigabytes
_TIMEOUTS = 2  # CML's own limit in deadlines: it only ends what nobody watches any more


@dataclass(frozen=True, slots=True)
class Build:
    """What to do about an environment that is not there, and what to say of those who need it."""

    reason: Reason
    message: str
    steps: tuple[Step, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Site:
    """Who asks for which environment, and what there is of it."""

    cluster: str
    project: str
    runtime: str
    environment: Environment
    seen: ObservedEnvironment
    past: Past

    @property
    def script(self) -> str:
        return builder_path(self.environment.hash, self.past.policy.builder)

    @property
    def known(self) -> BuildHistory:
        return self.past.history.build(self.project, self.environment.hash)


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
        return _steps(site, CreateJob(site.environment.hash, job_configuration(site)))
    if (job.script.removeprefix("/home/cdsw/"), job.runtime) != (site.script, site.runtime):
        return _steps(site, DeleteJob(site.environment.hash, job.id), write=False)
    run = site.seen.run
    before = site.seen.skipped or run
    start = StartRun(site.environment.hash, job.id, "" if before is None else before.id)
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
        name=job_name(site.environment.hash),
        script=site.script,
        runtime=site.runtime,
        cpu=CPU,
        memory=MEMORY_GIB,
        environment={OWNER: policy.owner, ENVIRONMENT: site.environment.hash, "PIP_USER": "0"},
        timeout=int(policy.environment_deadline_s * _TIMEOUTS),
        kill_on_timeout=True,
    )


def _named(site: Site) -> str:
    return f"environment {site.environment.hash}"


def _going_on(site: Site, run: ObservedRun) -> Build:
    past = site.past
    begun = credible(run.created_at, past.now) or site.known.called_at or past.now
    until = past.after(begun, past.policy.environment_deadline_s)
    if past.now < until:
        message = f"{_named(site)} is being built by job {job_name(site.environment.hash)}"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=until)
    message = f"{_named(site)}: its job has not ended in time and is stopped; see the job's log"
    if run.phase is RunPhase.STOPPING or site.known.call == "stop_run":
        return Build(Reason.ENVIRONMENT_FAILED, message)
    stop = StopRun(site.environment.hash, run.job, run.id)
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
    message = f"{_named(site)}: {known.call} was accepted and does not show yet"
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
    if run is None:
        return None
    ended = credible(run.finished_at or run.created_at, past.now) or site.known.called_at
    until = past.after(ended or past.now, past.policy.resync_s)
    if ended is not None and past.now >= until:
        return None
    message = (
        f"CML skipped the last run of job {job_name(site.environment.hash)}, so it built nothing; "
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
    if ended is None:
        return None
    lag = past.after(ended, policy.settle_s)
    if run.phase is RunPhase.SUCCEEDED and past.now < lag:
        message = f"{_named(site)} was built, and does not show yet"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=lag)
    until = past.after(ended, policy.resync_s)
    if past.now >= until:
        return None
    return Build(Reason.ENVIRONMENT_FAILED, _failure(site, run), until=until)


def _failure(site: Site, run: ObservedRun) -> str:
    """With the last output, since CML keeps neither output nor reason of a run."""
    job = job_name(site.environment.hash)
    said = " | ".join(site.seen.output)
    if not said:
        word = str(run.phase).lower().replace("_", " ")
        said = f"it {word} and left no word; see the job's log, perhaps its memory did not suffice"
    return f"job {job} did not build it: {said}"


def _steps(site: Site, action: Action, *, write: bool = True) -> Build:
    """The step, and the script before it where that is not there.

    What has its name may be half an upload: it is written as well before a job is made for it, and
    before a run after one that left nothing; a script that is whole costs one look.
    """
    script = site.script if write else None
    steps = [_step(site, action, script)]
    doubtful = isinstance(action, CreateJob) or site.seen.run is not None
    if write and (doubtful or site.script not in site.seen.files):
        steps.insert(0, _step(site, WriteBuilder(site.script, site.environment.settings), None))
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
