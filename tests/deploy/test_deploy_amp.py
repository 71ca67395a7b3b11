"""The project that installs and starts a controller: its scripts as CML's kernel runs them."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from controller.settings import RUN_VARIABLES

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
INSTALL, RUN = "docs/deploy/amp/install.py", "docs/deploy/amp/run.py"
KERNEL = ROOT / "controller" / "emulator" / "pods" / "kernel.py"
REQUIRED = {"name", "description", "author", "specification_version", "prototype_version"}

# A package of the same name that is built without any other package.
PROJECT = """\
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
"""
BACKEND = """\
import zipfile
from pathlib import Path
def build_wheel(folder, config_settings=None, metadata_directory=None):
    info = "raycml-0.dist-info/"
    files = {
        "controller/__init__.py": Path("controller/__init__.py").read_text(),
        info + "METADATA": "Metadata-Version: 2.1\\nName: raycml\\nVersion: 0\\n",
        info + "WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        info + "entry_points.txt": "[console_scripts]\\nraycml = controller:main\\n",
    }
    files[info + "RECORD"] = "".join(f"{name},,\\n" for name in [*files, info + "RECORD"])
    name = "raycml-0-py3-none-any.whl"
    with zipfile.ZipFile(Path(folder, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
    return name
"""
PROGRAM = """\
import json, os, signal, sys, time
def main():
    if sys.argv[1:] == ["--version"]:
        print("raycml 0")
        return
    names = ("RAYCML_SOURCE", "CDSW_APP_PORT", "PIP_USER", "PYTHONPATH")
    told = {name: os.environ.get(name) for name in names}
    signal.signal(signal.SIGTERM, lambda *_: (print("asked to stop", flush=True), sys.exit(0)))
    print(json.dumps({"argv": sys.argv[1:], "file": __file__, **told}), flush=True)
    if os.environ["RAYCML_SOURCE"] == "broken":
        sys.exit(8)
    signal.pause()
"""


def metadata() -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((ROOT / ".project-metadata.yaml").read_text())
    return found


@dataclass
class Clone:
    """The home of a project, and the environment of one of its pods."""

    home: Path

    def environ(self, **more: str) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "PIP_USER": "1",
            "PYTHONPATH": str(self.home / "of-the-kernel"),
            "PIP_NO_INDEX": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            **more,
        }

    def start(self, script: str, kind: str, **environ: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-u", str(KERNEL), script, kind],
            cwd=self.home,
            env=self.environ(**environ),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def install(self) -> tuple[int, str]:
        job = self.start(INSTALL, "job")
        said, _ = job.communicate(timeout=120)
        return job.returncode, said

    def built(self) -> set[str]:
        folder = self.home / ".raycml" / "controller"
        return {entry.name for entry in folder.iterdir() if entry.is_dir()}

    def current(self) -> str:
        return (self.home / ".raycml" / "controller" / "current").read_text().strip()

    def program(self, text: str) -> None:
        (self.home / "controller" / "__init__.py").write_text(text)


@pytest.fixture
def clone(tmp_path: Path) -> Clone:
    for script in (INSTALL, RUN):
        (tmp_path / script).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / script, tmp_path / script)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "backend.py").write_text(BACKEND)
    (tmp_path / "constraints.txt").write_text("")
    (tmp_path / "README.md").write_text("")
    (tmp_path / "controller").mkdir()
    made = Clone(tmp_path)
    made.program(PROGRAM)
    return made


@pytest.fixture
def application(clone: Clone) -> Iterator["subprocess.Popen[str]"]:
    assert clone.install()[0] == 0
    clone.program("raise SystemExit('the clone itself must not run')")
    kernel = clone.start(RUN, "application", RAYCML_SOURCE="specs", CDSW_APP_PORT="8123")
    yield kernel
    # As a pod ends: the kernel and all that it started.
    with suppress(ProcessLookupError):
        os.killpg(kernel.pid, signal.SIGKILL)
    kernel.communicate()


def test_the_metadata_say_what_a_prototype_must_say() -> None:
    found = metadata()
    assert found.keys() >= REQUIRED
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", str(found["date"]))
    assert isinstance(found["date"], str)
    runtimes: list[dict[str, str]] = found["runtimes"]  # type: ignore[assignment]
    assert runtimes == [{"editor": "PBJ Workbench", "kernel": "Python 3.11", "edition": "Standard"}]


def test_every_script_that_a_task_runs_is_in_the_repository() -> None:
    tasks: list[dict[str, object]] = metadata()["tasks"]  # type: ignore[assignment]
    assert [task["type"] for task in tasks] == ["create_job", "run_job", "start_application"]
    assert [task.get("script") for task in tasks] == [INSTALL, None, RUN]
    assert tasks[0]["entity_label"] == tasks[1]["entity_label"]
    assert tasks[2]["bypass_authentication"] is False
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", str(tasks[2]["subdomain"]))
    assert all((ROOT / str(task["script"])).is_file() for task in tasks if "script" in task)


def test_a_project_is_asked_for_settings_that_there_are_and_for_no_secret() -> None:
    asked = set(metadata()["environment_variables"])  # type: ignore[call-overload]
    assert asked <= set(RUN_VARIABLES)
    assert not asked & {"RAYCML_GIT_TOKEN", "RAYCML_WEB_TOKEN", "RAYCML_HOOK_SECRET"}


def test_what_is_installed_is_all_that_the_package_is_made_of() -> None:
    text = (ROOT / INSTALL).read_text()
    named = re.search(r"INSTALLED = \((.*)\)", text)
    assert named is not None
    assert all((ROOT / name).is_file() for name in re.findall(r'"([^"]+)"', named[1]))


def test_the_job_builds_once_and_again_only_what_changed(clone: Clone) -> None:
    code, said = clone.install()
    assert code == 0, said
    first = clone.current()
    assert clone.built() == {first}
    assert "is up to date" in clone.install()[1]
    clone.program(PROGRAM + "# newer\n")
    assert clone.install()[0] == 0
    second = clone.current()
    assert clone.built() == {first, second}, "the controller may still run from the first"
    clone.program(PROGRAM + "# newest\n")
    assert clone.install()[0] == 0
    assert clone.built() == {second, clone.current()}


def test_a_build_that_fails_is_a_failed_job_and_leaves_what_was_current(clone: Clone) -> None:
    clone.install()
    before = clone.current()
    clone.program("this is no Python")
    code, said = clone.install()
    assert code != 0
    assert "failed, exit code" in said
    assert clone.current() == before


def test_a_job_outside_of_a_clone_says_where_to_run_it(clone: Clone) -> None:
    (clone.home / "README.md").unlink()
    code, said = clone.install()
    assert code != 0
    assert "run this from the root of a clone of raycml" in said


def test_the_application_runs_the_controller_that_was_built(
    clone: Clone, application: "subprocess.Popen[str]"
) -> None:
    assert application.stdout is not None
    told = json.loads(application.stdout.readline())
    assert told.pop("file").startswith(str(clone.home / ".raycml/controller" / clone.current()))
    assert told == {
        "argv": ["run"],
        "RAYCML_SOURCE": "specs",
        "CDSW_APP_PORT": "8123",
        "PIP_USER": "0",
        "PYTHONPATH": None,
    }


def test_a_stop_of_the_application_ends_the_controller_first(
    application: "subprocess.Popen[str]",
) -> None:
    assert application.stdout is not None
    application.stdout.readline()
    application.send_signal(signal.SIGTERM)
    assert application.stdout.readline() == "asked to stop\n"
    assert application.wait(timeout=30) == 0


def test_a_controller_that_ends_is_a_failed_application(clone: Clone) -> None:
    clone.install()
    kernel = clone.start(RUN, "application", RAYCML_SOURCE="broken", CDSW_APP_PORT="8123")
    said, _ = kernel.communicate(timeout=60)
    assert kernel.returncode != 0
    assert "the controller ended with exit code 8" in said


def test_an_application_without_its_environment_says_which_job_to_run(clone: Clone) -> None:
    kernel = clone.start(RUN, "application", RAYCML_SOURCE="specs")
    said, _ = kernel.communicate(timeout=60)
    assert kernel.returncode != 0
    assert "run the job that installs raycml first" in said
