"""Whether all is well, in one line, and every matter that somebody should know of.  Pure.

The worst matter is the headline.  What a cluster waits for stands with the cluster; what concerns
the controller and its source is said at the top.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from controller.core.model.approval import Held
from controller.core.model.observed import ObservedApplication
from controller.core.spec.text import counted
from controller.core.status.snapshot import ControllerSnapshot
from controller.core.status.status import ClusterStatus
from controller.printable import one_line
from controller.web.health import Watch, standstill

_NAMED_MAX = 3
_PROBLEMS_MAX = 20


class Level(IntEnum):
    """How much a matter matters; `word` is for the style sheet, `glyph` for who sees no colour."""

    GOOD = 0
    NOTE = 1
    BUSY = 2
    WARN = 3
    BAD = 4

    @property
    def word(self) -> str:
        return self.name.lower()

    @property
    def glyph(self) -> str:
        return {0: "✓", 1: "‖", 2: "…", 3: "!", 4: "✕"}[self.value]


_LEVELS = {
    "Ready": Level.GOOD,
    "Reconciling": Level.BUSY,
    "Suspending": Level.BUSY,
    "Deleting": Level.BUSY,
    "Suspended": Level.NOTE,
    "Paused": Level.NOTE,
    "Orphan": Level.WARN,
    "Leaving": Level.WARN,
    "OutOfDate": Level.WARN,
    "Stalled": Level.BAD,
}


# Clusters that have no members because nobody wants any.
RESTING = frozenset({"Suspended", "Suspending"})
# Clusters that have members, of which no spec says how many there ought to be.
WITHOUT_SPEC = frozenset({"Orphan", "Leaving", "Deleting"})


def level_of(cluster: ClusterStatus) -> Level:
    """A cluster that is only watched and has lost members is worth a look."""
    level = _LEVELS.get(cluster.word, Level.WARN)
    if cluster.word == "Paused" and cluster.ready < cluster.desired:
        return Level.WARN
    return level


@dataclass(frozen=True, slots=True)
class Alert:
    """One thing to know.  A matter of clusters has no banner; a held revision can be approved."""

    level: Level
    title: str
    lines: tuple[str, ...] = ()
    remedy: str = ""
    banner: bool = True
    revision: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The headline, and what it rests on, the worst first."""

    level: Level
    title: str
    count: str
    matters: tuple[Alert, ...]

    @property
    def banners(self) -> tuple[Alert, ...]:
        return tuple(m for m in self.matters if m.banner)


def summarize(
    board: ControllerSnapshot,
    now: datetime,
    watch: Watch,
    is_approved: Callable[[str], bool] = lambda _: False,
) -> Summary:
    """The verdict on one moment.  `is_approved`: revisions whose approval the next pass reads."""
    found = sorted(_matters(board, now, watch, is_approved), key=lambda m: -m.level)
    if not found:
        return Summary(Level.GOOD, "All is well", _count(board), ())
    others = sum(m.level >= Level.WARN for m in found[1:])
    more = f" (and {counted(others, 'more matter')})" if others else ""
    return Summary(found[0].level, found[0].title + more, _count(board), tuple(found))


def _count(board: ControllerSnapshot) -> str:
    if board.status is None:
        return "nothing is known of any cluster yet"
    resting = [c for c in board.status.clusters if c.word in RESTING]
    departed = [c for c in board.status.clusters if c.word in WITHOUT_SPEC]
    clusters = [c for c in board.status.clusters if c not in (*resting, *departed)]
    wanted, ready = sum(c.desired for c in clusters), sum(c.ready for c in clusters)
    well = sum(_is_ready(c) for c in clusters)
    groups = counted(len(clusters), "cluster"), counted(wanted, "member")
    said = f"{well} of {groups[0]}, {ready} of {groups[1]} ready"
    said += f", {len(resting)} suspended" if resting else ""
    return f"{said}, {len(departed)} without a spec" if departed else said


def _is_ready(cluster: ClusterStatus) -> bool:
    """Whether Ray has every node, whatever else is to be said of the cluster."""
    ready = cluster.condition("Ready")
    return ready is not None and ready.status == "True"


def _matters(
    board: ControllerSnapshot, now: datetime, watch: Watch, is_approved: Callable[[str], bool]
) -> Iterator[Alert]:
    yield from _of_the_loop(board, now, watch)
    yield from _of_the_source(board, is_approved)
    if board.status is not None:
        yield from _of_clusters(board.status.clusters)
        yield from _unreadable(board.status.unreadable)


