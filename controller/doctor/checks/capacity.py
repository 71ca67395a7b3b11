"""Checks of the workspace's capacity: runtimes, quota, nodes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.core.model.member import application_name
from controller.core.model.observed import Phase, key_of
from controller.core.model.offers import OfferedRuntime, Requirement, choose_runtime, tail
from controller.core.model.project import Amounts, Quota
from controller.core.situation.situation import Situation
from controller.core.spec.suggestions import did_you_mean
from controller.core.spec.text import counted
from controller.doctor import state
from controller.doctor.checks.connection import key_user
from controller.doctor.probe import NoAnswerError, Probe, answered
from controller.doctor.result import CheckResult, bad, good, listed, or_good, unknown, warning
from controller.workspace.offers import look_at_offers, register_images

_KINDS = (("cpu", "cores"), ("memory", "GiB"), ("gpu", "GPUs"))
_EPSILON = 0.01


# Runtimes


def offered_runtimes(probe: Probe) -> tuple[OfferedRuntime, ...]:
    """The runtimes of the workspace; the local emulator gets those that the specs name."""
    if probe.connection.where.is_local:
        clusters = probe.answer_or((), state.declared_clusters)
        groups = (group for cluster in clusters for group in cluster.groups)
        images = {group.inputs.runtime for group in groups} - {""}
        register_images(probe.connection.inspector, images)
    offers = look_at_offers(probe.connection.inspector, Requirement(images=True))
    if offers.catalogue is None:
        probe.connection.inspector.list_runtimes()  # raises the error
    return offers.catalogue or ()


def runtimes(probe: Probe) -> Iterable[CheckResult]:
    catalogue = probe.ask(offered_runtimes)
    statuses = {one.identifier: one.status for one in catalogue}
    uses: dict[str, set[str]] = {}
    problems: list[CheckResult] = []
    for cluster in probe.ask(state.declared_clusters):
        for group in cluster.groups:
            image, choice = group.inputs.runtime, group.inputs.runtime_choice
            if choice is not None:
                found = choose_runtime(choice, catalogue)
                if found.problem:
                    fix = "choose one of `raycml doctor --runtimes`"
                    problems.append(bad(f"{cluster.name} {group.name}: {found.problem}", fix))
                    continue
                image = found.id
            uses.setdefault(image, set()).add(cluster.name)
    images = sorted(uses)
    problems += [e for image in images for e in _runtime(image, statuses, sorted(uses[image]))]
    return or_good(problems, f"{listed(map(tail, images))} enabled")


def _runtime(
    image: str, statuses: Mapping[str, str], clusters: Sequence[str]
) -> Iterator[CheckResult]:
    where = f"{tail(image)} ({', '.join(clusters)})"
    status = statuses.get(image)
    if status is None:
        hint = did_you_mean(tail(image), map(tail, statuses))
        fix = (
            "correct runtimeIdentifier (`raycml doctor --runtimes` lists those of the workspace), "
            f"or ask an administrator to add the image; {hint}"
        )
        yield bad(f"{where} is not in the workspace's catalog", fix.rstrip("; "))
    elif status == "DEPRECATED":
        yield warning(f"{where} is deprecated", "change runtimeIdentifier")
    elif status not in ("ENABLED", ""):
        fix = "change runtimeIdentifier, or ask an administrator to enable the image"
        yield bad(f"{where} is {status.lower()}", fix)


# Quota


def user_quota(probe: Probe) -> Quota:
    """The quota of the key's user."""
    amounts = probe.connection.inspector.quota(probe.answer_or("", key_user))
    return amounts or Quota(Amounts(), Amounts())


