"""Goals of a one-shot run, and the verdict of a plan on them."""

from enum import Enum

from controller.core.model.plan import Intent, Plan, Wait
from controller.core.model.reasons import Outlook, Reason


class Goal(Enum):
    """Goals of a one-shot `reconcile`."""

    APPLIED = "applied"  # no step left
    RUNNING = "running"  # CML says that every member runs
    READY = "ready"  # Ray says that every node is alive


class Verdict(Enum):
    """Verdict on going on."""

    REACHED = "reached"
    MOVING = "moving"
    PERSON = "person"  # all that is left waits for a person


_ONLY_TIME = frozenset({Reason.STARTING, Reason.JOINING, Reason.DELETING, Reason.STOPPING})


def verdict(plan: Plan, goal: Goal) -> Verdict:
    """Judge a plan made after everything of the last one was done."""
    if plan.steps:
        return Verdict.MOVING
    moving = [w for w in plan.waits if w.reason.outlook is Outlook.MOVING]
    if any(not _enough(wait, goal) for wait in moving):
        return Verdict.MOVING
    stuck = any(w.reason.outlook is Outlook.PERSON for w in plan.waits)
    return Verdict.PERSON if stuck else Verdict.REACHED


def _enough(wait: Wait, goal: Goal) -> bool:
    if goal is Goal.READY:
        return False
    if goal is Goal.RUNNING:
        return wait.reason is Reason.JOINING
    return wait.reason in _ONLY_TIME and wait.intent is Intent.NOTHING
