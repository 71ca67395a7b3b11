"""Calls that CML accepted and that its lists do not show yet."""

from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication
from controller.core.model.plan import Plan
from controller.core.model.reasons import Reason
from controller.core.planner.waits import wait
from controller.core.situation.past import Past

_AT_ONCE = frozenset({"update", "require_sign_in"})  # read back after the call


def settling(past: Past, key: Key, app: ObservedApplication) -> Plan | None:
    """The wait while a call was accepted and lists do not show it yet.

    CML's lists follow its writes within seconds.  Once the phase has moved since the call, or the
    time is up, the observed state counts.
    """
    history = past.application(app)
    if history.called_at is None or history.call in _AT_ONCE or history.since > history.called_at:
        return None
    message = f"{history.call} was accepted but is not visible yet"
    until = past.deadline(history.called_at, past.policy.settle_s)
    return wait(key, Reason.SETTLING, message, until=until) if until else None


def created(past: Past, key: Key) -> Plan | None:
    """The wait while a member was, or may have been, created and no list shows it yet."""
    history = past.member(key)
    if history.created_at is None:
        return None
    if until := past.deadline(history.created_at, past.policy.settle_s):
        lost = "may have been created: the answer was lost, and lists may lag"
        message = lost if history.created_id is None else "just created, not listed yet"
        return wait(key, Reason.SETTLING, message, until=until)
    return None
