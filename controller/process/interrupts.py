"""Ctrl-C and TERM: the first one ends the work after the calls under way, the second one at once.

A pass that is cut is no harm (the next run goes on from what it finds), so nothing is undone.
"""

import os
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from controller.cml.limit import Limit
from controller.process.ending import GRACE_S, WITHIN_S, Ending

STOPS = (signal.SIGINT, signal.SIGTERM)
_FIRST = {
    signal.SIGINT: b"\nCtrl-C: finishing the calls under way; press it again to end at once\n",
    signal.SIGTERM: b"TERM: finishing the calls under way\n",
}


class Interrupted(KeyboardInterrupt):
    """A command was ended by a signal; `lines` say what it left half done."""

    def __init__(self, number: int = signal.SIGINT, lines: Sequence[str] = ()) -> None:
        super().__init__()
        self.number = number
        self.lines = tuple(lines)


def exit_code(number: int) -> int:
    """What a process ends with that a signal ended, as a shell counts."""
    return 128 + number


class Interrupts:
    """While entered, a first signal sets `stop` and `aborted`, and no call begins any more.

    What is under way has some seconds and is cut then.  A second signal ends the process, or raises
    where the process has other work.
    """

    def __init__(self, limit: Limit | None = None, ending: Ending | None = None) -> None:
        self.stop = threading.Event()
        self.aborted = threading.Event()
        self._limit = limit
        self._ending = ending or Ending()
        self._number = signal.SIGINT
        self._before: list[object] = []

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = [signal.signal(number, self._pressed) for number in STOPS]
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        before, self._before = self._before, []
        for number, handler in zip(STOPS, before, strict=False):
            if callable(handler) or isinstance(handler, int):
                signal.signal(number, handler)

    def check(self) -> None:
        """Raise Interrupted where a signal came: between passes."""
        if self.stop.is_set():
            raise Interrupted(self._number)

    def _pressed(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler
        # A handler may interrupt a print: only a bare write is safe here.
        self.aborted.set()
        if self.stop.is_set():
            self._ending.now(exit_code(number))
            raise Interrupted(number)
        self._number = signal.Signals(number)
        self.stop.set()
        os.write(2, _FIRST[self._number])
        self._ending.within(WITHIN_S, exit_code(number))
        if self._limit is not None:
            end_calls(self._limit)


@contextmanager
def saying(*lines: str) -> Iterator[None]:
    """Where a signal comes meanwhile, what it leaves half done."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(getattr(stop, "number", signal.SIGINT), lines) from None


def end_calls(limit: Limit) -> None:
    """Begin no call any more, and cut those that are under way after a while."""
    limit.close()
    timer = threading.Timer(GRACE_S, _cut, (limit,))
    timer.daemon = True
    timer.start()


def _cut(limit: Limit) -> None:
    if limit.closed.is_set():  # nothing was opened again for the last calls of all
        limit.cut()


@contextmanager
def raised(ending: Ending) -> Iterator[None]:
    """Outside of any work: a first signal raises where it comes, a second one ends the process."""
    came: list[int] = []

    def heard(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler
        came.append(number)
        if len(came) > 1:
            ending.now(exit_code(number))
        ending.within(WITHIN_S, exit_code(number))
        raise Interrupted(number)

    before = {n: signal.getsignal(n) for n in STOPS}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # a background job of a script is born ignoring Ctrl-C
            signal.signal(number, heard)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
