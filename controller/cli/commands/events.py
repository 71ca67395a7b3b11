"""`raycml events`: events of long-running controllers, from the project's files."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated

import typer

from controller.core.status.documents import events_json
from controller.core.status.events import Event
from controller.core.status.text import no_cluster
from controller.files.events import EventFile
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.event_lines import HEADER, cells, events_text, line
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, Output, Project, duration
from controller.terminal.refresh import looks
from controller.terminal.screen import Screen
from controller.workspace.session import Session, open_session

Name = Annotated[
    str | None,
    typer.Argument(metavar="NAME", help="Cluster name.  Default: all clusters", show_default=False),
]
Follow = Annotated[bool, typer.Option("--follow", "-f", help="Print new events until Ctrl-C.")]
Limit = Annotated[
    int, typer.Option("--limit", metavar="N", min=1, max=10_000, help="Show the latest N events.")
]
Since = Annotated[
    float | None,
    typer.Option(
        "--since",
        metavar="DURATION",
        parser=duration,
        help="Show events of the last 90s, 15m or 2d.",
        show_default=False,
    ),
]

_KNOWN_MAX = 50_000  # events that a follower remembers; the files contain a tenth of it

Shown = tuple[tuple[str, ...], datetime | None]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Selection of events, and their output format."""

    name: str | None
    limit: int
    since_s: float | None
    form: Form

    def chosen(self, events: Sequence[Event], now: datetime) -> list[Event]:
        """The selected events, oldest first, like a log."""
        named = [e for e in events if self.name in (None, e.cluster)]
        if self.since_s is not None:
            start = now - timedelta(seconds=self.since_s)
            named = [e for e in named if e.last_at is not None and e.last_at >= start]
        return named[: self.limit][::-1]


@with_common_options
def events(
    common: CommonOptions,
    name: Name = None,
    *,
    follow: Follow = False,
    limit: Limit = 100,
    since: Since = None,
    output: Output = Form.TEXT,
    project: Project = None,
) -> Exit:
    """Example: raycml events analytics -f

    Show events of long-running controllers, oldest first, with repeat counts.
    """
    screen = common.screen
    wish = EventFilter(name, limit, since, output)
    with open_session(common, project=project) as session:
        stored = EventFile(session.files(session.project))
        if follow:
            with suppress(KeyboardInterrupt):  # the usual end
                _follow(screen, session, stored, wish)
        else:
            _show(screen, session, stored.read(), wish)
    return Exit.DONE


def _show(screen: Screen, session: Session, found: Sequence[Event], wish: EventFilter) -> None:
    now = session.clock.now()
    chosen = wish.chosen(found, now)
    if wish.form is Form.JSON:
        screen.document(events_json(chosen, now))
    elif chosen:
        screen.data(events_text(chosen))
    if not chosen:
        screen.say(_none(found, wish))


def _none(found: Sequence[Event], wish: EventFilter) -> str:
    """The reason for an empty list."""
    if not found:
        return "no events; they are written by `raycml run`"
    known = sorted({event.cluster for event in found if event.cluster})
    if wish.name is not None and wish.name not in known:
        return no_cluster(wish.name, known, "no events of cluster")
    return "no events in that time"


def _follow(screen: Screen, session: Session, stored: EventFile, wish: EventFilter) -> None:
    """Print all events, then new and repeated ones.  Ends by an exception."""
    known: dict[Shown, int] | None = None
    for found in looks(stored.read, screen, session.clock):
        before = known or {}
        news = [e for e in found if e.count > before.get(_shown(e), 0)]
        chosen = wish.chosen(news, session.clock.now())
        if known is None:
            _head(screen, found, chosen, wish)
        for event in chosen:
            if wish.form is Form.JSON:
                screen.stream_document(event)
            else:
                screen.stream(line(cells(event)))
        counts = {_shown(event): event.count for event in found}
        known = {**before, **counts} if len(before) < _KNOWN_MAX else counts


def _shown(event: Event) -> Shown:
    return event.identity, event.first_at


def _head(
    screen: Screen, found: Sequence[Event], chosen: Sequence[Event], wish: EventFilter
) -> None:
    if wish.form is Form.TEXT:
        screen.stream(line(HEADER))
    if not chosen:
        screen.say(f"{_none(found, wish)}; waiting for events")
