"""Environments where CML runs no jobs of the API, or runs one beside another."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from environment_stage import ENVS, Builders, asking
from stage import Stage

from controller.core.model.faults import Fault, FaultKind
from controller.core.model.jobs import builder_environment
from controller.emulator.options import Options
from controller.terminal.common import CommonOptions
from controller.terminal.screen import Screen
from controller.workspace.session import open_session

pytestmark = pytest.mark.slow


NewStage = Callable[..., Stage]


@pytest.fixture
def stage_with(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> NewStage:
    monkeypatch.chdir(tmp_path)
    return lambda **options: Stage(capsys, tmp_path, options=Options(start_s=3.0, **options))


@pytest.fixture
def skips(stage_with: NewStage) -> Stage:
    """A workspace that skips every job of the API."""
    return stage_with(api_jobs_skipped=True)


def by(builder: str, *packages: str) -> dict[str, str]:
    listed = json.dumps(["ray[default]", *packages])
    page = f'pythonEnvironment: {{python: "3.11", packages: {listed}, builder: {builder}}}'
    return {"extra": page}


def builders_of(stage: Stage) -> list[str]:
    return [name for name in stage.applications() if name.startswith("raycml-env-")]


def test_an_application_builds_where_jobs_are_skipped_and_is_gone_afterwards(skips: Stage) -> None:
    builders = Builders(skips)
    skips.spec(**asking())
    done = skips.run("reconcile")
    assert done.code == 0, done.err
    (digest,) = builders.environments()
    assert builders.runs == [digest], "it was built once, and by no job"
    members = {name for name in skips.applications() if name.startswith("ray-analytics-")}
    assert len(members) == 3
    skips.clock.wait(30)
    assert set(skips.applications()) == members
    skips.wire.calls.clear()
    assert skips.run("reconcile").code == 0
    assert skips.wire.writes() == []


def test_status_names_the_application_that_is_waited_for(skips: Stage) -> None:
    Builders(skips)
    skips.spec(**by("application"))
    assert "Environments: 1 builder to create." in skips.run("plan").out
    skips.run("reconcile", "--once")
    skips.clock.wait(5)
    said = skips.run("status")
    assert "is being built by application raycml-env-" in said.out
    assert "0/3" in said.out, "it counts as no member"
    assert skips.run("orphans").out.startswith("no orphans")


def test_only_a_job_is_tried_where_the_spec_says_so(skips: Stage) -> None:
    Builders(skips)
    skips.spec(**by("job"))
    done = skips.run("reconcile")
    assert done.code == 5
    assert "CML skipped the last run" in done.out + done.err
    assert "pythonEnvironment.builder: application" in done.out + done.err
    assert skips.applications() == {}


def test_a_build_that_fails_in_an_application_ends_as_in_a_job(skips: Stage) -> None:
    builders = Builders(skips)
    builders.lacks.add("no-such==1")
    skips.spec(**asking("no-such==1"))
    done = skips.run("reconcile")
    assert done.code == 5
    assert "No matching distribution found for no-such==1" in done.err + done.out
    skips.clock.wait(30)
    assert skips.applications() == {}
    skips.spec(**asking())
    assert skips.run("reconcile").code == 0


def test_an_application_that_outlived_its_controller_is_deleted_by_the_next_one(
    skips: Stage,
) -> None:
    builders = Builders(skips)
    skips.spec(**by("application"))
    skips.run("reconcile", "--once")
    for _ in range(3):  # it starts, it builds, it has built
        skips.clock.wait(25)
    assert builders.environments() != []
    assert len(builders_of(skips)) == 1
    assert skips.run("reconcile").code == 0
    skips.clock.wait(30)
    assert builders_of(skips) == []


def test_an_application_that_is_left_beside_a_converged_cluster_is_deleted(skips: Stage) -> None:
    builders = Builders(skips)
    skips.spec(**asking())
    assert skips.run("reconcile").code == 0
    skips.clock.wait(30)
    (digest,) = builders.environments()
    mark = builder_environment(skips.project, skips.project, digest)
    body = {
        "name": mark["RAYCML_SUBDOMAIN"],
        "subdomain": mark["RAYCML_SUBDOMAIN"],
        "script": next(f"{ENVS}/{name}" for name in skips.files(ENVS) if name.endswith(".py")),
        "runtime_identifier": next(iter(skips.workspace.runtimes)).image_identifier,
        "environment": mark,
    }
    project = skips.workspace.project(skips.project)
    skips.workspace.applications.create(project, skips.user, body, skips.clock.now())
    assert len(builders_of(skips)) == 1
    assert skips.run("reconcile").code == 0
    skips.clock.wait(30)
    assert builders_of(skips) == []
    assert len(skips.applications()) == 3


def test_an_application_whose_environment_is_not_asked_for_any_more_is_deleted(
    skips: Stage,
) -> None:
    Builders(skips)
    skips.spec(**by("application"))
    skips.run("reconcile", "--once")
    skips.clock.wait(5)
    assert len(builders_of(skips)) == 1
    skips.spec()
    assert skips.run("reconcile").code == 0
    skips.clock.wait(30)
    assert builders_of(skips) == []


def test_a_copy_of_the_application_made_by_hand_is_left_alone(skips: Stage) -> None:
    builders = Builders(skips)
    skips.spec(**by("application"))
    skips.run("reconcile", "--once")
    skips.clock.wait(5)
    (name,) = builders_of(skips)
    rows = skips.workspace.state.applications
    (row,) = (row for row in rows.values() if row.subdomain == name)
    fields = ("script", "runtime_identifier", "cpu", "memory")
    body = {field: getattr(row, field) for field in fields}
    copy = {**body, "name": "copy", "subdomain": "copy", "environment": dict(row.environment)}
    project = skips.workspace.project(skips.project)
    skips.workspace.applications.create(project, skips.user, copy, skips.clock.now())
    assert skips.run("reconcile").code == 0
    skips.clock.wait(30)
    assert builders_of(skips) == []
    assert "copy" in skips.applications()
    assert len(builders.environments()) == 1


@pytest.mark.parametrize("mode", ["refused", "skipped", "both"])
def test_a_run_that_cannot_start_beside_another_is_waited_for(
    stage_with: NewStage, mode: str
) -> None:
    """Another controller, or a person, starts the run between the look and the call."""
    stage = stage_with(second_run=mode)
    builders = Builders(stage)
    stage.spec(**asking())
    stage.run("reconcile", "--once")
    (job,) = stage.workspace.state.jobs.values()
    begun: list[str] = []

    def first(request: httpx.Request) -> None:
        path = request.url.path
        if request.method == "POST" and path.endswith("/runs") and not begun:
            begun.append(path)
            stage.workspace.runs.create(job, stage.user, {}, stage.clock.now())

    stage.wire.instead = first
    done = stage.run("reconcile")
    assert done.code == 0, done.err
    assert begun
    assert len(builders.runs) == 1, "one run built it"
    assert "EnvironmentFailed" not in done.out + done.err


@pytest.mark.parametrize(
    ("mode", "refuses"), [("refused", True), ("both", True), ("skipped", False)]
)
def test_a_refusal_that_says_that_a_run_is_active_is_no_refusal_of_the_job(
    stage_with: NewStage, mode: str, refuses: bool
) -> None:
    stage = stage_with(second_run=mode)
    Builders(stage)
    stage.spec(**asking())
    stage.run("reconcile", "--once")
    (job,) = stage.workspace.state.jobs.values()
    stage.workspace.runs.create(job, stage.user, {}, stage.clock.now())
    screen = Screen(stage.machine(7), plain=True, verbose=False)
    with open_session(CommonOptions(screen, local=False, ca_cert=None)) as session:
        if not refuses:
            session.world.start_run(stage.project, job.id)
            return
        with pytest.raises(Fault) as fault:
            session.world.start_run(stage.project, job.id)
    assert fault.value.kind is FaultKind.CHANGED
