"""Runtimes chosen by their kind: the newest when a member is created, and kept while it runs."""

import json
from pathlib import Path

import httpx
import pytest
from controlled import controlled
from stage import RUNTIME, Stage

from controller.emulator.state.catalogue import runtime

NO_CHANGES = "No changes. Everything is in sync."
CHOICE = 'runtime: {kernel: "Python 3.11", edition: Standard, editor: JupyterLab}'
NEWER = runtime("JupyterLab", "3.11", "Standard", "2026.04.1-b7")


def spec(stage: Stage, choice: str = CHOICE, **changes: object) -> Path:
    path = stage.spec(**changes)  # type: ignore[arg-type]
    path.write_text(path.read_text().replace(f"runtimeIdentifier: {RUNTIME}", choice))
    return path


def running(stage: Stage) -> dict[str, str]:
    rows = stage.workspace.state.applications.values()
    return {row.subdomain: row.runtime_identifier for row in rows}


def publish(stage: Stage, status: str = "ENABLED") -> None:
    """A newer runtime of the kind appears in the catalogue."""
    stage.workspace.state.runtimes[NEWER.id] = NEWER
    change = {"status": status, "image_identifier": [NEWER.id]}
    stage.workspace.update_runtimes(change)


def test_the_newest_runtime_of_the_kind_is_used(stage: Stage) -> None:
    publish(stage)
    spec(stage)
    assert stage.run("reconcile").code == 0
    assert set(running(stage).values()) == {NEWER.id}
    assert stage.run("plan").out.endswith(f"{NO_CHANGES}\n")


def test_a_newer_runtime_restarts_nothing_and_new_members_run_what_the_others_run(
    stage: Stage,
) -> None:
    spec(stage)
    stage.run("reconcile")
    publish(stage)
    assert stage.run("plan").out.endswith(f"{NO_CHANGES}\n")
    spec(stage, replicas=3)
    assert stage.run("reconcile").code == 0
    assert running(stage).keys() >= {"ray-analytics-cpu-2"}
    assert set(running(stage).values()) == {RUNTIME}
    spec(stage, cpu=3)
    assert stage.run("reconcile").code == 0
    assert set(running(stage).values()) == {RUNTIME}, "an update of something else keeps it too"


def test_a_version_moves_a_cluster_to_the_newer_runtime(stage: Stage) -> None:
    spec(stage)
    stage.run("reconcile")
    publish(stage)
    spec(stage, CHOICE.replace("}", ', version: "2026.04"}'))
    planned = stage.run("plan").out
    assert (
        "runtimeIdentifier ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5 ->" in planned
    )
    assert stage.run("reconcile").code == 0
    assert set(running(stage).values()) == {NEWER.id}


@pytest.mark.parametrize(("status", "used"), [("DEPRECATED", RUNTIME), ("DISABLED", RUNTIME)])
def test_an_enabled_runtime_comes_before_a_newer_one_that_is_not(
    stage: Stage, status: str, used: str
) -> None:
    publish(stage, status)
    spec(stage)
    assert stage.run("reconcile").code == 0
    assert set(running(stage).values()) == {used}


def test_a_kind_that_is_not_there_creates_nothing_and_lists_what_is_near(stage: Stage) -> None:
    spec(stage, CHOICE.replace("Standard", "RAPIDS"))
    stage.spec("training", replicas=0)
    done = stage.run("reconcile")
    assert done.code == 5
    said = " ".join((done.out + done.err).split())
    assert "no runtime of the workspace is Python 3.11, RAPIDS, JupyterLab" in said
    assert "Python 3.11, Standard, JupyterLab" in said
    assert set(stage.applications()) == {"ray-training-head"}, "another cluster goes on"


def test_a_kind_that_is_disabled_is_said(stage: Stage) -> None:
    spec(stage, CHOICE.replace("3.11", "3.9"))
    said = " ".join(stage.run("plan").out.split())
    assert "python3.9-standard:2023.08.2-b8 is disabled in the workspace" in said