def _of_the_loop(board: ControllerSnapshot, now: datetime, watch: Watch) -> Iterator[Alert]:
    loop = board.loop
    if still := standstill(board, now, watch):
        remedy = "Restart this application; that loses nothing."
        yield Alert(Level.BAD, "The controller stands still", (_sentence(still),), remedy)
    if loop.failures:
        row = f"{loop.failures} passes in a row" if loop.failures > 1 else "The last pass"
        title = "CML cannot be reached" if loop.cause == "Unavailable" else f"{row} failed"
        shown = "What is shown below is from the last pass that ended well."
        remedy = shown if board.status is not None else ""
        yield Alert(Level.BAD, title, (_sentence(loop.error or "no reason is known"),), remedy)
    if board.plan.refusals:
        title = "The controller refused its own plan"
        said = tuple(_sentence(str(refusal)) for refusal in board.plan.refusals)
        yield Alert(Level.BAD, title, said, _UNLAWFUL)
    if loop.holder and not loop.leads:
        title = "Another controller leads"
        yield Alert(Level.NOTE, title, (f"{loop.holder} holds the lease; this one watches.",))
    if board.status is None and not loop.failures:
        title = "The first pass is under way"
        yield Alert(Level.BUSY, title, ("Clusters appear here when it has ended.",))


_UNLAWFUL = (
    "Nothing was done in these clusters, since it would break a law.  "
    "That is a fault of raycml: report it."
)


def _of_the_source(
    board: ControllerSnapshot, is_approved: Callable[[str], bool]
) -> Iterator[Alert]:
    source = board.source
    if source.failure:
        remedy = "The revision in force stays in force."
        yield Alert(Level.WARN, "The source cannot be read", (_sentence(source.failure),), remedy)
    if source.problems:
        title = f"{counted(len(source.problems), 'problem')} in the specs"
        lines = source.problems[:_PROBLEMS_MAX]
        more = len(source.problems) - len(lines)
        remedy = "What these specs held is left alone until they are mended."
        lines += (f"and {more} more",) if more else ()
        yield Alert(Level.WARN, title, lines, remedy)
    if source.held is not None:
        yield _approved(source.held) if is_approved(source.held.revision) else _held(source.held)


def _approved(held: Held) -> Alert:
    title = f"Revision {held.revision[:12]} is approved"
    return Alert(Level.BUSY, title, ("It comes into force with the next pass.",), since=held.since)


def _held(held: Held) -> Alert:
    return Alert(
        Level.WARN,
        f"Revision {held.revision[:12]} waits for a person",
        (f"{held.reason}: {held.message}",),
        f"To agree: raycml approve {held.revision[:12]}.",
        revision=held.revision,
        since=held.since,
    )


def _of_clusters(clusters: tuple[ClusterStatus, ...]) -> Iterator[Alert]:
    said: set[str] = set()
    for level, word, several, one in _SAID:
        rest = [c for c in clusters if c.name not in said and level_of(c) is level]
        names = [c.name for c in rest if word in ("", c.word)]
        said.update(names)
        if names:
            title = f"{_named(names)} {several if len(names) > 1 else one}"
            yield Alert(level, title, banner=False)


def _unreadable(found: tuple[ObservedApplication, ...]) -> Iterator[Alert]:
    if found:
        lines = [f"{one_line(app.name)} ({app.id}) is {app.phase}" for app in found[:_PROBLEMS_MAX]]
        more = [f"and {len(found) - len(lines)} more"] if len(found) > len(lines) else []
        yield Alert(
            Level.WARN,
            f"{counted(len(found), 'application')} with marks that cannot be read",
            (*lines, *more),
            "They are left alone. Delete them in CML, or remove their RAYCML_ variables.",
        )


_SAID = (
    (Level.BAD, "", "need a person", "needs a person"),
    (Level.WARN, "Orphan", "have no spec", "has no spec"),
    (Level.WARN, "Leaving", "have no spec and are deleted soon", "has no spec and is deleted soon"),
    (Level.WARN, "OutOfDate", "are held at an older spec", "is held at an older spec"),
    (Level.WARN, "Paused", "are paused and not ready", "is paused and not ready"),
    (Level.BUSY, "Deleting", "are being deleted", "is being deleted"),
    (Level.BUSY, "", "are being reconciled", "is being reconciled"),
    (Level.NOTE, "Paused", "are paused", "is paused"),
    (Level.NOTE, "Suspended", "are suspended", "is suspended"),
)


def _named(names: list[str]) -> str:
    if len(names) > _NAMED_MAX:
        return counted(len(names), "cluster")
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
