"""Checks of projects and what they offer: access, memory, runtimes, room, files, interpreter."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.core.model.desired import DesiredState, Group
from controller.core.model.observed import ObservedProject, ObservedState, Phase, key_of
from controller.core.model.project import Amounts, ProjectSeen
from controller.core.spec.python_environment import ENVIRONMENTS
from controller.core.spec.suggestions import did_you_mean
from controller.doctor.result import (
    Cause,
    Finding,
    bad,
    good,
    listed,
    not_checked,
    unknown,
    warning,
)
from controller.doctor.state import Facts, Unread, seen, wanted

_STORE_LEAST_MB = 80  # Ray refuses less than 75 MiB
_DEFAULT_MB = 64
_EPSILON = 0.01


def projects(facts: Facts) -> Iterator[Finding]:
    for name, found in sorted(facts.projects.items(), key=lambda item: item[0] or ""):
        if isinstance(found, Unread):
            yield _no_project(name, found)
        else:
            yield _access(found, facts.applications.get(found.id, Unread("it was not asked for")))


def _no_project(name: str | None, found: Unread) -> Finding:
    where = "CML_PROJECT_ID" if name is None else f"`project: {name}` of a spec"
    if found.kind == "Unauthorized":
        fix = "have the key's user made a collaborator of the project, or take another key"
        return bad("project", f"{where}: {found.why}", fix, Cause.KEY)
    if found.kind in ("NotFound", "Rejected"):
        return bad("project", f"{where}: {found.why}", "give the project's id or exact name")
    return not_checked("project", found)


def _access(project: ProjectSeen, listing: ObservedProject | Unread) -> Finding:
    what = f"{project.name} ({project.id})"
    fix = "have the key's user made an operator, contributor or admin of the project"
    if isinstance(listing, Unread):
        if listing.kind == "Unauthorized":
            return bad("project", f"{what}: {listing.why}", fix, Cause.KEY)
        return unknown("project", f"{what} exists; its applications are not known: {listing.why}")
    if project.may_write is False:
        return bad("project", f"{what}: the key's user may only read it", fix, Cause.KEY)
    if not listing.complete:
        return warning("project", f"{what}: the list of applications was torn", "run it again")
    return good("project", f"{what} exists, and its applications may be listed")


def shared_memory(facts: Facts) -> Iterator[Finding]:
    """`/dev/shm` is where Ray's object stores are, and the project bounds it."""
    for project in facts.projects.values():
        if not isinstance(project, Unread):
            yield _shared_memory(project, _stores(project.id, wanted(facts)))
    unread = _unread(facts)
    if unread is not None:
        yield not_checked("shared-memory", unread)


def _unread(facts: Facts) -> Unread | None:
    """Why no project could be read; None where one was."""
    found = list(facts.projects.values())
    unread = [project for project in found if isinstance(project, Unread)]
    return unread[0] if found and len(unread) == len(found) else None


def _nothing_wanted(name: str, facts: Facts) -> Finding:
    """The note where no cluster is known that anything could be compared with."""
    unread = _unread(facts)
    if unread is not None and not isinstance(facts.specs, Unread):
        return not_checked(name, unread)
    return unknown(name, "there are no specs to compare with")


def _stores(project: str, desired: DesiredState) -> float:
    """The largest object store that a spec asks for by name, in MB."""
    given = [
        group.inputs.ray_start_params.get("object-store-memory", "")
        for cluster in desired.clusters
        if cluster.project == project
        for group in cluster.groups
    ]
    return max((int(n) / 2**20 for n in given if n.isascii() and n.isdigit()), default=0.0)