def quota(probe: Probe) -> Iterable[CheckResult]:
    """CML refuses what is beyond the quota, or accepts it, and the application stays STARTING."""
    allowance = probe.ask(user_quota)
    probe.ask(state.declared_clusters)
    situation = probe.ask(state.situation)
    problems: list[CheckResult] = []
    for kind, unit in _KINDS:
        limit, used = getattr(allowance.limit, kind), getattr(allowance.used, kind) or 0.0
        if limit is not None:
            problems += _over(_need(situation, kind), limit, used, unit)
    if not problems and allowance.limit == Amounts():
        return [unknown("CML reports no quota for this user")]
    return or_good(problems, f"the specs fit into the quota ({_described(allowance.limit)})")


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


def _over(need: _Need, limit: float, used: float, unit: str) -> Iterator[CheckResult]:
    fix = "ask the workspace administrator for a larger quota, or lower resources or replicas"
    if need.total > limit + _EPSILON:
        message = f"the specs need {need.total:g} {unit}, but the quota is {limit:g}"
        yield bad(f"{message}: some members would never start", fix)
    elif need.absent > limit - used + _EPSILON:
        free = max(limit - used, 0.0)
        message = f"new members need {need.absent:g} {unit}, but {free:g} of {limit:g} are free"
        yield warning(message, fix)


def _described(amounts: Amounts) -> str:
    pairs = [(getattr(amounts, kind), unit) for kind, unit in _KINDS]
    return ", ".join(f"{amount:g} {unit}" for amount, unit in pairs if amount is not None)


# Pods

PODS_WARNING = 45  # of 50, the limit of some private-cloud releases; jobs and sessions count too
POD_QUOTA = "OVERRIDE_PODQUOTA"


def pods(probe: Probe) -> Iterable[CheckResult]:
    """Some releases run 50 pods of a user at the same time, and no call tells the limit."""
    clusters, current = probe.ask(state.declared_clusters), probe.ask(state.situation)
    members = {
        application_name(cluster.name, group.member(number))
        for cluster in clusters
        for group in cluster.groups
        if not cluster.suspended and not group.suspended
        for number in range(group.replicas)
    }
    others = sum(
        app.phase in (Phase.STARTING, Phase.RUNNING) and app.subdomain not in members
        for project in current.observed.projects.values()
        for app in project.applications
    )
    needed = f"{counted(len(members), 'member')} and {counted(others, 'other application')}"
    lifted = any(POD_QUOTA in one.variables for one in answered(probe.ask(state.projects)).values())
    if len(members) + others <= PODS_WARNING or lifted:
        return [good(needed)]
    message = f"{needed}: some workspaces run 50 pods of a user, jobs and sessions included"
    fix = f"ask the administrator for the limit; {POD_QUOTA} in a project's environment may lift it"
    return [warning(message, fix)]


# Nodes


def largest_node(probe: Probe) -> Amounts:
    return probe.connection.inspector.largest_node()


def gpus_of_one(probe: Probe) -> float:
    """The most GPUs that one application can have."""
    gpus = probe.connection.inspector.gpus_of_one()
    if gpus is None:
        raise NoAnswerError("CML has no labels for GPUs")
    return gpus


def nodes(probe: Probe) -> Iterable[CheckResult]:
    clusters = probe.ask(state.declared_clusters)
    node = probe.answer_or(Amounts(), largest_node)
    bounds = Amounts(node.cpu, node.memory, probe.answer_or(node.gpu, gpus_of_one))
    problems = [
        _too_large(f"{cluster.name} {group.name}", getattr(group.inputs, kind), bound, unit)
        for cluster in clusters
        for group in cluster.groups
        for kind, unit in _KINDS
        if (bound := getattr(bounds, kind)) is not None
        and getattr(group.inputs, kind) > bound + _EPSILON
    ]
    if not problems and bounds == Amounts():
        return [unknown("CML does not report the size of its nodes")]
    return or_good(problems, f"every member fits on a node ({_described(bounds)})")


def _too_large(group: str, amount: float, bound: float, unit: str) -> CheckResult:
    message = f"{group} needs {amount:g} {unit}, but the largest node has {bound:g}"
    return bad(message, "lower `resources`, or ask the administrator for larger nodes")
