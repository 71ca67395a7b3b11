"""A program as the child of a kernel: what it prints is heard, signals are handed down, and its
end is waited for.

The kernel is CML's: replacing it with `exec` would look like a crash and lose the log.
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


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """CML sets PIP_USER, and PYTHONPATH for its own Python: both break a virtual environment."""
    kept = {
        name: value for name, value in environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}
    }
    return {**kept, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}


def begin(command: Sequence[str], home: Path) -> subprocess.Popen[bytes]:
    """Start it in the project's home; OSError where it cannot be run."""
    return subprocess.Popen(
        list(command),
        cwd=home,
        env=child_environment(os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def accompany(child: subprocess.Popen[bytes], hear: Callable[[str], None]) -> int:
    """Until the child ends; its exit code, or 128 and the signal that ended it.

    `hear` is given each line with its end, in a thread of its own.
    """
    echo = threading.Thread(target=_echo, args=(child.stdout, hear), daemon=True)
    echo.start()
    with _signals_to(child):
        code = child.wait()
    echo.join(2)  # the last lines; not for ever, as the pipe may have been handed on
    return code if code >= 0 else 128 - code


def to_stdout(line: str) -> None:
    """To the kernel's own `sys.stdout`: what it shows as the application's log."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.write(line)
        sys.stdout.flush()


def _echo(stream: IO[bytes] | None, hear: Callable[[str], None]) -> None:
    for line in stream or ():
        hear(line.decode(errors="replace"))


@contextlib.contextmanager
def _signals_to(child: subprocess.Popen[bytes]) -> Iterator[None]:
    """Handlers can be set by the main thread only; in another one signals stay the kernel's."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in _SIGNALS}
    for number in _SIGNALS:
        signal.signal(number, lambda number, _frame: _pass_on(child, number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _pass_on(child: subprocess.Popen[bytes], number: int) -> None:
    with contextlib.suppress(OSError):
        child.send_signal(number)
