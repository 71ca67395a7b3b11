"""Child process of a kernel: its output and signals are passed on, and its end is awaited.

The kernel is CML's: an `exec` would look like a crash and lose the log.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


BUILT = ".raycml/envs/"  # environments that raycml built


def project_home(environ: Mapping[str, str], cwd: Path) -> Path:
    """The project's home: the first of these folders that holds `.raycml`, else `cwd`.

    A script of CML starts there as a rule; on some workspaces it was seen to start elsewhere.
    """
    folders = (environ.get("CDSW_PROJECT_DIR", ""), str(cwd), "/home/cdsw")
    homes = (Path(folder) for folder in folders if folder)
    return next((home for home in homes if (home / ".raycml").is_dir()), cwd)


def child_environment(environ: Mapping[str, str], *, isolated: bool = False) -> dict[str, str]:
    """Variables without CML's PIP_USER and PYTHONPATH, which break a virtual environment.

    `isolated`: for an environment that raycml built, in which nothing of `~/.local` counts.  A
    user's own interpreter may have its Ray there.
    """
    variables = {
        name: value for name, value in environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}
    }
    own = {"PYTHONNOUSERSITE": "1"} if isolated else {}
    return {**variables, "PIP_USER": "0", "PYTHONUNBUFFERED": "1", **own}


def start_child(
    command: Sequence[str], home: Path, *, isolated: bool = False
) -> subprocess.Popen[bytes]:
    """Start a program in the project's home; OSError if that fails.  `isolated`: as above."""
    return subprocess.Popen(
        list(command),
        cwd=home,
        env=child_environment(os.environ, isolated=isolated),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def wait_for_child(child: subprocess.Popen[bytes], on_line: Callable[[str], None]) -> int:
    """Wait for the child; the result is its exit code, or 128 plus the signal that ended it.

    `on_line` receives each line with its end, in a separate thread.
    """
    echo = threading.Thread(target=_echo, args=(child.stdout, on_line), daemon=True)
    echo.start()
    with _signals_to(child):
        code = child.wait()
    echo.join(2)  # for the last lines; bounded, since other processes may keep the pipe open
    return code if code >= 0 else 128 - code


def to_stdout(line: str) -> None:
    """Print to the kernel's `sys.stdout`, which is the application's log."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(line)
        sys.stdout.flush()


def _echo(stream: IO[bytes] | None, on_line: Callable[[str], None]) -> None:
    for line in stream or ():
        on_line(line.decode(errors="replace"))


@contextlib.contextmanager
def _signals_to(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Pass signals to the child; in the main thread only, in which handlers can be set."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, lambda number, _frame: _pass_on(child, number))
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _pass_on(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(OSError):
        child.send_signal(number)
