"""Summary of the state: a headline and alerts.  Pure.

The most serious alert is the headline.  Alerts of the controller and its source are banners; those
of clusters are shown at the clusters.
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
    """Severity; `word` is for the style sheet, `glyph` for readers who do not see color."""

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
    "Adopted": Level.NOTE,
    "Suspended": Level.NOTE,
    "Paused": Level.NOTE,
    "Orphan": Level.WARN,
    "Leaving": Level.WARN,
    "OutOfDate": Level.WARN,
    "Stalled": Level.BAD,
}


# Clusters without members, on purpose.
RESTING = frozenset({"Suspended", "Suspending"})
# Clusters with members and without a spec.
WITHOUT_SPEC = frozenset({"Orphan", "Leaving", "Deleting"})


def level_of(cluster: ClusterStatus) -> Level:
    """The severity of a cluster; a paused cluster with missing members is a warning."""
    level = _LEVELS.get(cluster.word, Level.WARN)
    if cluster.word == "Paused" and cluster.ready < cluster.desired:
        return Level.WARN
    return level


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert.  Alerts of clusters have no banner; a held revision can be approved."""

    level: Level
    title: str
    lines: tuple[str, ...] = ()
    remedy: str = ""
    banner: bool = True
    revision: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Summary:
    """The headline and all alerts, the most serious first."""

    level: Level
    title: str
    count: str
    alerts: tuple[Alert, ...]

    @property
    def banners(self) -> tuple[Alert, ...]:
        return tuple(m for m in self.alerts if m.banner)


def summarize(
    snapshot: ControllerSnapshot,
    now: datetime,
    watch: Watch,
    is_approved: Callable[[str], bool] = lambda _: False,
) -> Summary:
    """The summary of a snapshot.  `is_approved`: revisions that the next pass applies."""
    alerts = sorted(_alerts(snapshot, now, watch, is_approved), key=lambda m: -m.level)
    if not alerts:
        return Summary(Level.GOOD, "All clusters healthy", _count(snapshot), ())
    others = sum(m.level >= Level.WARN for m in alerts[1:])
    more = f" (and {counted(others, 'more alert')})" if others else ""
    return Summary(alerts[0].level, alerts[0].title + more, _count(snapshot), tuple(alerts))


def _count(snapshot: ControllerSnapshot) -> str:
    if snapshot.status is None:
        return "the state of the clusters is unknown"
    resting = [c for c in snapshot.status.clusters if c.word in RESTING]
    departed = [c for c in snapshot.status.clusters if c.word in WITHOUT_SPEC]
    clusters = [c for c in snapshot.status.clusters if c not in (*resting, *departed)]
    desired, ready = sum(c.desired for c in clusters), sum(c.ready for c in clusters)
    well = sum(_is_ready(c) for c in clusters)
    groups = counted(len(clusters), "cluster"), counted(desired, "member")
    text = f"{well} of {groups[0]}, {ready} of {groups[1]} ready"
    text += f", {len(resting)} suspended" if resting else ""
    return f"{text}, {len(departed)} without a spec" if departed else text


def _is_ready(cluster: ClusterStatus) -> bool:
    """True if all nodes are alive in Ray, whatever the cluster's other conditions."""
    ready = cluster.condition("Ready")
    return ready is not None and ready.status == "True"


def _alerts(
    snapshot: ControllerSnapshot, now: datetime, watch: Watch, is_approved: Callable[[str], bool]
) -> Iterator[Alert]:
    yield from _of_the_loop(snapshot, now, watch)
    yield from _of_the_source(snapshot, is_approved)
    if snapshot.status is not None:
        yield from _of_clusters(snapshot.status.clusters)
        yield from _unreadable(snapshot.status.unreadable)


