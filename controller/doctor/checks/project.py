"""Checks of projects: access, keys in their variables, shared memory."""

from collections.abc import Iterator, Mapping

from controller.cml.inspector import WholeList
from controller.core.model.desired import DesiredState
from controller.core.model.observed import is_controller, is_ours
from controller.core.model.project import ProjectSeen
from controller.core.model.ray.report import HeadReport
from controller.core.spec.shared_memory import DEFAULT_MB, KEEP, limit_for, store_bytes
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
_SHOWN = 10


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
        yield _shared_memory(project, _largest_store(project.id, probe.ask(state.desired)))
        yield from _capped(project, probe.ask(state.desired), probe.ask(state.reports))


def _largest_store(project: str, desired: DesiredState) -> int:
    """Bytes of the largest object store of the specs, where they do not keep the limit."""
    return max(
        (
            store_bytes(group.inputs.memory, dict(group.inputs.ray_start_params))
            for cluster in desired.clusters
            if cluster.project == project and cluster.shared_memory != KEEP
            for group in cluster.groups
        ),
        default=0,
    )


def _capped(
    project: ProjectSeen, desired: DesiredState, reports: Mapping[str, HeadReport]
) -> Iterator[CheckResult]:
    """Members that run with a smaller object store than they would have."""
    for cluster in desired.clusters:
        report = reports.get(cluster.name)
        if cluster.project != project.id or report is None:
            continue
        capped = sorted(name for name, member in report.members.items() if member.is_capped)
        if capped:
            first = report.members[capped[0]]
            have, asked = first.store_bytes / 2**30, first.store_asked_bytes / 2**30
            more = f" and {len(capped) - 1} more" if len(capped) > 1 else ""
            yield warning(
                f"{cluster.name} {capped[0]}{more}: object store capped to {have:.3g} of "
                f"{asked:.3g} GiB",
                "restart the members once the limit is large enough",
            )


def variables(probe: Probe) -> Iterator[CheckResult]:
    """Values that are no text break later starts in the project, as observed."""
    probe.ask(state.project_ids)
    for project in answered(probe.ask(state.projects)).values():
        if project.untyped:
            names = ", ".join(project.untyped[:_SHOWN])
            message = f"{project.name}: values that are no text, so that nothing may start: {names}"
            yield warning(message, "enter them again in the project's settings, as text")
        else:
            yield good(f"{project.name}: all values are text")


def _shared_memory(project: ProjectSeen, store: int) -> CheckResult:
    if project.shared_memory_mb is None:
        return unknown(f"{project.name}: CML does not report the limit")
    limit = project.shared_memory_mb or DEFAULT_MB
    size = f"{project.name}: {limit} MB"
    fix = "run `raycml reconcile`, which raises it, or raise it in the project's settings; then "
    fix += "restart the members"
    if limit < _STORE_MIN_MB:
        return warning(f"{size}, so object stores are on disk and slow", fix)
    if limit < limit_for(store):
        need = f"{limit_for(store)} MB for a store of {store / 2**30:.3g} GiB"
        return warning(f"{size}, but the specs need {need}", fix)
    return good(f"{size} for object stores")
