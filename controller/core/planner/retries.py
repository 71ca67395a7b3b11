"""Retries of a call that was refused, or that failed: when the next one is due."""

from datetime import datetime

from controller.core.model.faults import FaultKind
from controller.core.model.history import Refusal
from controller.core.model.member import Key
from controller.core.model.plan import Plan
from controller.core.model.reasons import Reason
from controller.core.planner.waits import wait
from controller.core.situation.past import Past

_QUOTA_FIRST_S, _QUOTA_MOST_S = 30.0, 300.0


def gate(past: Past, key: Key, action: str) -> Plan | None:
    """The wait that stands before a call: refused before, or failed a moment ago."""
    history = past.member(key)
    refusal = history.refused_update if action == "update" else history.refusal
    if refusal is not None and refusal.action == action:
        return _refused(past, key, refusal)
    if history.failed_at is None:
        return None
    message = f"the last attempt failed: {history.error}"
    pause_s = past.policy.backoff_s(history.failures)
    return _wait(key, Reason.BACKOFF, message, past.deadline(history.failed_at, pause_s))


def quota_pause_s(tries: int) -> float:
    """Pause before the next try of what CML has no quota for, where a try costs nothing."""
    return min(_QUOTA_FIRST_S * 2.0 ** min(tries - 1, 30), _QUOTA_MOST_S)


def _refused(past: Past, key: Key, refusal: Refusal) -> Plan | None:
    if refusal.fault is FaultKind.QUOTA_EXCEEDED:
        until = past.deadline(refusal.last_at, quota_pause_s(refusal.tries))
        message = f"no quota left to {refusal.action} it: {refusal.message}"
        return _wait(key, Reason.QUOTA_EXCEEDED, message, until)
    conflict = refusal.fault is FaultKind.CONFLICT
    if conflict and past.deadline(refusal.first_at, past.policy.name_release_s):
        until = past.deadline(refusal.last_at, past.policy.backoff_s(refusal.tries))
        message = "the name is still taken; CML releases the name of a deleted application late"
        return _wait(key, Reason.NAME_IN_USE, message, until)
    until = past.deadline(refusal.last_at, past.policy.resync_s)
    if conflict:
        message = (
            "the name is taken by an application that raycml does not own, perhaps in another "
            f"project: rename the cluster or that application ({refusal.message})"
        )
        return _wait(key, Reason.NAME_CONFLICT, message, until)
    message = f"CML rejected the {refusal.action}: {refusal.message}"
    return _wait(key, Reason.REJECTED, message, until)


def _wait(key: Key, reason: Reason, message: str, until: datetime | None) -> Plan | None:
    return None if until is None else wait(key, reason, message, until=until)
