"""The end of a process by force, where an end in order takes too long.

A runtime that asks by TERM kills ten seconds later.  Before that, whatever hangs, the process ends.
"""

import os
import threading

GRACE_S = 2.0  # for the calls under way when a stop comes; then they are cut
GIVE_BACK_S = 2.5  # for giving the lease back
WITHIN_S = 9.0  # for all of it


class Ending:
    """Does nothing: for commands in a process that goes on after them."""

    def within(self, seconds: float, code: int) -> None:
        """End after so many seconds, if the process still lives."""

    def now(self, code: int) -> None:
        """End here, without a look back."""


class OwnProcess(Ending):
    """For a command that has its process to itself."""

    def within(self, seconds: float, code: int) -> None:
        timer = threading.Timer(seconds, os._exit, (code,))
        timer.daemon = True
        timer.start()

    def now(self, code: int) -> None:
        os._exit(code)
