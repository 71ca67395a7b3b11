"""The command as a process of its own: pipes, a machine without a workspace, the embedded CML.

No Ray is started here: plans and states only.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "controller"]


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """A machine that knows nothing of any workspace, its state in a folder of the test's."""
    root = str(Path(__file__).resolve().parents[2])
    kept = {name: os.environ[name] for name in ("PATH",)}
    return {
        **kept,
        "HOME": str(tmp_path),
        "PYTHONPATH": root,
        "RAYCML_EMULATOR_DIR": str(tmp_path / "state"),
    }


def raycml(
    tmp_path: Path, environ: dict[str, str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *arguments],
        cwd=tmp_path,
        env=environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, environ: dict[str, str]) -> None:
    writer = subprocess.Popen(
        [*COMMAND, "schema"],
        cwd=tmp_path,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert writer.stdout is not None
    writer.stdout.close()
    assert writer.stderr is not None
    with writer.stderr as stderr:
        said = stderr.read()
    assert (writer.wait(timeout=60), said) == (0, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux has a disk that is always full")
@pytest.mark.parametrize("command", ["schema", "--version", "--help"])
def test_a_full_disk_behind_the_output_is_said_in_a_sentence(
    tmp_path: Path, environ: dict[str, str], command: str
) -> None:
    with Path("/dev/full").open("w") as full:
        said = subprocess.run(
            [*COMMAND, command],
            cwd=tmp_path,
            env=environ,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
            check=False,
        )
    assert said.stderr.splitlines() == [
        "raycml: standard output cannot be written: No space left on device",
        "try: check the output file, and the free disk space",
    ]
    assert said.returncode == 1


def test_a_closed_output_is_no_error(tmp_path: Path, environ: dict[str, str]) -> None:
    line = f"{' '.join(COMMAND)} schema >&-"
    said = subprocess.run(
        line,
        shell=True,
        cwd=tmp_path,
        env=environ,
        stderr=subprocess.PIPE,
        text=True,
        timeout=60,
        check=False,
    )
    assert (said.returncode, said.stderr) == (0, "")


def test_an_unreachable_host_is_said_in_a_sentence(tmp_path: Path, environ: dict[str, str]) -> None:
    raycml(tmp_path, environ, "init")
    where = {"CML_HOST": "http://127.0.0.1:9", "CML_API_KEY": "sk-012345", "CML_PROJECT_ID": "p"}
    said = raycml(tmp_path, {**environ, **where}, "plan")
    assert said.returncode == 1
    assert "CML cannot be reached: " in said.stderr
    assert said.stderr.count("cannot be reached") == 1
    assert "Traceback" not in said.stderr


def test_a_ca_file_that_is_none_is_a_wrong_setting(tmp_path: Path, environ: dict[str, str]) -> None:
    raycml(tmp_path, environ, "init")
    where = {"CML_HOST": "https://127.0.0.1:9", "CML_API_KEY": "sk-012345", "CML_PROJECT_ID": "p"}
    said = raycml(tmp_path, {**environ, **where}, "plan", "--ca-cert", "specs/quickstart.yaml")
    assert said.returncode == 64
    assert "--ca-cert" in said.stderr


def test_a_poor_locale_ends_no_command(tmp_path: Path, environ: dict[str, str]) -> None:
    poor = {**environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    (tmp_path / "ä").mkdir()
    said = raycml(tmp_path, poor, "validate", "ä")
    assert said.returncode == 8
    assert "Traceback" not in said.stderr


def test_the_embedded_cml_starts_by_itself_and_stops(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    raycml(tmp_path, environ, "init")
    try:
        planned = raycml(tmp_path, environ, "plan", "--local", "--exit-code")
        assert planned.returncode == 2, planned.stderr
        assert planned.stdout.endswith("Plan: 3 to create.\n")
        shown = raycml(tmp_path, environ, "emulator", "status", "-o", "json")
        assert json.loads(shown.stdout)["running"] is True
        key = json.loads((tmp_path / "state" / "connection.json").read_text())["api_key"]
        assert key not in shown.stdout + planned.stdout + planned.stderr
    finally:
        stopped = raycml(tmp_path, environ, "emulator", "stop")
    assert stopped.returncode == 0
    gone = raycml(tmp_path, environ, "emulator", "status")
    assert gone.stdout.startswith("the CML emulator is not running")


def test_options_of_the_emulator_are_kept_shown_and_changed_at_a_start(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    def emulator(*words: str) -> subprocess.CompletedProcess[str]:
        return raycml(tmp_path, environ, "emulator", *words)

    def options() -> dict[str, str]:
        shown = emulator("status", "-o", "json").stdout
        return dict(json.loads(shown)["options"])

    started = emulator("start", "--set", "auto_restarts=0", "--set", "capacity.cpu=4")
    try:
        assert started.returncode == 0, started.stderr
        assert "options   auto_restarts=0 capacity.cpu=4" in emulator("status").stdout
        assert emulator("start", "--set", "capacity.cpu=4").returncode == 0
        refused = emulator("start", "--set", "capacity.cpu=8")
        assert refused.returncode == 64
        assert "raycml emulator stop" in refused.stderr
        emulator("stop")
        emulator("start", "--set", "capacity.cpu=default")
        assert options() == {"auto_restarts": "0"}
    finally:
        emulator("stop")


def test_a_production_spec_is_tried_locally_without_editing_it(
    tmp_path: Path, environ: dict[str, str]
) -> None:
    image = "registry.example/ml-runtime-pbj-workbench-python3.42-standard:2025.06.1-b9"
    raycml(tmp_path, environ, "init")
    (spec,) = (tmp_path / "specs").glob("*.yaml")
    lines = spec.read_text().splitlines()
    named = [f"  runtimeIdentifier: {image}" if "  runtimeIdentifier:" in x else x for x in lines]
    spec.write_text("\n".join(named) + "\n")
    try:
        done = raycml(tmp_path, environ, "reconcile", "--local", "--once", "--wait-for", "applied")
        assert "its runtime has Python 3.42" in done.stderr
        assert "NotOffered" not in done.stdout + done.stderr
        listed = raycml(tmp_path, environ, "doctor", "--runtimes", "--local", "-o", "json")
        rows = {row["identifier"]: row for row in json.loads(listed.stdout)["runtimes"]}
        assert rows[image]["kernel"] == "Python 3.42"
        state = json.loads((tmp_path / "state" / "state.json").read_text())
        assert {app["runtime_identifier"] for app in state["applications"]} == {image}
    finally:
        raycml(tmp_path, environ, "emulator", "stop")
