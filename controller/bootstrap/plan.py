"""The plan of a setup, from an empty workspace to a running controller.  Pure.

Each part plans one thing, and the next one follows when that is as desired, so a crash between any
two calls leaves a state from which the next run continues.
"""

from collections.abc import Callable

from controller.bootstrap.application import application
from controller.bootstrap.desired import SCRIPTS, DesiredSetup
from controller.bootstrap.observed import ObservedSetup
from controller.bootstrap.steps import (
    builders_removed,
    gated,
    in_turn,
    removable,
    removals,
    step_of,
    step_on,
)
from controller.cml.values import Creation
from controller.core.model.member import BUILT, MADE, THE_CONTROLLER, THE_ENVIRONMENT, THE_PROJECT
from controller.core.model.plan import NOTHING, Change, Intent, Plan
from controller.core.model.project import CreateProject, RaiseSharedMemory, WriteFile
from controller.core.model.reasons import Reason
from controller.core.planner.python_environments.build import build
from controller.core.planner.python_environments.site import Site
from controller.core.planner.settling import created
from controller.core.planner.waits import wait
from controller.core.situation.past import Past

LAG_S = 60.0  # how long files may lag behind the end of what wrote them
_SHOWN = 10

Part = Callable[[DesiredSetup, ObservedSetup, Past], Plan]


