"""What a board says in numbers.  Pure: a function of the board, so nothing is ever left over.

Names of clusters stand only in `_info` and `_condition`; ids stand nowhere.
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
    "Orphan", "OutOfDate",
)  # fmt: skip
STATUSES = ("True", "False", "Unknown")
# What a condition is that a cluster does not have.
ABSENT = {
    "Synced": "Unknown", "Ready": "Unknown", "Reconciling": "False", "Stalled": "False",
    "Suspended": "False", "Paused": "False",
}  # fmt: skip


def families(board: ControllerSnapshot) -> Iterator[Metric]:
    """Every gauge, each with all of its label sets."""
    yield from _loop(board)
    yield from _source(board)
    yield from _plan(board)
    yield from _clusters(() if board.status is None else board.status.clusters)


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


def _loop(board: ControllerSnapshot) -> Iterator[Metric]:
    loop = board.loop
    yield _gauge(
        "last_success_timestamp_seconds",
        "When the last pass ended well; 0 before the first.",
        _stamp(loop.ended_at),
    )
    yield _gauge("failed_passes", "Passes in a row that did not end well.", loop.failures)
    yield _gauge("lease_held", "1 while this controller leads.", loop.leads)


def _source(board: ControllerSnapshot) -> Iterator[Metric]:
    source = board.source
    yield _labelled(
        "git_revision_info", "The revision in force.", ("revision",), {(source.revision,): 1}
    )
    yield _gauge(
        "git_last_fetch_timestamp_seconds",
        "When the source could last be read; 0 before the first time.",
        _stamp(source.fetched_at),
    )
    yield _gauge("source_failing", "1 while the source cannot be read.", bool(source.failure))
    yield _gauge(
        "source_problems", "Specs that cannot be used, in the newest reading.", len(source.problems)
    )
    yield _gauge(
        "revision_held", "1 while a newer revision waits for a person.", source.held is not None
    )


def _plan(board: ControllerSnapshot) -> Iterator[Metric]:
    actions = Counter(step.name for step in board.plan.steps)
    waits = Counter(wait.reason for wait in board.plan.waits)
    yield _labelled(
        "planned_actions",
        "Steps of the last plan, before they were done.",
        ("action",),
        {(name,): actions[name] for name in ACTION_NAMES.values()},
    )
    yield _labelled(
        "waits",
        "Members that are left alone for now, by reason.",
        ("reason",),
        {(reason.title,): waits[reason] for reason in Reason},
    )
    yield _gauge(
        "plan_refusals", "Laws that the last plan would have broken.", len(board.plan.refusals)
    )


def _clusters(clusters: Iterable[ClusterStatus]) -> Iterator[Metric]:
    clusters = tuple(clusters)
    phases = Counter(c.word for c in clusters)
    yield _labelled("clusters", "Clusters by phase.", ("phase",), {(p,): phases[p] for p in PHASES})
    yield _gauge("members_desired", "Members that ought to be.", sum(c.desired for c in clusters))
    yield _gauge("members_ready", "Members that Ray has.", sum(c.ready for c in clusters))
    yield _gauge("owned_apps", "Applications that carry our mark.", _applications(clusters))
    orphans = [c for c in clusters if c.word == "Orphan"]
    yield _gauge("orphan_apps", "Applications of ours without a spec.", _applications(orphans))
    yield from _named(clusters)


def _applications(clusters: Iterable[ClusterStatus]) -> int:
    return sum(bool(member.application_id) for c in clusters for member in c.members)


def _named(clusters: tuple[ClusterStatus, ...]) -> Iterator[Metric]:
    revisions = {c.name: next((x.revision for x in c.conditions), "") for c in clusters}
    yield _labelled(
        "cluster_info",
        "One for each cluster.",
        ("cluster", "revision", "phase"),
        {(c.name, revisions[c.name], c.word): 1 for c in clusters},
    )
    yield _labelled(
        "cluster_condition",
        "1 for the status that a condition of a cluster has, 0 for the others.",
        ("cluster", "type", "status"),
        {
            (c.name, kind, status): _status(c, kind) == status
            for c in clusters
            for kind in ABSENT
            for status in STATUSES
        },
    )


def _status(cluster: ClusterStatus, kind: str) -> str:
    found = cluster.condition(kind)
    return ABSENT[kind] if found is None else found.status
