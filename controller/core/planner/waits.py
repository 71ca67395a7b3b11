"""Plans of one wait: what is left alone, and why."""

from datetime import datetime

from controller.core.model.member import Key
from controller.core.model.plan import Change, Intent, Plan, Wait
from controller.core.model.reasons import Outlook, Reason


def wait(
    key: Key,
    reason: Reason,
    message: str,
    changes: tuple[Change, ...] = (),
    *,
    intent: Intent = Intent.NOTHING,
    until: datetime | None = None,
) -> Plan:
    """A member left alone.  Messages are stable: the same cause, the same sentence, no times.

    A member that waits for a person is blocked, whatever its intent.
    """
    intent = Intent.BLOCKED if reason.outlook is Outlook.PERSON else intent
    return Plan(waits=(Wait(key.cluster, key.member, reason, message, intent, changes, until),))


def blocked_cluster(name: str, reason: Reason, message: str) -> Plan:
    """A cluster that is left alone as a whole."""
    return Plan(waits=(Wait(name, None, reason, message, Intent.BLOCKED),))
