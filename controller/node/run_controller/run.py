"""Runs the controller with the interpreter of its environment, and exits with its exit code.

The controller's output is in the application's log, and in a bounded file of the project, since
CML's API does not return the reason of a failure.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from controller.node.child import start_child, wait_for_child
from controller.node.clock import Clock
from controller.node.log import Log

LOG = ".raycml/controller/run.log"
FAILED = "FAILED: "  # start of a line of the log, after the time
UNUSABLE = 3  # exit code
_LOG_LIMIT = 256 * 1024


def start(values: Mapping[str, object]) -> None:
    """Entry point of the script.  Raises SystemExit unless the controller was stopped."""
    code = run_controller(str(values["environment"]), Path.cwd())
    if code != 0:
        raise SystemExit(code)


def run_controller(environment: str, home: Path) -> int:
    """Run the controller; the result is its exit code.  `environment` is relative to the home.

    In isolated mode, since a folder of the project may have the name of a package.
    """
    log = Log(home / LOG, Clock(), _LOG_LIMIT)
    programs = home / environment / "bin"
    command = [str(programs / "python"), "-I", "-u", str(programs / "raycml"), "run"]
    try:
        child = start_child(command, home)
    except OSError as error:
        log.write(f"{FAILED}cannot run {programs / 'python'}: {error.strerror}")
        return UNUSABLE
    code = wait_for_child(child, lambda line: log.write(line.rstrip()))
    if code != 0:
        log.write(f"{FAILED}the controller exited with code {code}")
    return code


__all__ = ["FAILED", "LOG", "UNUSABLE", "run_controller", "start"]
