"""The project's shared memory limit from the command line, on workspaces that apply, ignore or
refuse it; and variables of a project that are no text."""

import json
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from doctor_setup import Setup
from stage import Stage

from controller.emulator.options import Options

NewStage = Callable[..., Stage]
NEEDED = 1357  # of workers with 4 GiB


@pytest.fixture
def stage_with(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> NewStage:
    monkeypatch.chdir(tmp_path)
    return lambda **options: Stage(capsys, tmp_path, options=Options(start_s=3.0, **options))


def limit(stage: Stage) -> int:
    return stage.workspace.project(stage.project).shared_memory_limit


def patches(stage: Stage) -> int:
    return stage.wire.calls.count(("PATCH", f"/api/v2/projects/{stage.project}"))


def test_the_limit_is_raised_before_the_first_create(stage: Stage) -> None:
    stage.spec()
    assert f"shared memory 64 MB -> {NEEDED} MB" in stage.run("plan").out
    body = stage.run("plan", "-o", "json").json()
    (step,) = (s for s in body["steps"] if s["action"] == "raise_shared_memory")  # type: ignore[attr-defined]
    assert (step["reason"], step["member"]) == ("SharedMemoryTooSmall", None)
    assert limit(stage) == 64, "a plan changes nothing"
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    assert limit(stage) == NEEDED
    project = f"/api/v2/projects/{stage.project}"
    calls = stage.wire.calls
    assert calls.index(("PATCH", project)) < calls.index(("POST", f"{project}/applications"))
    assert patches(stage) == 1


def test_a_larger_limit_stays_and_more_is_asked_for_when_more_is_needed(stage: Stage) -> None:
    stage.workspace.project(stage.project).shared_memory_limit = 2000
    stage.spec()
    stage.run("reconcile")
    assert (limit(stage), patches(stage)) == (2000, 0)
    path = stage.spec()
    path.write_text(path.read_text().replace("memory: 4Gi", "memory: 8Gi"))
    assert stage.run("reconcile").code == 0
    assert limit(stage) == 2713


@pytest.mark.parametrize(("asked", "leads_to"), [("keep", 64), ("2Gi", 2148)])
def test_a_spec_may_keep_it_or_ask_for_a_size(stage: Stage, asked: str, leads_to: int) -> None:
    stage.spec(extra=f"sharedMemory: {asked}")
    assert stage.run("reconcile").code == 0
    assert limit(stage) == leads_to


def test_a_paused_cluster_raises_nothing(stage: Stage) -> None:
    stage.spec(extra="paused: true")
    stage.run("reconcile")
    assert (limit(stage), patches(stage)) == (64, 0)


@pytest.mark.parametrize(
    ("mode", "says"),
    [("ignored", "CML accepted but ignored: shared memory"), ("refused", "not allowed for this")],
)
def test_where_it_cannot_be_raised_that_is_said_and_the_cluster_comes(
    stage_with: NewStage, mode: str, says: str
) -> None:
    stage = stage_with(shared_memory_limit=mode)
    stage.spec()
    done = stage.run("reconcile")
    assert done.code == 0, done.err
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
    assert says in done.err + done.out
    assert (limit(stage), patches(stage)) == (64, 1)
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    assert stage.wire.writes() == [], "a converged cluster is left alone"


def test_a_limit_that_fails_for_a_moment_holds_the_creates_for_one_pass(stage: Stage) -> None:
    stage.spec()
    failures: list[str] = []

    def fail(request: httpx.Request) -> httpx.Response | None:
        if request.method != "PATCH" or failures:
            return None
        failures.append(request.url.path)
        return httpx.Response(502, json={"message": "later", "code": 14})

    stage.wire.instead = fail
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    project = f"/api/v2/projects/{stage.project}"
    chosen = (("PATCH", project), ("POST", f"{project}/applications"))
    calls = [method for method, path in stage.wire.calls if (method, path) in chosen]
    assert calls[:3] == ["PATCH", "PATCH", "POST"]
    assert limit(stage) == NEEDED


def test_a_capped_store_is_said_by_status_and_doctor_and_raises_the_limit(stage: Stage) -> None:
    setup = Setup(stage)
    stage.workspace.project(stage.project).shared_memory_limit = 64
    path = (".raycml", "clusters", "analytics", "ray.json")

    def capped() -> None:
        body = json.loads(stage.tree().read(path))
        body["members"]["cpu/0"].update(store_bytes=60 * 2**20, store_asked_bytes=1200 * 2**20)
        stage.tree().write(path, json.dumps(body).encode())

    stage.clock.passing.append(capped)
    stage.clock.wait(1)
    status = stage.run("status", "analytics").out
    assert "object store capped to 0.0586 of 1.17 GiB; restart the member" in status
    assert "analytics cpu/0: object store capped to 0.0586 of 1.17 GiB" in setup.examine().out
    stage.run("reconcile")
    assert limit(stage) == NEEDED, "the limit is raised, and the member keeps running"
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}


def test_variables_that_are_no_text_are_named_by_doctor_and_break_starts_as_observed(
    stage_with: NewStage,
) -> None:
    stage = stage_with(untyped_project_environment=True, auto_restarts=0)
    body = {"environment": json.dumps({"WORKERS": 4, "DEBUG": True, "NAME": "x"})}
    stage.workspace.patch_project(stage.project, body)
    stage.spec()
    said = stage.run("doctor", "specs").out
    assert "values that are no text, so that nothing may start: DEBUG, WORKERS" in said
    assert stage.run("reconcile", "--timeout", "2m").code == 5
    assert "APPLICATION_RUNNING" not in stage.applications().values()
    stage.workspace.patch_project(stage.project, {"environment": "{}"})
    assert "all values are text" in stage.run("doctor", "specs").out
