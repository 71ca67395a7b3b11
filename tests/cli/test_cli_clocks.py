"""Heads whose clocks are off are believed by what is seen to change."""

import pytest
from controlled import Controlled, controlled
from stage import Stage


def word(controller: Controlled) -> str:
    assert controller.snapshot.status is not None
    (cluster,) = controller.snapshot.status.clusters
    return cluster.word


@pytest.mark.parametrize("ahead_s", [-86_400.0, -120.0, 45.0, 86_400.0])
def test_a_cluster_whose_clock_is_off_is_ready_until_its_head_is_silent(
    stage: Stage, ahead_s: float
) -> None:
    stage.heads_ahead_s = ahead_s
    stage.spec(replicas=1)
    with controlled(stage, "specs") as controller:
        controller.settle()
        assert word(controller) == "Ready"
        stage.heads_ahead_s = -ahead_s
        controller.turn(4)
        assert word(controller) == "Ready", "it was set meanwhile"
        stage.clock.passing.remove(stage.report)
        controller.turn(4)
        assert word(controller) != "Ready"


@pytest.mark.parametrize("ahead_s", [-3600.0, 3600.0])
def test_a_one_shot_command_sees_that_such_a_cluster_is_ready(stage: Stage, ahead_s: float) -> None:
    stage.heads_ahead_s = ahead_s
    stage.spec(replicas=1)
    assert stage.run("reconcile", "--timeout", "5m").code == 0


def test_what_a_head_left_before_it_was_started_again_is_not_believed(stage: Stage) -> None:
    stage.heads_ahead_s = 7200.0
    stage.spec(replicas=0)
    stage.run("reconcile", "--timeout", "5m")
    stage.clock.passing.remove(stage.report)
    stage.clock.elapsed += 7200.0 - 300.0
    assert stage.run("reconcile", "--timeout", "2m").code == 5
