"""Forced end of a process whose orderly end takes too long.

A container runtime sends TERM and kills ten seconds later.  The process ends before that, even if a
call hangs.
"""

import os
import threading

GRACE_S = 2.0  # for calls in progress at a stop; then they are cut off
GIVE_BACK_S = 2.5  # for releasing the lease
WITHIN_S = 9.0  # for all of it


class Ending:
    """No forced end, for commands in a process that continues after them."""

    def within(self, seconds: float, code: int) -> None:
        """End the process after this time, if it is still running."""

    def now(self, code: int) -> None:
        """End the process immediately."""


class OwnProcess(Ending):
    """Forced end of a process with a single command."""

    def within(self, seconds: float, code: int) -> None:
        timer = threading.Timer(seconds, os._exit, (code,))
        timer.daemon = True
        timer.start()

    def now(self, code: int) -> None:
        os._exit(code)
