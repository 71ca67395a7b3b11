"""Runs the controller under the interpreter of its own environment, and ends as it ended.

What the controller prints is in the application's log, and in a bounded file of the project too:
CML tells nobody through its API why an application failed.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from controller.node.child import accompany, begin
from controller.node.clock import Clock
from controller.node.log import Journal

LOG = ".raycml/controller/run.log"
FAILED = "FAILED: "  # a line of the log begins with it, after the time
UNUSABLE = 3  # exit code
_LOG_LIMIT = 256 * 1024


def start(values: Mapping[str, object]) -> None:
    """The script's last line.  Raises SystemExit unless the controller was stopped as asked."""
    code = keep(str(values["environment"]), Path.cwd())
    if code != 0:
        raise SystemExit(code)


def keep(environment: str, home: Path) -> int:
    """The controller's exit code.  `environment` is a folder below the project's home.

    Isolated, since a folder of the project may have the name of a package of ours.
    """
    journal = Journal(home / LOG, Clock(), _LOG_LIMIT)
    programs = home / environment / "bin"
    command = [str(programs / "python"), "-I", "-u", str(programs / "raycml"), "run"]
    try:
        child = begin(command, home)
    except OSError as error:
        journal.say(f"{FAILED}cannot run {programs / 'python'}: {error.strerror}")
        return UNUSABLE
    code = accompany(child, lambda line: journal.say(line.rstrip()))
    if code != 0:
        journal.say(f"{FAILED}the controller ended with code {code}")
    return code


__all__ = ["FAILED", "LOG", "UNUSABLE", "keep", "start"]
