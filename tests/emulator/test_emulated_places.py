"""Nodes with labels and groups, runtimes and add-ons: a workspace has what it lists."""

import json
from pathlib import Path

import pytest
from emulated import World

from controller.emulator.nodes import parse_node
from controller.emulator.options import Capacity, Options
from controller.emulator.pods.kernel import other_python
from controller.emulator.state import store
from controller.emulator.state.catalogue import RUNTIMES, runtime_of_image

L40S = "cpu=16 memory=64 gpu=1 group=gpu nvidia.com/gpu.product=NVIDIA-L40S"
A100 = "cpu=32 memory=128 gpu=4 group=gpu nvidia.com/gpu.product=NVIDIA-A100 zone=b"
PLAIN = "cpu=8 memory=32"
NODES = Options(nodes=(L40S, A100, PLAIN))


def rows(world: World, path: str, name: str) -> list[dict[str, object]]:
    answer = world.call("GET", path)
    assert answer.status_code == 200, answer.text
    listed: list[dict[str, object]] = answer.json()[name]
    return listed


def test_each_kind_of_gpu_has_a_label_that_counts_the_gpus_that_are_present() -> None:
    world = World(options=NODES)
    world.create(cpu=1, nvidia_gpu=1)
    world.pass_time(1)
    labels = rows(world, "/nodelabels", "accelerator_node_label")
    shown = [(row["id"], row["display_name"], row["current_gpu_count"]) for row in labels]
    assert shown == [("1", "NVIDIA-L40S", "1"), ("2", "NVIDIA-A100", "4")]
    assert labels[1]["max_gpu_per_workload"] == "4"
    assert not {"resource_group_id", "cpu", "memory", "gpu_memory"} & labels[0].keys()


def test_the_older_form_of_a_label_counts_the_gpus_in_use() -> None:
    world = World(options=Options(nodes=(L40S, A100), node_labels_of_2025=True))
    world.create(cpu=1, nvidia_gpu=1)
    world.pass_time(1)
    first, _ = rows(world, "/nodelabels", "accelerator_node_label")
    assert (first["current_gpu_count"], first["resource_group_id"]) == ("1", "1")
    assert "display_name" not in first


def test_an_application_waits_for_the_accelerator_that_it_asks_for() -> None:
    world = World(options=NODES)
    first = world.create("first", nvidia_gpu=1, accelerator_label_id="1")
    second = world.create("second", nvidia_gpu=1, accelerator_label_id="1")
    other = world.create("other", nvidia_gpu=4, accelerator_label_id="2")
    world.pass_time(60)
    statuses = [world.status(app) for app in (first, second, other)]
    assert statuses == ["RUNNING", "STARTING", "RUNNING"]
    world.ok("POST", f"{world.apps}/{first}:stop", "Application", json={})
    world.pass_time(60)
    assert world.status(second) == "RUNNING", "the GPU is free again"


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"zone": "b"}, "RUNNING"),
        ({"zone": "c"}, "STARTING"),
    ],
)
def test_a_node_selector_in_the_variables_is_honoured(asked: dict[str, str], status: str) -> None:
    world = World(options=NODES)
    ((key, value),) = asked.items()
    selector = {"NODE_SELECTOR_KEY": key, "NODE_SELECTOR_VALUE": value}
    app = world.create(environment=selector)
    world.pass_time(60)
    assert world.status(app) == status


def test_a_resource_group_keeps_a_pod_off_the_other_nodes() -> None:
    world = World(options=NODES)
    groups = rows(world, "/resourcegroups", "resource_group")
    assert [(row["id"], row["name"], row["gpu_model"]) for row in groups] == [
        (1, "gpu", "NVIDIA-L40S"),
        (2, "default", ""),
    ]
    fits = world.create("fits", cpu=8, resource_group_id=2)
    large = world.create("large", cpu=9, resource_group_id=2)
    world.pass_time(60)
    assert (world.status(fits), world.status(large)) == ("RUNNING", "STARTING")


@pytest.mark.parametrize(
    ("field", "status", "code"),
    [
        ({"accelerator_label_id": "7"}, 404, 5),
        ({"resource_group_id": 7}, 404, 5),
        ({"resource_profile_id": 7}, 404, 5),
        ({"runtime_addon_identifiers": ["spark-9"]}, 400, 3),
        ({"runtime_addon_identifiers": ["hadoop-cli-7.1.9.1000-2"]}, 400, 3),
    ],
)
def test_what_a_workspace_does_not_have_is_refused(
    field: dict[str, object], status: int, code: int
) -> None:
    world = World(options=NODES)
    world.refused(status, code, "POST", world.apps, json=world.wanted(**field))
    app = world.create()
    world.refused(status, code, "PATCH", f"{world.apps}/{app}", json=field)


