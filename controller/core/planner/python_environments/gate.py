"""The one gate before an environment: nobody is started into one that is not there.

Stands behind all decisions about a cluster's members, so that none of them need know of it.  A
member that serves goes on serving in the environment that it has while another one is built.
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
from controller.core.situation.situation import View

_Chain = tuple[Key | None, str | None]


@dataclass(frozen=True, slots=True)
class _Held:
    """The steps of one application that are not taken, and the environment that they need."""

    digest: str
    steps: tuple[Step, ...]


def behind_environments(view: View, made: PartialPlan) -> PartialPlan:
    """The draft without steps into environments that are not there; steps that build them."""
    if view.environments is None:
        return made
    held = _held(view, made.steps)
    if not held:
        return made
    kept = [step for step in made.steps if step.member is None or _chain(step) not in held]
    named = {step.launcher for step in kept}
    steps = [s for s in kept if not isinstance(s.action, WriteLauncher) or s.action.path in named]
    builds = {one.digest: _build(view, one.digest) for one in held.values()}
    waits = [_wait(one.steps[0], builds[one.digest]) for one in held.values()]
    steps += [step for made_ready in builds.values() for step in made_ready.steps]
    return PartialPlan(tuple(steps), (*made.waits, *waits))


def _chain(step: Step) -> _Chain:
    return step.key, step.application_id


def _held(view: View, steps: Iterable[Step]) -> dict[_Chain, _Held]:
    chains: dict[_Chain, list[Step]] = {}
    for step in steps:
        if step.member is not None:
            chains.setdefault(_chain(step), []).append(step)
    found: dict[_Chain, _Held] = {}
    for chain, ours in chains.items():
        digest = next(filter(None, (_entered(view, step) for step in ours)), "")
        if digest and not _is_ready(view, digest):
            found[chain] = _Held(digest, tuple(ours))
    return found


def _is_ready(view: View, digest: str) -> bool:
    there = (view.environments or {}).get(digest)
    return there is not None and there.ready


def _entered(view: View, step: Step) -> str:
    """Hash of the environment that the application is started into, in the end; empty for none."""
    match step.action:
        case Create() | Update():
            return _wanted(view)
        case Stop() if step.intent is Intent.UPDATE:
            return _wanted(view)
        case Delete() if step.reason is Reason.REPLACED:
            return _wanted(view)
        case Restart():
            return _its_own(view, step)
        case _:
            return ""


def _wanted(view: View) -> str:
    environment = view.cluster.groups[0].environment
    return "" if environment is None else environment.hash


def _its_own(view: View, step: Step) -> str:
    apps = (case.seat.app for case in view.cases if case.seat.key == step.key)
    mark = next((app.mark for app in apps if app is not None), None)
    return "" if mark is None else mark.environment_hash


def _build(view: View, digest: str) -> Build:
    head = view.cluster.groups[0]
    if head.environment is None or head.environment.hash != digest:
        message = f"environment {digest} is gone, and the spec no longer asks for it"
        return Build(Reason.ENVIRONMENT_FAILED, message)
    seen = (view.environments or {}).get(digest, ObservedEnvironment())
    name, project, runtime = view.cluster.name, view.cluster.project, view.cluster.build_runtime
    recipe = recipe_of(head.environment, view.past.policy)
    return build(Site(name, project, runtime, recipe, seen, view.past))


def _wait(first: Step, made: Build) -> Wait:
    stuck = made.reason is Reason.ENVIRONMENT_FAILED
    intent = Intent.BLOCKED if stuck else first.intent
    return Wait(
        first.cluster, first.member, made.reason, made.message, intent, first.changes, made.until
    )
