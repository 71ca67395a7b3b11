"""Environments from the command line: built, waited for, rolled out, failed, removed."""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from controlled import controlled
from environment_stage import ENVS, Builders, asking, lines
from stage import KEY, Stage

from tests.simulation.direct import Direct

pytestmark = pytest.mark.slow


@pytest.fixture
def builders(stage: Stage) -> Builders:
    return Builders(stage)


def names(stage: Stage) -> list[str]:
    """Which environments applications run in."""
    rows = stage.workspace.state.applications.values()
    marks = (json.loads(str(row.wire()["environment"])) for row in rows)
    return [mark["RAYCML_ENVIRONMENT"] for mark in marks]


def test_plan_says_that_an_environment_comes_first(stage: Stage, builders: Builders) -> None:
    stage.spec(**asking())
    said = stage.run("plan")
    assert said.out.splitlines()[-2:] == ["Environments: 1 job to create.", "Plan: 3 to create."]
    assert "EnvironmentBuilding: environment " in said.out
    assert stage.wire.writes() == []
    body = stage.run("plan", "-o", "json").json()
    assert [step["action"] for step in body["steps"]] == ["write_builder", "create_job"]  # type: ignore[attr-defined]
    assert {wait["reason"] for wait in body["waits"]} == {"EnvironmentBuilding"}  # type: ignore[attr-defined]


def test_an_environment_is_built_before_its_cluster_and_once(
    stage: Stage, builders: Builders
) -> None:
    stage.spec(**asking())
    done = stage.run("reconcile")
    assert done.code == 0, done.err
    (digest,) = builders.environments()
    assert (builders.jobs(), builders.runs) == ([f"raycml-env-{digest}"], [digest])
    assert names(stage) == [digest] * 3
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    assert stage.wire.writes() == []
    assert not [path for _, path in stage.wire.calls if "jobs" in path or "envs" in path]


def test_status_says_what_is_waited_for(stage: Stage, builders: Builders) -> None:
    stage.spec(**asking())
    stage.run("reconcile", "--once")
    stage.run("reconcile", "--once")
    said = stage.run("status")
    assert "is being built by job raycml-env-" in said.out


def test_a_second_cluster_with_the_same_packages_builds_nothing(
    stage: Stage, builders: Builders
) -> None:
    stage.spec(**asking())
    stage.run("reconcile")
    stage.spec("second", replicas=1, **asking())
    assert stage.run("reconcile").code == 0
    assert len(builders.runs) == 1


def test_a_build_that_fails_ends_with_its_last_output(stage: Stage, builders: Builders) -> None:
    builders.lacks.add("no-such==1")
    stage.spec(**asking("no-such==1"))
    done = stage.run("reconcile")
    assert done.code == 5
    assert "No matching distribution found for no-such==1" in done.err + done.out
    assert stage.applications() == {}
    assert "EnvironmentFailed" in stage.run("plan").out
    stage.spec(**asking())
    assert stage.run("reconcile").code == 0
    assert builders.jobs() == [f"raycml-env-{builders.environments()[0]}"]


def test_a_failed_build_is_tried_again_after_a_while(stage: Stage, builders: Builders) -> None:
    builders.lacks.add("late==1")
    stage.spec(**asking("late==1"))
    assert stage.run("reconcile").code == 5
    builders.lacks.clear()
    assert stage.run("reconcile").code == 5
    stage.clock.wait(601)
    assert stage.run("reconcile").code == 0
    assert len(builders.runs) == 2


def test_other_packages_roll_through_a_cluster_that_goes_on_serving(
    stage: Stage, builders: Builders
) -> None:
    stage.spec(**asking())
    stage.run("reconcile")
    (old,) = builders.environments()
    stage.spec(**asking("pandas==2.2.3"))
    done = stage.run("reconcile")
    assert done.code == 0, done.err
    (new,) = set(builders.environments()) - {old}
    assert names(stage) == [new] * 3
    told = list(lines(done.err, "is being built", "stopping"))
    assert "head  RUNNING, Ray joined: environment" in told[0]
    stops = [line for line in told if "stopping" in line]
    assert stops == told[-3:], "the first stop comes after the last word of the build"
    assert [line.split()[3] for line in stops] == ["head", "cpu/0", "cpu/1"]
    assert f"pythonEnvironment {old} -> {new}" in stops[0]
    order = [line.split()[3] for line in lines(done.err, "restarted", "stopping")]
    assert order.index("cpu/1") > 3, "the second worker waits for the first"


def test_a_change_to_ones_own_interpreter_takes_the_mark_of_the_environment_away(
    stage: Stage, builders: Builders
) -> None:
    stage.spec(**asking())
    stage.run("reconcile")
    stage.spec()
    assert stage.run("reconcile").code == 0
    rows = stage.workspace.state.applications.values()
    marks = [json.loads(str(row.wire()["environment"])) for row in rows]
    assert not [mark for mark in marks if "RAYCML_ENVIRONMENT" in mark]


