"""Starts of a member that is down, where CML restarts only what runs.

Some workspaces refuse `:restart` of an application that FAILED, or of any that does not run.  Such
a refusal concerns the workspace, so it is remembered for all members: a failed application is then
stopped first, and one that even then is not restarted is deleted and created again.
"""

from enum import Enum

from controller.core.model.faults import FaultKind
from controller.core.model.history import History
from controller.core.model.member import Key
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import Change, Plan
from controller.core.model.reasons import Reason
from controller.core.planner import steps
from controller.core.planner.protection import protected_from_replacement
from controller.core.planner.retries import gate
from controller.core.situation.cluster import ClusterSituation
from controller.core.situation.matching import Match


class Start(Enum):
    """The first call towards the start of an application that does not run."""

    RESTART = "restart"
    STOP = "stop"
    REPLACE = "delete"


STOP_MESSAGE = "CML restarts no failed application here, so it is stopped first"
REPLACE_MESSAGE = "CML restarts only what runs here, so it is deleted and created again"


def first_call(history: History, key: Key, phase: Phase) -> Start:
    if phase not in history.no_restart:
        return Start.RESTART
    refusal = history.member(key).refusal
    unstoppable = refusal is not None and (refusal.action, refusal.fault) == _STOP_REFUSED
    if phase is Phase.FAILED and Phase.STOPPED not in history.no_restart and not unstoppable:
        return Start.STOP
    return Start.REPLACE


_STOP_REFUSED = (Start.STOP.value, FaultKind.REJECTED)


def other_start(
    cluster: ClusterSituation,
    match: Match,
    app: ObservedApplication,
    reason: Reason,
    changes: tuple[Change, ...] = (),
) -> Plan | None:
    """The call that stands in for a restart; None where the workspace restarts the application."""
    start = first_call(cluster.past.history, match.key, app.phase)
    if start is Start.RESTART:
        return None
    if start is Start.REPLACE and (waits := protected_from_replacement(cluster, match, changes)):
        return waits
    waits = gate(cluster.past, match.key, start.value)
    if start is Start.STOP:
        return waits or steps.stop_to_start(match, app, reason, changes, STOP_MESSAGE)
    return waits or steps.replace_to_start(match, app, reason, changes, REPLACE_MESSAGE)


def replaces(cluster: ClusterSituation) -> bool:
    """True if what is stopped for an update could not be started again."""
    return Phase.STOPPED in cluster.past.history.no_restart
