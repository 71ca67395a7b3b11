"""Gauges of a snapshot.  Pure, so no series outlives its cluster.

Only `_info` and `_condition` contain cluster names; none contains IDs.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from prometheus_client.core import GaugeMetricFamily, Metric

from controller.core.model.plan import ACTION_NAMES
from controller.core.model.reasons import Reason
from controller.core.status.snapshot import ControllerSnapshot
from controller.core.status.status import ClusterStatus

PHASES = (
    "Ready", "Reconciling", "Stalled", "Paused", "Suspending", "Suspended", "Deleting", "Leaving",
    "Orphan", "OutOfDate", "Adopted",
)  # fmt: skip
STATUSES = ("True", "False", "Unknown")
# Status of a condition that a cluster does not have.
ABSENT = {
    "Synced": "Unknown", "Ready": "Unknown", "Reconciling": "False", "Stalled": "False",
    "Suspended": "False", "Paused": "False",
}  # fmt: skip


def families(snapshot: ControllerSnapshot) -> Iterator[Metric]:
    """All gauges, each with all of its label sets."""
    yield from _loop(snapshot)
    yield from _source(snapshot)
    yield from _plan(snapshot)
    yield from _clusters(() if snapshot.status is None else snapshot.status.clusters)


def _gauge(name: str, meaning: str, value: float) -> Metric:
    return GaugeMetricFamily(f"raycml_{name}", meaning, value=value)


def _labelled(
    name: str, meaning: str, labels: Iterable[str], values: Mapping[tuple[str, ...], float]
) -> Metric:
    family = GaugeMetricFamily(f"raycml_{name}", meaning, labels=tuple(labels))
    for key in sorted(values):
        family.add_metric(key, values[key])
    return family


def _stamp(at: datetime | None) -> float:
    return 0.0 if at is None else at.timestamp()


def _loop(snapshot: ControllerSnapshot) -> Iterator[Metric]:
    loop = snapshot.loop
    yield _gauge(
        "last_success_timestamp_seconds",
        "Time of the last successful pass; 0 before the first.",
        _stamp(loop.ended_at),
    )
    yield _gauge("failed_passes", "Consecutive failed passes.", loop.failures)
    yield _gauge("lease_held", "1 while this controller leads.", loop.leads)


def _source(snapshot: ControllerSnapshot) -> Iterator[Metric]:
    source = snapshot.source
    yield _labelled(
        "git_revision_info", "The revision in force.", ("revision",), {(source.revision,): 1}
    )
    yield _gauge(
        "git_last_fetch_timestamp_seconds",
        "Time of the last successful read of the source; 0 before the first.",
        _stamp(source.fetched_at),
    )
    yield _gauge("source_failing", "1 while the source cannot be read.", bool(source.failure))
    yield _gauge("source_problems", "Invalid specs in the latest reading.", len(source.problems))
    yield _gauge(
        "revision_held", "1 while a newer revision needs approval.", source.held is not None
    )


def _plan(snapshot: ControllerSnapshot) -> Iterator[Metric]:
    actions = Counter(step.name for step in snapshot.plan.steps)
    waits = Counter(wait.reason for wait in snapshot.plan.waits)
    yield _labelled(
        "planned_actions",
        "Steps of the last plan, before execution.",
        ("action",),
        {(name,): actions[name] for name in ACTION_NAMES},
    )
    yield _labelled(
        "waits",
        "Waiting members, by reason.",
        ("reason",),
        {(reason.title,): waits[reason] for reason in Reason},
    )
    yield _gauge(
        "plan_refusals", "Laws that the last plan would have broken.", len(snapshot.plan.refusals)
    )


def _clusters(clusters: Iterable[ClusterStatus]) -> Iterator[Metric]:
    clusters = tuple(clusters)
    phases = Counter(c.word for c in clusters)
    yield _labelled("clusters", "Clusters by phase.", ("phase",), {(p,): phases[p] for p in PHASES})
    yield _gauge("members_desired", "Desired members.", sum(c.desired for c in clusters))
    yield _gauge("members_ready", "Members alive in Ray.", sum(c.ready for c in clusters))
    yield _gauge("owned_apps", "Managed applications.", _applications(clusters))
    orphans = [c for c in clusters if c.word == "Orphan"]
    yield _gauge("orphan_apps", "Managed applications without a spec.", _applications(orphans))
    yield from _named(clusters)


def _applications(clusters: Iterable[ClusterStatus]) -> int:
    return sum(bool(member.application_id) for c in clusters for member in c.members)


def _named(clusters: tuple[ClusterStatus, ...]) -> Iterator[Metric]:
    revisions = {c.name: next((x.revision for x in c.conditions), "") for c in clusters}
    yield _labelled(
        "cluster_info",
        "A series for each cluster.",
        ("cluster", "revision", "phase"),
        {(c.name, revisions[c.name], c.word): 1 for c in clusters},
    )
    yield _labelled(
        "cluster_condition",
        "1 for the current status of a condition of a cluster, 0 for the others.",
        ("cluster", "type", "status"),
        {
            (c.name, kind, status): _status(c, kind) == status
            for c in clusters
            for kind in ABSENT
            for status in STATUSES
        },
    )


def _status(cluster: ClusterStatus, kind: str) -> str:
    condition = cluster.condition(kind)
    return ABSENT[kind] if condition is None else condition.status
