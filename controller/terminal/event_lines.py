"""Events as lines for people.  Pure."""

from collections.abc import Iterable, Sequence

from controller.core.status.events import Event
from controller.printable import one_line
from controller.terminal.columns import table

HEADER = ("LAST SEEN", "KIND", "REASON", "OBJECT", "COUNT", "MESSAGE")

# Streamed lines have fixed widths, since later lines are not known yet.
_WIDTHS = (20, 7, 16, 24, 5, 0)


def events_text(events: Sequence[Event]) -> str:
    """A table, in the order of the events."""
    return table(HEADER, *map(cells, events))


def line(row: Iterable[str]) -> str:
    """A row of a streamed table."""
    padded = (one_line(cell).ljust(width) for cell, width in zip(row, _WIDTHS, strict=True))
    return "  ".join(padded).rstrip()


def cells(event: Event) -> tuple[str, ...]:
    when = "-" if event.last_at is None else f"{event.last_at:%Y-%m-%dT%H:%M:%SZ}"
    return when, event.kind, event.reason, event.object, str(event.count), event.message
