"""Entry point of the process: Ctrl-C and TERM end it without a traceback from the start.

The import of the commands takes a second.  An interrupt in that second has nothing to undo.
"""

import os
import signal
from types import FrameType


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _leave)
    from controller.cli.main import main as commands  # noqa: PLC0415 - the handlers come first

    commands()


def _leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler
    os._exit(128 + number)
