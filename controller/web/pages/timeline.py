"""Shapes of a plot of member counts over time.  Pure; the template draws them.

Desired is a step line, ready a stepped area.  A plot has a bounded number of points.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.core.spec.text import spoken
from controller.core.status.snapshot import Sample

WIDTH, HEIGHT = 600, 120
_SHORTEST = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Tick:
    """A grid line: its position in the drawing, and its count."""

    place: float
    count: int


@dataclass(frozen=True, slots=True)
class Plot:
    """Paths in a drawing of WIDTH by HEIGHT, and a description."""

    desired: str
    ready: str
    ticks: tuple[Tick, ...]
    since: datetime
    until: datetime
    description: str


def plot(samples: Sequence[Sample], now: datetime) -> Plot | None:
    """The plot of a timeline that ends now; None without samples."""
    if not samples:
        return None
    since = min(samples[0].at, now - _SHORTEST)
    ticks = _ticks(max(1, *(max(s.desired, s.ready) for s in samples)))
    scale = _Scale(since, max(now - since, _SHORTEST), ticks[-1])
    thinned = _thinned(samples, scale)
    desired = list(_steps([(s.at, s.desired) for s in thinned], scale))
    ready = list(_steps([(s.at, s.ready) for s in thinned], scale))
    closed = f"M{ready[0][0]:g},{HEIGHT}L{_points(ready)}L{WIDTH},{HEIGHT}Z"
    return Plot(
        desired=f"M{_points(desired)}",
        ready=closed,
        ticks=tuple(Tick(round(scale.y(n), 1), n) for n in ticks),
        since=since,
        until=now,
        description=_description(samples, now),
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    since: datetime
    span: timedelta
    top: int

    def x(self, at: datetime) -> int:
        """The column of a time; samples of a column are one point."""
        return min(max(round((at - self.since) / self.span * WIDTH), 0), WIDTH)

    def y(self, count: int) -> float:
        # Some room at the top, so that the line of all members stays visible.
        return HEIGHT - count / self.top * (HEIGHT - 8)


def _thinned(samples: Sequence[Sample], scale: _Scale) -> list[Sample]:
    """A sample for each column: of several, the one with the fewest ready members."""
    columns: dict[int, Sample] = {}
    for sample in samples:
        column = scale.x(sample.at)
        other = columns.get(column)
        if other is None or sample.ready <= other.ready:
            columns[column] = sample
    last = samples[-1]
    columns[WIDTH] = Sample(scale.since + scale.span, last.desired, last.ready)
    return [columns[column] for column in sorted(columns)]


def _steps(values: Sequence[tuple[datetime, int]], scale: _Scale) -> Iterator[tuple[int, float]]:
    before: float | None = None
    for at, count in values:
        x, y = scale.x(at), round(scale.y(count), 1)
        if before is not None and before != y:
            yield x, before
        if before != y or x == WIDTH:
            yield x, y
        before = y


def _points(points: Iterable[tuple[int, float]]) -> str:
    return "L".join(f"{x:g},{y:g}" for x, y in points)


def _ticks(top: int) -> list[int]:
    """Two to five whole numbers at equal distances, from 0 to the top or just beyond."""
    bases = (10**power for power in range(12))
    stride = next(k * base for base in bases for k in (1, 2, 5) if k * base * 4 >= top)
    return list(range(0, top + stride, stride))


def _description(samples: Sequence[Sample], now: datetime) -> str:
    last, least = samples[-1], min(samples, key=lambda s: s.ready)
    span = spoken((now - samples[0].at).total_seconds())
    return (
        f"Over the last {span}: {last.ready} of {last.desired} members are ready now; "
        f"the fewest were {least.ready} of {least.desired}, at {least.at:%H:%M} UTC."
    )