def test_a_profile_decides_the_cores_and_the_memory() -> None:
    world = World(options=Options(nodes=(PLAIN,), profiles=("2x8", "4x16")))
    listed = rows(world, "/cpuprofiles", "cpu_resource_profiles")
    assert [(row["id"], row["cpu"], row["memory"]) for row in listed] == [(1, 2, 8), (2, 4, 16)]
    app = world.get(world.create(cpu=1, memory=1, resource_profile_id=2))
    assert (app["cpu"], app["memory"], app["resource_profile_id"]) == (4, 16, 2)


@pytest.mark.parametrize("name", ["nodelabels", "resourcegroups", "runtimeaddons"])
def test_a_list_may_be_absent(name: str) -> None:
    assert World().call("GET", f"/{name}").status_code == 200
    world = World(options=Options(lists_absent=(name,)))
    assert world.refused(501, 12, "GET", f"/{name}") == "Operation is not supported"


def test_cpu_profiles_are_not_supported_without_any() -> None:
    assert World().refused(501, 12, "GET", "/cpuprofiles") == "Operation is not supported"


def test_addons_say_which_of_them_can_be_used() -> None:
    world = World()
    listed = rows(world, "/runtimeaddons", "runtime_addons")
    usable = [row["identifier"] for row in listed if row["status"] == "AVAILABLE"]
    assert "hadoop-cli-7.3.1.709-1" in usable
    only = {"search_filter": json.dumps({"component": "Spark"})}
    spark = world.call("GET", "/runtimeaddons", params=only).json()["runtime_addons"]
    assert {row["component"] for row in spark} == {"Spark"}
    assert world.create(runtime_addon_identifiers=usable)


def test_the_catalogue_has_the_editions_of_live_workspaces() -> None:
    kinds = {(one.editor, one.edition, one.kernel.split()[1]) for one in RUNTIMES}
    assert ("PBJ Workbench", "Standard", "3.12") in kinds
    assert {python for _, edition, python in kinds if edition == "Hardened"} == {
        *("3.11", "3.12", "3.13", "3.14"),
    }
    assert {one.status for one in RUNTIMES} == {"ENABLED", "DISABLED", "DEPRECATED"}


def test_the_name_of_an_image_says_what_every_entry_of_the_catalogue_is() -> None:
    for one in RUNTIMES:
        read = runtime_of_image(one.image_identifier)
        assert (read.kernel, read.edition, read.editor) == (one.kernel, one.edition, one.editor)


def test_a_registered_image_can_be_used_and_disabled_and_survives_a_restart(tmp_path: Path) -> None:
    world = World()
    image = "registry.example/ml-runtime-pbj-workbench-python3.12-standard:2026.08.1-b5"
    registered = world.call("POST", "/runtimes", json={"url": image}).json()
    assert registered["insert_success"] is True
    row = registered["details"]
    assert (row["kernel"], row["edition"]) == ("Python 3.12", "Standard")
    world.refused(409, 6, "POST", "/runtimes", json={"url": image})
    app = world.wanted(runtime_identifier=image)
    world.ok("POST", world.apps, "Application", json=app)
    change = {"status": "DISABLED", "image_identifier": [image]}
    assert world.call("POST", "/runtimes:update", json=change).json() == {"rows_affected": 1}
    world.refused(400, 3, "POST", world.apps, json={**app, "subdomain": "other"})
    store.save(world.workspace.state, tmp_path / "state.json")
    assert store.load(tmp_path / "state.json").runtimes[image].status == "DISABLED"


@pytest.mark.parametrize(
    "bad",
    [
        {"nodes": ("cpu=many",)},
        {"nodes": ("cpu=2 gpu=0.5",)},
        {"nodes": ("cpu=2 zone",)},
        {"profiles": ("4 cores",)},
    ],
)
def test_a_node_that_cannot_be_read_is_refused(bad: dict[str, tuple[str, ...]]) -> None:
    with pytest.raises(ValueError, match="write"):
        Options(**bad)  # type: ignore[arg-type]


def test_a_node_without_gpus_has_no_accelerator() -> None:
    assert parse_node(f"{PLAIN} nvidia.com/gpu.product=NVIDIA-L40S").accelerator == ""
    assert World(options=Options(node=Capacity(gpu=2))).create(accelerator_label_id="1")


def test_a_pod_says_so_if_its_runtime_has_another_python() -> None:
    assert other_python("") == ""
    assert "the runtime has Python 2.7, but pods here run Python 3." in other_python("Python 2.7")
