"""Script of the controller's application, run by a kernel as in CML."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controller.node.run_controller import render

KERNEL = Path(__file__).parent / "kernel.py"
ENVIRONMENT = ".raycml/envs/0123456789abcdef01234567"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A project with an environment whose `raycml` is ours to write."""
    programs = tmp_path / ENVIRONMENT / "bin"
    programs.mkdir(parents=True)
    (programs / "python").symlink_to(sys.executable)
    script = tmp_path / ".raycml" / "controller" / "run-0.py"
    script.parent.mkdir()
    script.write_text(render.script({"environment": ENVIRONMENT}))
    return tmp_path


def controller(home: Path, *lines: str) -> None:
    (home / ENVIRONMENT / "bin" / "raycml").write_text("\n".join(lines))


def start(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, str(KERNEL), ".raycml/controller/run-0.py"],
        cwd=home,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(home), "CDSW_APIV2_KEY": "key-of-pod"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@pytest.fixture
def started(home: Path) -> Iterator["list[subprocess.Popen[str]]"]:
    found: list[subprocess.Popen[str]] = []
    yield found
    for process in found:
        process.kill()
        process.communicate()


def log(home: Path) -> str:
    return (home / ".raycml" / "controller" / "run.log").read_text()


def test_it_runs_the_controller_of_its_environment_and_ends_as_that_one_ends(home: Path) -> None:
    controller(home, "import sys", "print('ran', sys.argv[1:])", "sys.exit(4)")
    process = start(home)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 4
    assert "ran ['run']" in said
    assert "ran ['run']" in log(home)
    assert log(home).splitlines()[-1].endswith("FAILED: the controller exited with code 4")


def test_nothing_in_the_project_takes_the_place_of_a_package(home: Path) -> None:
    (home / "json.py").write_text("raise SystemExit('the json of the project')")
    controller(home, "import json", "print(json.__file__)")
    said, _ = start(home).communicate(timeout=60)
    assert "the json of the project" not in said
    assert str(home / "json.py") not in said


def test_term_is_passed_on_and_a_controller_that_stops_as_asked_has_not_failed(
    home: Path, started: "list[subprocess.Popen[str]]"
) -> None:
    controller(
        home,
        "import signal, sys",
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))",
        "print('up', flush=True)",
        "signal.pause()",
    )
    process = start(home)
    started.append(process)
    assert process.stdout is not None
    assert "up" in process.stdout.readline()
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert "FAILED" not in log(home)


def test_an_environment_that_is_gone_is_said(home: Path) -> None:
    (home / ENVIRONMENT / "bin" / "python").unlink()
    process = start(home)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "FAILED: cannot run" in said
    assert "FAILED: cannot run" in log(home)


def test_the_same_environment_gives_the_same_text_and_no_secret_is_in_it(home: Path) -> None:
    text = render.script({"environment": ENVIRONMENT})
    assert text == (home / ".raycml" / "controller" / "run-0.py").read_text()
    assert "key-of-pod" not in text
