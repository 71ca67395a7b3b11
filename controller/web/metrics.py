"""Counters, and the text format for Prometheus.

Uses a separate registry.  Every label set exists from the start, so that `rate()` sees the first
event; labels have fixed sets of values, and `other` for everything else.
"""

import threading
from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from controller.core.model.faults import Result
from controller.core.model.plan import ACTION_NAMES, Outcome
from controller.core.status.snapshot import ControllerSnapshot
from controller.web.gauges import families

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OTHER = "other"
PASSES = ("done", "failed", "refused", "standby", OTHER)
FETCHES = ("done", "failed", OTHER)
ERRORS = (
    "Unavailable", "Unknown", "Throttled", "Unauthorized", "Rejected", "NotFound", "Malformed",
    OTHER,
)  # fmt: skip
CODES = ("2xx", "3xx", "4xx", "5xx", "none")
FIELDS = (
    "cpu", "memory", "gpu", "runtimeIdentifier", "environment",
    "rayStartParams or labels", "launcher", "Ray version or interpreter", "pythonEnvironment",
    "accelerator", "nodeSelector", "resourceGroup", "resourceProfile", "runtimeAddons", OTHER,
)  # fmt: skip
_OPERATIONS_MAX = 64
_PASS_S = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
_CALL_S = (0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_READY_S = (5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600)


class Metrics:
    """Counters, thread-safe.  `operations` are the possible calls of CML: name, method.

    Other operations are counted too, up to a limit.
    """

    def __init__(self, version: str = "", operations: Iterable[tuple[str, str]] = ()) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self._lock = threading.Lock()
        self._operations: set[tuple[str, str]] = set()
        self._waiting: dict[str, datetime] = {}
        meaning, registry = "Version of the running controller.", self._registry
        Gauge("raycml_build_info", meaning, ["version"], registry=registry).labels(version).set(1)
        self._passes = self._counter("passes", "Passes by result.", "result")
        self._took = self._histogram("pass_duration_seconds", "Duration of passes.", _PASS_S)
        self._fetches = self._counter("git_fetch", "Readings of the source.", "result")
        self._actions = self._counter("actions", "Executed steps.", "action", "result")
        self._drift = self._counter("drift", "Corrected differences, by field.", "field")
        self._ready = self._histogram(
            "time_to_ready_seconds", "Time until clusters became ready.", _READY_S
        )
        self._calls = self._counter("api_requests", "Calls to CML.", "operation", "method", "code")
        self._call_s = self._histogram(
            "api_request_duration_seconds", "Duration of calls to CML.", _CALL_S, "operation"
        )
        self._errors = self._counter("api_errors", "Failed calls to CML.", "error")
        self._throttled = self._counter("api_throttled", "Calls that CML rate-limited.")
        ProcessCollector(registry=self._registry)
        self._initialise(operations)

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"raycml_{name}", meaning, labels, registry=self._registry)

    def _histogram(
        self, name: str, meaning: str, buckets: Iterable[float], *labels: str
    ) -> Histogram:
        return Histogram(
            f"raycml_{name}", meaning, labels, buckets=tuple(buckets), registry=self._registry
        )

    def _initialise(self, operations: Iterable[tuple[str, str]]) -> None:
        for counter, values in (
            (self._passes, PASSES),
            (self._fetches, FETCHES),
            (self._drift, FIELDS),
            (self._errors, ERRORS),
        ):
            for value in values:
                counter.labels(value)
        for action in ACTION_NAMES:
            for result in Result:
                self._actions.labels(action, result.value)
        for operation, method in operations:
            self._operation(operation, method)

    def _operation(self, operation: str, method: str) -> tuple[str, str]:
        """The labels of an operation; a new operation gets all of its label sets."""
        with self._lock:
            labels = (operation, method)
            if labels not in self._operations:
                if len(self._operations) >= _OPERATIONS_MAX:
                    labels = (OTHER, OTHER)
                self._operations.add(labels)
                for code in CODES:
                    self._calls.labels(*labels, code)
                self._call_s.labels(labels[0])
        return labels

    def called(
        self, operation: str, method: str, status: int | None, error: str | None, seconds: float
    ) -> None:
        """Count a call to CML; `error` is the class of its error, if any."""
        name, verb = self._operation(operation, method)
        code = "none" if status is None else f"{status // 100}xx"
        self._calls.labels(name, verb, code if code in CODES else "none").inc()
        self._call_s.labels(name).observe(seconds)
        if error:
            self._errors.labels(_bounded(error, ERRORS)).inc()
        if error == "Throttled":
            self._throttled.inc()

    def passed(self, result: str, took_s: float) -> None:
        """Count a pass: done, failed, refused (it would break a law) or standby (no lease)."""
        self._passes.labels(_bounded(result, PASSES)).inc()
        self._took.observe(took_s)

    def fetched(self, result: str) -> None:
        """Count a reading of the source: done or failed."""
        self._fetches.labels(_bounded(result, FETCHES)).inc()

    def acted(self, outcomes: Iterable[Outcome]) -> None:
        """Count the outcomes of a pass."""
        for outcome in outcomes:
            self._actions.labels(outcome.step.name, outcome.result.value).inc()
            if outcome.result is Result.DONE and outcome.step.name in ("update", "delete"):
                for change in outcome.step.changes:
                    self._drift.labels(_bounded(change.field.partition(".")[0], FIELDS)).inc()

    def observe(self, snapshot: ControllerSnapshot) -> None:
        """Time clusters that have become ready since the last snapshot."""
        if snapshot.status is None:
            return
        with self._lock:
            waiting = {}
            for cluster in snapshot.status.clusters:
                since = self._waiting.get(cluster.name)
                if cluster.word != "Ready":
                    waiting[cluster.name] = since or snapshot.as_of
                elif since is not None:
                    self._ready.observe((snapshot.as_of - since).total_seconds())
            self._waiting = waiting

    def text(self, snapshot: ControllerSnapshot) -> bytes:
        """All metrics, in the text format."""
        self.observe(snapshot)
        return generate_latest(_Everything(self._registry, snapshot))


def _bounded(value: str, values: tuple[str, ...]) -> str:
    return value if value in values else OTHER


class _Everything(Collector):
    """Counters and gauges, without the creation times of counters."""

    def __init__(self, registry: CollectorRegistry, snapshot: ControllerSnapshot) -> None:
        self._registry = registry
        self._snapshot = snapshot

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [s for s in family.samples if not s.name.endswith("_created")]
            yield family
        yield from families(self._snapshot)
