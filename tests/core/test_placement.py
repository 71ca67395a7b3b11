"""Nodes and runtimes that a spec chooses by name: forms, bounds, fingerprints, records."""

from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from controller.core.model.configuration import configuration
from controller.core.model.member import Member
from controller.core.model.offers import OfferedNames, OfferedRuntime, choose_runtime, find_names
from controller.core.spec.fingerprint import agreement, fingerprint
from controller.core.spec.placement.kinds import (
    ANYWHERE,
    RuntimeChoice,
    kept,
    read_record,
    write_record,
)
from controller.core.spec.spec import RayCluster
from tests.worlds import POLICY, desired, spec

IMAGE = "registry.example.com:5000/ml/runtime-python3.11:2025.09.1-b5"
CHOICE = {"kernel": "Python 3.11", "edition": "Standard"}
CUDA = {**CHOICE, "edition": "Nvidia GPU"}
OTHER_PYTHON = {**CHOICE, "kernel": "Python 3.12"}


def document(group: dict[str, Any] | None = None, **fields: Any) -> dict[str, Any]:
    own = {"groupName": "gpu", "resources": {"cpu": 2, "memory": "4Gi"}, **(group or {})}
    written = {
        "rayVersion": "2.60.0",
        "runtimeIdentifier": IMAGE,
        "headGroupSpec": {"resources": {"cpu": 1, "memory": "2Gi"}},
        "workerGroupSpecs": [own],
        **fields,
    }
    return {
        "apiVersion": "raycml/v1",
        "kind": "RayCluster",
        "metadata": {"name": "training"},
        "spec": {name: value for name, value in written.items() if value is not None},
    }


def gpus(**resources: Any) -> dict[str, Any]:
    return {"resources": {"cpu": 2, "memory": "4Gi", **resources}}


VALID = [
    document(gpus(gpu=1, accelerator="NVIDIA-L40S")),
    document({"nodeSelector": {"nvidia.com/gpu.product": "NVIDIA-L40S"}}),
    document({"nodeSelector": {}}),
    document({"resourceGroup": "gpu group", "resourceProfile": "2x4"}),
    document({"resourceProfile": "17"}),
    document({"runtimeAddons": ["HadoopCLI", "Spark 3.5.1 - CDE 1.23"]}),
    document(runtimeIdentifier=None, runtime=CHOICE),
    document(
        {"runtime": {**CHOICE, "edition": "Nvidia GPU"}}, runtimeIdentifier=None, runtime=CHOICE
    ),
    document({"runtime": CHOICE}),
]


@pytest.mark.parametrize("written", VALID)
def test_a_valid_choice_survives_being_written_and_read(written: dict[str, Any]) -> None:
    cluster = RayCluster.model_validate(written)
    assert RayCluster.model_validate(cluster.model_dump(by_alias=True)) == cluster
    assert RayCluster.model_validate_json(cluster.model_dump_json(by_alias=True)) == cluster


REFUSED = [
    (document(gpus(accelerator="NVIDIA-L40S")), "gpu is 0; raise gpu, or remove accelerator"),
    (document(gpus(gpu=1, accelerator=" L40S")), "must be a name of up to 200 characters"),
    (document(gpus(gpu=1, accelerator="")), "must be a name of up to 200 characters"),
    (document({"nodeSelector": {"a": "1", "b": "2"}}), "keep one of a, b"),
    (document({"nodeSelector": {"a b": "1"}}), "is not a label of a node"),
    (document({"nodeSelector": {"zone": ""}}), "is not a label of a node"),
    (
        document({"environment": {"NODE_SELECTOR_KEY": "a"}, "nodeSelector": {"a": "1"}}),
        "`NODE_SELECTOR_KEY` is what `nodeSelector` sets; remove one of them",
    ),
    (document({"resourceGroup": "a" * 201}), "must be a name of up to 200 characters"),
    (document({"resourceProfile": "large"}), "must be cores x GiB such as 4x16"),
    (document({"resourceProfile": "4x16"}), "make 2x4; make the two agree"),
    (document({"runtimeAddons": ["Spark", "Spark"]}), "names `Spark` twice"),
    (document({"runtimeAddons": ["a,b"]}), "without commas"),
    (document({"runtimeAddons": [f"a{n}" for n in range(21)]}), "at most 20 items"),
    (document(runtimeIdentifier=None), "`runtimeIdentifier` is missing; add it, or `runtime`"),
    (document(runtime=CHOICE), "`runtime` and `runtimeIdentifier` both name the runtime"),
    (document({"runtime": CHOICE, "runtimeIdentifier": IMAGE}), "both name the runtime"),
    (
        document(runtimeIdentifier=None, runtime={**CHOICE, "kernel": "R 4.4"}),
        'must be a kernel with Python, as CML shows it, such as "Python 3.11"',
    ),
    (
        document(runtimeIdentifier=None, runtime={**CHOICE, "version": "new est"}),
        "must be the version of a runtime or its beginning",
    ),
    (
        document(
            {"runtime": {**CHOICE, "kernel": "Python 3.12"}}, runtimeIdentifier=None, runtime=CHOICE
        ),
        "the kernel is Python 3.12, and the cluster's is Python 3.11",
    ),
    (
        document(
            runtimeIdentifier=None,
            runtime=CHOICE,
            pythonEnvironment={"python": "3.12", "packages": ["ray[default]"]},
        ),
        "the kernel is Python 3.11, and pythonEnvironment has Python 3.12",
    ),
]


