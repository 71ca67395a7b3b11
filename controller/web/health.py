"""Whether the controller makes progress, and whether it does its work.  Pure.

Progress is a pass that began or ended a short while ago, well or not: a workspace that is away is
no reason to restart a controller that goes on asking.
"""

from dataclasses import dataclass
from datetime import datetime

from controller.core.spec.text import spoken
from controller.core.status.snapshot import ControllerSnapshot


@dataclass(frozen=True, slots=True)
class Watch:
    """The patience of the watchdog, in seconds, and since when it watches."""

    stall_s: float
    since: datetime


def standstill(board: ControllerSnapshot, now: datetime, watch: Watch) -> str:
    """For how long nothing has moved, in words; empty while the loop makes progress."""
    loop = board.loop
    signs = [at for at in (watch.since, loop.started_at, loop.ended_at) if at is not None]
    silent = (now - max(signs)).total_seconds()
    if silent <= watch.stall_s:
        return ""
    return f"no pass has begun or ended for {spoken(silent)}; {spoken(watch.stall_s)} is the limit"


def unready(board: ControllerSnapshot) -> list[str]:
    """Everything that keeps the controller from its work; empty when it is ready."""
    found = []
    if board.loop.ended_at is None or board.status is None:
        found.append("no pass has ended well yet")
    if not board.source.revision:
        why = board.source.failure or (board.source.held.message if board.source.held else "")
        found.append("no revision is in force" + (f": {why}" if why else ""))
    if board.loop.failures:
        found.append(f"the last pass did not end well: {board.loop.error or 'no reason is known'}")
    return found
