"""Backoff and budget of restarts, of whatever kind."""

from controller.core.model.member import Key
from controller.core.model.plan import Intent, Plan
from controller.core.model.reasons import Reason
from controller.core.planner.waits import wait
from controller.core.situation.past import Past


def spent(past: Past, key: Key, what: str) -> Plan | None:
    """The wait of a member that was restarted a moment ago, or too often within the hour.

    One budget for restarts of every kind: what ends one loop of them ends all.
    """
    policy = past.policy
    attempts = [t for t in past.member(key).attempts if (past.now - t).total_seconds() < 3600]
    if len(attempts) >= policy.repairs_per_hour_max:
        if until := past.deadline(attempts[-1], policy.resync_s):
            message = f"{what} ({len(attempts)} restarts in the last hour); see its log"
            return wait(key, Reason.CRASH_LOOPING, message, until=until)
    elif attempts and (until := past.deadline(attempts[-1], policy.backoff_s(len(attempts)))):
        message = f"{what}; waiting before the next one"
        return wait(key, Reason.BACKOFF, message, intent=Intent.RESTART, until=until)
    return None
