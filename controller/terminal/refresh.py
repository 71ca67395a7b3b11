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
    problem = ""
    while True:
        clock.wait(POLL_S)
        try:
            result = look()
        except Exception as error:
            before, problem = problem, _temporary(error)
            if not problem:
                raise
            if problem != before:
                screen.say(f"{problem}; retrying")
        else:
            problem = ""
            yield result


def _temporary(error: Exception) -> str:
    """The message of an error that may be temporary; empty for another one."""
    end = explained(error)
    return "" if end is None or end.code not in _PASSING else str(end).partition("\n")[0]
