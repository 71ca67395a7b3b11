"""Progress of `reconcile` and `delete`.

Plain: a line for each completed step and each transition, and a heartbeat.  Live: the same lines
above a table that is redrawn.  Called from any thread.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from controller.clock import Clock
from controller.core.model.plan import Intent, Outcome, Result
from controller.core.spec.text import counted, spoken
from controller.core.status.plan_text import outcome_words, step_text
from controller.core.status.status import MemberStatus, Status
from controller.printable import one_line
from controller.reconcile import Pass
from controller.terminal.screen import Screen
from controller.terminal.status_text import MEMBER_HEADER, member_cells

HEARTBEAT_S = 10.0
ROWS_MAX = 30  # of the live table; members that are not ready come first


class Progress(Protocol):
    """Receiver of messages, outcomes and passes."""

    def on_outcome(self, outcome: Outcome) -> None: ...
    def on_pass(self, done: Pass) -> None: ...
    def note(self, message: str) -> None: ...


class PlainProgress:
    """Lines with the time since the start."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._started = self._said = clock.monotonic()
        self._before: dict[tuple[str, str, str], tuple[str, str, str]] = {}
        self._lock = threading.Lock()

    def on_outcome(self, outcome: Outcome) -> None:
        line = outcome_line(outcome, verbose=self._screen.verbose)
        if line:
            self.note(line)

    def on_pass(self, done: Pass) -> None:
        for line in self._transitions(done.status):
            self.note(line)
        if self._clock.monotonic() - self._said >= HEARTBEAT_S:
            self.note(heartbeat(done.status))

    def note(self, message: str) -> None:
        with self._lock:
            self._said = self._clock.monotonic()
            self._screen.say(f"{spoken(self._said - self._started):>6} {one_line(message)}")

    def _transitions(self, status: Status) -> Iterator[str]:
        now: dict[tuple[str, str, str], tuple[str, str, str]] = {}
        for cluster in status.clusters:
            for member in cluster.members:
                key = (cluster.name, member.member, member.application_id)
                now[key] = (member.phase, member.ray, _waits(member))
                if self._is_news(key, now[key]) and not _is_worked_on(member):
                    yield f"{cluster.name} {member.member}  {_state(member)}"
        for cluster_name, name, application in sorted(self._before.keys() - now.keys()):
            if application:
                yield f"{cluster_name} {name}  deleted"
        self._before = now

    def _is_news(self, key: tuple[str, str, str], now: tuple[str, str, str]) -> bool:
        """False for a member that was ready from the start."""
        before = self._before.get(key)
        return bool(key[2]) and (before != now if before is not None else now[2] != "")


def _is_worked_on(member: MemberStatus) -> bool:
    """True if a step was just taken; it has its own line, and the state is from before it."""
    return member.doing.startswith("to be ")


def _waits(member: MemberStatus) -> str:
    return "" if _is_worked_on(member) else member.doing


def _state(member: MemberStatus) -> str:
    ray = "" if member.ray == "-" else f", Ray {member.ray}"
    waits = _waits(member)
    return f"{member.phase}{ray}" + (f": {waits}" if waits else "")


def outcome_line(outcome: Outcome, *, verbose: bool) -> str:
    """A completed step; empty for a step that needs no line."""
    step, done = outcome.step, outcome.result is Result.DONE
    if step.member is None and done and not verbose:
        return ""
    who = f"{step.cluster} {step.member or step.message}"
    if not done:
        return f"x {who}  {step.name} {outcome.result.value}: {outcome.message}"
    # The update has explained the restart that completes it.
    why = "" if step.name == "restart" and step.intent is Intent.UPDATE else step_text(step)
    return f"{step.intent.value} {who}  {outcome_words(step)}  {why}".rstrip()


def heartbeat(status: Status) -> str:
    """Number of ready members, and the most frequent wait."""
    desired = sum(c.desired for c in status.clusters)
    ready = sum(c.ready for c in status.clusters)
    waits = Counter(m.doing for c in status.clusters for m in c.members if m.doing)
    most = waits.most_common(1)
    waiting = f"; {counted(most[0][1], 'member')}: {most[0][0]}" if most else ""
    return f"{ready} of {counted(desired, 'member')} ready{waiting}"


class LiveProgress:
    """Step lines above a table."""

    def __init__(self, screen: Screen, clock: Clock, live: Live) -> None:
        self._screen = screen
        self._clock = clock
        self._started = clock.monotonic()
        self._live = live
        self._status: Status | None = None

    def on_outcome(self, outcome: Outcome) -> None:
        line = outcome_line(outcome, verbose=self._screen.verbose)
        if line:
            self.note(line)

    def on_pass(self, done: Pass) -> None:
        self._status = done.status
        self._live.refresh()

    def note(self, message: str) -> None:
        elapsed = spoken(self._clock.monotonic() - self._started)
        self._live.console.print(Text(self._screen.cleaned(f"{elapsed:>6} {one_line(message)}")))

    def table(self) -> Table:
        elapsed = spoken(self._clock.monotonic() - self._started)
        table = Table(box=None, pad_edge=False)
        for heading in MEMBER_HEADER:
            table.add_column(heading, no_wrap=heading != MEMBER_HEADER[-1])
        if self._status is None:
            return table
        rows = [(c.name, m) for c in self._status.clusters for m in c.members]
        rows.sort(key=lambda row: row[1].ray == "joined" and not row[1].doing)
        for cluster, member in rows[:ROWS_MAX]:
            cells = member_cells(cluster, member, self._clock.now())
            shown = [Text(self._screen.cleaned(one_line(cell))) for cell in cells]
            table.add_row(*shown, style=_style(member))
        more = len(rows) - ROWS_MAX
        table.caption = f"{elapsed}" + (f"; and {counted(more, 'member')} more" if more > 0 else "")
        table.caption_justify = "left"
        return table


def _style(member: MemberStatus) -> str:
    if member.phase == "FAILED":
        return "red"
    return "green" if member.ray == "joined" and not member.doing else ""


@contextmanager
def showing(screen: Screen, clock: Clock) -> Iterator[Progress]:
    """Live progress on a terminal, else plain progress."""
    if not screen.live:
        yield PlainProgress(screen, clock)
        return
    console: Console = screen.stderr_console()
    with Live(console=console, transient=True, refresh_per_second=2) as live:
        progress = LiveProgress(screen, clock, live)
        live.get_renderable = progress.table  # type: ignore[method-assign]  # known only now
        yield progress
