"""Ctrl-C: the first one finishes the pass in hand, the second one only the calls in hand.

A pass that is cut is no harm (the next run goes on from what it finds), so nothing is undone.
"""

import os
import signal
import threading
from types import FrameType, TracebackType
from typing import Self

_FIRST = b"\nCtrl-C: finishing this pass; press it again to finish only the calls in hand\n"
_SECOND = b"\nCtrl-C: finishing the calls in hand\n"


class Interrupts:
    """While entered, SIGINT sets `stop`, which ends a pause too, and then `aborted` of the pass."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.aborted = threading.Event()
        self._before: object = None

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._pressed)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        before, self._before = self._before, None
        if callable(before) or isinstance(before, int):
            signal.signal(signal.SIGINT, before)

    def check(self) -> None:
        """Raise KeyboardInterrupt where one was asked for: between passes."""
        if self.stop.is_set():
            raise KeyboardInterrupt

    def _pressed(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - a handler
        # A handler may interrupt a print: only a bare write is safe here.
        if not self.stop.is_set():
            os.write(2, _FIRST)
            self.stop.set()
            return
        os.write(2, _SECOND)
        self.aborted.set()
        raise KeyboardInterrupt
