"""Files by which persons say what they want of a running controller: each begins a pass.

A pause that comes or goes while a pass runs ends that pass before its next step.
"""

import threading
from datetime import datetime

from controller.files import orders, pauses
from controller.files.port import FilesError
from controller.run.controller import Controller

EVERY_S = 10.0

_Seen = dict[str, frozenset[tuple[str, str, int, datetime | None]]]


class WakeUps:
    """Looks at the folders of orders and pauses, beside the passes of the controller that leads."""

    def __init__(self, running: Controller, wake: threading.Event) -> None:
        self._running = running
        self._wake = wake
        self._before: _Seen | None = None

    def look(self) -> None:
        """Wake the loop where anything differs from the last look.  Raises nothing."""
        if not self._running.leads:
            return
        try:
            seen: _Seen = {
                folder: frozenset(
                    (project, one.path, one.size, one.modified_at)
                    for project in self._running.projects
                    for one in self._running.session.files(project).listing(folder)
                )
                for folder in (orders.FOLDER, pauses.FOLDER)
            }
        except FilesError:
            return  # the next pass says so
        before, self._before = self._before, seen
        if before is not None and before != seen:
            if before[pauses.FOLDER] != seen[pauses.FOLDER]:
                self._running.outdated.set()
            self._wake.set()
