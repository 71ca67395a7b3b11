"""Hourly removal of leftover files, by the leading controller."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from controller.core.model.faults import Fault
from controller.core.model.record import Record
from controller.files.leftovers import Leftovers
from controller.files.old_records import OldRecords
from controller.files.port import FilesError
from controller.reconcile import Pass
from controller.run.old_sources import is_over, open_places
from controller.workspace.session import Session

EVERY_S = 3600.0


@dataclass(slots=True)
class CleanUp:
    """Used by the loop's thread.  `permission` is checked before each removal."""

    session: Session
    permission: Callable[[], None]
    _files: Leftovers = field(default_factory=Leftovers)
    _records: OldRecords = field(default_factory=OldRecords)
    _due_at: float = 0.0

    def sweep(self, projects: Iterable[str], origin: str, done: Pass) -> None:
        """Remove expired files in each project, once an hour.  Raises nothing.

        Records are removed only in the project of this controller's lease, where no other
        controller of its installation leads; `origin` is the followed source.
        """
        monotonic = self.session.clock.monotonic()
        if monotonic < self._due_at:
            return
        self._due_at = monotonic + EVERY_S
        for project in projects:
            try:
                self._one(project, monotonic)
                if project == self.session.project:
                    self._old_records(origin, done, monotonic)
            except (Fault, FilesError) as error:
                self.session.log.warning("clean-up failed", project=project, error=str(error))

    def _one(self, project: str, monotonic: float) -> None:
        session = self.session
        files, now = session.files(project), session.clock.now()
        for path in self._files.look(project, files, session.owner, now, monotonic):
            self.permission()
            if self._files.is_unchanged(project, files, path):
                files.remove(path)
                session.log.info("file removed", project=project, path=path)

    def _old_records(self, origin: str, done: Pass, monotonic: float) -> None:
        """Remove records of other sources, once complete lists show no application of theirs."""
        session = self.session
        files, now = session.files(session.project), session.clock.now()
        for folder, record in self._records.look(files, session.owner, origin, now, monotonic):
            if record is not None and not self._is_over(record, done):
                continue
            self.permission()
            if self._records.remove(files, folder):
                session.log.info("record removed", project=session.project, path=folder)

    def _is_over(self, record: Record, done: Pass) -> bool:
        """True if no cluster of the record runs, also in projects that only it names."""
        world, places = self.session.world, open_places(record, done.desired)
        listings = dict(done.observed.projects)
        elsewhere = {project for _, project in places} - listings.keys()
        if elsewhere:
            try:
                ids, _ = world.projects(elsewhere)
                listings |= world.look(sorted(set(ids.values())), {}).projects
            except Fault:
                return False
            places = frozenset((name, ids.get(project, project)) for name, project in places)
        return is_over(places, listings)
