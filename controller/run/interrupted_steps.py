"""Incomplete work of an interrupted command."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from controller.core.model.faults import Result
from controller.core.model.member import Key
from controller.core.model.plan import Create, Delete, Intent, Outcome, Restart, Step, Stop

_LINES_MAX = 10


@dataclass(slots=True)
class InterruptedSteps:
    """Members between the first and the last call of an update or a replacement.

    Receives outcomes from any thread.
    """

    _members: dict[Key, tuple[str, str]] = field(default_factory=dict)

    def on_outcome(self, outcome: Outcome) -> None:
        key, state = outcome.step.key, _state(outcome.step)
        if key is None or outcome.result in {Result.SKIPPED, Result.REJECTED, Result.FAILED}:
            return
        if state is not None:
            self._members[key] = state
        elif isinstance(outcome.step.action, Create | Restart):
            self._members.pop(key, None)

    def lines(self, command: str) -> tuple[str, ...]:
        """Messages for the user; `command` continues the work."""
        return tuple(_lines(sorted(self._members.items()), command)) or (
            f"run `{command}` to continue",
        )


def _state(step: Step) -> tuple[str, str] | None:
    """The member's state after the step, and the next step; None for a complete step."""
    if step.intent is not Intent.UPDATE:
        return None
    match step.action:
        case Stop():
            return "is stopped", "start"
        case Delete():
            return "is deleted", "create"
        case _:
            return None


def _lines(members: list[tuple[Key, tuple[str, str]]], command: str) -> Iterator[str]:
    for key, (state, verb) in members[:_LINES_MAX]:
        yield f"{key.cluster} {key.member} {state}; run `{command}` to {verb} it"
    if len(members) > _LINES_MAX:
        yield f"and {len(members) - _LINES_MAX} more members"
