"""Commands on clusters whose nodes or reports are lost, or whose interpreter is wrong."""

import json
from datetime import timedelta

import pytest
from controlled import controlled
from stage import Said, Stage

from controller.emulator.pods.processes import PodExit
from tests.scripted_pods import Behaviour

WORKER, WRONG = "ray-analytics-cpu-0", "ray-analytics-gpu-0"
REPORT = (".raycml", "clusters", "analytics", "ray.json")
HOUR_S = 3600.0


def reported(stage: Stage) -> dict[str, object]:
    body: dict[str, object] = json.loads(stage.tree().read(REPORT))
    return body


def rewrite(stage: Stage, **changes: object) -> None:
    """The head's report, with these changes, dated now."""
    now = (stage.clock.now() + timedelta(seconds=stage.heads_ahead_s)).isoformat()
    body = {**reported(stage), "observed_at": now, "period_s": 3.0, **changes}
    stage.tree().write(REPORT, json.dumps(body).encode())


def engines(stage: Stage) -> dict[str, str]:
    return {a.subdomain: a.engine_id for a in stage.workspace.state.applications.values()}


def ready(said: Said) -> dict[str, str]:
    document: dict[str, list[dict[str, list[dict[str, str]]]]] = json.loads(said.out)
    [cluster] = document["clusters"]
    return next(c for c in cluster["conditions"] if c["type"] == "Ready")


@pytest.fixture
def settled(stage: Stage) -> Stage:
    stage.spec(replicas=1)
    assert stage.run("reconcile").code == 0
    return stage


@pytest.mark.parametrize("ahead_s", [0.0, -8.0, 8.0])
def test_a_reconcile_a_second_after_the_end_of_the_gcs_does_not_end_with_ready(
    settled: Stage, ahead_s: float
) -> None:
    settled.heads_ahead_s = ahead_s
    settled.clock.wait(60.0)
    rewrite(settled)
    settled.clock.passing.remove(settled.report)  # nothing reports any more
    settled.clock.elapsed += 1.0
    settled.wire.calls.clear()
    said = settled.run("reconcile", "--timeout", "30s")
    assert said.code == 5, said.out
    assert "Ready=Unknown ReportLost: the head has not reported since" in said.err
    assert settled.wire.writes() == []


def test_a_reconcile_ends_as_soon_as_the_head_has_reported_again(settled: Stage) -> None:
    before = settled.clock.elapsed
    assert settled.run("reconcile").code == 0
    assert 0 < settled.clock.elapsed - before <= 4.0


def test_a_status_says_what_a_lost_report_is_and_restarts_nothing(settled: Stage) -> None:
    settled.clock.passing.remove(settled.report)
    rewrite(settled, error="Ray's node table: no answer")
    found = ready(settled.run("status", "-o", "json"))
    assert (found["status"], found["reason"]) == ("Unknown", "ReportLost")
    assert found["message"].endswith("Ray's node table: no answer")
    rewrite(settled)
    settled.clock.elapsed += 10.0
    assert ready(settled.run("status", "-o", "json"))["reason"] == "ReportLost"
    before = engines(settled)
    settled.clock.passing.append(settled.clock.minute)
    with controlled(settled, settled.folder / "specs") as controller:
        while settled.clock.elapsed < HOUR_S:
            controller.turn()
    assert engines(settled) == before, "old reports end no work"


def test_a_lost_node_is_back_within_a_minute_and_no_other_is_touched(settled: Stage) -> None:
    before = engines(settled)

    def dead() -> None:
        members = reported(settled)["members"]
        assert isinstance(members, dict)
        if engines(settled)[WORKER] == before[WORKER] and "cpu/0" in members:
            members["cpu/0"] |= {"alive": False}
            rewrite(settled, members=members)

    settled.clock.passing.append(dead)
    begun = settled.clock.elapsed
    with controlled(settled, settled.folder / "specs") as controller:
        while engines(settled)[WORKER] == before[WORKER]:
            controller.turn()
            assert settled.clock.elapsed - begun < 60.0 + 30.0, "a pass at rest comes after 30 s"
        controller.settle()
    after = engines(settled)
    assert {name for name in before if before[name] != after[name]} == {WORKER}
    assert ready(settled.run("status", "-o", "json"))["status"] == "True"


def test_a_head_whose_gcs_does_not_answer_is_restarted_and_nothing_else(settled: Stage) -> None:
    before = engines(settled)
    head = "ray-analytics-head"

    def deaf() -> None:
        if engines(settled)[head] == before[head]:
            rewrite(settled, error="Ray's node table: no answer")

    settled.clock.passing.append(deaf)
    with controlled(settled, settled.folder / "specs") as controller:
        controller.turn(70)
    after = engines(settled)
    assert {name for name in before if before[name] != after[name]} == {head}


def test_a_wrong_interpreter_in_one_group_costs_five_tries_and_touches_no_other(
    stage: Stage,
) -> None:
    """Then one try every ten minutes, so that a corrected interpreter is noticed."""
    extra = "- {groupName: gpu, replicas: 1, resources: {cpu: 1, memory: 2Gi}}"
    path = stage.spec(replicas=1)
    path.write_text(path.read_text() + f"    {extra}\n")
    stage.stories[WRONG] = Behaviour(None, 1.0, PodExit(3))  # it has no Ray, or another one
    with controlled(stage, path) as controller:
        while stage.clock.elapsed < HOUR_S:
            controller.turn()
            status = controller.snapshot.status
            assert status is not None
            stalled = status.clusters[0].condition("Stalled")
            if stalled is not None:
                break
        assert stalled is not None
        assert stalled.reason == "CrashLooping"
        assert tries(stage) == 5
        others = {name: engine for name, engine in engines(stage).items() if name != WRONG}
        begun = stage.clock.elapsed
        stage.clock.passing.insert(0, stage.clock.minute)
        while stage.clock.elapsed < begun + HOUR_S:
            controller.turn()
        assert tries(stage) <= 5 + HOUR_S / 600.0
    assert {name: engine for name, engine in engines(stage).items() if name != WRONG} == others


def tries(stage: Stage) -> int:
    """Restarts of the member with the wrong interpreter; nothing else is restarted."""
    calls = [path for method, path in stage.wire.calls if path.endswith(":restart")]
    [app] = [a for a in stage.workspace.state.applications.values() if a.subdomain == WRONG]
    assert all(f"/{app.id}:" in path for path in calls)
    return len(calls)
