"""The cluster of an acceptance test: its sizes, and the runtime that is chosen for it."""

import pytest

from controller.acceptance.spec import LARGE, SMALL, choose_runtime, runtime_fault, sizes
from controller.cml.values import RuntimeRef


def runtime(name: str, **changes: str) -> RuntimeRef:
    usual = {
        "status": "ENABLED",
        "kernel": "Python 3.11",
        "edition": "Standard",
        "version": "2025.09.1-b5",
    }
    return RuntimeRef(f"registry.example/ml-runtime-{name}", **{**usual, **changes})


PBJ = runtime("pbj-jupyterlab")


def test_sizes_that_were_not_given_are_a_laptops_or_a_workspaces() -> None:
    assert sizes({"cpu": "8"}, local=False) == {**LARGE, "cpu": "8"}
    assert sizes({"head_memory": "3Gi"}, local=True) == {**SMALL, "head_memory": "3Gi"}


@pytest.mark.parametrize(
    "worse",
    [
        runtime("jupyterlab"),
        runtime("pbj-old", version="2025.09.1-b4"),
        runtime("pbj-older", version="2025.8.9-b9"),
        runtime("pbj-other-python", kernel="Python 3.12", version="2026.01.1-b1"),
        runtime("pbj-off", status="DISABLED", version="2026.01.1-b1"),
        runtime("pbj-gpu", edition="Nvidia GPU", version="2026.01.1-b1"),
        runtime("pbj-r", kernel="R 4.3", version="2026.01.1-b1"),
    ],
    ids=lambda one: one.identifier.rpartition("-runtime-")[2],
)
def test_the_newest_pbj_runtime_with_the_tested_python_is_chosen(worse: RuntimeRef) -> None:
    assert choose_runtime([worse, PBJ], gpu=False) == PBJ
    assert choose_runtime([PBJ, worse], gpu=False) == PBJ


def test_members_with_gpus_get_the_edition_for_gpus() -> None:
    with_gpu = runtime("pbj-gpu", edition="Nvidia GPU")
    assert choose_runtime([PBJ, with_gpu], gpu=True) == with_gpu


def test_none_is_chosen_where_none_fits() -> None:
    assert choose_runtime([runtime("r", kernel="R 4.3")], gpu=False) is None


def test_a_runtime_that_is_not_offered_or_is_off_is_a_fault() -> None:
    off = runtime("pbj-off", status="DISABLED")
    assert runtime_fault(PBJ.identifier, [PBJ, off]) == ""
    assert runtime_fault(off.identifier, [PBJ, off]).endswith("is DISABLED")
    assert "does not offer" in runtime_fault("registry.example/x:1", [PBJ])
