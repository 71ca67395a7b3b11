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
    str | None, typer.Argument(metavar="NAME", help="Cluster name.  Default: all clusters")
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
    ),
]

_REMEMBERED_MAX = 50_000  # events that a follower remembers; the files contain a tenth of it

Identity = tuple[tuple[str, ...], datetime | None]


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Selection of events, and their output format."""

    name: str | None
    limit: int
    since_s: float | None
    form: Form

    def chosen(self, events: Sequence[Event], now: datetime) -> list[Event]:
        """The selected events, oldest first, like a log."""
        chosen = [e for e in events if self.name in (None, e.cluster)]
        if self.since_s is not None:
            start = now - timedelta(seconds=self.since_s)
            chosen = [e for e in chosen if e.last_at is not None and e.last_at >= start]
        return chosen[: self.limit][::-1]


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
    selection = EventFilter(name, limit, since, output)
    with open_session(common, project=project) as session:
        stored = EventFile(session.files(session.project))
        if follow:
            with suppress(KeyboardInterrupt):  # the usual end
                _follow(screen, session, stored, selection)
            return Exit.DONE
        every, now = stored.read(), session.clock.now()
    chosen = selection.chosen(every, now)
    if output is Form.JSON:
        screen.document(events_json(chosen, now))
    elif chosen:
        screen.data(events_text(chosen))
    if not chosen:
        screen.say(_nothing(every, selection))
    return Exit.DONE


def _nothing(events: Sequence[Event], selection: EventFilter) -> str:
    """The reason for an empty list."""
    if not events:
        return "no events; they are written by `raycml run`"
    clusters = {event.cluster for event in events if event.cluster}
    if selection.name is not None and selection.name not in clusters:
        return no_cluster(selection.name, clusters, "no events of cluster")
    return "no events in that time"


def _follow(screen: Screen, session: Session, stored: EventFile, selection: EventFilter) -> None:
    """Print all events, then new and repeated ones.  Ends by an exception."""
    previous: dict[Identity, int] | None = None
    for events in looks(stored.read, screen, session.clock):
        before = previous or {}
        news = [e for e in events if e.count > before.get(_identity(e), 0)]
        chosen = selection.chosen(news, session.clock.now())
        if previous is None:
            if selection.form is Form.TEXT:
                screen.stream(line(HEADER))
            if not chosen:
                screen.say(f"{_nothing(events, selection)}; waiting for events")
        for event in chosen:
            if selection.form is Form.JSON:
                screen.stream_document(event)
            else:
                screen.stream(line(cells(event)))
        counts = {_identity(event): event.count for event in events}
        previous = {**before, **counts} if len(before) < _REMEMBERED_MAX else counts


def _identity(event: Event) -> Identity:
    return event.identity, event.first_at
