"""Ownership of a member's file between two pods of the same member.

Independent of clocks: at its start each pod increments the number in the file, and the highest
number owns the file while the file changes.  So a pod with a wrong clock, or a time in the future,
does not silence later pods.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from controller.node.clock import Clock
from controller.node.project_files import read_json, text_of

SILENT_S = 30.0  # a pod loses its file after this time without a change (seven updates)
_HIGHEST = 2**53  # JSON numbers are exact up to there


class Generation:
    """`number` is in the file, next to the pod's engine ID."""

    def __init__(self, path: Path, engine_id: str, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._engine_id = engine_id
        self._sign: tuple[str, ...] = ()
        self._changed_at = 0.0
        self.number = _number(read_json(path) or {}) + 1

    def is_superseded(self) -> bool:
        """True if the file belongs to a later pod that is alive."""
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
    """The number in a file; 0 in a file of an earlier edition, or if invalid."""
    number = values.get("generation")
    whole = isinstance(number, int) and not isinstance(number, bool)
    return number if whole and isinstance(number, int) and 0 < number < _HIGHEST else 0
