"""A clock that is set: what is remembered stays as long ago as it was.

Otherwise a step forwards would end every wait, and one back would prolong it or make it forgotten.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from controller.clock import Clock
from controller.core.model.history import History

STEP_MIN_S = 1.0  # less is how clocks are kept right


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both clocks at one moment: the wall's, and one in seconds that never jumps."""

    wall: datetime
    monotonic: float


def read_clocks(clock: Clock) -> ClockReading:
    return ClockReading(clock.now(), clock.monotonic())


def recalled(history: History, before: ClockReading | None, now: ClockReading) -> History:
    """The history at the begin of a pass, where the last one began at `before`."""
    if before is None:
        return history
    step = now.wall - before.wall - timedelta(seconds=now.monotonic - before.monotonic)
    if abs(step.total_seconds()) < STEP_MIN_S:
        return history
    moved: History = _moved(history, step)
    return moved


def _moved(value: Any, by: timedelta) -> Any:
    """With every time in it moved, so that no field of the history can be left out."""
    if isinstance(value, datetime):
        return value + by
    if isinstance(value, Mapping):
        return {key: _moved(each, by) for key, each in value.items()}
    if isinstance(value, tuple):
        return tuple(_moved(each, by) for each in value)
    if is_dataclass(value) and not isinstance(value, type):
        parts = {part.name: getattr(value, part.name) for part in fields(value)}
        return replace(value, **{name: _moved(part, by) for name, part in parts.items()})
    return value
