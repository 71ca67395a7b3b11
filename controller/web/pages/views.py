"""Values for the templates, from a snapshot.  Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from controller.core.model.member import THE_HEAD, application_name
from controller.core.model.observed import Pause
from controller.core.status.events import Event
from controller.core.status.plan_text import PlanLine, plan_lines
from controller.core.status.snapshot import ControllerSnapshot
from controller.core.status.status import ClusterStatus, Condition, MemberStatus
from controller.core.status.text import ways_in, why
from controller.web.origin import web_address
from controller.web.pages.summary import RESTING, Level, level_of

LINES_SHOWN = 4
EVENTS_SHOWN = 30
_UNITS = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))


def ago(at: datetime, now: datetime) -> str:
    """`just now`, `50 s ago`, `3 min ago`, `in 2 h`: the largest unit of which there are two."""
    seconds = round((now - at).total_seconds())
    if abs(seconds) < 5:
        return "just now"
    length = abs(seconds)
    unit, size = next(each for each in _UNITS if length >= 2 * each[1])
    span = f"{length // size} {unit}"
    return f"{span} ago" if seconds > 0 else f"in {span}"


def utc(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


@dataclass(frozen=True, slots=True)
class ClusterView:
    """A cluster, for the overview and for its own page."""

    status: ClusterStatus
    level: Level
    why: str
    lines: tuple[PlanLine, ...]
    pause: Pause | None
    dashboard: str
    short: bool


def cluster_view(snapshot: ControllerSnapshot, cluster: ClusterStatus) -> ClusterView:
    lines = tuple(plan_lines(snapshot.plan.of(cluster.name)))
    pause = snapshot.pauses.get(cluster.name)
    return ClusterView(
        status=cluster,
        level=level_of(cluster),
        why=why(cluster) if not lines else "",
        lines=lines,
        pause=pause if pause is not None and pause.holds(snapshot.as_of) else None,
        dashboard=_dashboard(snapshot, cluster),
        short=cluster.ready < cluster.desired and cluster.word not in RESTING,
    )


def _dashboard(snapshot: ControllerSnapshot, cluster: ClusterStatus) -> str:
    if not any(m.member == "head" and m.phase == "RUNNING" for m in cluster.members):
        return ""
    return web_address(snapshot.urls.get(application_name(cluster.name, THE_HEAD), ""))


def cluster_views(snapshot: ControllerSnapshot) -> list[ClusterView]:
    """All clusters: those that need attention first, then by name."""
    clusters = () if snapshot.status is None else snapshot.status.clusters
    views = [cluster_view(snapshot, cluster) for cluster in clusters]
    return sorted(views, key=lambda v: (v.level not in (Level.WARN, Level.BAD), v.status.name))


def member_level(member: MemberStatus) -> Level:
    if member.phase == "RUNNING" and member.ray == "joined":
        return Level.GOOD
    return Level.BAD if member.phase in ("FAILED", "UNKNOWN") else Level.BUSY


# Conditions that should be true; the others should be absent.
_GOOD = {"Synced": "True", "Ready": "True"}


def condition_level(condition: Condition) -> Level:
    if condition.type in _GOOD:
        good = condition.status == _GOOD[condition.type]
        return Level.GOOD if good else Level.BUSY
    by_type = {"Stalled": Level.BAD, "Reconciling": Level.BUSY}
    return by_type.get(condition.type, Level.NOTE)


def connection(snapshot: ControllerSnapshot, cluster: ClusterStatus) -> list[tuple[str, str]]:
    """Addresses of a cluster; empty while its head has none for a browser."""
    if not _dashboard(snapshot, cluster):
        return []
    urls: Mapping[str, str] = snapshot.urls
    return ways_in(cluster, lambda name: web_address(urls.get(name, "")))


def events(snapshot: ControllerSnapshot, cluster: str | None = None) -> list[Event]:
    """The latest events, of a cluster or of all."""
    chosen = [e for e in snapshot.events if cluster is None or e.cluster == cluster]
    return chosen[:EVENTS_SHOWN]