@pytest.mark.parametrize(("written", "message"), REFUSED, ids=range(len(REFUSED)))
def test_a_choice_that_cannot_be_is_refused(written: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as refusal:
        RayCluster.model_validate(written)
    assert message in str(refusal.value)


def test_a_spec_without_placement_is_written_as_before() -> None:
    written = RayCluster.model_validate(document()).spec.model_dump(by_alias=True)
    added = {"runtime", "nodeSelector", "resourceGroup", "resourceProfile", "runtimeAddons"}
    (group,) = written["workerGroupSpecs"]
    assert not added & written.keys()
    assert not added & group.keys()
    assert "accelerator" not in group["resources"]


INPUTS = desired(spec()).clusters[0].groups[0].inputs


def test_names_count_in_the_fingerprint_only_where_they_are_given() -> None:
    plain = fingerprint(INPUTS)
    assert fingerprint(replace(INPUTS, placement=ANYWHERE)) == plain
    changed = [
        replace(INPUTS, placement=replace(ANYWHERE, **{name: value}))
        for name, value in {
            "accelerator": "a",
            "group": "a",
            "profile": "a",
            "addons": ("a",),
        }.items()
    ]
    changed += [
        replace(INPUTS, runtime_choice=RuntimeChoice("Python 3.11", *rest))
        for rest in (["Standard"], ["Hardened"], ["Standard", "a"], ["Standard", "", "a"])
    ]
    marks = {plain, *map(fingerprint, changed)}
    assert len(marks) == len(changed) + 1


def test_a_kind_of_runtime_agrees_with_an_image_of_the_same_python() -> None:
    chosen = replace(INPUTS, runtime="", runtime_choice=RuntimeChoice("Python 3.11", "Standard"))
    image = replace(INPUTS, runtime="ml-runtime-pbj-jupyterlab-python3.11-cuda:1")
    assert agreement(chosen) == agreement(image)
    other = replace(chosen, runtime_choice=RuntimeChoice("Python 3.12", "Standard"))
    assert agreement(other) != agreement(chosen)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"accelerator": "2"}',
        '{"accelerator": ["NVIDIA-L40S"]}',
        '{"accelerator": ["NVIDIA-L40S", "two"]}',
        '{"resourceGroup": ["gpu", ""]}',
        '{"strange": ["a", "1"]}',
        "[" * 100_000,
    ],
)
def test_a_record_that_cannot_be_read_is_empty(text: str) -> None:
    assert read_record(text) == {}


def test_a_record_survives_being_written_and_read() -> None:
    record = {"accelerator": ("NVIDIA-L40S", "2"), "runtimeAddons": ("Spark", "spark351-26-hf1")}
    assert read_record(write_record(record)) == record
    assert write_record({}) == ""


def test_a_name_that_is_no_longer_given_is_recorded_as_none() -> None:
    record = {"accelerator": ("NVIDIA-L40S", "2"), "runtime": ("Python 3.11, Standard", "a:1")}
    assert kept(record, {}) == {"accelerator": ("none", "0")}
    assert kept(record, {"accelerator": "NVIDIA-A100"}) == {}


def test_a_configuration_says_which_names_have_no_id_yet() -> None:
    group = replace(
        desired(spec()).clusters[0].groups[0],
        inputs=replace(INPUTS, placement=replace(ANYWHERE, accelerator="NVIDIA-L40S", group="gpu")),
    )
    record = {"accelerator": ("NVIDIA-L40S", "2"), "resourceGroup": ("other", "3")}
    made = configuration(group, Member("head"), POLICY, record)
    assert (made.accelerator, made.resource_group) == ("2", None)
    assert made.unresolved == {"resourceGroup"}


def runtime(version: str, status: str = "ENABLED", editor: str = "JupyterLab") -> OfferedRuntime:
    name = f"image-{editor}:{version}"
    return OfferedRuntime(name, status, "Python 3.11", "Standard", editor, version)


@pytest.mark.parametrize(
    ("versions", "wanted", "chosen"),
    [
        (["2025.9.1-b5", "2025.10.1-b1"], "", "2025.10.1-b1"),
        (["2025.09.1-b5", "2025.09.1-b12"], "", "2025.09.1-b12"),
        (["2025.09.1-b5", "2026.04.1-b7"], "2025.09", "2025.09.1-b5"),
        (["2025.09.1-b5", "2025.09.1-b51"], "2025.09.1-b5", "2025.09.1-b5"),
        (["2026.04.1-b7"], "2026.0", ""),
    ],
)
def test_the_newest_version_is_chosen_by_its_numbers(
    versions: list[str], wanted: str, chosen: str
) -> None:
    choice = RuntimeChoice("Python 3.11", "Standard", version=wanted)
    found = choose_runtime(choice, [runtime(version) for version in versions])
    assert found.id == (f"image-JupyterLab:{chosen}" if chosen else "")
    assert bool(found.problem) != bool(chosen)


def test_an_editor_narrows_the_choice_and_a_deprecated_one_is_better_than_none() -> None:
    catalogue = [runtime("2026.1", editor="PBJ Workbench"), runtime("2025.1", "DEPRECATED")]
    choice = RuntimeChoice("Python 3.11", "Standard", "JupyterLab")
    assert choose_runtime(choice, catalogue).id == "image-JupyterLab:2025.1"
    assert choose_runtime(replace(choice, editor=""), catalogue).id == "image-PBJ Workbench:2026.1"


def test_digits_are_an_id_where_names_are_not_listed_or_it_is_among_them() -> None:
    listed = OfferedNames({"NVIDIA-L40S": "2"})
    assert find_names("accelerator", "2", listed).id == "2"
    assert "which has NVIDIA-L40S" in find_names("accelerator", "3", listed).problem
    unlisted = OfferedNames(unlisted="CML does not say")
    assert find_names("accelerator", "3", unlisted).id == "3"
    assert find_names("accelerator", "L40S", unlisted).is_lasting
    brief = replace(unlisted, is_lasting=False)
    assert not find_names("accelerator", "L40S", brief).is_lasting
