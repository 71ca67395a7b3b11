"""Wake-ups by files of operators: each order or pause starts a pass.

A pause that starts or ends during a pass ends that pass before its next step.
"""

import threading
from datetime import datetime

from controller.files import orders, pauses
from controller.files.port import FilesError
from controller.run.controller import Controller

EVERY_S = 10.0

_Folders = dict[str, frozenset[tuple[str, str, int, datetime | None]]]


class WakeUps:
    """Polls the folders of orders and pauses, outside the passes of the leading controller."""

    def __init__(self, running: Controller, wake: threading.Event) -> None:
        self._running = running
        self._wake = wake
        self._before: _Folders | None = None

    def look(self) -> None:
        """Wake the loop if anything has changed since the last poll.  Raises nothing."""
        if not self._running.leads:
            return
        try:
            folders: _Folders = {
                folder: frozenset(
                    (project, one.path, one.size, one.modified_at)
                    for project in self._running.projects
                    for one in self._running.session.files(project).listing(folder)
                )
                for folder in (orders.FOLDER, pauses.FOLDER)
            }
        except FilesError:
            return  # the next pass reports it
        before, self._before = self._before, folders
        if before is not None and before != folders:
            if before[pauses.FOLDER] != folders[pauses.FOLDER]:
                self._running.outdated.set()
            self._wake.set()