def _shared_memory(project: ProjectSeen, store_mb: float) -> Finding:
    limit = project.shared_memory_mb
    fix = "raise it in the project's settings (shared memory), then restart the members"
    if limit is None:
        return unknown("shared-memory", f"{project.name}: CML does not tell its limit")
    effective = limit or _DEFAULT_MB
    if effective < _STORE_LEAST_MB:
        message = f"{project.name}: {effective} MB, so object stores lie on disk and are slow"
        return warning("shared-memory", message, fix)
    if store_mb > effective:
        message = f"{project.name}: {effective} MB, and a spec wants a store of {store_mb:.0f} MB"
        return warning("shared-memory", message, fix)
    return good("shared-memory", f"{project.name}: {effective} MB for object stores")


def runtimes(facts: Facts) -> Iterator[Finding]:
    uses: dict[str, set[str]] = {}
    for cluster in wanted(facts).clusters:
        for group in cluster.groups:
            uses.setdefault(group.inputs.runtime, set()).add(cluster.name)
    if isinstance(facts.runtimes, Unread):
        yield not_checked("runtimes", facts.runtimes)
        return
    if not uses:
        yield _nothing_wanted("runtimes", facts)
        return
    faults = [
        fault
        for image, clusters in sorted(uses.items())
        if (fault := _runtime(image, facts.runtimes, sorted(clusters))) is not None
    ]
    yield from faults
    if not faults:
        yield good("runtimes", f"{listed(_tail(image) for image in sorted(uses))} enabled")


def _runtime(image: str, known: Mapping[str, str], clusters: Sequence[str]) -> Finding | None:
    where = f"{_tail(image)} ({', '.join(clusters)})"
    status = known.get(image)
    if status is None:
        hint = did_you_mean(_tail(image), map(_tail, known))
        fix = f"correct runtimeIdentifier, or have an admin add the image; {hint}".rstrip("; ")
        return bad("runtimes", f"{where} is not in the workspace's catalogue", fix)
    if status == "DEPRECATED":
        return warning("runtimes", f"{where} is deprecated", "change runtimeIdentifier")
    if status not in ("ENABLED", ""):
        fix = "change runtimeIdentifier, or have an admin enable the image"
        return bad("runtimes", f"{where} is {status.lower()}", fix)
    return None


def _tail(image: str) -> str:
    return image.rsplit("/", 1)[-1]


@dataclass(frozen=True, slots=True)
class _Need:
    """What specs ask for in one kind of resource: of all members, of those absent, of one."""

    total: float
    absent: float
    largest: float


def _need(desired: DesiredState, observed: ObservedState, owner: str, kind: str) -> _Need:
    up = [a for a in observed.owned(owner) if a.phase in (Phase.STARTING, Phase.RUNNING)]
    here = [(key_of(a).cluster, key_of(a).member.group) for a in up]
    total = absent = largest = 0.0
    for cluster in desired.clusters:
        for group in cluster.groups:
            count = 0 if cluster.suspended or group.suspended else group.replicas
            amount = float(getattr(group.inputs, kind))
            total += amount * count
            absent += amount * max(count - here.count((cluster.name, group.name)), 0)
            largest = max(largest, amount)
    return _Need(total, absent, largest)


_KINDS = (("cpu", "cores"), ("memory", "GiB"), ("gpu", "GPUs"))


def quota(facts: Facts) -> Iterator[Finding]:
    """CML refuses nothing that is over a quota: the member just stays STARTING."""
    found, desired = facts.quota, wanted(facts)
    if isinstance(found, Unread):
        yield unknown("quota", f"cannot be known: {found.why}")
        return
    if not desired.clusters:
        yield _nothing_wanted("quota", facts)
        return
    faults: list[Finding] = []
    for kind, unit in _KINDS:
        need = _need(desired, seen(facts), facts.policy.owner, kind)
        limit, used = getattr(found.limit, kind), getattr(found.used, kind) or 0.0
        faults += _over(need, limit, used, unit)
    yield from faults
    if not faults:
        yield _room(found.limit)


