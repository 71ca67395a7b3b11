"""Watch of a status: redrawn on a terminal, otherwise printed as changes."""

import sys
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from rich.live import Live

from controller.core.model.json_object import JsonObject
from controller.core.status.status import ClusterStatus, MemberStatus, Status
from controller.core.status.text import why
from controller.printable import one_line
from controller.terminal.options import Form
from controller.terminal.screen import Screen
from controller.terminal.status_text import member_state

_FRAME = 4  # lines below the status, and the line of the cursor


def watch(
    screen: Screen,
    results: Iterable[Status],
    text: Callable[[Status], str],
    document: Callable[[Status], JsonObject],
    form: Form,
) -> None:
    """Show a series of statuses: as `text` and its changes, or each as `document`."""
    if form is Form.JSON:
        for status, _ in _news(results):
            screen.stream_document(document(status))
        return
    results = iter(results)
    first = next(results, None)
    if first is None:
        return
    results = chain([first], results)
    console = screen.console(sys.stdout)
    if screen.draws and text(first).count("\n") + _FRAME < console.height:
        with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
            for status in results:
                frame = f"{text(status)}\n\nupdated {status.as_of:%H:%M:%S} UTC; stop with Ctrl-C"
                live.update(screen.coloured(frame), refresh=True)
        return
    # A status that does not fit on the terminal is printed once, then its changes.
    for status, lines in _news(results):
        screen.stream(text(status) if lines is None else "\n".join(lines))


def _news(results: Iterable[Status]) -> Iterator[tuple[Status, list[str] | None]]:
    """The first status, then each one that differs from the previous one, with its changes."""
    before: Status | None = None
    for status in results:
        lines = None if before is None else changes(before, status)
        if lines != []:
            yield status, lines
        before = status


def changes(before: Status, now: Status) -> list[str]:
    """The differences, a line for each cluster and member; times alone are no difference."""
    previous = {cluster.name: cluster for cluster in before.clusters}
    lines: list[str] = []
    for cluster in now.clusters:
        was = previous.pop(cluster.name, None)
        if was is None or _summary(was) != _summary(cluster):
            lines.append(f"{cluster.name}  {_summary(cluster)}")
        lines += _members(was, cluster)
    lines += [f"{name}  deleted" for name in previous]
    return [f"{now.as_of:%Y-%m-%dT%H:%M:%SZ} {one_line(line)}" for line in lines]


def _summary(cluster: ClusterStatus) -> str:
    return f"{cluster.word} {cluster.ready}/{cluster.desired}  {why(cluster)}".rstrip()


def _members(was: ClusterStatus | None, now: ClusterStatus) -> Iterator[str]:
    previous = {} if was is None else {_key(member): _state(member) for member in was.members}
    for member in now.members:
        if previous.pop(_key(member), None) != _state(member):
            yield f"{now.name} {member.member}  {_state(member)}"
    names = {member.member for member in now.members}
    yield from (f"{now.name} {member}  deleted" for member, _ in previous if member not in names)


def _key(member: MemberStatus) -> tuple[str, str]:
    return member.member, member.application_id


def _state(member: MemberStatus) -> str:
    return member_state(member, member.doing)
