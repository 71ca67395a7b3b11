"""Steps of a setup, and their order.  Pure."""

from collections.abc import Iterable, Iterator

from controller.bootstrap.desired import WHEELS
from controller.bootstrap.observed import ObservedSetup
from controller.core.model.member import THE_ENVIRONMENT, THE_FILES, Key
from controller.core.model.plan import (
    NOTHING,
    Action,
    Change,
    DeleteBuilder,
    Intent,
    Plan,
    Step,
    Wait,
)
from controller.core.model.project import RemoveFile
from controller.core.model.reasons import Outlook, Reason
from controller.core.planner.python_environments.application import is_leaving
from controller.core.planner.python_environments.site import failed_call
from controller.core.planner.retries import gate
from controller.core.planner.waits import wait
from controller.core.situation.past import Past


def step_of(
    key: Key,
    action: Action,
    project: str,
    reason: Reason,
    intent: Intent,
    message: str = "",
    *,
    changes: tuple[Change, ...] = (),
    launcher: str | None = None,
) -> Step:
    cluster, member = key.cluster, key.member
    return Step(
        action, cluster, project, member, reason, intent, changes, message, launcher=launcher
    )


def step_on(path: str, action: Action, project: str, reason: Reason, intent: Intent) -> Step:
    """A step on one file."""
    return step_of(THE_FILES, action, project, reason, intent, changes=(Change(path, "", ""),))


def gated(past: Past, *steps: Step) -> Plan:
    """The steps, or the wait after a call of the first kind that was refused or failed."""
    key = steps[0].key if steps else None
    waiting = None if key is None else gate(past, key, steps[0].name)
    return waiting or Plan(steps)


def removals(paths: Iterable[str], observed: ObservedSetup, past: Past, reason: Reason) -> Plan:
    at = observed.project.id
    return gated(past, *(step_on(p, RemoveFile(p), at, reason, Intent.DELETE) for p in paths))


def builders_removed(observed: ObservedSetup, past: Past, reason: Reason) -> Plan:
    """Deletion of all applications that build an environment of the controller."""
    part, at = NOTHING, observed.project.id
    for digest, app in observed.builders.items():
        name = f"application {app.name}"
        if failed := failed_call(past, past.history.build(at, digest), name):
            part += wait(THE_ENVIRONMENT, failed.reason, failed.message, until=failed.until)
        elif is_leaving(app, past, digest):
            part += wait(THE_ENVIRONMENT, Reason.DELETING, f"CML deletes {name}")
        else:
            action, intent = DeleteBuilder(digest, app.id), Intent.DELETE
            part += Plan((step_of(THE_ENVIRONMENT, action, at, reason, intent, name),))
    return part


def removable(path: str) -> str:
    """The path, or of a wheel its own folder."""
    return path.rpartition("/")[0] if path.startswith(f"{WHEELS}/") else path


def in_turn(parts: Iterable[Plan]) -> Plan:
    """The first part that has anything, and the later ones unless the operator must act first."""
    first, later = NOTHING, list[Wait]()
    for part in parts:
        if first == NOTHING:
            first = part
            if any(one.reason.outlook is Outlook.PERSON for one in part.waits):
                break
        else:
            later += _postponed(part)
    return Plan(first.steps, (*first.waits, *later))


def _postponed(part: Plan) -> Iterator[Wait]:
    """One wait for each member and intent."""
    yield from (one for one in part.waits if one.intent is not Intent.NOTHING)
    steps: dict[object, list[Step]] = {}
    for step in part.steps:
        if step.member is not None:
            steps.setdefault((step.member, step.intent), []).append(step)
    for group in steps.values():
        first = group[0]
        changes = tuple(dict.fromkeys(change for step in group for change in step.changes))
        yield Wait(first.cluster, first.member, first.reason, first.message, first.intent, changes)