def test_a_runtime_that_somebody_changed_is_set_again(stage: Stage) -> None:
    spec(stage)
    stage.run("reconcile")
    publish(stage)
    rows = stage.workspace.state.applications.values()
    worker = next(row for row in rows if row.subdomain == "ray-analytics-cpu-0")
    worker.runtime_identifier = NEWER.id
    assert stage.run("reconcile").code == 0
    assert set(running(stage).values()) == {RUNTIME}


def test_a_catalogue_that_is_not_listed_needs_an_identifier(stage: Stage) -> None:
    def answer(request: httpx.Request) -> httpx.Response | None:
        listed = request.url.path.endswith("/runtimes")
        return httpx.Response(403, json={"message": "not for you"}) if listed else None

    spec(stage)
    stage.wire.instead = answer
    done = stage.run("reconcile")
    assert done.code == 5
    said = " ".join((done.out + done.err).split())
    assert "the workspace does not list its runtimes; write runtimeIdentifier instead" in said
    assert stage.applications() == {}


def test_a_disabled_runtime_keeps_running_and_new_members_get_another(stage: Stage) -> None:
    publish(stage)
    spec(stage)
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        publish(stage, "DISABLED")
        spec(stage, replicas=3)
        controller.settle()
    assert running(stage)["ray-analytics-cpu-0"] == NEWER.id
    assert running(stage)["ray-analytics-cpu-2"] == RUNTIME


def test_a_disabled_runtime_keeps_running_through_an_update(stage: Stage) -> None:
    publish(stage)
    spec(stage)
    stage.run("reconcile")
    publish(stage, "DISABLED")
    spec(stage, cpu=3)
    assert stage.run("reconcile").code == 0
    assert set(running(stage).values()) == {NEWER.id}


def test_doctor_lists_the_runtimes_that_can_run_ray(stage: Stage) -> None:
    text = stage.run("doctor", "--runtimes")
    assert text.code == 0
    assert (
        f"Python 3.11  Standard    JupyterLab     2025.09.1-b5   ENABLED     {RUNTIME}" in text.out
    )
    rows = stage.run("doctor", "--runtimes", "-o", "json").json()["runtimes"]
    assert {row["status"] for row in rows} == {"ENABLED", "DISABLED", "DEPRECATED"}  # type: ignore[index]
    assert json.dumps(rows).count("Hardened") == 4
    stage.environ["CML_API_KEY"] = "wrong"
    assert stage.run("doctor", "--runtimes").code == 4
    assert stage.run("doctor", "--runtimes", "--bundle", "x.tar.gz").code == 64


def test_doctor_checks_a_kind_of_runtime(stage: Stage) -> None:
    spec(stage)
    assert "python3.11-standard:2025.09.1-b5 enabled" in stage.run("doctor").out
    spec(stage, CHOICE.replace("Standard", "RAPIDS"))
    done = stage.run("doctor")
    assert "analytics cpu: no runtime of the workspace is Python 3.11, RAPIDS" in done.out
    assert done.code == 5
    spec(stage, CHOICE.replace("3.11", "3.10"))
    assert "is deprecated" in stage.run("doctor").out


def test_an_environment_is_built_in_the_runtime_that_fits(stage: Stage) -> None:
    path = spec(stage)
    extra = 'pythonEnvironment: {python: "3.11", packages: ["ray[default]"]}'
    path.write_text(path.read_text().replace("headGroupSpec:", f"{extra}\n  headGroupSpec:"))
    with controlled(stage, stage.folder / "specs") as controller:
        controller.turn(4)
    (job,) = stage.workspace.state.jobs.values()
    assert job.runtime_identifier == RUNTIME
    with controlled(stage, stage.folder / "specs") as controller:
        publish(stage)
        controller.turn(4)
    assert [job.runtime_identifier for job in stage.workspace.state.jobs.values()] == [RUNTIME]
