"""Watch of a status: redrawn on a terminal, otherwise printed as changes."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from rich.live import Live

from controller.core.model.json_object import JsonObject
from controller.core.status.status import ClusterStatus, MemberStatus, Status
from controller.core.status.text import why
from controller.printable import one_line
from controller.terminal.options import Form
from controller.terminal.screen import Screen

_FRAME = 4  # lines below the status, and the line of the cursor


def watch(
    screen: Screen,
    found: Iterable[Status],
    text: Callable[[Status], str],
    document: Callable[[Status], JsonObject],
    form: Form,
) -> None:
    """Show a series of statuses: as `text` and its changes, or each as `document`."""
    if form is Form.JSON:
        for _, status, _ in _news(found):
            screen.stream_document(document(status))
        return
    found = iter(found)
    first = next(found, None)
    if first is None:
        return
    if screen.draws and text(first).count("\n") + _FRAME < screen.stdout_console().height:
        _draw(screen, chain([first], found), text)
        return
    # A status that does not fit on the terminal is printed once, then its changes.
    for begins, status, changed in _news(chain([first], found)):
        screen.stream(text(status) if begins else "\n".join(changed))


def _news(found: Iterable[Status]) -> Iterator[tuple[bool, Status, list[str]]]:
    """The first status, then each status that differs from the previous one."""
    before: Status | None = None
    for status in found:
        changed = [] if before is None else changes(before, status)
        if before is None or changed:
            yield before is None, status, changed
        before = status


def _draw(screen: Screen, found: Iterable[Status], text: Callable[[Status], str]) -> None:
    console = screen.stdout_console()
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        for status in found:
            shown = f"{text(status)}\n\nupdated {status.as_of:%H:%M:%S} UTC; stop with Ctrl-C"
            live.update(screen.coloured(shown), refresh=True)


def changes(before: Status, now: Status) -> list[str]:
    """The differences, a line for each cluster and member; times alone are no difference."""
    known = {cluster.name: cluster for cluster in before.clusters}
    lines: list[str] = []
    for cluster in now.clusters:
        was = known.pop(cluster.name, None)
        if was is None or _said(was) != _said(cluster):
            lines.append(f"{cluster.name}  {_said(cluster)}")
        lines += _members(was, cluster)
    lines += [f"{name}  deleted" for name in known]
    return [f"{now.as_of:%Y-%m-%dT%H:%M:%SZ} {one_line(line)}" for line in lines]


def _said(cluster: ClusterStatus) -> str:
    return f"{cluster.word} {cluster.ready}/{cluster.desired}  {why(cluster)}".rstrip()


def _members(was: ClusterStatus | None, now: ClusterStatus) -> Iterator[str]:
    known = {} if was is None else {_key(member): _state(member) for member in was.members}
    for member in now.members:
        if known.pop(_key(member), None) != _state(member):
            yield f"{now.name} {member.member}  {_state(member)}"
    still = {member.member for member in now.members}
    yield from (f"{now.name} {member}  deleted" for member, _ in known if member not in still)


def _key(member: MemberStatus) -> tuple[str, str]:
    return member.member, member.application_id


def _state(member: MemberStatus) -> str:
    ray = "" if member.ray == "-" else f", Ray {member.ray}"
    return f"{member.phase}{ray}" + (f": {member.doing}" if member.doing else "")
