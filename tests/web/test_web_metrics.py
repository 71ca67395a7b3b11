"""What Prometheus reads: every series from the start, bounded, and what alerts and plots name.

To accept a new text: RAYCML_ACCEPT=1 pytest tests/web/test_web_metrics.py
"""

import json
import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from controller.core.model.faults import Result
from controller.core.model.member import Member
from controller.core.model.plan import ACTION_NAMES, Change, Intent, Outcome, Step, Stop, Update
from controller.core.model.reasons import Reason
from controller.core.status.snapshot import ControllerSnapshot
from controller.web.metrics import Metrics
from tests.web import boards
from tests.web.pages import OPERATIONS, Web
from tests.worlds import at

GOLDEN = Path(__file__).parent / "metrics.txt"
DOCS = Path(__file__).parents[2] / "docs"


def ours(text: str) -> str:
    """Without the numbers of the process, which nobody can know, and without the zeros of reasons
    and actions, of which there may be more one day."""
    lines = (line for line in text.splitlines(keepends=True) if "raycml_" in line)
    return "".join(line for line in lines if not _ZERO.search(line))


_ZERO = re.compile(r'(action|reason)="\w+".*} 0\.0$')


def samples(
    metrics: Metrics, board: ControllerSnapshot
) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    text = metrics.text(board).decode()
    return {
        (s.name, frozenset(s.labels.items())): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def value(
    metrics: Metrics, name: str, /, board: ControllerSnapshot | None = None, **labels: str
) -> float:
    found = samples(metrics, board or boards.calm())
    return found[f"raycml_{name}", frozenset(labels.items())]


def step(action: object, *changes: Change) -> Step:
    place = Member("gpu", 0)
    return Step(action, "training", "p", place, Reason.OUTDATED, Intent.UPDATE, changes)  # type: ignore[arg-type]


@pytest.fixture
def metrics() -> Metrics:
    return Metrics("0.1.0", OPERATIONS)


def test_the_text_is_the_one_that_was_agreed_on() -> None:
    answer = Web(boards.busy()).client.get("/metrics")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    text = ours(answer.get_data(as_text=True))
    if os.environ.get("RAYCML_ACCEPT"):
        GOLDEN.write_text(text)
    assert text == GOLDEN.read_text()


def test_a_controller_that_has_just_started_has_every_series(metrics: Metrics) -> None:
    after = Metrics("0.1.0", OPERATIONS)
    after.called("list_applications", "GET", 429, "Throttled", 1.0)
    after.passed("failed", 1.0)
    after.fetched("failed")
    outcome = Outcome(step(Update("id", {}), Change("cpu", "1", "2")), Result.DONE)
    after.acted([outcome])
    assert samples(metrics, boards.first()).keys() == samples(after, boards.first()).keys()
    assert set(samples(metrics, boards.first()).values()) >= {0.0}


def test_every_reason_and_every_action_has_its_series(metrics: Metrics) -> None:
    found = {pair for _, labels in samples(metrics, boards.first()) for pair in labels}
    assert found >= {("reason", reason.title) for reason in Reason}
    assert found >= {("action", name) for name in ACTION_NAMES}


def test_calls_are_counted_by_operation_and_class_of_answer(metrics: Metrics) -> None:
    metrics.called("list_applications", "GET", 200, None, 0.1)
    metrics.called("list_applications", "GET", 204, "", 0.1)
    metrics.called("create_application", "POST", None, "Unknown", 30.0)
    metrics.called("create_application", "POST", 429, "Throttled", 0.1)
    name = "api_requests_total"
    assert value(metrics, name, operation="list_applications", method="GET", code="2xx") == 2
    assert value(metrics, name, operation="create_application", method="POST", code="none") == 1
    assert value(metrics, name, operation="create_application", method="POST", code="4xx") == 1
    assert value(metrics, "api_errors_total", error="Unknown") == 1
    assert value(metrics, "api_errors_total", error="Throttled") == 1
    assert value(metrics, "api_throttled_total") == 1
    count = "api_request_duration_seconds_count"
    assert value(metrics, count, operation="create_application") == 2


def test_passes_readings_and_steps_are_counted_by_what_came_of_them(metrics: Metrics) -> None:
    metrics.passed("done", 2.0)
    metrics.passed("failed", 0.5)
    metrics.fetched("failed")
    changes = (Change("memory", "1Gi", "2Gi"), Change("environment.PRECIOUS", "", ""))
    metrics.acted(
        [
            Outcome(step(Update("id", {}), *changes), Result.DONE),
            Outcome(step(Update("id", {}), *changes), Result.FAILED),
            Outcome(step(Stop("id"), *changes), Result.UNKNOWN),
        ]
    )
    assert value(metrics, "passes_total", result="done") == 1
    assert value(metrics, "passes_total", result="failed") == 1
    assert value(metrics, "pass_duration_seconds_sum") == 2.5
    assert value(metrics, "git_fetch_total", result="failed") == 1
    assert value(metrics, "actions_total", action="update", result="done") == 1
    assert value(metrics, "actions_total", action="update", result="failed") == 1
    assert value(metrics, "actions_total", action="stop", result="unknown") == 1
    assert value(metrics, "drift_total", field="memory") == 1
    assert value(metrics, "drift_total", field="environment") == 1


def test_labels_are_bounded_whatever_is_counted(metrics: Metrics) -> None:
    before = len(samples(metrics, boards.calm()))
    for n in range(50):
        metrics.passed(f"result {n}", 1.0)
        metrics.fetched(f"result {n}")
        metrics.called("list_applications", "GET", 700 + n, f"Error{n}", 1.0)
        change = Change(f"field{n}", "", "")
        metrics.acted([Outcome(step(Update("id", {}), change), Result.DONE)])
    assert len(samples(metrics, boards.calm())) == before
    assert value(metrics, "passes_total", result="other") == 50
    for n in range(500):
        metrics.called(f"operation {n}", "GET", 200, None, 1.0)
    operations = {dict(k[1]).get("operation") for k in samples(metrics, boards.calm())}
    assert len(operations - {None}) <= 65
    assert value(metrics, "api_requests_total", operation="other", method="other", code="2xx") > 400


def test_clusters_are_named_only_where_that_is_said_and_ids_nowhere(metrics: Metrics) -> None:
    busy = boards.busy()
    assert busy.status is not None
    names = {c.name for c in busy.status.clusters}
    ids = {m.application_id for c in busy.status.clusters for m in c.members} - {""}
    for name, labels in samples(metrics, busy):
        values = {v for _, v in labels}
        assert not values & ids
        if values & names:
            assert name in ("raycml_cluster_info", "raycml_cluster_condition")


def test_a_cluster_that_is_gone_leaves_no_series(metrics: Metrics) -> None:
    samples(metrics, boards.busy())
    assert not [k for k in samples(metrics, boards.calm()) if ("cluster", "training") in k[1]]


def test_the_board_is_in_the_gauges(metrics: Metrics) -> None:
    busy = boards.busy()
    assert value(metrics, "clusters", busy, phase="Stalled") == 1
    assert value(metrics, "members_desired", busy) == 24
    assert value(metrics, "members_ready", busy) == 17
    assert value(metrics, "waits", busy, reason="NameConflict") == 1
    assert value(metrics, "planned_actions", busy, action="create") == 1
    assert value(metrics, "revision_held", busy) == 1
    assert value(metrics, "source_problems", busy) == 1
    assert value(metrics, "lease_held", busy) == 1
    assert value(metrics, "git_revision_info", busy, revision=boards.REVISION) == 1
    assert value(metrics, "last_success_timestamp_seconds", busy) == at(-3).timestamp()
    condition = {"cluster": "fraud-scoring", "type": "Stalled"}
    assert value(metrics, "cluster_condition", busy, **condition, status="True") == 1
    assert value(metrics, "cluster_condition", busy, **condition, status="False") == 0
    condition["cluster"] = "analytics"
    assert value(metrics, "cluster_condition", busy, **condition, status="False") == 1


def test_before_the_first_pass_nothing_is_claimed_of_success(metrics: Metrics) -> None:
    assert value(metrics, "last_success_timestamp_seconds", boards.first()) == 0
    assert value(metrics, "git_last_fetch_timestamp_seconds", boards.first()) == 0


def test_the_time_to_ready_is_from_the_first_look_that_saw_it_away(metrics: Metrics) -> None:
    calm = boards.calm()
    assert calm.status is not None
    cluster = calm.status.clusters[0]
    for seconds, word in ((0, "Reconciling"), (30, "Stalled"), (90, "Ready"), (120, "Ready")):
        status = replace(calm.status, clusters=(replace(cluster, word=word),))
        metrics.observe(replace(calm, as_of=at(seconds), status=status))
    assert value(metrics, "time_to_ready_seconds_count") == 1
    assert value(metrics, "time_to_ready_seconds_sum") == 90


# What the documents name

NAME = re.compile(r"\braycml_[a-z_]+\b")


def emitted() -> set[str]:
    return {name for name, _ in samples(Metrics("0.1.0", OPERATIONS), boards.busy())}


def expressions(found: Any) -> list[str]:
    if isinstance(found, dict):
        own = [v for k, v in found.items() if k in ("expr", "query") and isinstance(v, str)]
        return own + [e for v in found.values() for e in expressions(v)]
    if isinstance(found, list):
        return [e for each in found for e in expressions(each)]
    return []


def rules() -> list[dict[str, Any]]:
    document = yaml.safe_load((DOCS / "alerts.yaml").read_text())
    return [rule for group in document["groups"] for rule in group["rules"]]


def dashboard() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DOCS / "grafana" / "raycml.json").read_text())
    return found