def plan(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    """The steps of the first part that is not as desired, and those of later parts as waits."""
    return in_turn(part(desired, observed, past) for part in PARTS)


# The project


def project(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    if not observed.projects:
        return _new_project(desired, past)
    if several := ambiguity(observed):
        return several
    own = observed.project
    if own.creation is Creation.FAILED:
        message = (
            f"CML could not create the project {own.name} ({own.creation_status}): delete it by "
            f"`raycml bootstrap --delete --with-project --project-name {own.name}`, correct the "
            "options and repeat the command"
        )
        return wait(THE_PROJECT, Reason.SPEC_UNREADABLE, message)
    if own.creation is Creation.CREATING:
        return wait(THE_PROJECT, Reason.SETTLING, f"CML creates the project {own.name}")
    return NOTHING


def ambiguity(observed: ObservedSetup) -> Plan | None:
    """The wait if several projects have the name."""
    if len(observed.projects) < 2:
        return None
    ids = ", ".join(f"{p.id} of {p.owner or '?'}" for p in observed.projects[:_SHOWN])
    message = (
        f"several projects are called {observed.project.name}: {ids}; choose another name, or use "
        "a key that sees one of them"
    )
    return wait(THE_PROJECT, Reason.PROJECT_NOT_FOUND, message)


def _new_project(desired: DesiredSetup, past: Past) -> Plan:
    if not desired.git_url:
        message = (
            f"there is no project {desired.project}, and no repository to clone: add --git-url, or "
            "create the project and its specs first"
        )
        return wait(THE_PROJECT, Reason.PROJECT_NOT_FOUND, message)
    message = f"project {desired.project}, a clone of {desired.git_url}"
    action = CreateProject(desired.new_project())
    step = step_of(THE_PROJECT, action, "", Reason.MISSING, Intent.CREATE, message)
    return created(past, THE_PROJECT) or gated(past, step)


def sources(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    """Specs in the folder that is followed, of a clone or of the project's own files."""
    history = past.member(THE_PROJECT)
    cloned = observed.project.environment.get(MADE) == "git" or history.created_at is not None
    if observed.specs or not observed.projects or (desired.git_url and not cloned):
        return NOTHING
    until = past.deadline(history.unjoined_since or past.now, LAG_S)
    if cloned and until is not None:
        message = f"the clone does not show {desired.folder} yet"
        return wait(THE_PROJECT, Reason.SETTLING, message, until=until)
    message = f"the project {desired.project} has no spec (*.yaml, *.yml) in {desired.folder}"
    if desired.git_url:
        at = f" at {desired.git_ref}" if desired.git_ref else ""
        message += f", a clone{at}: name the folder with --path"
    else:
        message += ": put specs there, name the folder with --path, or add --git-url"
    return wait(THE_PROJECT, Reason.SPEC_UNREADABLE, message)


# Its files


def preparation(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    return _shared_memory(desired, observed, past) + _files(desired, observed, past)


def _shared_memory(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    """It is raised and never lowered; if CML ignores or refuses that, the setup continues."""
    now_mb, limit_mb = observed.project.shared_memory_limit_mb, desired.shared_memory_mb
    history = past.member(THE_PROJECT)
    refused = history.refusal is not None and history.refusal.action == "raise_shared_memory"
    if not observed.projects or now_mb >= limit_mb or history.unapplied or refused:
        return NOTHING
    change = Change("shared memory", f"{now_mb} MB", f"{limit_mb} MB")
    step = step_of(
        THE_PROJECT,
        RaiseSharedMemory(limit_mb),
        observed.project.id,
        Reason.OUTDATED,
        Intent.UPDATE,
        changes=(change,),
    )
    return gated(past, step)


def _files(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    """Files are named after their content: one of another size arrived incomplete."""
    at = observed.project.id
    missing = [p for p, data in sorted(desired.files.items()) if observed.files.get(p) != len(data)]
    actions = [WriteFile(path, desired.files[path]) for path in missing]
    return gated(past, *(step_on(a.path, a, at, Reason.MISSING, Intent.CREATE) for a in actions))


# What it runs


def environment(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    """The Python environment of the controller, built by the rule for those of clusters."""
    current = observed.environment(desired.environment)
    if current.ready:
        return NOTHING
    if not observed.complete:
        return wait(THE_ENVIRONMENT, Reason.INCOMPLETE_LIST, "CML's lists do not fit together")
    place = (THE_ENVIRONMENT.cluster, observed.project.id, desired.runtime)
    recipe, by = desired.recipe(past.policy.owner), desired.build_by
    application = observed.builders.get(desired.environment)
    step = build(Site(*place, recipe, current, past, by, application, is_awaited=True))
    later = wait(THE_ENVIRONMENT, step.reason, step.message, intent=Intent.CREATE, until=step.until)
    return Plan(step.steps, later.waits)


def builders(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:  # noqa: ARG001 - a part
    """The application that built the environment is deleted, and that of an earlier one."""
    return builders_removed(observed, past, Reason.BUILDER_UNNEEDED)


def readiness(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:  # noqa: ARG001 - a part
    answer = observed.readiness
    if answer is None:
        return wait(THE_CONTROLLER, Reason.STARTING, "the controller does not answer yet")
    if answer.ready or answer.is_hidden:
        return NOTHING
    return wait(THE_CONTROLLER, Reason.STARTING, f"the controller is not ready: {answer.why}")


def leftovers(desired: DesiredSetup, observed: ObservedSetup, past: Past) -> Plan:
    """Files of earlier versions, removed last: when the controller is ready without them."""
    own = {app.id for app in observed.controllers[:1]} | {job.id for job in observed.own_jobs[:1]}
    needed = {*desired.files, desired.build_script}
    needed |= {app.script for app in observed.applications if app.id not in own}
    needed |= {job.script for job in observed.jobs if job.id not in own}
    # The log of the controller is beside its scripts.
    old = {
        removable(path)
        for path in observed.files
        if path not in needed and (path.endswith(".py") or not path.startswith(f"{SCRIPTS}/"))
    }
    in_use = {app.environment.get(BUILT, "") for app in observed.controllers[1:]}
    for digest, built in observed.environments.items():
        if digest not in in_use | {desired.environment}:
            old |= set(built.files)
    return removals(sorted(old), observed, past, Reason.FILES_UNUSED)


PARTS: tuple[Part, ...] = (
    project,
    sources,
    preparation,
    environment,
    builders,
    application,
    readiness,
    leftovers,
)
