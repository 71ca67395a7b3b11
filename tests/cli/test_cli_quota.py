"""Starts and updates without quota: what ran runs on, and is tried again ever less often."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from controlled import Controlled, controlled
from environment_stage import Builders, asking
from stage import Stage

from controller.emulator.options import Capacity, Options

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


# Workspaces that refuse a call beyond the quota, and those that let it wait

LIMITS: dict[str, dict[str, object]] = {
    "cores": {"capacity": Capacity(cpu=3)},
    "pods": {"most_pods": 2},
}


@pytest.fixture(params=["409", "pending"])
def answer(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[*LIMITS])
def short(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path,
          monkeypatch: pytest.MonkeyPatch, answer: str) -> Stage:  # fmt: skip
    """A workspace with room for a head and one worker."""
    monkeypatch.chdir(tmp_path)
    options = Options(start_s=3.0, over_quota=answer, **LIMITS[request.param])  # type: ignore[arg-type]  # as in the table
    return Stage(capsys, tmp_path, options=options)


def lift(stage: Stage) -> None:
    """An administrator lifts every limit."""
    there = stage.workspace
    free = replace(there.options, capacity=Capacity(), most_pods=0)
    there.options = there.applications.options = there.engines.options = there.runs.options = free


def test_a_start_beyond_the_quota_is_named_as_such_and_retried(short: Stage, answer: str) -> None:
    short.spec(replicas=2)
    with controlled(short, short.folder / "specs") as controller:
        controller.turn(12)
        states = sorted(short.applications().values())
        created = [w for w in short.wire.writes() if w[1].endswith("/applications")]
        if answer == "409":
            assert states == ["APPLICATION_RUNNING"] * 2
            assert any("QuotaExceeded: no quota left to create it" in w for w in waits(controller))
        else:
            assert states == ["APPLICATION_RUNNING"] * 2 + ["APPLICATION_STARTING"]
        assert not any("NameConflict" in wait for wait in waits(controller))
        pass_time(controller, 60)
        again = [w for w in short.wire.writes() if w[1].endswith("/applications")]
        assert len(again) - len(created) <= 60 / 5 + 1
        lift(short)
        pass_time(controller, 10)
        assert waits(controller) == []
        assert set(short.applications().values()) == {"APPLICATION_RUNNING"}


def test_a_restart_beyond_the_quota_is_retried_too(short: Stage, answer: str) -> None:
    short.spec(replicas=1)
    with controlled(short, short.folder / "specs") as controller:
        controller.settle()
        short.spec(replicas=1, extra="suspend: true")
        controller.settle()
        short.spec("other", replicas=1)
        controller.turn(12)
        short.spec(replicas=1)
        controller.turn(16)
        if answer == "409":
            assert any("QuotaExceeded: no quota left to restart it" in w for w in waits(controller))
        lift(short)
        pass_time(controller, 10)
        assert waits(controller) == []


@pytest.mark.parametrize("short", ["cores"], indirect=True)
def test_a_build_beyond_the_quota_is_retried_within_minutes(short: Stage, answer: str) -> None:
    """The run of its job is refused, and nothing else."""
    there = short.workspace
    tight = replace(there.options, capacity=Capacity(cpu=0.5))
    there.options = there.applications.options = there.engines.options = there.runs.options = tight
    builders = Builders(short)
    short.spec(**asking())
    with controlled(short, short.folder / "specs") as controller:
        words: set[str] = set()
        for _ in range(12):
            controller.turn()
            words |= set(waits(controller))
        refused = any("QuotaExceeded" in w and "no quota left to start run" in w for w in words)
        tries = [path for _, path in short.wire.writes() if path.endswith("/runs")]
        assert refused == (answer == "409") == (len(tries) > 1)
        assert not any("EnvironmentFailed" in word for word in words)
        assert builders.runs == []
        lift(short)
        pass_time(controller, 12)
        assert waits(controller) == []
        assert set(short.applications().values()) == {"APPLICATION_RUNNING"}


@pytest.mark.parametrize(
    ("status", "text", "reason"),
    [
        (409, "out of quota: CPU request limit reached", "QuotaExceeded"),
        (400, "insufficient memory in the resource pool", "QuotaExceeded"),
        (409, "subdomain ray-quota-head already exists", "NameInUse"),
        (409, "application ray-quota-head already exists", "NameInUse"),
        (409, "conflict", "Rejected"),
    ],
)
def test_a_conflict_is_a_name_only_if_it_says_so(
    stage: Stage, status: int, text: str, reason: str
) -> None:
    body = {"error": text, "code": 6, "message": text, "details": []}
    stage.wire.instead = lambda request: (
        httpx.Response(status, json=body)
        if (request.method, request.url.path[-13:]) == ("POST", "/applications")
        else None
    )
    stage.spec("quota", replicas=0)
    with controlled(stage, stage.folder / "specs") as controller:
        controller.turn(3)
        assert [wait.partition(":")[0] for wait in waits(controller)] == [reason]
