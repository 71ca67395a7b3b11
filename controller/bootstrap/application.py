"""The controller's application: created, updated, and restarted if it is down.  Pure."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from controller.bootstrap.desired import DesiredSetup
from controller.bootstrap.observed import ObservedSetup
from controller.bootstrap.steps import gated, step_of
from controller.core.model.member import CONTROLLER, SUBDOMAIN, THE_CONTROLLER, VARIABLES
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import (
    NOTHING,
    Change,
    Configuration,
    Create,
    Delete,
    Intent,
    Plan,
    Restart,
    Stop,
    Wait,
)
from controller.core.model.reasons import Reason
from controller.core.planner.crash_backoff import spent
from controller.core.planner.settling import created, settling
from controller.core.planner.starts import REPLACE_MESSAGE, STOP_MESSAGE, Start, first_call
from controller.core.planner.waits import wait
from controller.core.situation.drift import patch, resource_changes
from controller.core.situation.past import Past

_AT_REST = (Phase.STOPPED, Phase.FAILED)


def application(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    if not observed.complete:
        return wait(THE_CONTROLLER, Reason.INCOMPLETE_LIST, "CML's lists do not fit together")
    configuration = desired.configuration(observed.project.id)
    if not observed.controllers:
        return _absent(configuration, observed, past)
    app = observed.controllers[0]
    if waiting := unsettled(app, past):
        return waiting
    if app.phase is Phase.STOPPING:
        return wait(THE_CONTROLLER, Reason.STOPPING, "CML is stopping the application")
    if changes := tuple(_changes(configuration, app)):
        return _outdated(configuration, app, changes, past)
    return _unchanged(configuration, app, past)


def unsettled(app: ObservedApplication, past: Past) -> Plan | None:
    """The wait while the state of the application is not known, or about to change."""
    if app.phase is Phase.UNKNOWN:
        message = f"CML reports the status `{app.status}`"
        return wait(THE_CONTROLLER, Reason.UNKNOWN_STATUS, message)
    return settling(past, THE_CONTROLLER, app)


def _absent(configuration: Configuration, observed: ObservedSetup, past: Past) -> Plan:
    for app in observed.applications:
        if app.subdomain == configuration.subdomain or app.name == configuration.name:
            return wait(THE_CONTROLLER, Reason.NAME_CONFLICT, _conflict(app))
    step = step_of(
        THE_CONTROLLER,
        Create(configuration),
        observed.project.id,
        Reason.MISSING,
        Intent.CREATE,
        f"application {configuration.name}",
        launcher=configuration.script,
    )
    part = created(past, THE_CONTROLLER) or gated(past, step)
    return Plan(part.steps, tuple(map(_of_address, part.waits)))


def _conflict(app: ObservedApplication) -> str:
    owner = app.environment.get(CONTROLLER)
    remedy = f"set RAYCML_OWNER={owner} if it is yours, or " if owner else ""
    message = f"application {app.name} ({app.id}) has the name and is not this controller's"
    return f"{message}: {remedy}rename or delete it in CML"


def _of_address(waiting: Wait) -> Wait:
    """With advice: addresses are unique in the workspace, and the key may not see the holder."""
    if waiting.reason is not Reason.NAME_CONFLICT:
        return waiting
    message = (
        "the address of the controller's application is taken by another one: find it in CML by "
        "that address, and rename or delete it"
    )
    return replace(waiting, message=message)


def _outdated(
    configuration: Configuration, app: ObservedApplication, changes: tuple[Change, ...], past: Past
) -> Plan:
    """As for a member: stop, update, restart.  If CML does not take an update: replace it."""
    history = past.member(THE_CONTROLLER)
    if waiting := spent(past, THE_CONTROLLER, "differs again after an update"):
        return waiting
    names = ", ".join(change.field for change in changes)
    if history.unapplied_tries >= past.policy.updates_max and history.replaced:
        message = f"CML accepts but does not apply {names}: ask the workspace's admin"
        return wait(THE_CONTROLLER, Reason.FIELD_NOT_APPLIED, message, changes=changes)
    step = partial(step_of, THE_CONTROLLER, project=app.project, intent=Intent.UPDATE)
    if history.unapplied_tries >= past.policy.updates_max:
        message = f"CML does not apply {names} by update: it is deleted and created again"
        replaced = step(Delete(app.id), reason=Reason.REPLACED, message=message, changes=changes)
        return gated(past, replaced)
    if app.phase not in _AT_REST and Phase.STOPPED not in past.history.no_restart:
        return gated(past, step(Stop(app.id), reason=Reason.OUTDATED, changes=changes))
    if other := _other_start(app, past, Intent.UPDATE):
        return other
    script, reason = configuration.script, Reason.OUTDATED
    update = patch(app, _own_variables(app), configuration)
    return gated(
        past,
        step(update, reason=reason, changes=changes, launcher=script),
        step(Restart(app.id), reason=reason, launcher=script),
    )


def _unchanged(configuration: Configuration, app: ObservedApplication, past: Past) -> Plan:
    if app.phase is Phase.RUNNING:
        return NOTHING
    if app.phase is Phase.STARTING:
        return wait(THE_CONTROLLER, Reason.STARTING, "CML is starting the application")
    is_down = app.phase is Phase.FAILED
    if waiting := spent(past, THE_CONTROLLER, "failed again after a restart"):
        return waiting
    if other := _other_start(app, past, Intent.RESTART):
        return other
    step = step_of(
        THE_CONTROLLER,
        Restart(app.id),
        app.project,
        Reason.DOWN if is_down else Reason.RESUMED,
        Intent.RESTART if is_down else Intent.START,
        launcher=configuration.script,
    )
    return gated(past, step)


def _other_start(app: ObservedApplication, past: Past, intent: Intent) -> Plan | None:
    """As for a member, where CML restarts only what runs; None where it restarts this one."""
    step = partial(step_of, THE_CONTROLLER, project=app.project, intent=intent)
    phase = app.phase if app.phase in _AT_REST else Phase.STOPPED  # as it would be at the restart
    match first_call(past.history, THE_CONTROLLER, phase):
        case Start.RESTART:
            return None
        case Start.STOP:
            return gated(past, step(Stop(app.id), reason=Reason.DOWN, message=STOP_MESSAGE))
        case Start.REPLACE:
            replaced = step(Delete(app.id), reason=Reason.REPLACED, message=REPLACE_MESSAGE)
            return gated(past, replaced)


def _changes(configuration: Configuration, app: ObservedApplication) -> Iterator[Change]:
    """Only what bootstrap sets is compared; values of variables are never shown."""
    yield from resource_changes(app, configuration)
    if app.script != configuration.script:
        yield Change("script", "", "")
    before = {*_own_variables(app)}
    own = {**configuration.environment, SUBDOMAIN: app.subdomain}
    for name in sorted({*own, *before}):
        if app.environment.get(name) != own.get(name):
            yield Change(f"environment.{name}", "", "")


def _own_variables(app: ObservedApplication) -> tuple[str, ...]:
    """Variables that bootstrap set when it last configured the application."""
    names = app.environment.get(VARIABLES, "")
    return tuple(names.split(",")) if names else ()
