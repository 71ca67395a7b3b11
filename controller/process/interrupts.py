"""Ctrl-C and TERM: the first ends the work after the calls in progress, the second immediately.

Nothing is undone, since the next run continues from the observed state.
"""

import os
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Self

from controller.cml.limit import Limit
from controller.process.ending import GRACE_S, WITHIN_S, Ending

Handler = Callable[[int, FrameType | None], None]

STOPS = (signal.SIGINT, signal.SIGTERM)
_FIRST = {
    signal.SIGINT: b"\nCtrl-C: finishing calls in progress; press it again to exit at once\n",
    signal.SIGTERM: b"TERM: finishing calls in progress\n",
}


class Interrupted(KeyboardInterrupt):
    """End of a command by a signal; `lines` describe incomplete work."""

    def __init__(self, number: int = signal.SIGINT, lines: Sequence[str] = ()) -> None:
        super().__init__()
        self.number = number
        self.lines = tuple(lines)


def exit_code(number: int) -> int:
    """The exit code for a signal, as in a shell."""
    return 128 + number


class Interrupts:
    """Signal handling: a first signal sets `stop` and `aborted`, and prevents further calls.

    Calls in progress have some seconds, then they are cut off.  A second signal ends the process,
    or raises if the process has other work.
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
        """Raise Interrupted after a signal; for use between passes."""
        if self.stop.is_set():
            raise Interrupted(self._number)

    def _pressed(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler
        # A handler may interrupt a print, so only a bare write is safe here.
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
def handling(numbers: Iterable[signal.Signals], handler: Handler) -> Iterator[None]:
    """A handler for signals, which only the main thread can have."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


@contextmanager
def saying(*lines: str) -> Iterator[None]:
    """Attach these lines on incomplete work to an interrupt."""
    try:
        yield
    except KeyboardInterrupt as stop:
        raise Interrupted(getattr(stop, "number", signal.SIGINT), lines) from None


def end_calls(limit: Limit) -> None:
    """Prevent further calls, and cut off calls in progress after a while."""
    limit.close()
    timer = threading.Timer(GRACE_S, _cut, (limit,))
    timer.daemon = True
    timer.start()


def _cut(limit: Limit) -> None:
    if limit.closed.is_set():  # unless it was opened again for the final calls
        limit.cut()


@contextmanager
def raised(ending: Ending) -> Iterator[None]:
    """Signal handling without calls: a first signal raises, a second ends the process."""
    received: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler
        received.append(number)
        if len(received) > 1:
            ending.now(exit_code(number))
        ending.within(WITHIN_S, exit_code(number))
        raise Interrupted(number)

    # Background jobs of scripts ignore Ctrl-C.
    with handling([n for n in STOPS if signal.getsignal(n) is not signal.SIG_IGN], handle):
        yield
