"""Polling, for commands that run until Ctrl-C or until their reader has gone."""

from collections.abc import Callable, Iterator
from typing import TypeVar

from controller.clock import Clock
from controller.terminal.errors import explained
from controller.terminal.exit_codes import Exit
from controller.terminal.screen import Screen

POLL_S = 2.0

_PASSING = frozenset({Exit.UNEXPECTED, Exit.INVALID_SPEC, Exit.SOURCE})

T = TypeVar("T")


def looks(look: Callable[[], T], screen: Screen, clock: Clock) -> Iterator[T]:
    """The result of each read, POLL_S apart, without an end.

    An error of the first read is raised; a later one is printed once and retried, unless the
    connection itself has to be corrected.
    """
    yield look()
    said = ""
    while True:
        clock.wait(POLL_S)
        try:
            found = look()
        except Exception as error:
            said, before = _bearable(error), said
            if not said:
                raise
            screen.say(*[f"{said}; retrying"] * (said != before))
        else:
            said = ""
            yield found


def _bearable(error: Exception) -> str:
    """The message of an error that may be temporary; empty for another one."""
    known = explained(error)
    if known is None or known.code not in _PASSING:
        return ""
    return str(known).partition("\n")[0]
