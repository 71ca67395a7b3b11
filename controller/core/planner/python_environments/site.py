"""One environment in one project: what builds it, what was observed of it, and steps towards it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.jobs import BuildHistory, ObservedEnvironment, ObservedRun
from controller.core.model.member import OWNER
from controller.core.model.observed import ObservedApplication
from controller.core.model.plan import Action, CreateBuilder, CreateJob, Step, WriteBuilder
from controller.core.model.policy import Policy
from controller.core.model.reasons import Reason
from controller.core.planner.retries import quota_pause_s
from controller.core.planner.steps import without_member
from controller.core.situation.past import Past
from controller.core.spec.python_environment import (
    BuildBy,
    Environment,
    builder_path,
    job_name,
)

CPU = 1.0
MEMORY_GIB = 4.0  # pip unpacks whole wheels in memory, and some have gigabytes


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
    whose it is.  `remedy`: the way to have an application build it, for people.
    """

    hash: str
    settings: str
    script: str
    job: str
    mark: Mapping[str, str]
    remedy: str = "set `pythonEnvironment.builder: application`"


@dataclass(frozen=True, slots=True)
class Site:
    """One environment in one project, and what was observed of it.

    `application`: the one that builds it, if there is one.  `is_awaited`: an operator waits for it,
    so what failed before this process started is retried.
    """

    cluster: str
    project: str
    runtime: str
    recipe: Recipe
    observed: ObservedEnvironment
    past: Past
    build_by: BuildBy = "auto"
    application: ObservedApplication | None = None
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


def failed_call(past: Past, history: BuildHistory, name: str) -> Build | None:
    """The pause after a call that failed or was refused; `name` is what the call was about."""
    if not history.failures or history.called_at is None:
        return None
    pause = past.policy.resync_s if history.refused else past.policy.backoff_s(history.failures)
    if history.quota:
        pause = quota_pause_s(history.failures)
    until = past.deadline(history.called_at, pause)
    if until is None:
        return None
    verb = history.call.replace("_", " ")
    if history.quota:
        message = f"{name}: no quota left to {verb}: {history.error}"
        return Build(Reason.QUOTA_EXCEEDED, message, until=until)
    if history.refused:
        message = f"{name}: CML refused to {verb}: {history.error}"
        return Build(Reason.ENVIRONMENT_FAILED, message, until=until)
    return Build(Reason.BACKOFF, f"{name}: {verb} failed: {history.error}", until=until)


def named(site: Site) -> str:
    return f"environment {site.hash}"


def steps_towards(site: Site, action: Action, *, write: bool = True) -> Build:
    """The step, and before it the script if that is missing.

    A file of its name may be an incomplete upload, so the script is also written before a job or
    an application is created, and before a run that follows one without a result.
    """
    recipe = site.recipe
    script = recipe.script if write else None
    steps = [_step(site, action, script)]
    created = isinstance(action, CreateJob | CreateBuilder)
    doubtful = created or site.observed.run is not None
    if write and (doubtful or recipe.script not in site.observed.files):
        steps.insert(0, _step(site, WriteBuilder(recipe.script, recipe.settings), None))
    message = f"{named(site)} is to be built"
    return Build(Reason.ENVIRONMENT_BUILDING, message, tuple(steps))


def _step(site: Site, action: Action, script: str | None) -> Step:
    return step_on_build(site, action, Reason.ENVIRONMENT_BUILDING, named(site), script)


def step_on_build(
    site: Site, action: Action, reason: Reason, message: str, script: str | None = None
) -> Step:
    return without_member(action, site.cluster, site.project, reason, message, script)


def output_or(site: Site, ended: str, workload: str) -> str:
    """The last output of a build, since CML keeps neither output nor reason; else its end."""
    if output := " | ".join(site.observed.output):
        return output
    return f"it {ended} without output; see the {workload}'s log (it may have run out of memory)"
