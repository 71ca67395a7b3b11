"""`retire`: a worker's work ends, it is deleted, and another takes its place."""

import json
from collections.abc import Callable

import pytest
from controlled import Controlled, controlled
from stage import Stage
from test_orders import command

from controller.files.orders import FOLDER

ENGINE = "ray-analytics-cpu-0"


def members(stage: Stage) -> set[str]:
    return {name.removeprefix("ray-analytics-") for name in stage.applications()}


def works_until(stage: Stage, subdomain: str, seconds: float) -> None:
    """The node of an application is busy until then, by the stage's clock."""
    [row] = [a for a in stage.workspace.state.applications.values() if a.subdomain == subdomain]
    engine = row.engine_id
    stage.heads.work = lambda one: seconds if one == engine else 0.0


def test_a_retired_worker_is_drained_and_deleted_and_another_takes_its_place(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    works_until(stage, ENGINE, stage.clock.monotonic() + 40)
    began = stage.clock.monotonic()
    said = stage.run("retire", "analytics", "cpu/0")
    assert (said.code, said.out) == (0, "analytics cpu/0  retired\n")
    assert members(stage) == {"head", "cpu-1", "cpu-2"}
    assert stage.clock.monotonic() - began >= 40
    assert "draining  Retired" in said.err
    assert said.err.index("cpu/2  created") < said.err.index("cpu/0  deleting")
    assert stage.run("plan", "--exit-code").code == 0


def test_now_does_not_wait_for_the_work(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    works_until(stage, ENGINE, 1e9)
    began = stage.clock.monotonic()
    assert stage.run("retire", "analytics", "cpu/0", "--now").code == 0
    assert stage.clock.monotonic() - began < 40
    assert members(stage) == {"head", "cpu-1", "cpu-2"}


def test_a_controller_that_leads_retires_it_and_goes_on_with_the_rest(
    stage: Stage, leader: Callable[[Controlled], None]
) -> None:
    stage.spec()
    stage.spec("other", replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        works_until(stage, ENGINE, stage.clock.monotonic() + 30)
        leader(controller)
        said = command(stage, "retire", "analytics", "cpu/0")
        assert (said.code, said.out) == (0, "analytics cpu/0  retired\n")
        assert "delegated to the leading controller" in said.err
        assert members(stage) >= {"head", "cpu-1", "cpu-2"}
        assert "cpu-0" not in members(stage)
        assert stage.files(FOLDER) == []
        controller.settle()
        assert len(stage.applications()) == 5


def test_an_interrupted_retirement_leaves_a_worker_that_joins_again(stage: Stage) -> None:
    """The request stands until the next pass finds that nobody wants the worker to leave."""
    stage.spec()
    stage.run("reconcile")
    works_until(stage, ENGINE, 1e9)
    assert stage.run("retire", "analytics", "cpu/0", "--timeout", "5s").code == 5
    assert len(stage.files(".raycml/clusters/analytics/requests")) == 1
    stage.heads.work = lambda _: 0.0
    stage.report()
    done = stage.run("reconcile")
    assert done.code == 0
    assert "cpu/0" not in done.out or "joined" in done.out
    assert stage.files(".raycml/clusters/analytics/requests") == []
    assert json.loads(stage.run("status", "-o", "json").out)["clusters"][0]["ready"] == 3


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (("analytics", "head"), 64, "the head cannot be retired"),
        (("analytics", "cpu"), 64, "`cpu` is not a worker"),
        (("analytics", "cpu/7"), 64, "has no application of cpu/7; its workers: cpu/0, cpu/1"),
        (("analytic", "cpu/0"), 64, "did you mean `analytics`"),
        (("analytics",), 64, ""),
    ],
)
def test_a_mistake_is_said_and_nothing_is_done(
    stage: Stage, words: tuple[str, ...], code: int, why: str
) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.wire.calls.clear()
    said = stage.run("retire", *words)
    assert said.code == code
    assert why in said.err
    assert stage.wire.writes() == []


@pytest.mark.parametrize("extra", ["protect: true", "paused: true"])
def test_a_protected_or_paused_cluster_keeps_its_workers(stage: Stage, extra: str) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.spec(extra=extra)
    said = stage.run("retire", "analytics", "cpu/0")
    assert said.code == 6
    assert members(stage) == {"head", "cpu-0", "cpu-1"}
