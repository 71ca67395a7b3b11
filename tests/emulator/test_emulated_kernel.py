"""The kernel of a pod, as scripts of CML's users know it: IPython, user, home, and pip."""

import importlib.util
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from test_emulated_job_pods import Jobs

from controller.emulator import daemon
from controller.emulator.pods import kernel, namespace
from controller.emulator.pods.namespace import CDSW

pytestmark = pytest.mark.slow

needs_ipython = pytest.mark.skipif(
    importlib.util.find_spec("IPython") is None, reason="needs IPython: pip install raycml[local]"
)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jobs]:
    folder = tmp_path_factory.mktemp("kernel")
    made = Jobs(folder / "state", folder)
    try:
        yield made
    finally:
        made.client.close()
        daemon.stop(made.state)


def ran(local: Jobs, script: str, **changes: object) -> tuple[str, str]:
    """The end of a run of the script, and its log."""
    run = local.run(local.job(script, **changes))
    return local.ends(run), local.log(run.rsplit("/", 1)[-1])


MAGICS = """
%env GREETING=hello
!echo "$GREETING from a shell"
words = !echo one; echo two
import asyncio
await asyncio.sleep(0)
assert get_ipython().getoutput("echo x") == ["x"]
print("lines", list(words))
%pip --version
6 * 7
"""


@needs_ipython
def test_a_script_is_a_cell_of_ipython(local: Jobs) -> None:
    state, log = ran(local, MAGICS)
    assert state == "SUCCEEDED", log
    for text in ("hello from a shell", "lines ['one', 'two']", "Out[1]: 42", "pip "):
        assert text in log


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("def f(:", "SyntaxError"),
        ("import argparse; argparse.ArgumentParser().parse_args()", "unrecognized arguments: -f"),
        ("__file__", "NameError"),
        ("!exit 3\nassert _exit_code == 0", "AssertionError"),
    ],
)
@needs_ipython
def test_an_error_of_the_cell_is_the_end_of_the_run(local: Jobs, script: str, words: str) -> None:
    state, log = ran(local, script)
    assert state == "FAILED"
    assert words in log


def test_a_kernel_without_ipython_says_where_magics_come_from(tmp_path: Path) -> None:
    (tmp_path / "plain.py").write_text("import asyncio\nawait asyncio.sleep(0)\nprint('plain')")
    (tmp_path / "magic.py").write_text("!pip list")
    (tmp_path / "shell.py").write_text("get_ipython()")
    command = [sys.executable, "-S", str(Path(kernel.__file__))]
    shown = {}
    for name in ("plain", "magic", "shell"):
        done = subprocess.run(
            [*command, f"{name}.py", "kernel.json"],
            cwd=tmp_path,
            capture_output=True,
            check=False,
            text=True,
        )
        shown[name] = (done.returncode, done.stdout + done.stderr)
    assert shown["plain"] == (0, "plain\n")
    for name in ("magic", "shell"):
        assert shown[name][0] == 1
        assert "pip install 'raycml[local]'" in shown[name][1]


# packages


def wheel(folder: Path, name: str) -> Path:
    """A wheel with one module, which says where it is."""
    path = folder / f"{name}-1.0-py3-none-any.whl"
    info = f"{name}-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr(f"{name}.py", "import sys\nplace = __file__\n")
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        file.writestr(f"{info}/RECORD", "")
    return path


INSTALL = """
import subprocess, sys
subprocess.run([sys.executable, "-m", "pip", "install", "--no-index", {wheel!r}], check=True)
"""


@pytest.mark.parametrize("name", ["parcel", "cmlapi"])
def test_what_a_run_installs_is_in_the_project_for_the_next_run(local: Jobs, name: str) -> None:
    path = wheel(local.home, name)
    state, log = ran(local, INSTALL.format(wheel=path.name))
    assert state == "SUCCEEDED", log
    assert list((local.home / ".local").rglob(f"{name}.py"))
    state, log = ran(local, f"import {name}; print('at', {name}.place)")
    assert state == "SUCCEEDED", log
    assert f"at {local.seen_home}/.local/" in log


@pytest.mark.parametrize(
    ("module", "words"),
    [
        ("cmlapi.models", "/api/v2/python.tar.gz"),
        ("cdsw", "not part of the CML emulator"),
        ("cml.utils_v1", "not part of the CML emulator"),
    ],
)
def test_a_client_of_cml_is_a_missing_module_that_says_where_it_is(
    local: Jobs, module: str, words: str
) -> None:
    script = f"try:\n    import {module}\nexcept ImportError as error:\n    print(error)"
    # Its own HOME, so that what another run installed does not count.
    state, log = ran(local, script, environment={"PYTHONNOUSERSITE": "1"})
    assert state == "SUCCEEDED"
    assert words in log


# home and user

WHERE = """
import getpass, os, pwd, pathlib
print("home", os.path.expanduser("~"), os.getcwd(), pathlib.Path("mark").resolve())
print("user", getpass.getuser(), os.environ["LOGNAME"])
print("account", pwd.getpwuid(os.getuid()).pw_name, os.path.exists("/home/cdsw"))
pathlib.Path(os.path.expanduser("~/written")).write_text("x")
print("others", sorted(os.listdir("/home")))
"""


def allowed(mode: str, folder: Path) -> bool:
    command = [sys.executable, "-I", "-S", namespace.__file__, mode, "/usr", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_the_project_is_home_cdsw_where_linux_allows_it(local: Jobs, tmp_path: Path) -> None:
    if not allowed(namespace.USER, tmp_path):
        pytest.skip("no user namespaces here")
    assert f"{CDSW} is the project" in local.connection.pods
    state, log = ran(local, WHERE)
    assert state == "SUCCEEDED", log
    assert f"home {CDSW} {CDSW} {CDSW}/mark" in log
    assert "user cdsw cdsw" in log
    assert "account cdsw True" in log
    assert f"others {sorted({*os.listdir('/home'), 'cdsw'})}" in log
    assert (local.home / "written").stat().st_uid == os.getuid()


def test_a_pod_without_a_namespace_has_the_folder_as_it_is(tmp_path: Path) -> None:
    state = tmp_path / "state"
    local = Jobs(state, tmp_path, "pod_home=false")
    try:
        assert "no /home/cdsw: pod_home is false" in local.connection.pods
        end, log = ran(local, WHERE)
        assert end == "SUCCEEDED", log
        assert f"home {local.home} {local.home}" in log
        assert "user cdsw cdsw" in log
    finally:
        local.client.close()
        daemon.stop(state)


def test_a_namespace_that_linux_refuses_is_said_with_its_reason(tmp_path: Path) -> None:
    command = [sys.executable, "-I", "-S", namespace.__file__, namespace.USER]
    refused = subprocess.run(
        [*command, str(tmp_path / "missing"), str(tmp_path), "true"],
        capture_output=True,
        check=False,
        text=True,
    )
    assert refused.returncode == 1
    assert refused.stderr.startswith("no /home/cdsw: ")
    assert "Traceback" not in refused.stderr
