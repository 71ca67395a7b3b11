"""Checks of the workspace's capacity: runtimes, quota, nodes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.core.model.observed import Phase, key_of
from controller.core.model.project import Amounts, Quota
from controller.core.situation.situation import Situation
from controller.core.spec.suggestions import did_you_mean
from controller.doctor import state
from controller.doctor.checks.connection import key_user
from controller.doctor.probe import NoAnswerError, Probe
from controller.doctor.result import CheckResult, bad, good, listed, unknown, warning

_KINDS = (("cpu", "cores"), ("memory", "GiB"), ("gpu", "GPUs"))
_EPSILON = 0.01


# Runtimes


def runtime_statuses(probe: Probe) -> Mapping[str, str]:
    """The status of each runtime of the workspace, by identifier."""
    return {one.identifier: one.status for one in probe.connection.inspector.list_runtimes()}


def runtimes(probe: Probe) -> Iterator[CheckResult]:
    statuses = probe.ask(runtime_statuses)
    uses: dict[str, set[str]] = {}
    for cluster in probe.ask(state.declared_clusters):
        for group in cluster.groups:
            uses.setdefault(group.inputs.runtime, set()).add(cluster.name)
    found = [_runtime(image, statuses, sorted(uses[image])) for image in sorted(uses)]
    faults = [fault for fault in found if fault is not None]
    yield from faults
    if not faults:
        yield good("runtimes", f"{listed(_tail(image) for image in sorted(uses))} enabled")


def _runtime(
    image: str, statuses: Mapping[str, str], clusters: Sequence[str]
) -> CheckResult | None:
    where = f"{_tail(image)} ({', '.join(clusters)})"
    status = statuses.get(image)
    if status is None:
        hint = did_you_mean(_tail(image), map(_tail, statuses))
        fix = f"correct runtimeIdentifier, or ask an administrator to add the image; {hint}"
        message = f"{where} is not in the workspace's catalog"
        return bad("runtimes", message, fix.rstrip("; "))
    if status == "DEPRECATED":
        return warning("runtimes", f"{where} is deprecated", "change runtimeIdentifier")
    if status not in ("ENABLED", ""):
        fix = "change runtimeIdentifier, or ask an administrator to enable the image"
        return bad("runtimes", f"{where} is {status.lower()}", fix)
    return None


def _tail(image: str) -> str:
    return image.rsplit("/", 1)[-1]


# Quota


def user_quota(probe: Probe) -> Quota:
    """The quota of the key's user."""
    user = probe.attempt(key_user)
    found = probe.connection.inspector.quota("" if isinstance(user, NoAnswerError) else user)
    return found or Quota(Amounts(), Amounts())


def quota(probe: Probe) -> Iterator[CheckResult]:
    """CML accepts a create beyond the quota, and the application stays STARTING."""
    allowance = probe.ask(user_quota)
    probe.ask(state.declared_clusters)
    situation = probe.ask(state.situation)
    faults: list[CheckResult] = []
    for kind, unit in _KINDS:
        need = _need(situation, kind)
        limit, used = getattr(allowance.limit, kind), getattr(allowance.used, kind) or 0.0
        faults += _over(need, limit, used, unit)
    yield from faults
    if not faults and allowance.limit == Amounts():
        yield unknown("quota", "CML reports no quota for this user")
    elif not faults:
        yield good("quota", f"the specs fit into the quota ({_described(allowance.limit)})")


@dataclass(frozen=True, slots=True)
class _Need:
    """The demand of the specs for one kind of resource: of all members, and of absent ones."""

    total: float
    absent: float


def _need(situation: Situation, kind: str) -> _Need:
    up = [a for a in situation.index.owned if a.phase in (Phase.STARTING, Phase.RUNNING)]
    present = [(key_of(a).cluster, key_of(a).member.group) for a in up]
    total = absent = 0.0
    for cluster in situation.desired.clusters:
        for group in cluster.groups:
            count = 0 if cluster.suspended or group.suspended else group.replicas
            amount = float(getattr(group.inputs, kind))
            total += amount * count
            absent += amount * max(count - present.count((cluster.name, group.name)), 0)
    return _Need(total, absent)


def _over(need: _Need, limit: float | None, used: float, unit: str) -> Iterator[CheckResult]:
    if limit is None:
        return
    fix = "ask the workspace administrator for a larger quota, or lower resources or replicas"
    if need.total > limit + _EPSILON:
        message = f"the specs need {need.total:g} {unit}, but the quota is {limit:g}"
        yield bad("quota", f"{message}: some members would never start", fix)
    elif need.absent > limit - used + _EPSILON:
        free = max(limit - used, 0.0)
        message = f"new members need {need.absent:g} {unit}, but {free:g} of {limit:g} are free"
        yield warning("quota", message, fix)


def _described(amounts: Amounts) -> str:
    known = [(getattr(amounts, kind), unit) for kind, unit in _KINDS]
    return ", ".join(f"{amount:g} {unit}" for amount, unit in known if amount is not None)


# Nodes


def largest_node(probe: Probe) -> Amounts:
    return probe.connection.inspector.largest_node()


def gpus_of_one(probe: Probe) -> float:
    """The most GPUs that one application can have."""
    found = probe.connection.inspector.gpus_of_one()
    if found is None:
        raise NoAnswerError("CML has no labels for GPUs")
    return found


def nodes(probe: Probe) -> Iterator[CheckResult]:
    clusters = probe.ask(state.declared_clusters)
    bounds = _bounds(probe.attempt(largest_node), probe.attempt(gpus_of_one))
    faults = [
        _too_large(f"{cluster.name} {group.name}", getattr(group.inputs, kind), bound, unit)
        for cluster in clusters
        for group in cluster.groups
        for kind, unit in _KINDS
        if (bound := getattr(bounds, kind)) is not None
        and getattr(group.inputs, kind) > bound + _EPSILON
    ]
    yield from faults
    if not faults and bounds == Amounts():
        yield unknown("nodes", "CML does not report the size of its nodes")
    elif not faults:
        yield good("nodes", f"every member fits on a node ({_described(bounds)})")


def _bounds(node: Amounts | NoAnswerError, gpus: float | NoAnswerError) -> Amounts:
    """The largest application that can start, as far as CML reports it."""
    node = Amounts() if isinstance(node, NoAnswerError) else node
    return Amounts(node.cpu, node.memory, node.gpu if isinstance(gpus, NoAnswerError) else gpus)


def _too_large(group: str, amount: float, bound: float, unit: str) -> CheckResult:
    message = f"{group} needs {amount:g} {unit}, but the largest node has {bound:g}"
    return bad("nodes", message, "lower `resources`, or ask the administrator for larger nodes")