def test_every_metric_of_an_alert_is_one_that_we_emit() -> None:
    named = {name for rule in rules() for name in NAME.findall(rule["expr"])}
    assert len(named) > 5
    assert named <= emitted()


def test_every_metric_of_the_dashboard_is_one_that_we_emit() -> None:
    named = {name for e in expressions(dashboard()) for name in NAME.findall(e)}
    assert len(named) > 10
    assert named <= emitted()


def test_every_value_of_a_label_that_a_document_names_is_one_that_there_is() -> None:
    found = samples(Metrics("0.1.0", OPERATIONS), boards.busy())
    known = {pair for _, labels in found for pair in labels} | {("phase", "Orphan")}
    asked = [*expressions(dashboard()), *(r["expr"] for r in rules())]
    pairs = {p for e in asked for p in re.findall(r'(\w+)="([^"$]+)"', e)}
    assert pairs
    assert pairs <= known


def test_every_alert_says_what_is_wrong_and_what_to_do() -> None:
    wanted = {
        "RaycmlLoopDead",
        "RaycmlPassesFailing",
        "RaycmlClusterNotReady",
        "RaycmlSourceFailing",
        "RaycmlRevisionHeld",
        "RaycmlCrashLooping",
        "RaycmlApiThrottled",
    }
    found = {rule["alert"]: rule for rule in rules()}
    assert wanted <= set(found)
    for rule in found.values():
        assert rule["labels"]["severity"] in ("page", "ticket")
        assert rule["annotations"]["summary"]
        assert "raycml" in rule["annotations"]["description"]


def test_every_panel_has_a_title_a_place_and_a_query() -> None:
    panels = [p for p in dashboard()["panels"] if p["type"] != "row"]
    assert len(panels) >= 10
    assert len({p["id"] for p in panels}) == len(panels)
    for panel in panels:
        assert panel["title"]
        assert set(panel["gridPos"]) == {"x", "y", "w", "h"}
        assert panel["targets"][0]["expr"]
