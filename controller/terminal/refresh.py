"""Looking again and again, for commands that go on until Ctrl-C or until nobody reads them."""

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
    """What each look finds, POLL_S apart, for ever.

    What goes wrong with the first one is the caller's; later it is said once and tried again,
    unless a person must change something about the connection.
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
            screen.say(*[f"{said}; trying again"] * (said != before))
        else:
            said = ""
            yield found


def _bearable(error: Exception) -> str:
    """The error in a sentence, where time may heal it; empty where not."""
    known = explained(error)
    if known is None or known.code not in _PASSING:
        return ""
    return str(known).partition("\n")[0]
