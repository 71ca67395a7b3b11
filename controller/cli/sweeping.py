"""The end of files that were left behind, once an hour, by the controller that leads."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from controller.cli.compose import Session
from controller.core.fault import Fault
from controller.files.left_behind import LeftBehind
from controller.files.port import FilesError

EVERY_S = 3600.0


@dataclass(slots=True)
class Sweeping:
    """Used by the thread of the loop.  `permission` is asked before each removal."""

    session: Session
    permission: Callable[[], None]
    _files: LeftBehind = field(default_factory=LeftBehind)
    _due_at: float = 0.0

    def sweep(self, projects: Iterable[str]) -> None:
        """Remove what is over in each project, where an hour has passed.  Raises nothing."""
        monotonic = self.session.clock.monotonic()
        if monotonic < self._due_at:
            return
        self._due_at = monotonic + EVERY_S
        for project in projects:
            try:
                self._one(project, monotonic)
            except (Fault, FilesError) as error:
                self.session.log.warning("files not swept", project=project, error=str(error))

    def _one(self, project: str, monotonic: float) -> None:
        session = self.session
        files = session.files(project)
        now = session.clock.now()
        for path in self._files.look(project, files, session.owner, now, monotonic):
            self.permission()
            if self._files.is_unchanged(project, files, path):
                files.remove(path)
                session.log.info("file removed", project=project, path=path)
