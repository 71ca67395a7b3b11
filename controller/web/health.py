"""Health and readiness of the controller.  Pure.

A controller is healthy if a pass started or ended recently, successful or not: an unavailable
workspace is no reason to restart a controller that keeps retrying.
"""

from dataclasses import dataclass
from datetime import datetime

from controller.core.spec.text import spoken
from controller.core.status.snapshot import ControllerSnapshot


@dataclass(frozen=True, slots=True)
class Watch:
    """Time limit of the watchdog in seconds, and its start."""

    stall_s: float
    since: datetime


def standstill(snapshot: ControllerSnapshot, now: datetime, watch: Watch) -> str:
    """A description of a standstill; empty while the loop makes progress."""
    loop = snapshot.loop
    signs = [at for at in (watch.since, loop.started_at, loop.ended_at) if at is not None]
    silent = (now - max(signs)).total_seconds()
    if silent <= watch.stall_s:
        return ""
    return f"no pass has started or ended for {spoken(silent)} (limit: {spoken(watch.stall_s)})"


def unready(snapshot: ControllerSnapshot) -> list[str]:
    """All reasons why the controller is not ready; empty if it is."""
    loop, source = snapshot.loop, snapshot.source
    reasons = []
    if loop.ended_at is None or snapshot.status is None:
        reasons.append("no pass has succeeded yet")
    if not source.revision:
        why = source.failure or (source.held.message if source.held else "")
        reasons.append("no revision is in force" + (f": {why}" if why else ""))
    if loop.failures:
        reasons.append(f"the last pass failed: {loop.error or 'unknown error'}")
    return reasons
