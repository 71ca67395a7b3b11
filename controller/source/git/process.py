"""One run of git: read to its end, or ended with all its children when it passes a bound."""

import os
import selectors
import signal
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from controller.source.directory import SourceError
from controller.source.git.limits import STDERR_BYTES

_POLL_S = 0.1
_CHUNK = 64 * 1024


class LimitError(SourceError):
    """A bound was passed, and git was ended."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """The most that one run may take; `excess` is a message once a bound of its own is passed."""

    seconds: float
    out_bytes: int
    excess: Callable[[], str | None] = lambda: None

    def check(self, out_bytes: int, *, expired: bool) -> None:
        if out_bytes > self.out_bytes:
            raise LimitError(f"git printed more than {self.out_bytes} bytes and was ended")
        if message := self.excess():
            raise LimitError(message)
        if expired:
            raise LimitError(f"git took more than {self.seconds:g} s and was ended; it is retried")


def finish(process: "subprocess.Popen[bytes]", bounds: Bounds) -> tuple[bytes, bytes]:
    """The output of a process that leads a group of its own, and the end of its messages.

    LimitError past a bound.  However it ends, the group runs no more and no pipe stays open.
    """
    out, err = bytearray(), bytearray()
    expired = threading.Event()
    timer = threading.Timer(bounds.seconds, expired.set)
    timer.daemon = True  # a controller that ends does not wait for it
    with process, selectors.DefaultSelector() as pipes:
        for stream, received in ((process.stdout, out), (process.stderr, err)):
            if stream is not None:
                pipes.register(stream, selectors.EVENT_READ, received)
        timer.start()
        try:
            while pipes.get_map() or process.poll() is None:
                ready = _read(pipes) if pipes.get_map() else _wait(process)
                del err[:-STDERR_BYTES]
                bounds.check(len(out), expired=expired.is_set())
                if not ready and process.poll() is not None:
                    break  # a child that git left behind holds the pipes
        finally:
            timer.cancel()
            timer.join()
            if pipes.get_map() or process.poll() is None:
                with suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
    return bytes(out), bytes(err)


def _read(pipes: selectors.BaseSelector) -> bool:
    """Take what the pipes hold; false when that is nothing for a while."""
    ready = pipes.select(_POLL_S)
    for key, _ in ready:
        chunk = os.read(key.fd, _CHUNK)
        key.data.extend(chunk)
        if not chunk:
            pipes.unregister(key.fileobj)
    return bool(ready)


def _wait(process: "subprocess.Popen[bytes]") -> bool:
    with suppress(subprocess.TimeoutExpired):
        process.wait(_POLL_S)
    return False
