"""The acceptance test itself, on the embedded CML with real Ray processes."""

import json

import pytest

from controller.acceptance.report import AcceptancePhase
from tests.scenarios.stage import Stage

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


def test_every_phase_passes_with_real_ray_and_nothing_is_left(stage: Stage) -> None:
    reports = stage.folder / "reports"
    done = stage.raycml("acceptance", "--local", "--wait-seconds", "2", "--report", str(reports))
    assert done.code == 0, done.out + done.err
    [written] = reports.glob("*.json")
    body = json.loads(written.read_text())
    assert [(p["name"], p["result"]) for p in body["phases"]] == [
        (p, "passed") for p in AcceptancePhase
    ]
    assert body["versions"]["ray"] == "2.60.0"
    by_name = {p["name"]: p for p in body["phases"]}
    assert by_name["task"]["message"] == "a task ran on each of 2 nodes"
    # Killed by a Ray task on it, and not by the stop that stands in where no task can do it.
    assert by_name["kill"]["message"].startswith("worker/0 was killed by a task on it")
    assert by_name["repair"]["details"][0].startswith("engine ")
    assert list((stage.home / ".raycml").rglob("*acceptance-*")) == []
