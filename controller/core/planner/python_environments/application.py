"""Builds of Python environments by a short-lived application.

For workspaces that skip jobs of the API.  The application runs the same script as a job, answers
`/` meanwhile, and is deleted when the environment exists, or when the build has failed: its script
then ends, CML reports FAILED, and would start it again by itself some minutes later.
"""

from datetime import datetime

from controller.core.model.jobs import builder_environment
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.other_clocks import credible
from controller.core.model.plan import Configuration, CreateBuilder, DeleteBuilder
from controller.core.model.reasons import Reason
from controller.core.planner.python_environments.site import (
    CPU,
    MEMORY_GIB,
    Build,
    Site,
    failed_call,
    named,
    output_or,
    step_on_build,
    steps_towards,
)
from controller.core.situation.past import Past
from controller.core.spec.python_environment import builder_name

_DESCRIPTION = "Builds a Python environment for raycml; deleted when that is done."
_UP = (Phase.STARTING, Phase.RUNNING)


def is_for_application(site: Site) -> bool:
    """True if an application is to build it, or is at it.

    By default only where CML skipped a run of the job although no other one was active.
    """
    if site.build_by == "auto":
        return site.application is not None or site.observed.skipped is not None
    return site.build_by == "application" or site.application is not None


def build_by_application(site: Site) -> Build:
    """The next step towards the environment, or the reason why there is none now."""
    waiting = failed_call(site.past, site.history, named(site))
    app = site.application
    return waiting or (_absent(site) if app is None else _present(site, app))


def _present(site: Site, app: ObservedApplication) -> Build:
    if is_leaving(app, site.past, site.hash):
        if site.history.failed_at is not None:
            return Build(Reason.ENVIRONMENT_FAILED, site.history.failure)
        message = f"{named(site)}: application {app.name} is being deleted"
        return Build(Reason.ENVIRONMENT_BUILDING, message)
    if app.phase in _UP and (until := deadline(app, site.past, site.hash)):
        message = f"{named(site)} is being built by application {app.name}"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=until)
    if app.phase is Phase.UNKNOWN:
        message = f"{named(site)}: CML reports the status `{app.status}` of application {app.name}"
        return Build(Reason.ENVIRONMENT_BUILDING, message)
    return _failed(site, app)


def is_leaving(app: ObservedApplication, past: Past, digest: str) -> bool:
    """True if it is being deleted; a list may show that later."""
    history = past.history.build(app.project, digest)
    if app.phase is Phase.STOPPING:
        return True
    if history.call != "delete_builder" or history.failures or history.called_at is None:
        return False
    return past.deadline(history.called_at, past.policy.settle_s) is not None


def deadline(app: ObservedApplication, past: Past, digest: str) -> datetime | None:
    """The time by which the application must have started, or built; None once it has passed."""
    policy = past.policy
    called_at = past.history.build(app.project, digest).called_at
    begun = credible(app.starting_at or app.created_at, past.now) or called_at or past.now
    seconds = policy.environment_deadline_s
    if app.phase is Phase.STARTING:
        seconds = min(policy.start_deadline_s, seconds)
    return past.deadline(begun, seconds)


def _absent(site: Site) -> Build:
    past, history = site.past, site.history
    called_at = history.called_at if history.call == "create_builder" else None
    lag = past.deadline(called_at, past.policy.settle_s) if called_at else None
    if lag and not history.failures:
        message = f"{named(site)}: {history.call} was accepted but is not visible yet"
        return Build(Reason.ENVIRONMENT_BUILDING, message, until=lag)
    if history.failed_at and (until := past.deadline(history.failed_at, past.policy.resync_s)):
        return Build(Reason.ENVIRONMENT_FAILED, history.failure, until=until)
    return steps_towards(site, CreateBuilder(site.hash, builder_configuration(site)))


def builder_configuration(site: Site) -> Configuration:
    owner = site.past.policy.owner
    name = builder_name(site.project, owner, site.hash)
    mark = builder_environment(site.project, owner, site.hash)
    return Configuration(
        name=name,
        subdomain=name,
        description=_DESCRIPTION,
        script=site.recipe.script,
        cpu=CPU,
        memory=MEMORY_GIB,
        gpu=0,
        runtime=site.runtime,
        environment={**mark, "PIP_USER": "0"},
    )


def _failed(site: Site, app: ObservedApplication) -> Build:
    """It ended without an environment, or takes too long."""
    name = app.name
    match app.phase:
        case Phase.STARTING:
            failure = f"{named(site)}: application {name} did not start in time"
            failure += "; check the user's quota and the free capacity"
        case Phase.RUNNING:
            failure = f"{named(site)}: application {name} timed out; see its log"
        case phase:
            ended = output_or(site, str(phase).lower(), "application")
            failure = f"application {name} did not build it: {ended}"
    action = DeleteBuilder(site.hash, app.id)
    step = step_on_build(site, action, Reason.ENVIRONMENT_FAILED, failure)
    return Build(Reason.ENVIRONMENT_FAILED, failure, (step,))
