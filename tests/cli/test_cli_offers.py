"""Images and sizes that a workspace does not offer: noticed before anything is stopped for them."""

from pathlib import Path

import httpx
import pytest
from controlled import controlled
from stage import RUNTIME, Stage

from controller.emulator.options import Capacity, Options

TYPO = RUNTIME.replace("2025.09.1-b5", "2025.09.2-b5")
NO_CHANGES = "No changes. Everything is in sync."


def image(path: Path, wanted: str) -> None:
    path.write_text(path.read_text().replace(RUNTIME, wanted))


def catalogue(stage: Stage, *answers: httpx.Response) -> None:
    """CML answers so, one time after the other, where it is asked for its images."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response | None:
        asked = request.url.path.endswith("/runtimes")
        return (left.pop(0) if len(left) > 1 else left[0]) if asked else None

    stage.wire.instead = answer


def looks(stage: Stage) -> int:
    return sum(path.endswith("/runtimes") for _, path in stage.wire.calls)


def test_a_typo_in_an_image_stops_nothing(stage: Stage) -> None:
    path = stage.spec()
    stage.run("reconcile")
    before = stage.applications()
    image(path, TYPO)
    planned = stage.run("plan")
    assert planned.out.count("NotOffered") == 3
    assert (
        "did you mean `ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5`?" in planned.out
    )
    stage.wire.calls.clear()
    done = stage.run("reconcile")
    assert done.code == 5
    assert "not in the workspace's catalogue" in done.out + done.err
    assert [p for _, p in stage.wire.writes() if "/applications" in p] == []
    assert stage.applications() == before
    shown = stage.run("status", "analytics")
    assert "ready      3 of 3 members" in shown.out
    assert "analytics  Stalled" in shown.out
    path.write_text(path.read_text().replace(TYPO, RUNTIME))
    assert stage.run("plan").out.endswith(f"{NO_CHANGES}\n")


def test_a_new_cluster_of_an_unknown_image_is_not_created(stage: Stage) -> None:
    image(stage.spec(), TYPO)
    stage.spec("training", replicas=0)
    done = stage.run("reconcile")
    assert done.code == 5
    assert set(stage.applications()) == {"ray-training-head"}, "another cluster does not suffer"


def test_a_member_that_fell_is_repaired_as_it_was(stage: Stage) -> None:
    path = stage.spec()
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        image(path, TYPO)
        controller.turn(3)
        rows = stage.workspace.state.applications.values()
        worker = next(row for row in rows if row.subdomain == "ray-analytics-cpu-1")
        stage.workspace.applications.stop(worker, stage.workspace.tick())
        controller.turn(30)
        assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
        assert controller.snapshot.plan.waits[0].reason.title == "NotOffered"


def test_one_bad_image_of_a_group_leaves_the_others_alone(stage: Stage) -> None:
    path = stage.spec()
    stage.run("reconcile")
    text = path.read_text().replace(
        "resources: {cpu: 2, memory: 4Gi}", "resources: {cpu: 3, memory: 4Gi}"
    )
    path.write_text(text.replace("replicas: 2", f"replicas: 2\n      runtimeIdentifier: {TYPO}"))
    planned = stage.run("plan").out
    assert planned.count("NotOffered") == 2
    assert "analytics head" not in planned


def test_nodes_that_must_agree_wait_for_the_one_that_cannot_follow(stage: Stage) -> None:
    path = stage.spec()
    stage.run("reconcile")
    text = path.read_text().replace('rayVersion: "2.60.0"', 'rayVersion: "2.59.0"')
    path.write_text(text.replace("replicas: 2", f"replicas: 2\n      runtimeIdentifier: {TYPO}"))
    before = stage.applications()
    assert stage.run("reconcile").code == 5
    assert stage.applications() == before
    assert "cpu/0 cannot follow: image" in stage.run("plan").out


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(403, json={"message": "not for you"}),
        httpx.Response(404, json={"message": "no such page"}),
        httpx.Response(200, text="<html>sign in</html>"),
        httpx.Response(200, json={"runtimes": []}),
        httpx.Response(200, json={}),
    ],
    ids=["403", "404", "html", "empty", "without"],
)
def test_a_catalogue_that_cannot_be_read_stops_nothing(
    stage: Stage, answer: httpx.Response
) -> None:
    stage.spec()
    catalogue(stage, answer)
    assert stage.run("reconcile").code == 0
    stage.spec(cpu=3)
    assert stage.run("reconcile").code == 0


def test_an_image_that_runs_is_offered_whatever_the_catalogue_leaves_out(stage: Stage) -> None:
    stage.spec(replicas=1)
    stage.run("reconcile")
    other = {"image_identifier": TYPO, "status": "ENABLED"}
    catalogue(stage, httpx.Response(200, json={"runtimes": [other]}))
    stage.spec(replicas=2)
    assert stage.run("reconcile").code == 0


def test_a_disabled_image_is_said_to_be_that(stage: Stage) -> None:
    row = {"image_identifier": RUNTIME, "status": "DISABLED"}
    catalogue(stage, httpx.Response(200, json={"runtimes": [row]}))
    stage.spec()
    assert "is disabled in the workspace; change runtimeIdentifier" in stage.run("plan").out


@pytest.mark.parametrize(
    ("limits", "source"),
    [
        ({"node": Capacity(16, 64, 0)}, "the largest node has 16"),
        ({"capacity": Capacity(16, 64, 0)}, "the quota of the key's user has 16"),
    ],
    ids=["node", "quota"],
)
def test_a_size_that_the_workspace_does_not_have_stops_nothing(
    stage: Stage, limits: dict[str, Capacity], source: str
) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.workspace.options = Options(start_s=3.0, **limits)
    before = stage.applications()
    stage.spec(cpu=64)
    assert f"64 cores are asked for, and {source}; lower resources.cpu" in stage.run("plan").out
    assert stage.run("reconcile").code == 5
    assert stage.applications() == before
    stage.spec(cpu=3)
    assert stage.run("reconcile").code == 0


def test_nothing_is_asked_where_nothing_new_is_applied(stage: Stage) -> None:
    path = stage.spec()
    stage.run("reconcile")
    stage.wire.calls.clear()
    path.write_text(path.read_text().replace("hunter2-hunter2", "another"))
    assert stage.run("reconcile").code == 0
    stage.spec(replicas=1)
    assert stage.run("reconcile").code == 0
    assert looks(stage) == 0


def test_a_pass_asks_at_most_once(stage: Stage) -> None:
    stage.spec()
    stage.spec("training")
    stage.run("plan")
    assert looks(stage) == 1
