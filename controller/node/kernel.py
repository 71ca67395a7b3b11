"""Code in the application's kernel: starts the node program with `spec.python`.

The kernel is CML's: it may be IPython with a running event loop and without `__file__`, where
`SystemExit` is an ordinary exception.  An `exec` would look like a crash to CML and lose the log;
so the node program is a child process in the same process group, and the kernel passes on its
output and signals, and ends with its exit code.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from controller.node import node, report
from controller.node.child import (
    BUILT,
    project_home,
    start_child,
    to_stdout,
    wait_for_child,
)
from controller.node.clock import Clock
from controller.node.member_state import FAILED, Versions
from controller.node.pod import PodError, read_pod, read_settings
from controller.node.project_files import HeadRecord
from controller.node.ray.command import DRAIN_S
from controller.node.ray.gcs import connect


def start(values: Mapping[str, object]) -> None:
    """Entry point of the launcher.  Raises SystemExit unless the node was stopped by request."""
    arguments = sys.argv[1:]
    if arguments[:1] == [node.NODE_FLAG]:
        raise SystemExit(_guarded(lambda: node.main(values, arguments)))
    if arguments[:1] == [node.REPORT_FLAG]:
        report.run(HeadRecord(**json.loads(arguments[1])), Path.cwd())
        return
    if arguments[:1] == [node.DRAIN_FLAG]:
        address, engine_id = json.loads(arguments[1])
        deadline_ms = int((Clock().now() + DRAIN_S) * 1000)
        accepted = connect(address).drain(engine_id, "stopped by raycml", deadline_ms)
        raise SystemExit(0 if accepted else 1)
    code = _guarded(lambda: _run(values))
    if code != 0:
        raise SystemExit(code)


def _guarded(run: Callable[[], int]) -> int:
    """The child's exit code, or one for invalid settings or an invalid environment."""
    try:
        return run()
    except PodError as error:
        sys.stdout.write(f"raycml: {error}\n")
        sys.stdout.flush()
        return node.UNUSABLE


def _run(values: Mapping[str, object]) -> int:
    home = project_home(os.environ, Path.cwd())
    settings = read_settings(values)
    pod = read_pod(settings, os.environ, home)
    python = home / settings.python  # an absolute path stays unchanged
    command = [str(python), "-u", str(home / settings.launcher), node.NODE_FLAG, str(os.getpid())]
    try:
        child = start_child(command, home, isolated=settings.python.startswith(BUILT))
    except OSError as error:
        state = node.member_state(settings, pod, Versions(ray="", python=""), Clock())
        fault = f"cannot run the interpreter {python}: {error.strerror}"
        state.become(FAILED, f"{fault}; check spec.python")
        return node.UNUSABLE
    return wait_for_child(child, to_stdout)
