"""Checks of projects: access, keys in their variables, shared memory."""

from collections.abc import Iterator

from controller.cml.inspector import WholeList
from controller.core.model.desired import DesiredState
from controller.core.model.observed import is_controller, is_ours
from controller.core.model.project import ProjectSeen
from controller.doctor import state
from controller.doctor.probe import NoAnswerError, Probe, answered
from controller.doctor.result import (
    Cause,
    CheckResult,
    bad,
    good,
    listed,
    skipped,
    unknown,
    warning,
)

KEYS = frozenset({"CML_API_KEY", "CDSW_APIV2_KEY"})
_STORE_MIN_MB = 80  # Ray refuses less than 75 MiB
_DEFAULT_MB = 64


def access(probe: Probe) -> Iterator[CheckResult]:
    for name, project in probe.ask(state.projects).items():
        if isinstance(project, NoAnswerError):
            yield _no_project(name, project)
        else:
            yield _access(project, probe.ask(state.listings)[project.id])


def _no_project(name: str | None, error: NoAnswerError) -> CheckResult:
    where = "CML_PROJECT_ID" if name is None else f"`project: {name}` of a spec"
    if error.kind == "Unauthorized":
        fix = "add the key's user to the project's collaborators, or use another key"
        return bad(f"{where}: {error}", fix, Cause.KEY)
    if error.kind in ("NotFound", "Rejected"):
        return bad(f"{where}: {error}", "use the project's id or exact name")
    return skipped(error)


def _access(project: ProjectSeen, listing: WholeList | NoAnswerError) -> CheckResult:
    name = f"{project.name} ({project.id})"
    fix = "make the key's user an operator, contributor or admin of the project"
    if isinstance(listing, NoAnswerError):
        if listing.kind == "Unauthorized":
            return bad(f"{name}: {listing}", fix, Cause.KEY)
        return unknown(f"{name} exists, but its applications are unknown: {listing}")
    if project.may_write is False:
        return bad(f"{name}: the key's user has read-only access", fix, Cause.KEY)
    if not listing.seen.complete:
        return warning(f"{name}: the list of applications was incomplete", "run it again")
    return good(f"{name}: applications can be listed")


def pinned_keys(probe: Probe) -> Iterator[CheckResult]:
    """Keys in the environment of a project or an application.

    CML gives each pod a key that ends with the pod, and a variable of the project or application
    wins over it.
    """
    probe.ask(state.project_ids)
    projects = answered(probe.ask(state.projects)).values()
    places = {f"project {p.name}": p.variables & KEYS for p in projects}
    inherited = {p.id: p.variables for p in projects}
    current = probe.ask(state.situation)
    for project in current.observed.projects.values():
        for app in project.applications:
            if is_ours(app, current.policy.owner) or is_controller(app, current.policy.owner):
                own = app.environment.keys() & KEYS - inherited.get(project.project, frozenset())
                places[f"application {app.name}"] = frozenset(own)
    pinned = [f"{', '.join(sorted(names))} of {place}" for place, names in places.items() if names]
    if not pinned:
        yield good("no API key in the environment of a project or an application")
        return
    fix = "remove it there, so that each pod uses the key that CML gives it"
    message = f"{listed(pinned)}: it replaces the key of each pod, and a key of a pod ends with it"
    yield warning(message, fix)


def shared_memory(probe: Probe) -> Iterator[CheckResult]:
    """Ray's object stores are in `/dev/shm`, which the project limits."""
    probe.ask(state.project_ids)
    for project in answered(probe.ask(state.projects)).values():
        yield _shared_memory(project, _largest_store_mb(project.id, probe.ask(state.desired)))


def _largest_store_mb(project: str, desired: DesiredState) -> float:
    """The largest object store that a spec sets explicitly."""
    sizes = [
        group.inputs.ray_start_params.get("object-store-memory", "")
        for cluster in desired.clusters
        if cluster.project == project
        for group in cluster.groups
    ]
    return max((int(n) / 2**20 for n in sizes if n.isascii() and n.isdigit()), default=0.0)


def _shared_memory(project: ProjectSeen, store_mb: float) -> CheckResult:
    if project.shared_memory_mb is None:
        return unknown(f"{project.name}: CML does not report the limit")
    limit = project.shared_memory_mb or _DEFAULT_MB
    size = f"{project.name}: {limit} MB"
    fix = "raise it in the project's settings (shared memory), then restart the members"
    if limit < _STORE_MIN_MB:
        return warning(f"{size}, so object stores are on disk and slow", fix)
    if store_mb > limit:
        return warning(f"{size}, but a spec sets a store of {store_mb:.0f} MB", fix)
    return good(f"{size} for object stores")
