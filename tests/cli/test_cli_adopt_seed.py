"""A cluster that launch scripts of others made: taken over as it runs, updated when its spec
changes, and given back.

The applications are made by raw API calls, as such scripts make them: a head `ray-cluster-head`,
workers `ray-worker-<time>`, no sign-in, scripts and variables of their own.
"""

import httpx
import pytest
from controlled import controlled
from stage import HOST, KEY, RUNTIME, Stage
from test_cli_adopt import NO_CHANGES, applications, calls, starts, variables, wait_up

HEAD, FIRST, SECOND = "ray-cluster-head", "ray-worker-1764100000", "ray-worker-1764100007"
SEED = (HEAD, FIRST, SECOND)


def launch(stage: Stage, subdomain: str, **fields: object) -> str:
    """`POST applications` as a launch script sends it; the id."""
    script = "scripts/head.py" if subdomain.endswith("head") else "scripts/worker.py"
    stage.write(script, b"import ray\n")
    body = {
        "name": subdomain.replace("-", "_").title(),
        "subdomain": subdomain,
        "description": "Ray cluster node",
        "script": script,
        "cpu": 1,
        "memory": 0.5,
        "nvidia_gpu": 0,
        "bypass_authentication": True,
        "runtime_identifier": RUNTIME,
        "environment": {"RAY_NUM_WORKERS": "2", "THEIRS": "kept"},
        **fields,
    }
    with httpx.Client(transport=stage.wire.inner, base_url=HOST) as client:
        answer = client.post(
            f"/api/v2/projects/{stage.project}/applications",
            json=body,
            headers={"Authorization": f"Bearer {KEY}"},
        )
    assert answer.status_code in (200, 201), answer.text
    made: str = answer.json()["id"]
    return made


@pytest.fixture
def seed(stage: Stage) -> dict[str, str]:
    """The applications of a launch script, running; the worker of the later time comes first."""
    stage.spec()
    stage.silent |= {*SEED}
    ids = {name: launch(stage, name) for name in (HEAD, SECOND, FIRST)}
    wait_up(stage)
    return ids


def is_public(stage: Stage, subdomain: str) -> bool:
    app = stage.workspace.applications.at(subdomain)
    assert app is not None
    return bool(app.wire()["bypass_authentication"])


def test_the_cluster_of_a_launch_script_from_preview_to_release(
    stage: Stage, seed: dict[str, str]
) -> None:
    began = starts(stage)
    preview = stage.run("adopt", "analytics", "--dry-run")
    assert preview.code == 0
    rows = [line.split() for line in preview.out.splitlines()[1:4]]
    assert [row[:4] for row in rows] == [
        ["head", HEAD, seed[HEAD], "RUNNING"],
        ["cpu/0", FIRST, seed[FIRST], "RUNNING"],
        ["cpu/1", SECOND, seed[SECOND], "RUNNING"],
    ]
    assert "subdomain says head" in preview.out
    assert "number 1764100000, in turn" in preview.out
    assert "open without a sign-in, which stays so until the first update: head" in preview.out
    assert "The applications run as they are until their spec changes" in preview.out
    assert calls(stage) == []

    assert stage.run("adopt", "analytics", "--yes").code == 0
    assert calls(stage) == ["PATCH"] * 3
    assert stage.run("plan").out == NO_CHANGES
    assert stage.run("reconcile").code == 0
    assert calls(stage) == ["PATCH"] * 3
    assert starts(stage) == began
    assert set(stage.applications()) == {*SEED}
    assert all(is_public(stage, name) for name in SEED)
    status = stage.run("status", "analytics").out
    assert "analytics  Adopted" in status
    assert "3 open without a sign-in: head, cpu/0, cpu/1." in status

    stage.silent.clear()
    stage.spec(cpu=3)
    plan = stage.run("plan").out
    assert "Plan: 3 to update." in plan
    assert plan.count("require sign-in") == 3
    assert stage.run("reconcile").code == 0
    assert set(stage.applications()) == {*SEED}
    assert not any(is_public(stage, name) for name in SEED)
    changed = variables(stage, FIRST)
    assert (changed["THEIRS"], changed["RAYCML_MEMBER"]) == ("kept", "cpu/0")
    assert "RAYCML_KEPT" not in changed
    assert stage.run("plan").out == NO_CHANGES
    assert "analytics  Ready" in stage.run("status", "analytics").out

    running = starts(stage)
    assert stage.run("release", "analytics", "--yes").code == 0
    assert starts(stage) == running
    assert "RAYCML_OWNER" not in variables(stage, HEAD)