def _of_the_loop(snapshot: ControllerSnapshot, now: datetime, watch: Watch) -> Iterator[Alert]:
    loop = snapshot.loop
    if still := standstill(snapshot, now, watch):
        remedy = "Restart this application; this loses no state."
        yield Alert(Level.BAD, "The controller is not making progress", (_sentence(still),), remedy)
    if loop.failures:
        row = f"The last {loop.failures} passes" if loop.failures > 1 else "The last pass"
        title = "CML cannot be reached" if loop.cause == "Unavailable" else f"{row} failed"
        stale = "The state below is from the last successful pass."
        remedy = stale if snapshot.status is not None else ""
        yield Alert(Level.BAD, title, (_sentence(loop.error or "unknown error"),), remedy)
    if snapshot.plan.refusals:
        title = "The controller refused its own plan"
        text = tuple(_sentence(str(refusal)) for refusal in snapshot.plan.refusals)
        yield Alert(Level.BAD, title, text, _UNLAWFUL)
    if loop.holder and not loop.leads:
        title = "Another controller leads"
        yield Alert(Level.NOTE, title, (f"{loop.holder} holds the lease; this one is on standby.",))
    if snapshot.status is None and not loop.failures:
        title = "The first pass is running"
        yield Alert(Level.BUSY, title, ("Clusters appear here when it is complete.",))


_UNLAWFUL = (
    "Nothing was changed in these clusters, since it would break a law.  "
    "This is a bug in raycml; please report it."
)


def _of_the_source(
    snapshot: ControllerSnapshot, is_approved: Callable[[str], bool]
) -> Iterator[Alert]:
    source = snapshot.source
    if source.failure:
        remedy = "The current revision stays in force."
        yield Alert(Level.WARN, "The source cannot be read", (_sentence(source.failure),), remedy)
    if source.problems:
        title = f"{counted(len(source.problems), 'problem')} in the specs"
        lines = source.problems[:_PROBLEMS_MAX]
        more = len(source.problems) - len(lines)
        remedy = "These clusters stay at their last valid spec until this is fixed."
        lines += (f"and {more} more",) if more else ()
        yield Alert(Level.WARN, title, lines, remedy)
    if source.held is not None:
        yield _approved(source.held) if is_approved(source.held.revision) else _held(source.held)


def _approved(held: Held) -> Alert:
    title = f"Revision {held.revision[:12]} is approved"
    return Alert(Level.BUSY, title, ("It takes effect in the next pass.",), since=held.since)


def _held(held: Held) -> Alert:
    return Alert(
        Level.WARN,
        f"Revision {held.revision[:12]} needs approval",
        (f"{held.reason}: {held.message}",),
        f"To approve it, run: raycml approve {held.revision[:12]}.",
        revision=held.revision,
        since=held.since,
    )


def _of_clusters(clusters: tuple[ClusterStatus, ...]) -> Iterator[Alert]:
    text: set[str] = set()
    for level, word, several, one in _TITLES:
        rest = [c for c in clusters if c.name not in text and level_of(c) is level]
        names = [c.name for c in rest if word in ("", c.word)]
        text.update(names)
        if names:
            title = f"{_named(names)} {several if len(names) > 1 else one}"
            yield Alert(level, title, banner=False)


def _unreadable(applications: tuple[ObservedApplication, ...]) -> Iterator[Alert]:
    if applications:
        listed = applications[:_PROBLEMS_MAX]
        lines = [f"{one_line(app.name)} ({app.id}) is {app.phase}" for app in listed]
        more = len(applications) - len(listed)
        lines += [f"and {more} more"] if more else []
        yield Alert(
            Level.WARN,
            f"{counted(len(applications), 'application')} with invalid owner marks",
            tuple(lines),
            "They are not managed. Delete them in CML, or remove their RAYCML_ variables.",
        )


_TITLES = (
    (Level.BAD, "", "need attention", "needs attention"),
    (Level.WARN, "Orphan", "have no spec", "has no spec"),
    (Level.WARN, "Leaving", "have no spec and will be deleted", "has no spec and will be deleted"),
    (Level.WARN, "OutOfDate", "are held at an older spec", "is held at an older spec"),
    (Level.WARN, "Paused", "are paused and not ready", "is paused and not ready"),
    (Level.BUSY, "Deleting", "are being deleted", "is being deleted"),
    (Level.BUSY, "", "are being reconciled", "is being reconciled"),
    (Level.NOTE, "Paused", "are paused", "is paused"),
    (Level.NOTE, "Adopted", "run as they were adopted", "runs as it was adopted"),
    (Level.NOTE, "Suspended", "are suspended", "is suspended"),
)


def _named(names: list[str]) -> str:
    if len(names) > _NAMED_MAX:
        return counted(len(names), "cluster")
    return " and ".join([", ".join(names[:-1]), names[-1]] if names[1:] else names)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