def test_a_job_of_somebody_else_with_our_name_is_left_alone(
    stage: Stage, builders: Builders
) -> None:
    stage.spec(**asking())
    stage.run("reconcile")
    (digest,) = builders.environments()
    job = next(iter(stage.workspace.state.jobs.values()))
    stage.tree().remove((*ENVS.split("/"), digest))
    job.environment = {}
    stage.spec("second", replicas=1, **asking())
    assert stage.run("reconcile").code == 0
    assert builders.jobs() == [f"raycml-env-{digest}"] * 2
    assert job.id in stage.workspace.state.jobs


def test_a_requirements_file_beside_the_spec_is_built(
    stage: Stage, builders: Builders, tmp_path: Path
) -> None:
    extra = 'pythonEnvironment: {python: "3.11", packages: [ray], requirements: deps.txt}'
    file = stage.spec(extra=extra)
    missing = stage.run("validate")
    assert missing.code == 3
    assert "deps.txt is not beside the spec" in missing.err
    (file.parent / "deps.txt").write_text("# ours\npandas==2.2.3\n")
    assert stage.run("reconcile").code == 0
    builder = next(name for name in stage.files(ENVS) if name.startswith("build-"))
    assert '"pandas==2.2.3"' in stage.tree().read((*ENVS.split("/"), builder)).decode()


def test_a_controller_removes_what_nothing_has_named_for_a_day(
    stage: Stage, builders: Builders
) -> None:
    stage.spec(**asking())
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        (old,) = builders.environments()
        stage.spec(**asking("pandas==2.2.3"))
        controller.settle()
        assert len(builders.environments()) == 2
        stage.clock.wait(80_000)
        controller.settle()
        assert len(builders.environments()) == 2
        stage.clock.wait(10_000)
        controller.settle()
        (new,) = builders.environments()
        assert new != old
        assert builders.jobs() == [f"raycml-env-{new}"]
        assert not [name for name in stage.files(ENVS) if old in name]
        assert set(names(stage)) == {new}


def test_an_environment_of_a_deleted_cluster_goes_after_a_day(
    stage: Stage, builders: Builders
) -> None:
    stage.environ["RAYCML_PRUNE_GRACE_S"] = "0"
    stage.spec(**asking())
    stage.spec("other", replicas=1)
    with controlled(stage, stage.folder / "specs", allow_prune=1) as controller:
        controller.settle()
        (stage.folder / "specs" / "analytics.yaml").unlink()
        controller.settle()
        assert len(builders.environments()) == 1
        stage.clock.wait(90_000)
        controller.settle()
        assert (builders.environments(), builders.jobs()) == ([], [])
        assert stage.files(ENVS) == []
        stage.wire.calls.clear()
        controller.turn(5)  # the lease of the controller is renewed, in files
        assert [path for _, path in stage.wire.writes() if "/files" not in path] == []
        assert stage.files(ENVS) == []


def test_a_job_that_never_ends_is_stopped_and_told(stage: Stage, builders: Builders) -> None:
    builders.hangs = True
    stage.clock.passing.append(stage.clock.minute)
    stage.spec(**asking())
    done = stage.run("reconcile", "--timeout", "2h")
    assert done.code == 5
    assert "timed out and is being stopped" in done.err + done.out
    assert stage.applications() == {}


def test_nothing_is_decided_where_jobs_cannot_be_listed(stage: Stage, builders: Builders) -> None:
    stage.spec(**asking())
    stage.wire.instead = lambda request: (
        httpx.Response(500, text="no") if request.url.path.endswith("/jobs") else None
    )
    done = stage.run("reconcile", "--once")
    assert stage.applications() == {}
    assert builders.jobs() == []
    assert "500" in done.err + done.out


def lost(stage: Stage, request: httpx.Request) -> httpx.Response:
    """It happened, and nobody hears of it."""
    stage.wire.inner.handle_request(request).read()
    raise httpx.ReadError("the line is cut", request=request)


def refused(stage: Stage, request: httpx.Request) -> httpx.Response:
    return httpx.Response(503, text="<html>no</html>")


def concerns_builds(request: httpx.Request) -> bool:
    """Jobs, their runs, and files of environments, whose place an upload says in its body."""
    return "/jobs" in request.url.path or b".raycml/envs" in request.url.raw_path + request.read()


@pytest.mark.slow
@pytest.mark.parametrize("fault", [lost, refused])
def test_whatever_single_call_of_a_build_goes_wrong_there_is_one_job_and_one_build(
    stage: Stage, fault: Callable[[Stage, httpx.Request], httpx.Response], tmp_path: Path
) -> None:
    for turn in range(60):
        world = Stage(stage.capsys, tmp_path)
        world.wire.inner = Direct(world.workspace, world.wire.inner, KEY, world.user)
        builders = Builders(world)
        world.spec(**asking())
        count = itertools.count()

        def instead(
            request: httpx.Request,
            turn: int = turn,
            world: Stage = world,
            count: Iterator[int] = count,
        ) -> httpx.Response | None:
            mine = concerns_builds(request) and next(count) == turn
            return fault(world, request) if mine else None

        world.wire.instead = instead
        for _ in range(2):  # one that gives up at once is run again, as a controller would
            done = world.run("reconcile")
        met = next(count)
        assert done.code == 0, (turn, done.err)
        assert (len(builders.environments()), len(builders.jobs())) == (1, 1), turn
        assert len(builders.runs) == 1, turn
        if met <= turn:
            break
    assert turn >= 8, "the faults met the calls of a build"