def test_a_release_before_the_first_update_gives_everything_back_as_it_was(
    stage: Stage, seed: dict[str, str]
) -> None:
    before, began = {name: variables(stage, name) for name in seed}, starts(stage)
    stage.run("adopt", "analytics", "--yes")
    assert "RAYCML_KEPT" in variables(stage, HEAD)
    assert stage.run("release", "analytics", "--yes").code == 0
    assert {name: variables(stage, name) for name in seed} == before
    assert starts(stage) == began
    assert all(is_public(stage, name) for name in SEED)


def test_an_update_can_be_agreed_to_without_a_change_of_the_spec(
    stage: Stage, seed: dict[str, str]
) -> None:
    stage.run("adopt", "analytics", "--yes")
    stage.silent.clear()
    said = stage.run("adopt", "analytics", "--update", "--yes")
    assert said.code == 0
    assert "Plan: 3 to update." in said.out
    assert stage.run("reconcile").code == 0
    assert stage.run("plan").out == NO_CHANGES
    assert {app.id for app in stage.workspace.state.applications.values()} == {*seed.values()}


def test_a_member_that_fails_while_it_is_kept_is_started_again_as_it_is(
    stage: Stage, seed: dict[str, str]
) -> None:
    stage.run("adopt", "analytics", "--yes")
    stop(stage, seed[FIRST])
    said = stage.run("reconcile", "--wait-for", "running")
    assert said.code == 0
    app = stage.workspace.applications.at(FIRST)
    assert app is not None
    assert app.script == "scripts/worker.py"
    assert stage.applications()[FIRST] == "APPLICATION_RUNNING"
    assert is_public(stage, FIRST)


def stop(stage: Stage, app_id: str) -> None:
    with httpx.Client(transport=stage.wire.inner, base_url=HOST) as client:
        answer = client.post(
            f"/api/v2/projects/{stage.project}/applications/{app_id}:stop",
            headers={"Authorization": f"Bearer {KEY}"},
        )
    assert answer.status_code == 200, answer.text
    stage.clock.wait(30)


def test_a_new_member_beside_an_adopted_head_waits_for_a_person(
    stage: Stage, seed: dict[str, str]
) -> None:
    assert seed
    stage.run("adopt", "analytics", "--yes")
    stage.spec(replicas=3)
    said = stage.run("reconcile")
    assert said.code == 5
    assert "HeadAsAdopted" in said.err
    assert "raycml adopt analytics --update" in said.err
    assert set(stage.applications()) == {*SEED}


def test_a_kept_cluster_stays_so_for_a_running_controller(
    stage: Stage, seed: dict[str, str]
) -> None:
    assert seed
    stage.run("adopt", "analytics", "--yes")
    began = starts(stage)
    with controlled(stage, stage.folder / "specs") as controller:
        controller.turn(5)
        assert controller.snapshot.status is not None
        assert controller.snapshot.status.clusters[0].word == "Adopted"
    assert starts(stage) == began


def test_what_is_ambiguous_is_listed_and_left_to_a_person(
    stage: Stage, seed: dict[str, str]
) -> None:
    other = launch(stage, "ray-other-head")
    wait_up(stage)
    said = stage.run("adopt", "analytics", "--dry-run")
    assert said.code == 6
    assert "ambiguous families of names (`ray`, `ray-cluster`, `ray-other`)" in said.err
    maps = [f"head={HEAD}", f"cpu/0={seed[FIRST]}", f"cpu/1={SECOND}"]
    chosen = stage.run("adopt", "analytics", *(p for m in maps for p in ("--map", m)), "--yes")
    assert chosen.code == 0
    assert stage.run("plan").out == NO_CHANGES
    assert stage.workspace.applications.at("ray-other-head") is not None
    assert "RAYCML_OWNER" not in variables(stage, "ray-other-head"), other


def test_more_workers_than_members_are_left_to_a_person(stage: Stage, seed: dict[str, str]) -> None:
    assert seed
    launch(stage, "ray-worker-1764100009")
    wait_up(stage)
    said = stage.run("adopt", "analytics", "--dry-run")
    assert "3 applications match group cpu, which has 2 free members" in said.out
    assert FIRST not in said.out


def test_a_dry_run_is_a_document_for_scripts(stage: Stage, seed: dict[str, str]) -> None:
    assert seed
    said = stage.run("adopt", "analytics", "--dry-run", "-o", "json")
    assert said.code == 0
    found = applications(said)
    assert [(each["member"], each["why"], each["kept"]) for each in found] == [
        ("head", "subdomain says head", True),
        ("cpu/0", "number 1764100000, in turn", True),
        ("cpu/1", "number 1764100007, in turn", True),
    ]
    assert {each["result"] for each in found} == {"proposed"}
    assert calls(stage) == []
