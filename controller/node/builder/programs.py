"""Child processes, with output in the log, masked secrets and bounded time."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from controller.node import processes
from controller.node.clock import Clock
from controller.node.log import Log

# Variables that break an installation into a virtual environment, or are secret.
_REMOVED = frozenset(
    {
        "CDSW_API_KEY",
        "CDSW_APIV2_KEY",
        "CML_API_KEY",
        "PIP_PREFIX",
        "PIP_TARGET",
        "PYTHONHOME",
        "PYTHONPATH",
        "VIRTUAL_ENV",
    }
)
_ADDED = {
    "NO_COLOR": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_NO_INPUT": "1",
    "PIP_PROGRESS_BAR": "off",
    "PIP_USER": "0",
    "PYTHONUNBUFFERED": "1",
}
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s'\"]+@")
_QUERY_SECRET = re.compile(r"(?i)\b((?:token|password|secret|api_?key)=)[^\s&'\"]+")


class BuildError(Exception):
    """A failed build, with the reason."""


def masked(text: str) -> str:
    """The text without credentials in URLs of package indexes."""
    return _QUERY_SECRET.sub(r"\1***", _CREDENTIALS.sub("***@", text))


class Programs:
    """Runs programs in `folder`, with a common deadline."""

    def __init__(self, folder: Path, log: Log, clock: Clock, deadline_s: float) -> None:
        self.folder = folder
        self.log = log
        self._clock = clock
        self._deadline_s = deadline_s
        self._ends = clock.monotonic() + deadline_s

    def run(self, command: Sequence[str], extra: Mapping[str, str] | None = None) -> int:
        """Run a program with its output in the log; the result is its exit code.  BuildError at the
        deadline."""
        with self._started(command, extra or {}, subprocess.STDOUT) as process:
            timer = threading.Timer(self._remaining_s(), _end, [process])
            timer.start()
            try:
                for line in process.stdout or ():
                    self.log.write(masked(line.decode(errors="replace").rstrip()))
                code = process.wait()
            finally:
                timer.cancel()
        self._remaining_s()
        return code

    def output(self, command: Sequence[str]) -> str:
        """Run a program; the result is its output, not logged.  BuildError with its last line."""
        with self._started(command, {}, subprocess.PIPE) as process:
            try:
                out, errors = process.communicate(timeout=self._remaining_s())
            except subprocess.TimeoutExpired:
                _end(process)
                self._remaining_s()
                raise BuildError(f"{Path(command[0]).name} did not end") from None
        if process.returncode != 0:
            lines = masked(errors.decode(errors="replace")).strip().splitlines()
            raise BuildError(lines[-1] if lines else f"{Path(command[0]).name} failed")
        return out.decode(errors="replace")

    def _started(
        self, command: Sequence[str], extra: Mapping[str, str], errors: int
    ) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                list(command),
                cwd=self.folder,
                env={**child_environment(os.environ), **extra},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
        except OSError as error:
            raise BuildError(f"cannot run {command[0]}: {error.strerror}") from None

    def _remaining_s(self) -> float:
        remaining = self._ends - self._clock.monotonic()
        if remaining <= 0:
            raise BuildError(f"not done within {self._deadline_s:g} s")
        return remaining


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a program with all of its children, which keep its output open."""
    for below in processes.descendants(process.pid):
        processes.kill(below)
    process.kill()


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Variables without CML's PIP_USER and PYTHONPATH, which break a virtual environment."""
    return {**{k: v for k, v in environ.items() if k not in _REMOVED}, **_ADDED}
