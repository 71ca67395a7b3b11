"""Progress of `reconcile` and `delete`.

Plain: a line for each completed step and each transition, and a heartbeat.  Live: the same lines
above a table that is redrawn.  Called from any thread.
"""

import sys
import threading
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from rich.live import Live
from rich.table import Table
from rich.text import Text

from controller.clock import Clock
from controller.core.model.faults import Result
from controller.core.model.plan import Intent, Outcome
from controller.core.spec.text import counted, spoken
from controller.core.status.plan_text import outcome_words, step_text
from controller.core.status.status import MemberStatus, Status
from controller.printable import one_line
from controller.reconcile import Pass
from controller.terminal.screen import Screen
from controller.terminal.status_text import MEMBER_HEADER, member_cells, member_state

HEARTBEAT_S = 10.0
ROWS_MAX = 30  # of the live table; members that are not ready come first


class Progress(ABC):
    """Receiver of messages, outcomes and passes."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        self._screen = screen
        self._clock = clock
        self._started = clock.monotonic()

    def on_outcome(self, outcome: Outcome) -> None:
        if line := outcome_line(outcome, verbose=self._screen.verbose):
            self.note(line)

    @abstractmethod
    def on_pass(self, done: Pass) -> None: ...

    @abstractmethod
    def note(self, message: str) -> None: ...

    @property
    def elapsed_s(self) -> float:
        return self._clock.monotonic() - self._started


class PlainProgress(Progress):
    """Lines with the time since the start."""

    def __init__(self, screen: Screen, clock: Clock) -> None:
        super().__init__(screen, clock)
        self._last_s = 0.0
        self._before: dict[tuple[str, str, str], str] = {}
        self._lock = threading.Lock()

    def on_pass(self, done: Pass) -> None:
        for line in self._transitions(done.status):
            self.note(line)
        if self.silent_s >= HEARTBEAT_S:
            self.note(heartbeat(done.status))

    def note(self, message: str) -> None:
        with self._lock:
            self._last_s = self.elapsed_s
            self._screen.say(f"{spoken(self._last_s):>6} {one_line(message)}")

    @property
    def silent_s(self) -> float:
        """Time since the last line."""
        return self.elapsed_s - self._last_s

    def _transitions(self, status: Status) -> Iterator[str]:
        now: dict[tuple[str, str, str], str] = {}
        for cluster in status.clusters:
            for member in cluster.members:
                key, waits = (cluster.name, member.member, member.application_id), _waits(member)
                now[key] = member_state(member, waits)
                # A member that was ready from the start is no news.
                is_news = now[key] != self._before[key] if key in self._before else waits != ""
                if member.application_id and is_news and not _is_worked_on(member):
                    yield f"{cluster.name} {member.member}  {now[key]}"
        for cluster_name, name, application in sorted(self._before.keys() - now.keys()):
            if application:
                yield f"{cluster_name} {name}  deleted"
        self._before = now


def _is_worked_on(member: MemberStatus) -> bool:
    """True if a step was just taken; it has its own line, and the state is from before it."""
    return member.doing.startswith("to be ")


def _waits(member: MemberStatus) -> str:
    return "" if _is_worked_on(member) else member.doing


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


class LiveProgress(Progress):
    """Step lines above a table."""

    def __init__(self, screen: Screen, clock: Clock, live: Live) -> None:
        super().__init__(screen, clock)
        self._live = live
        self._status: Status | None = None

    def on_pass(self, done: Pass) -> None:
        self._status = done.status
        self._live.refresh()

    def note(self, message: str) -> None:
        line = f"{spoken(self.elapsed_s):>6} {one_line(message)}"
        self._live.console.print(Text(self._screen.cleaned(line)))

    def table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for heading in MEMBER_HEADER:
            table.add_column(heading, no_wrap=heading != MEMBER_HEADER[-1])
        if self._status is None:
            return table
        rows = [(c.name, m) for c in self._status.clusters for m in c.members]
        rows.sort(key=lambda row: row[1].ray == "joined" and not row[1].doing)
        for cluster, member in rows[:ROWS_MAX]:
            texts = map(one_line, member_cells(cluster, member, self._clock.now()))
            cells = [Text(self._screen.cleaned(text)) for text in texts]
            table.add_row(*cells, style=_style(member))
        more = len(rows) - ROWS_MAX
        rest = f"; and {counted(more, 'member')} more" if more > 0 else ""
        table.caption = spoken(self.elapsed_s) + rest
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
    console = screen.console(sys.stderr)
    with Live(console=console, transient=True, refresh_per_second=2) as live:
        progress = LiveProgress(screen, clock, live)
        live.get_renderable = progress.table  # type: ignore[method-assign]  # known only now
        yield progress
