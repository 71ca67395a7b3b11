"""Files by which persons say what they want of a running controller: each begins a pass."""

import threading
from datetime import datetime

from controller.cli.running import Running
from controller.files import orders, pauses
from controller.files.port import FilesError

EVERY_S = 10.0

_Seen = frozenset[tuple[str, str, int, datetime | None]]


class Notices:
    """Looks at the folders of orders and pauses, beside the passes of the controller that leads."""

    def __init__(self, running: Running, wake: threading.Event) -> None:
        self._running = running
        self._wake = wake
        self._before: _Seen | None = None

    def look(self) -> None:
        """Wake the loop where anything differs from the last look.  Raises nothing."""
        if not self._running.leads:
            return
        try:
            seen = frozenset(self._all())
        except FilesError:
            return  # the next pass says so
        before, self._before = self._before, seen
        if before is not None and before != seen:
            self._wake.set()

    def _all(self) -> list[tuple[str, str, int, datetime | None]]:
        return [
            (project, one.path, one.size, one.modified_at)
            for project in self._running.projects
            for folder in (orders.FOLDER, pauses.FOLDER)
            for one in self._running.session.files(project).listing(folder)
        ]