def _over(need: _Need, limit: float | None, used: float, unit: str) -> Iterator[Finding]:
    if limit is None:
        return
    fix = "ask the workspace's admin for a larger quota, or lower resources or replicas"
    if need.total > limit + _EPSILON:
        message = f"specs want {need.total:g} {unit} and the quota is {limit:g}: members would wait"
        yield bad("quota", message, fix)
    elif need.absent > limit - used + _EPSILON:
        free = max(limit - used, 0.0)
        message = f"members to come want {need.absent:g} {unit} and {free:g} of {limit:g} are free"
        yield warning("quota", message, fix)


def _room(limit: Amounts) -> Finding:
    known = [(getattr(limit, kind), unit) for kind, unit in _KINDS]
    told = [f"{amount:g} {unit}" for amount, unit in known if amount is not None]
    if not told:
        return unknown("quota", "cannot be known: CML tells of no quota for this user")
    return good("quota", f"specs fit into the quota ({', '.join(told)})")


def nodes(facts: Facts) -> Iterator[Finding]:
    """Whether some node could hold the largest member, as far as CML tells how large nodes are."""
    desired = wanted(facts)
    if not desired.clusters:
        yield _nothing_wanted("nodes", facts)
        return
    bounds = _bounds(facts)
    faults = [
        _too_large(cluster.name, group, kind, unit, bound)
        for cluster in desired.clusters
        for group in cluster.groups
        for kind, unit in _KINDS
        if (bound := getattr(bounds, kind)) is not None
        and getattr(group.inputs, kind) > bound + _EPSILON
    ]
    yield from faults
    if faults:
        return
    if bounds == Amounts():
        yield unknown("nodes", "cannot be known: CML does not tell how large its nodes are")
    else:
        told = [(getattr(bounds, kind), unit) for kind, unit in _KINDS]
        said = ", ".join(f"{amount:g} {unit}" for amount, unit in told if amount is not None)
        yield good("nodes", f"every member fits on a node ({said})")


def _bounds(facts: Facts) -> Amounts:
    node = Amounts() if isinstance(facts.node, Unread) else facts.node
    gpu = node.gpu if isinstance(facts.gpu_of_one, Unread) else facts.gpu_of_one
    return Amounts(node.cpu, node.memory, gpu)


def _too_large(cluster: str, group: Group, kind: str, unit: str, bound: float) -> Finding:
    amount = getattr(group.inputs, kind)
    message = f"{cluster} {group.name} wants {amount:g} {unit}; the largest node has {bound:g}"
    return bad("nodes", message, "lower `resources`, or ask the workspace's admin for larger nodes")


def files(facts: Facts) -> Iterator[Finding]:
    found = facts.probe
    if isinstance(found, Unread):
        yield not_checked("files", found)
    elif found.problem:
        fix = "let the key's user (or this pod's) write into `.raycml` of the project"
        yield bad("files", f"the launcher folder cannot be used: {found.problem}", fix)
    elif found.atomic:
        yield good("files", "a probe was written, replaced in one move and removed")
    else:
        yield good("files", "a probe was written, replaced (by delete and upload) and removed")


def interpreters(facts: Facts) -> Iterator[Finding]:
    """Relative ones are looked for in the project; what an image holds only a pod can see."""
    pythons = sorted({(c.project, c.groups[0].inputs.python) for c in wanted(facts).clusters})
    if not pythons:
        yield _nothing_wanted("python", facts)
        return
    there: list[str] = []
    for place in pythons:
        found = facts.interpreters.get(place, Unread("an absolute path, which only pods can see"))
        if isinstance(found, Unread):
            yield unknown("python", f"{place[1]}: {found.why}")
        elif found:
            there.append(place[1])
        elif place[1].startswith(f"{ENVIRONMENTS}/"):
            yield unknown("python", f"{place[1]} is not built yet: `raycml reconcile` has it built")
        else:
            fix = "make the environment there and install Ray into it, or correct `python`"
            yield bad("python", f"{place[1]} is not in the project's files", fix)
    if there:
        yield good("python", f"{listed(there)} is in the project's files")
