"""Gate before Python environments: no member is started in one that does not exist.

It follows all decisions about a cluster's members, so that no other rule has to know of it.  A
running member keeps its environment while another one is built.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from controller.core.model.member import Key
from controller.core.model.observed import ObservedEnvironment
from controller.core.model.plan import (
    Create,
    Delete,
    Intent,
    Restart,
    Step,
    Stop,
    Update,
    Wait,
    WriteLauncher,
)
from controller.core.model.reasons import Reason
from controller.core.planner.partial_plan import PartialPlan
from controller.core.planner.python_environments.build import (
    Build,
    Site,
    build,
    recipe_of,
)
from controller.core.situation.cluster import ClusterSituation

_Chain = tuple[Key | None, str | None]


@dataclass(frozen=True, slots=True)
class _Held:
    """Steps of one application that wait for an environment."""

    digest: str
    steps: tuple[Step, ...]


def behind_environments(cluster: ClusterSituation, part: PartialPlan) -> PartialPlan:
    """The plan without steps into environments that do not exist, and with steps to build them."""
    if cluster.environments is None:
        return part
    held = _held(cluster, part.steps)
    if not held:
        return part
    kept = [step for step in part.steps if step.member is None or _chain(step) not in held]
    named = {step.launcher for step in kept}
    steps = [s for s in kept if not isinstance(s.action, WriteLauncher) or s.action.path in named]
    builds = {one.digest: _build(cluster, one.digest) for one in held.values()}
    waits = [_wait(one.steps[0], builds[one.digest]) for one in held.values()]
    steps += [step for started in builds.values() for step in started.steps]
    return PartialPlan(tuple(steps), (*part.waits, *waits))


def _chain(step: Step) -> _Chain:
    return step.key, step.application_id


def _held(cluster: ClusterSituation, steps: Iterable[Step]) -> dict[_Chain, _Held]:
    chains: dict[_Chain, list[Step]] = {}
    for step in steps:
        if step.member is not None:
            chains.setdefault(_chain(step), []).append(step)
    found: dict[_Chain, _Held] = {}
    for chain, ours in chains.items():
        digest = next(filter(None, (_entered(cluster, step) for step in ours)), "")
        if digest and not _is_ready(cluster, digest):
            found[chain] = _Held(digest, tuple(ours))
    return found


def _is_ready(cluster: ClusterSituation, digest: str) -> bool:
    there = (cluster.environments or {}).get(digest)
    return there is not None and there.ready


def _entered(cluster: ClusterSituation, step: Step) -> str:
    """Hash of the environment that the application is started into, in the end; empty for none."""
    match step.action:
        case Create() | Update():
            return _wanted(cluster)
        case Stop() if step.intent is Intent.UPDATE:
            return _wanted(cluster)
        case Delete() if step.reason is Reason.REPLACED:
            return _wanted(cluster)
        case Restart():
            return _its_own(cluster, step)
        case _:
            return ""


def _wanted(cluster: ClusterSituation) -> str:
    environment = cluster.desired.groups[0].environment
    return "" if environment is None else environment.hash


def _its_own(cluster: ClusterSituation, step: Step) -> str:
    apps = (member.app for member in cluster.members if member.key == step.key)
    mark = next((app.mark for app in apps if app is not None), None)
    return "" if mark is None else mark.environment_hash


def _build(cluster: ClusterSituation, digest: str) -> Build:
    head = cluster.desired.groups[0]
    if head.environment is None or head.environment.hash != digest:
        message = f"environment {digest} is gone, and the spec no longer asks for it"
        return Build(Reason.ENVIRONMENT_FAILED, message)
    seen = (cluster.environments or {}).get(digest, ObservedEnvironment())
    wanted, recipe = cluster.desired, recipe_of(head.environment, cluster.policy)
    site = Site(wanted.name, wanted.project, wanted.build_runtime, recipe, seen, cluster.past)
    return build(site)


def _wait(first: Step, made: Build) -> Wait:
    stuck = made.reason is Reason.ENVIRONMENT_FAILED
    intent = Intent.BLOCKED if stuck else first.intent
    return Wait(
        first.cluster, first.member, made.reason, made.message, intent, first.changes, made.until
    )
