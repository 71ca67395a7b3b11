"""Updates that no quota is left for: what ran runs on, and is tried again ever less often."""

import httpx
import pytest
from controlled import Controlled, controlled
from stage import Stage

OUT_OF_QUOTA = {"error": "x", "code": 8, "message": "out of quota"}


class Quota:
    """CML refuses what needs quota: updates, and starts too where `starts` says so."""

    def __init__(self, stage: Stage, *, starts: bool = False) -> None:
        self.used_up = True
        self.starts = starts
        self.refused: list[float] = []
        self.stage = stage
        stage.wire.instead = self._answer

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        start = request.url.path.endswith(":restart") and self.starts
        if not self.used_up or not (request.method == "PATCH" or start):
            return None
        self.refused.append(self.stage.clock.elapsed)
        return httpx.Response(409, json=OUT_OF_QUOTA)


def stops(stage: Stage) -> int:
    return sum(path.endswith(":stop") for _, path in stage.wire.writes())


def pass_time(controller: Controlled, minutes: int) -> None:
    """At the controller's own pace while it moves, and five minutes at a time while it rests."""
    end = controller.stage.clock.elapsed + minutes * 60
    while controller.stage.clock.elapsed < end:
        controller.turn()
        assert controller.snapshot.plan is not None
        if not controller.snapshot.plan.steps and controller.loop.state.pause_s > 20:
            controller.stage.clock.wait(270.0)


def waits(controller: Controlled) -> list[str]:
    assert controller.snapshot.plan is not None
    return [f"{wait.reason}: {wait.message}" for wait in controller.snapshot.plan.waits]


@pytest.mark.parametrize("replicas", [0, 2])
def test_an_update_without_quota_is_tried_again_and_stops_a_member_ever_less_often(
    stage: Stage, replicas: int
) -> None:
    """Only a head, or a head and workers: of each group one member is tried."""
    stage.spec(replicas=replicas)
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        stage.wire.calls.clear()
        quota = Quota(stage)
        stage.spec(replicas=replicas, secret="another")
        tried = 2 if replicas else 1
        pass_time(controller, 8)
        assert stops(stage) == tried
        assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
        assert any("QuotaExceeded: " in one and "next try at 2026-" in one
                   for one in waits(controller))  # fmt: skip
        pass_time(controller, 2 * 60)
        assert 3 * tried <= stops(stage) <= 4 * tried
        assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
        quota.used_up = False
        pass_time(controller, 150)
        assert waits(controller) == []
        assert controller.snapshot.status is not None
        assert {c.word for c in controller.snapshot.status.clusters} == {"Ready"}


def test_updates_and_starts_without_quota_are_no_storm_of_calls(stage: Stage) -> None:
    stage.spec(replicas=0)
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        quota = Quota(stage, starts=True)
        stage.spec(replicas=0, secret="another")
        pass_time(controller, 120)
        assert len(quota.refused) <= 2 * (120 / 5) + 12
        quota.used_up = False
        pass_time(controller, 25)
        assert waits(controller) == []
        assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}


def test_a_spec_that_asks_for_less_is_taken_at_once(stage: Stage) -> None:
    stage.spec(replicas=0)
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        quota = Quota(stage)
        stage.spec(replicas=0, secret="another")
        pass_time(controller, 8)
        quota.used_up = False
        stage.spec(replicas=0, secret="a third")
        controller.turn(20)
        assert waits(controller) == []


def test_a_one_shot_command_ends_with_the_member_as_it_was(stage: Stage) -> None:
    stage.spec(replicas=1)
    stage.run("reconcile")
    Quota(stage)
    stage.spec(replicas=1, secret="another")
    said = stage.run("reconcile", "--timeout", "2h")
    assert said.code == 5, said.err
    assert "no quota left for the update" in said.out + said.err
    assert stage.clock.elapsed < 15 * 60
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
