"""Gate before Python environments: no member is started in one that does not exist.

It follows all decisions about a cluster's members, so that no other rule has to know of it.  A
running member keeps its environment while another one is built.
"""

from collections.abc import Iterable

from controller.core.model.jobs import ObservedEnvironment
from controller.core.model.member import Key
from controller.core.model.plan import (
    Create,
    Delete,
    Intent,
    Plan,
    Restart,
    Step,
    Stop,
    Update,
    Wait,
    WriteLauncher,
)
from controller.core.model.reasons import Reason
from controller.core.planner.python_environments.build import build
from controller.core.planner.python_environments.site import Build, Site, recipe_of
from controller.core.situation.cluster import ClusterSituation
from controller.core.situation.resolution import resolve_runtime

_Chain = tuple[Key | None, str | None]


def gate_environments(cluster: ClusterSituation, part: Plan) -> Plan:
    """The plan without steps into environments that do not exist, and with steps to build them."""
    if cluster.environments is None:
        return part
    blocked = _blocked_chains(cluster, part.steps)
    if not blocked:
        return part
    steps = [step for step in part.steps if step.member is None or _chain(step) not in blocked]
    needed = {step.launcher for step in steps}
    steps = [s for s in steps if not isinstance(s.action, WriteLauncher) or s.action.path in needed]
    builds = {digest: _build(cluster, digest) for _, digest in blocked.values()}
    waits = [_wait(first, builds[digest]) for first, digest in blocked.values()]
    steps += [step for result in builds.values() for step in result.steps]
    return Plan(tuple(steps), (*part.waits, *waits))


def _chain(step: Step) -> _Chain:
    return step.key, step.application_id


def _blocked_chains(
    cluster: ClusterSituation, steps: Iterable[Step]
) -> dict[_Chain, tuple[Step, str]]:
    """The first step of each application that waits for an environment, and the hash of that."""
    chains: dict[_Chain, list[Step]] = {}
    for step in steps:
        if step.member is not None:
            chains.setdefault(_chain(step), []).append(step)
    blocked: dict[_Chain, tuple[Step, str]] = {}
    for chain, chain_steps in chains.items():
        targets = (_target_environment(cluster, step) for step in chain_steps)
        digest = next(filter(None, targets), "")
        if digest and not _is_ready(cluster, digest):
            blocked[chain] = (chain_steps[0], digest)
    return blocked


def _is_ready(cluster: ClusterSituation, digest: str) -> bool:
    environment = (cluster.environments or {}).get(digest)
    return environment is not None and environment.ready


def _target_environment(cluster: ClusterSituation, step: Step) -> str:
    """Hash of the environment in which the step, or its chain, starts the application; or empty."""
    desired = cluster.desired.groups[0].environment_hash
    match step.action:
        case Create() | Update():
            return desired
        case Stop() if step.intent is Intent.UPDATE:
            return desired
        case Delete() if step.reason is Reason.REPLACED:
            return desired
        case Restart():
            return _current_environment(cluster, step)
        case _:
            return ""


def _current_environment(cluster: ClusterSituation, step: Step) -> str:
    apps = (member.app for member in cluster.members if member.key == step.key)
    mark = next((app.mark for app in apps if app is not None), None)
    return "" if mark is None else mark.environment_hash


def _build(cluster: ClusterSituation, digest: str) -> Build:
    head = cluster.desired.groups[0]
    if head.environment is None or head.environment.hash != digest:
        message = f"environment {digest} is gone, and the spec no longer asks for it"
        return Build(Reason.ENVIRONMENT_FAILED, message)
    observed = (cluster.environments or {}).get(digest, ObservedEnvironment())
    desired, recipe = cluster.desired, recipe_of(head.environment, cluster.policy)
    runtime, problem = _build_runtime(cluster, observed)
    if problem:
        return Build(Reason.ENVIRONMENT_FAILED, f"environment {digest}: {problem}")
    by, builders = desired.build_by, cluster.whole.index.builders
    application = builders.get((desired.project, digest))
    place = (desired.name, desired.project, runtime)
    return build(Site(*place, recipe, observed, cluster.past, by, application))


def _build_runtime(cluster: ClusterSituation, observed: ObservedEnvironment) -> tuple[str, str]:
    """The image of the job, or the problem.

    Where specs name a kind of runtime, an existing job keeps its image; the image is empty as long
    as the catalogue was not read.
    """
    head = cluster.desired.groups[0]
    if cluster.desired.build_runtime:
        return cluster.desired.build_runtime, ""
    if observed.job is not None and observed.job.runtime:
        return observed.job.runtime, ""
    if head.inputs.runtime_choice is None:
        return head.inputs.runtime, ""
    found = resolve_runtime(cluster, head.inputs.runtime_choice)
    return found.id, found.problem


def _wait(first: Step, result: Build) -> Wait:
    stuck = result.reason in (Reason.ENVIRONMENT_FAILED, Reason.QUOTA_EXCEEDED)
    intent, until = Intent.BLOCKED if stuck else first.intent, result.until
    cluster, member, changes = first.cluster, first.member, first.changes
    return Wait(cluster, member, result.reason, result.message, intent, changes, until)
