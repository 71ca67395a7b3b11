"""The application of the controller: made, kept as it is asked for, and kept running."""

from collections.abc import Mapping

from controller.bootstrap.facts import (
    APPLICATION_NAME,
    RUN_LOG,
    SETTLE_S,
    TOLERANCE,
    TRIES,
    Decision,
    End,
    Seen,
    Verb,
    Wanted,
    act,
    controllers,
    owner_of,
    stuck,
    subdomain,
)
from controller.core.model.member import BUILT, CONTROLLER, OWNER, SUBDOMAIN, VARIABLES
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import Configuration

_DESCRIPTION = "The controller of raycml; made by `raycml bootstrap`."


def configuration(wanted: Wanted, project: str) -> Configuration:
    return Configuration(
        name=APPLICATION_NAME,
        subdomain=subdomain(project),
        description=_DESCRIPTION,
        script=wanted.keeper,
        cpu=wanted.cpu,
        memory=wanted.memory,
        gpu=0,
        runtime=wanted.runtime,
        environment=_variables(wanted, project),
    )


def _variables(wanted: Wanted, project: str) -> dict[str, str]:
    told = {
        "RAYCML_SOURCE": wanted.git_url or wanted.path or ".",
        **({"RAYCML_REF": wanted.git_ref} if wanted.git_url and wanted.git_ref else {}),
        **({"RAYCML_PATH": wanted.path or "."} if wanted.git_url else {}),
        **({OWNER: wanted.owner} if wanted.owner else {}),
        **wanted.settings,
    }
    return {
        **told,
        CONTROLLER: owner_of(wanted.owner, project),
        BUILT: wanted.environment,
        SUBDOMAIN: subdomain(project),
        VARIABLES: ",".join(sorted(told)),
    }


def application(wanted: Wanted, seen: Seen) -> Decision | None:
    if not seen.complete:
        return Decision(wait="CML's lists do not fit together")
    ours = controllers(seen, owner_of(wanted.owner, seen.project.id))
    if not ours:
        return _new_application(seen)
    app, asked = ours[0], configuration(wanted, seen.project.id)
    if app.phase in (Phase.STOPPING, Phase.UNKNOWN):
        return Decision(wait=f"the controller's application is {app.phase}")
    fields = differences(asked, app)
    if fields:
        return _outdated(seen, app, fields)
    return _unstarted(seen, app)


def _new_application(seen: Seen) -> Decision:
    mine = subdomain(seen.project.id)
    taken = [a for a in seen.applications if a.subdomain == mine or a.name == APPLICATION_NAME]
    if taken:
        message = f"an application {taken[0].name} ({taken[0].id}) is there and is not ours"
        owner = taken[0].environment.get(CONTROLLER)
        remedy = f"RAYCML_OWNER={owner}, if it is" if owner else "rename or delete it in CML"
        return stuck(End.REFUSED, message, f"{remedy}; then the same command")
    if seen.times(Verb.CREATE_APPLICATION) and seen.still_s < SETTLE_S:
        return Decision(wait="the new application is not in CML's list yet")
    return act(Verb.CREATE_APPLICATION, "", f"create the application {APPLICATION_NAME}")


def _outdated(seen: Seen, app: ObservedApplication, fields: Mapping[str, object]) -> Decision:
    """As for a member: stop, update, restart.  What CML never takes by update is made anew."""
    if app.phase not in (Phase.STOPPED, Phase.FAILED):
        return act(Verb.STOP_APPLICATION, app.id, f"stop {app.name}, to update it")
    if seen.times(Verb.UPDATE_APPLICATION, app.id) >= TRIES:
        return act(Verb.DELETE_APPLICATION, app.id, f"delete {app.name}, which takes no update")
    names = ", ".join(sorted(fields))
    return act(Verb.UPDATE_APPLICATION, app.id, f"update {app.name} ({names})", **fields)


def _unstarted(seen: Seen, app: ObservedApplication) -> Decision | None:
    if app.phase is Phase.RUNNING:
        return None
    if app.phase is Phase.STARTING:
        return Decision(wait="the controller's application starts")
    starts = seen.times(Verb.RESTART_APPLICATION, app.id) + seen.times(Verb.CREATE_APPLICATION)
    if starts >= TRIES:
        message = f"the controller's application {app.name} is {app.phase}, however often it starts"
        remedy = "correct what the log says; the same command again"
        return stuck(End.FAILED, message, remedy, RUN_LOG)
    return act(Verb.RESTART_APPLICATION, app.id, f"start {app.name}, which is {app.phase}")


def differences(wanted: Configuration, app: ObservedApplication) -> dict[str, object]:
    """The PATCH that the application lacks: only what we set is compared, and nobody else's
    variables are lost."""
    fields: dict[str, object] = {}
    for name in ("script", "runtime", "gpu"):
        if getattr(app, name) != getattr(wanted, name):
            fields[name] = getattr(wanted, name)
    for name in ("cpu", "memory"):
        if abs(getattr(app, name) - getattr(wanted, name)) > TOLERANCE:
            fields[name] = getattr(wanted, name)
    was = set(app.environment.get(VARIABLES, "").split(","))
    kept = {k: v for k, v in app.environment.items() if k not in was}
    environment = {**kept, **wanted.environment, SUBDOMAIN: app.subdomain}
    if environment != dict(app.environment):
        fields["environment"] = environment
    return fields
