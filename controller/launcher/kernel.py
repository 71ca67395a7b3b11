"""What runs first, inside the application's kernel: starts the node program under `spec.python`.

The kernel is CML's: it may be IPython with a running event loop, without `__file__`, and where
`SystemExit` is an exception like others.  Replacing it with `exec` would look like a crash to CML
and lose the log; so the node program is its child, in the same process group, and the kernel
passes on what the child prints, hands signals down, and ends as the child ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO

from controller.launcher import node
from controller.launcher.moment import Clock
from controller.launcher.place import PlaceError, Settings, read_place, read_settings
from controller.launcher.standing import FAILED, Versions

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def start(values: Mapping[str, object]) -> None:
    """The launcher's last line.  Raises SystemExit unless the node was stopped as asked."""
    arguments = sys.argv[1:]
    if arguments[:1] == [node.NODE_FLAG]:
        raise SystemExit(_guarded(lambda: node.main(values, arguments)))
    if arguments[:1] == [node.REPORT_FLAG]:
        raise SystemExit(node.run_reporter(arguments))
    code = _guarded(lambda: _run(values))
    if code != 0:
        raise SystemExit(code)


def _guarded(run: Callable[[], int]) -> int:
    """An exit code for settings or an environment that cannot be used."""
    try:
        return run()
    except PlaceError as error:
        sys.stdout.write(f"raycml: {error}\n")
        sys.stdout.flush()
        return node.UNUSABLE


def _run(values: Mapping[str, object]) -> int:
    home = Path.cwd()
    settings = read_settings(values)
    read_place(settings, os.environ, home)
    python = home / settings.python  # an absolute path stays itself
    command = [str(python), "-u", str(home / settings.launcher), node.NODE_FLAG, str(os.getpid())]
    try:
        child = subprocess.Popen(
            command,
            cwd=home,
            env=child_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
    except OSError as error:
        _say_unusable(settings, home, f"cannot run the interpreter {python}: {error.strerror}")
        return node.UNUSABLE
    return _accompany(child)


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """CML sets PIP_USER, and PYTHONPATH for its own Python: both break a virtual environment."""
    kept = {
        name: value for name, value in environ.items() if name not in {"PYTHONPATH", "PYTHONHOME"}
    }
    return {**kept, "PIP_USER": "0", "PYTHONUNBUFFERED": "1"}


def _say_unusable(settings: Settings, home: Path, fault: str) -> None:
    place = read_place(settings, os.environ, home)
    there = node.assemble(settings, place, Versions(ray="", python=""), Clock())
    there.standing.become(FAILED, f"{fault}; check spec.python")


def _accompany(child: subprocess.Popen[bytes]) -> int:
    """Until the child ends; its exit code, or 128 and the signal that ended it."""
    echo = threading.Thread(target=_echo, args=(child.stdout,), daemon=True)
    echo.start()
    with _signals_to(child):
        code = child.wait()
    echo.join(2)  # the last lines; not for ever, as the pipe may have been handed on
    return code if code >= 0 else 128 - code


def _echo(stream: IO[bytes] | None) -> None:
    """To the kernel's own `sys.stdout`: what it shows as the application's log."""
    for line in stream or ():
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(line.decode(errors="replace"))
            sys.stdout.flush()


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
