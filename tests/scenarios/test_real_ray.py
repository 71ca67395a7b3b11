"""From a spec file to a real Ray cluster and back, by the command, on the embedded CML.

Each test begins by bringing the cluster to its base state, so that any of them can run alone.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.stage import Stage, kill, processes_of

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]


@pytest.fixture
def base(stage: Stage) -> str:
    path = stage.spec()
    stage.reconcile(path)
    return path


def test_a_spec_becomes_a_live_cluster_with_a_task_on_every_node(stage: Stage, base: str) -> None:
    found = stage.status()
    assert (found["state"], found["ready"]) == ("Ready", 3)
    assert ran_on(stage) == {"head", "w/0", "w/1"}


def workers(engines: dict[str, str]) -> list[str]:
    """Members of the group; the names of those that a scale-down left may have gaps."""
    return sorted(member for member in engines if member != "head")


def ran_on(stage: Stage) -> set[str]:
    """Members on which a Ray task ran just now."""
    script = Path(__file__).parents[2] / "docs" / "examples" / "task_on_every_node.py"
    done = subprocess.run(
        [sys.executable, str(script), "one"],
        cwd=stage.folder,
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(stage.folder),
            "RAYCML_EMULATOR_DIR": str(stage.folder / "cml"),
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return {line.split()[0] for line in done.stdout.splitlines() if " ran in engine " in line}


def test_a_job_gets_the_python_that_has_ray(stage: Stage, base: str) -> None:
    head = json.loads((stage.home / ".raycml" / "clusters" / "one" / "head.json").read_text())
    code = "import ray; ray.init(); print('nodes', len(ray.nodes()))"
    command = [Path(sys.executable).with_name("ray"), "job", "submit", "--address"]
    address = f"http://127.0.0.1:{head['dashboard_port']}"
    done = subprocess.run(
        [*command, address, "--", "python", "-c", code],
        env={"PATH": "/usr/bin:/bin", "HOME": str(stage.folder), **stage.token()},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "nodes 3" in done.stdout, done.stdout + done.stderr


def test_a_second_reconcile_changes_nothing(stage: Stage, base: str) -> None:
    engines = stage.engines()
    assert stage.plan(base) == []
    stage.reconcile(base)
    assert stage.engines() == engines


def test_a_comment_changes_nothing(stage: Stage, base: str) -> None:
    file = Path(base)
    file.write_text("# a comment\n" + file.read_text())
    assert stage.plan(base) == []


def test_scaling_up_is_one_create_and_scaling_down_one_delete(stage: Stage, base: str) -> None:
    engines = stage.engines()
    wider = stage.spec(replicas=3)
    assert stage.plan(wider) == ["create w/2"]
    stage.reconcile(wider)
    after = stage.engines()
    assert set(after) == {"head", "w/0", "w/1", "w/2"}
    assert {m: after[m] for m in engines} == engines
    narrower = stage.spec(replicas=2)
    [step] = stage.plan(narrower)
    assert step.startswith("drain w/")
    stage.reconcile(narrower)
    left = stage.engines()
    [victim] = after.keys() - left.keys()  # the longest idle by then
    assert processes_of(after[victim]) == []
    assert left == {m: e for m, e in after.items() if m != victim}


def test_a_killed_worker_is_restarted_and_nothing_else(stage: Stage, base: str) -> None:
    engines = stage.engines()
    ids = {m["member"]: m["application_id"] for m in stage.status()["members"]}  # type: ignore[attr-defined]
    worker = workers(engines)[0]
    kill(engines[worker])
    assert stage.plan(base) == [f"restart {worker}"]
    stage.reconcile(base)
    after = stage.engines()
    assert after[worker] != engines[worker]
    assert {m: e for m, e in after.items() if m != worker} == {
        m: e for m, e in engines.items() if m != worker
    }
    assert ids == {m["member"]: m["application_id"] for m in stage.status()["members"]}  # type: ignore[attr-defined]


def test_workers_rejoin_a_head_that_came_back_without_a_new_pod(stage: Stage, base: str) -> None:
    engines = stage.engines()
    kill(engines["head"])
    stage.reconcile(base)
    after = stage.engines()
    assert after["head"] != engines["head"]
    assert [after[m] for m in workers(engines)] == [engines[m] for m in workers(engines)]
    assert ran_on(stage) == {"head", *workers(engines)}


def test_an_edit_of_a_groups_memory_updates_that_group_only(stage: Stage, base: str) -> None:
    engines = stage.engines()
    bigger = stage.spec(memory="1792Mi")
    assert stage.plan(bigger) == [f"drain {workers(engines)[0]}"]
    stage.reconcile(bigger)
    after = stage.engines()
    assert after["head"] == engines["head"]
    assert all(after[worker] != engines[worker] for worker in workers(engines))


def test_a_suspended_cluster_holds_no_process_and_comes_back(stage: Stage, base: str) -> None:
    engines = stage.engines()
    stage.reconcile(stage.spec(suspend="true"))
    assert stage.status()["state"] == "Suspended"
    assert [pid for engine in engines.values() for pid in processes_of(engine)] == []
    stage.reconcile(stage.spec())
    assert stage.status()["state"] == "Ready"


def test_two_clusters_live_side_by_side(stage: Stage, base: str) -> None:
    engines = stage.engines()
    other = stage.spec("two", replicas=1)
    stage.reconcile(other)
    assert set(stage.engines("two")) == {"head", "w/0"}
    assert stage.engines() == engines
    folders = [stage.home / ".raycml" / "clusters" / name for name in ("one", "two")]
    assert len({(folder / "token").read_text() for folder in folders}) == 2
    gone = stage.raycml("delete", "two", "--local", "--yes")
    Path(other).unlink()
    assert gone.code == 0, gone.out + gone.err
    assert [(folder / "token").exists() for folder in folders] == [True, False]
    assert stage.engines() == engines


def test_a_deleted_cluster_leaves_no_application_no_process_and_no_launcher(
    stage: Stage, base: str
) -> None:
    engines = stage.engines()
    done = stage.raycml("delete", "one", "--local", "--yes")
    assert done.code == 0, done.out + done.err
    assert [pid for engine in engines.values() for pid in processes_of(engine)] == []
    assert list((stage.home / ".raycml" / "launchers").rglob("*.py")) == []
    left = stage.raycml("plan", "--local", base, "-o", "json")
    assert '"action": "create"' in left.out
