"""How a process ends that is asked to, while CML answers nothing: real processes, real signals."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "controller"]
SPEC = """\
apiVersion: raycml/v1
kind: RayCluster
metadata: {name: one}
spec:
  rayVersion: "2.60.0"
  runtimeIdentifier: registry.example.com/ml-runtime-python3.11:1
  suspend: true
  headGroupSpec: {resources: {cpu: 1, memory: 2Gi}}
  workerGroupSpecs: []
"""
PATIENCE_S = 25  # ten seconds are meant; a loaded machine needs longer, a hang takes minutes


@dataclass
class Frozen:
    """An embedded CML that can be stopped in the middle of everything, and commands on it."""

    folder: Path
    environ: dict[str, str]
    pid: int = 0

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [*COMMAND, *arguments],
            cwd=self.folder,
            env=self.environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def freeze(self) -> None:
        os.kill(self.pid, signal.SIGSTOP)


@pytest.fixture
def frozen(tmp_path: Path) -> Iterator[Frozen]:
    state = tmp_path / "state"
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "RAYCML_EMULATOR_DIR": str(state),
    }
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "one.yaml").write_text(SPEC)
    stage = Frozen(tmp_path, environ)
    begun = stage.start("emulator", "start")
    assert begun.wait(timeout=60) == 0, begun.communicate()
    begun.communicate()
    try:
        stage.pid = json.loads((state / "connection.json").read_text())["pid"]
        yield stage
    finally:
        if stage.pid:
            os.kill(stage.pid, signal.SIGCONT)
        ended = stage.start("emulator", "stop")
        ended.communicate(timeout=60)


def running(stage: Frozen) -> subprocess.Popen[str]:
    """A controller in the middle of a call that is not answered."""
    process = stage.start("run", "specs", "--local", "--port", "0", "--interval", "1s")
    assert process.stderr is not None
    for line in process.stderr:
        if '"pass"' in line or " pass " in line:
            break
    stage.freeze()
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=3)
    return process


def test_term_ends_a_controller_whose_calls_hang(frozen: Frozen) -> None:
    process = running(frozen)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=PATIENCE_S) == 0
    process.communicate()


def test_a_second_signal_ends_it_at_once(frozen: Frozen) -> None:
    process = running(frozen)
    process.send_signal(signal.SIGINT)
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=0.5)
    process.send_signal(signal.SIGINT)
    # By itself it would end with 0, or be ended after nine seconds.
    assert process.wait(timeout=8) == 130
    process.communicate()


@pytest.mark.parametrize(
    ("command", "number", "code"),
    [("reconcile", signal.SIGTERM, 143), ("plan", signal.SIGINT, 130)],
)
def test_a_command_whose_calls_hang_ends_as_well(
    frozen: Frozen, command: str, number: int, code: int
) -> None:
    frozen.freeze()
    process = frozen.start(command, "specs", "--local")
    with pytest.raises(subprocess.TimeoutExpired):
        process.wait(timeout=4)
    process.send_signal(number)
    assert process.wait(timeout=PATIENCE_S) == code
    out, err = process.communicate()
    assert "Traceback" not in out + err


PRESSED = """
import os, signal, sys
from controller.start import main
class Presser:
    def find_spec(self, name, *rest):
        if name == "controller.cli.commands.delete":
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Presser())
main()
"""


def test_an_interrupt_while_the_commands_are_imported_leaves_no_traceback() -> None:
    root = Path(__file__).resolve().parents[2]
    said = subprocess.run(
        [sys.executable, "-c", PRESSED], cwd=root, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stderr) == (130, "")
