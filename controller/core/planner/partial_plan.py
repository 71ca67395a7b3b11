"""Partial plans: the steps and waits of one decision, which are merged into the plan."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from controller.core.model.member import Key
from controller.core.model.plan import Change, Intent, Step, Wait
from controller.core.model.reasons import Outlook, Reason


@dataclass(frozen=True, slots=True)
class PartialPlan:
    """Steps allowed now, and waits."""

    steps: tuple[Step, ...] = ()
    waits: tuple[Wait, ...] = ()

    def __add__(self, other: "PartialPlan") -> "PartialPlan":
        return PartialPlan(self.steps + other.steps, self.waits + other.waits)


NOTHING = PartialPlan()


def merge(parts: Iterable[PartialPlan]) -> PartialPlan:
    steps: list[Step] = []
    waits: list[Wait] = []
    for part in parts:
        steps += part.steps
        waits += part.waits
    return PartialPlan(tuple(steps), tuple(waits))


def wait(
    key: Key,
    reason: Reason,
    message: str,
    changes: tuple[Change, ...] = (),
    *,
    intent: Intent = Intent.NOTHING,
    until: datetime | None = None,
) -> PartialPlan:
    """A member left alone.  Messages are stable: the same cause, the same sentence, no times.

    A member that waits for a person is blocked, whatever its intent.
    """
    intent = Intent.BLOCKED if reason.outlook is Outlook.PERSON else intent
    return PartialPlan(
        waits=(Wait(key.cluster, key.member, reason, message, intent, changes, until),)
    )


def blocked_cluster(name: str, reason: Reason, message: str) -> PartialPlan:
    """A cluster that is left alone as a whole."""
    return PartialPlan(waits=(Wait(name, None, reason, message, Intent.BLOCKED),))
