"""Counts of members over the last hours, for a plot; bounded."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from controller.core.status.snapshot import Sample
from controller.core.status.status import ClusterStatus, Status

KEPT = timedelta(hours=6)
SAMPLES_MAX = 1000
_AT_LEAST = timedelta(minutes=5)  # between equal samples

Timelines = Mapping[str, tuple[Sample, ...]]


def extend(before: Timelines, status: Status) -> dict[str, tuple[Sample, ...]]:
    """The timelines with one more sample; those of clusters that are gone end once they are old."""
    now = status.as_of
    timelines = {n: _recent(s, now) for n, s in before.items() if now - s[-1].at <= KEPT}
    for cluster in status.clusters:
        samples = timelines.get(cluster.name) or before.get(cluster.name, ())[-1:]
        timelines[cluster.name] = _with(samples, cluster, now)
    return timelines


def _recent(samples: tuple[Sample, ...], now: datetime) -> tuple[Sample, ...]:
    """Those of the last hours, and the one before them that says how these begin."""
    old = sum(1 for sample in samples if now - sample.at > KEPT)
    return samples[max(old - 1, 0) :][-SAMPLES_MAX:]


def _with(samples: tuple[Sample, ...], cluster: ClusterStatus, now: datetime) -> tuple[Sample, ...]:
    sample = Sample(now, cluster.desired, cluster.ready)
    last = samples[-1] if samples else None
    same = last is not None and (last.desired, last.ready) == (sample.desired, sample.ready)
    if same and last is not None and now - last.at < _AT_LEAST:
        return samples
    return (*samples, sample)
