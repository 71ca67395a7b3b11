"""The pod that writes a member's file, where two pods of one member live at once.

Decided without comparing clocks: each pod counts one more than the file says when it starts, and
the highest count owns the file for as long as the file changes.  A pod whose clock is wrong, or
one that left a time in the future, so never silences the pods that come after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from controller.node.clock import Clock
from controller.node.project_files import read_json, text_of

SILENT_S = 30.0  # without a change of its file, over seven beats, a pod no longer owns it
_HIGHEST = 2**53  # JSON numbers are exact up to there


class Generation:
    """`number` goes into the file, next to the pod's engine id."""

    def __init__(self, path: Path, engine_id: str, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._engine_id = engine_id
        self._sign: tuple[str, ...] = ()
        self._changed_at = 0.0
        self.number = _number(read_json(path) or {}) + 1

    def is_superseded(self) -> bool:
        """Whether the file belongs to a later pod that shows signs of life."""
        other = read_json(self._path) or {}
        engine_id = text_of(other, "engine_id")
        if (_number(other), engine_id) <= (self.number, self._engine_id):
            self._sign = ()
            return False
        sign = (engine_id, *(text_of(other, key) for key in ("observed_at", "state", "message")))
        if sign != self._sign:
            self._sign, self._changed_at = sign, self._clock.monotonic()
        return self._clock.monotonic() - self._changed_at <= SILENT_S


def _number(values: Mapping[str, object]) -> int:
    """0 for a file of an earlier edition, and for anything that no pod counts to."""
    number = values.get("generation")
    whole = isinstance(number, int) and not isinstance(number, bool)
    return number if whole and isinstance(number, int) and 0 < number < _HIGHEST else 0
