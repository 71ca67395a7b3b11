"""Nodes chosen by name: resolved while planning, asked of CML by id, kept with the spec."""

import json
from pathlib import Path

import httpx
import pytest
from stage import RUNTIME, Stage

from controller.emulator.options import Options

L40S = "cpu=16 memory=64 gpu=2 group=gpu nvidia.com/gpu.product=NVIDIA-L40S"
A100 = "cpu=32 memory=128 gpu=4 group=gpu nvidia.com/gpu.product=NVIDIA-A100 zone=b"
PLAIN = "cpu=32 memory=128 zone=a"
NODES = (L40S, A100, PLAIN)
NO_CHANGES = "No changes. Everything is in sync."
HEAD, FIRST = "ray-training-head", "ray-training-gpu-0"


@pytest.fixture
def stage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    monkeypatch.chdir(tmp_path)
    return at(capsys, tmp_path)


def at(capsys: pytest.CaptureFixture[str], folder: Path, **options: object) -> Stage:
    chosen = Options(**{"start_s": 3.0, "nodes": NODES, **options})  # type: ignore[arg-type]
    return Stage(capsys, folder, options=chosen)


def spec(stage: Stage, group: str = "", gpu: str = "gpu: 1", replicas: int = 1) -> Path:
    """A cluster with a group of GPUs; `group` is one more line of the group."""
    path = stage.folder / "specs" / "training.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"""\
apiVersion: raycml/v1
kind: RayCluster
metadata: {{name: training}}
spec:
  rayVersion: "2.60.0"
  runtimeIdentifier: {RUNTIME}
  headGroupSpec:
    resources: {{cpu: 1, memory: 2Gi}}
  workerGroupSpecs:
    - groupName: gpu
      replicas: {replicas}
      resources: {{cpu: 2, memory: 4Gi, {gpu}}}
      {group}
