"""The surroundings of a launcher on live workspaces: its folder, its paths, and GPUs."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from node_world import settings
from test_node_parts import POD, make_pod

from controller.node.child import child_environment, project_home
from controller.node.pod import read_settings
from controller.node.ray import command, gpu


def test_the_home_is_the_first_folder_with_the_projects_files(tmp_path: Path) -> None:
    named, here = tmp_path / "named", tmp_path / "here"
    for folder in (named, here):
        folder.mkdir()
    variables = {"CDSW_PROJECT_DIR": str(named)}
    assert project_home(variables, here) == here
    (here / ".raycml").mkdir()
    assert project_home(variables, here) == here
    assert project_home({}, here) == here
    (named / ".raycml").mkdir()
    assert project_home(variables, here) == named


BROKEN = "raise ImportError('this is no package for this interpreter')"


def test_packages_of_the_platform_do_not_reach_ray(tmp_path: Path) -> None:
    """As of a runtime add-on, whose folder CML puts into PYTHONPATH."""
    folder = tmp_path / "runtime-addons" / "cmladdon-1" / "site-packages"
    folder.mkdir(parents=True)
    (folder / "ray.py").write_text(BROKEN)
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(folder), "PIP_USER": "1"}
    program = [sys.executable, "-c", "import importlib.util as u; print(u.find_spec('ray').origin)"]
    origins = [
        subprocess.run(program, env=environ, capture_output=True, text=True, check=True).stdout
        for environ in (given, child_environment(given))
    ]
    assert origins[0].strip() == str(folder / "ray.py")
    assert str(folder) not in origins[1]


@pytest.mark.parametrize("isolated", [True, False])
def test_a_users_site_counts_only_for_an_interpreter_of_the_user(*, isolated: bool) -> None:
    variables = child_environment({"PIP_USER": "1"}, isolated=isolated)
    assert variables.get("PYTHONNOUSERSITE") == ("1" if isolated else None)
    assert variables["PIP_USER"] == "0"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """The root of a pod with `eth0` and CUDA."""
    for folder in ("sys/class/net/eth0", "usr/local/cuda/bin", "usr/local/cuda/lib64"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def test_a_pod_with_gpus_has_defaults_for_collectives_and_cuda(root: Path) -> None:
    cuda = f"{root}/usr/local/cuda"
    assert gpu.defaults({"PATH": "/bin", "LD_LIBRARY_PATH": "/lib"}, root) == {
        "NCCL_SOCKET_IFNAME": "eth0",
        "GLOO_SOCKET_IFNAME": "eth0",
        "NCCL_IB_DISABLE": "1",
        "CUDA_HOME": cuda,
        "PATH": f"{cuda}/bin:/bin",
        "LD_LIBRARY_PATH": f"{cuda}/lib64:/lib",
    }


def test_what_the_spec_sets_is_kept(root: Path) -> None:
    cuda = f"{root}/usr/local/cuda"
    given = {
        "NCCL_SOCKET_IFNAME": "ib0",
        "GLOO_SOCKET_IFNAME": "",
        "NCCL_IB_DISABLE": "0",
        "CUDA_HOME": "/opt/cuda",
        "PATH": f"/bin:{cuda}/bin",
        "LD_LIBRARY_PATH": f"{cuda}/lib64",
    }
    assert gpu.defaults(given, root) == {}


def test_an_interface_that_the_pod_does_not_have_is_not_named(tmp_path: Path) -> None:
    assert gpu.defaults({"PATH": "/bin"}, tmp_path) == {}


def test_only_a_member_with_gpus_has_the_defaults(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu, "ROOT", root)
    environ = {**POD, "PATH": "/bin"}
    for count in (0, 2):
        values = read_settings(settings(gpu=count))
        variables = command.environment(environ, values, make_pod(), "m", "/x/bin/python", {})
        assert variables.get("NCCL_SOCKET_IFNAME") == ("eth0" if count else None)
        cuda = f"{root}/usr/local/cuda/bin:" if count else ""
        assert variables["PATH"] == f"/x/bin:{cuda}/bin"