""")
    return path


def application(stage: Stage, subdomain: str = FIRST) -> dict[str, object]:
    rows = stage.workspace.state.applications.values()
    return next(row.wire() for row in rows if row.subdomain == subdomain)


def variables(stage: Stage, subdomain: str = FIRST) -> dict[str, str]:
    read: dict[str, str] = json.loads(str(application(stage, subdomain)["environment"]))
    return read


def test_an_accelerator_is_asked_for_by_the_id_of_its_name(stage: Stage) -> None:
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-A100")
    assert stage.run("reconcile").code == 0
    assert application(stage)["accelerator_label_id"] == "2"
    assert application(stage, HEAD)["accelerator_label_id"] == "0"
    assert "RAYCML_RESOLVED" not in variables(stage, HEAD)
    stage.wire.calls.clear()
    assert NO_CHANGES in stage.run("plan").out
    assert not [path for _, path in stage.wire.calls if "nodelabels" in path], "nothing to look up"


def test_another_accelerator_restarts_the_member_and_is_named_in_the_plan(stage: Stage) -> None:
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-A100")
    stage.run("reconcile")
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S")
    assert "accelerator NVIDIA-A100 -> NVIDIA-L40S" in stage.run("plan").out
    before = application(stage)["id"]
    assert stage.run("reconcile").code == 0
    assert (application(stage)["id"], application(stage)["accelerator_label_id"]) == (before, "1")
    spec(stage)
    assert "accelerator NVIDIA-L40S -> none" in stage.run("plan").out
    assert stage.run("reconcile").code == 0
    assert application(stage)["accelerator_label_id"] == "0"
    assert NO_CHANGES in stage.run("plan").out


def test_an_accelerator_that_somebody_changed_is_set_again(stage: Stage) -> None:
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-A100")
    stage.run("reconcile")
    path = f"/api/v2/projects/{stage.project}/applications/{application(stage)['id']}"
    change(stage, path, {"accelerator_label_id": "1"})
    assert "accelerator id 1 -> NVIDIA-A100" in stage.run("plan").out
    assert stage.run("reconcile").code == 0
    assert application(stage)["accelerator_label_id"] == "2"
    assert NO_CHANGES in stage.run("plan").out


def change(stage: Stage, path: str, fields: dict[str, object]) -> None:
    key = stage.environ["CML_API_KEY"]
    request = httpx.Request(
        "PATCH",
        f"http://cml.localhost{path}",
        headers={"Authorization": f"Bearer {key}"},
        json=fields,
    )
    assert stage.wire.handle_request(request).status_code == 200


def test_an_unknown_accelerator_creates_nothing_and_says_what_there_is(stage: Stage) -> None:
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40")
    stage.spec("analytics")
    done = stage.run("reconcile")
    assert done.code == 5
    said = " ".join((done.out + done.err).split())
    assert "resources.accelerator `NVIDIA-L40` is not in the workspace" in said
    assert "NVIDIA-A100, NVIDIA-L40S: did you mean `NVIDIA-L40S`?" in said
    names = set(stage.applications())
    assert FIRST not in names
    assert {"ray-analytics-head", "ray-analytics-cpu-1", HEAD} <= names, "others go on"


def test_a_running_member_is_not_stopped_for_an_accelerator_that_is_not_there(stage: Stage) -> None:
    spec(stage)
    stage.run("reconcile")
    before = stage.applications()
    spec(stage, gpu="gpu: 1, accelerator: H100")
    assert stage.run("reconcile").code == 5
    assert stage.applications() == before


def test_a_member_waits_for_a_full_accelerator_and_says_so(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = at(capsys, tmp_path, nodes=(L40S.replace("gpu=2", "gpu=1"), PLAIN))
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S", replicas=2)
    done = stage.run("reconcile", "--timeout", "40m")
    assert done.code == 5
    assert "asks for accelerator NVIDIA-L40S, and those nodes may be full" in " ".join(
        (done.out + done.err + stage.run("status", "training").out).split()
    )


def test_more_gpus_than_an_application_can_have_of_this_kind_are_refused(stage: Stage) -> None:
    spec(stage, gpu="gpu: 3, accelerator: NVIDIA-L40S")
    said = " ".join(stage.run("plan").out.split())
    assert "3 GPUs are asked for, and an application can have 2 NVIDIA-L40S" in said


@pytest.mark.parametrize("older", [False, True])
def test_both_forms_of_the_labels_are_read(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    older: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = at(capsys, tmp_path, node_labels_of_2025=older)
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S")
    assert stage.run("reconcile").code == 0
    assert application(stage)["accelerator_label_id"] == "1"


def test_a_workspace_without_the_list_takes_an_id_and_no_name(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = at(capsys, tmp_path, lists_absent=("nodelabels",))
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S")
    done = stage.run("reconcile")
    assert done.code == 5
    said = " ".join((done.out + done.err).split())
    assert "the workspace does not list its accelerators" in said
    assert "write the id instead" in said
    assert FIRST not in stage.applications()
    spec(stage, gpu='gpu: 1, accelerator: "1"')
    assert stage.run("reconcile").code == 0
    assert application(stage)["accelerator_label_id"] == "1"


def test_a_list_that_fails_for_minutes_delays_the_member_only(stage: Stage) -> None:
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S")

    def answer(request: httpx.Request) -> httpx.Response | None:
        fails = request.url.path.endswith("/nodelabels") and stage.clock.elapsed < 300
        return httpx.Response(503, json={"message": "later"}) if fails else None

    stage.wire.instead = answer
    assert stage.run("reconcile").code == 0
    assert stage.clock.elapsed > 300
    assert application(stage)["accelerator_label_id"] == "1"


def test_an_update_of_something_else_keeps_the_ids_and_needs_no_list(stage: Stage) -> None:
    path = spec(stage, gpu="gpu: 1, accelerator: NVIDIA-A100")
    stage.run("reconcile")

    def answer(request: httpx.Request) -> httpx.Response | None:
        listed = request.url.path.endswith("/nodelabels")
        return httpx.Response(403, json={"message": "not for you"}) if listed else None

    stage.wire.instead = answer
    path.write_text(path.read_text().replace("memory: 4Gi", "memory: 5Gi"))
    assert stage.run("reconcile").code == 0
    assert (application(stage)["accelerator_label_id"], application(stage)["memory"]) == ("2", 5)


def test_a_node_selector_becomes_the_variables_that_cml_takes(stage: Stage) -> None:
    spec(stage, 'nodeSelector: {zone: "b"}')
    assert stage.run("reconcile").code == 0
    read = variables(stage)
    assert (read["NODE_SELECTOR_KEY"], read["NODE_SELECTOR_VALUE"]) == ("zone", "b")
    spec(stage, 'nodeSelector: {zone: "a"}', gpu="gpu: 0")
    assert "nodeSelector zone=b -> zone=a" in stage.run("plan").out
    assert stage.run("reconcile").code == 0
    assert variables(stage)["NODE_SELECTOR_VALUE"] == "a"
    spec(stage, gpu="gpu: 0")
    assert "nodeSelector zone=a -> none" in stage.run("plan").out
    assert stage.run("reconcile").code == 0
    assert "NODE_SELECTOR_KEY" not in variables(stage)


def test_a_resource_group_and_a_profile_are_asked_for_by_id(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = at(capsys, tmp_path, profiles=("1x2", "2x4"))
    spec(stage, "resourceGroup: default\n      resourceProfile: 2x4", gpu="gpu: 0")
    assert stage.run("reconcile").code == 0
    row = application(stage)
    assert (row["resource_group_id"], row["resource_profile_id"]) == (2, 4)
    assert NO_CHANGES in stage.run("plan").out
    spec(stage, "resourceGroup: gpus", gpu="gpu: 0")
    said = " ".join(stage.run("plan").out.split())
    assert "resourceGroup `gpus` is not in the workspace, which has default, gpu" in said
    path = spec(stage, "resourceProfile: 3x4", gpu="gpu: 0")
    path.write_text(path.read_text().replace("cpu: 2,", "cpu: 3,"))
    assert "resourceProfile `3x4` is not in the workspace" in " ".join(
        stage.run("plan").out.split()
    )


def test_addons_are_found_by_component_and_those_of_others_stay(stage: Stage) -> None:
    spec(stage, "runtimeAddons: [HadoopCLI]", gpu="gpu: 0")
    assert stage.run("reconcile").code == 0
    hadoop, spark = "hadoop-cli-7.3.1.709-1", "spark351-26-hf1"
    assert application(stage)["runtime_addon_identifiers"] == [hadoop]
    path = f"/api/v2/projects/{stage.project}/applications/{application(stage)['id']}"
    change(stage, path, {"runtime_addon_identifiers": [hadoop, "spark330-26-hf1"]})
    assert NO_CHANGES in stage.run("plan").out, "CML may add some of its own"
    spec(stage, "runtimeAddons: [Spark]", gpu="gpu: 0")
    assert "runtimeAddons HadoopCLI -> Spark" in stage.run("plan").out
    assert stage.run("reconcile").code == 0
    assert application(stage)["runtime_addon_identifiers"] == ["spark330-26-hf1", spark]
    spec(stage, "runtimeAddons: [hadoop-cli-7.1.9.1000-2]", gpu="gpu: 0")
    assert "`hadoop-cli-7.1.9.1000-2` is disabled" in " ".join(stage.run("plan").out.split())


@pytest.mark.parametrize("takes", [True, False])
def test_an_accelerator_is_given_up_also_where_cml_ignores_zero(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    takes: bool,
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = at(capsys, tmp_path, patch_zero_values=takes)
    spec(stage, "resourceGroup: gpu", gpu="gpu: 1")
    stage.run("reconcile")
    assert application(stage)["resource_group_id"] == 1
    spec(stage, gpu="gpu: 1")
    assert stage.run("reconcile", "--timeout", "60m").code == 0
    assert application(stage)["resource_group_id"] == 0


def test_a_spec_without_placement_looks_nothing_up(stage: Stage) -> None:
    spec(stage)
    assert stage.run("reconcile").code == 0
    lists = ("runtimeaddons", "cpuprofiles")
    assert not [path for _, path in stage.wire.calls if path.endswith(lists)]
    assert "accelerator_label_id" not in json.dumps(variables(stage))


def test_a_paused_cluster_and_a_dry_run_ask_and_change_nothing(stage: Stage) -> None:
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-A100")
    planned = stage.run("plan")
    assert "1 blocked" not in planned.out
    assert stage.wire.writes() == []


def test_doctor_names_the_accelerators_and_members_that_ask_for_too_many(stage: Stage) -> None:
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S")
    assert "accelerators: NVIDIA-L40S (2 GPUs, 2 for each application)" in stage.run("doctor").out
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S", replicas=3)
    said = stage.run("doctor").out
    assert "training gpu: 3 NVIDIA-L40S are asked for, and there are 2" in said
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-H100")
    done = stage.run("doctor")
    assert done.code == 5
    assert "training gpu: resources.accelerator `NVIDIA-H100` is not in the workspace" in done.out


def test_doctor_counts_no_gpus_in_use_as_all_there_are(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    stage = at(capsys, tmp_path, node_labels_of_2025=True)
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S", replicas=2)
    assert "are asked for, and there are" not in stage.run("doctor").out


def test_the_status_names_the_accelerator_and_the_runtime(stage: Stage) -> None:
    spec(stage, gpu="gpu: 1, accelerator: NVIDIA-L40S")
    stage.run("reconcile")
    (cluster,) = stage.run("status", "-o", "json").json()["clusters"]  # type: ignore[misc]
    shown = {row["member"]: (row["accelerator"], row["runtime"]) for row in cluster["members"]}
    assert shown == {"head": (None, RUNTIME), "gpu/0": ("NVIDIA-L40S", RUNTIME)}
