"""World and Effects, implemented over the CML client and the project's files."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import TypeVar

from controller.clock import Clock
from controller.cml import errors, translate
from controller.cml.client import Client
from controller.cml.projects import is_project_id
from controller.core.model.desired import Frozen
from controller.core.model.faults import Fault, FaultKind, Result
from controller.core.model.jobs import (
    FilesQuery,
    JobConfiguration,
    ObservedEnvironment,
    ObservedJob,
)
from controller.core.model.member import MADE, THE_HEAD, Key, application_name
from controller.core.model.observed import (
    ClusterFolder,
    LauncherFile,
    Listed,
    ObservedApplication,
    ObservedFiles,
    ObservedPauses,
    ObservedProject,
    ObservedState,
    Phase,
)
from controller.core.model.offers import Offers, Requirement
from controller.core.model.plan import Configuration
from controller.core.model.project import NewProject
from controller.core.model.ray.report import HeadReport
from controller.core.model.reasons import Reason
from controller.core.spec.shared_memory import DEFAULT_MB
from controller.files.launchers import stored_files
from controller.files.pauses import read_pauses
from controller.files.port import FilesError, ProjectFiles
from controller.node import render
from controller.node.builder import render as builders
from controller.workspace.environments import LookAtEnvironments, unknown_environments
from controller.workspace.faults import explained, fault_of, is_already_active
from controller.workspace.offers import look_at_offers, register_images
from controller.workspace.reports import LookAtReports

_FORBIDDEN = 403

OpenFiles = Callable[[str], ProjectFiles]
_Stored = tuple[
    tuple[LauncherFile, ...], tuple[ClusterFolder, ...], Mapping[str, ObservedEnvironment]
]
_Read = TypeVar("_Read")
_Key = TypeVar("_Key", str, str | None)


class Workspace:
    """A workspace, as visible to one API key.  `default_project` is an ID or an exact name.

    `registers`: images of specs that its catalogue lacks are added to it.  For the local emulator,
    whose pods run on this machine whatever the image.
    """

    def __init__(
        self,
        client: Client,
        files: OpenFiles,
        default_project: str,
        clock: Clock,
        *,
        registers: bool = False,
    ) -> None:
        self.registers = registers
        self._client = client
        self._files = files
        self._default = default_project
        self._clock = clock
        self._ids: dict[str, str] = {}
        self._reports = LookAtReports(files, clock)

    # World

    def projects(
        self, named: Iterable[str | None]
    ) -> tuple[dict[str | None, str], dict[str | None, Frozen]]:
        """A project whose name cannot be resolved does not affect the others."""
        names = sorted(named, key=lambda n: n or "")
        ids, failures = _each(names, lambda name: self._project(name or self._default))
        return ids, {name: _unresolved(error) for name, error in failures.items()}

    def _project(self, named: str) -> str:
        """The ID.  A value in the format of an ID is used as is; a later list verifies it."""
        if is_project_id(named):
            return named
        if named not in self._ids:
            self._ids[named] = self._client.projects.find(named).id
        return self._ids[named]

    def look(self, projects: Iterable[str], clusters: Mapping[str, str]) -> ObservedState:
        """A missing project is reported as such, and does not affect the others."""
        now = self._clock.now()
        listings, failures = _each(projects, self._client.list_applications)
        listings |= {project: self._unlisted(project, e) for project, e in failures.items()}
        reports = {
            cluster: report
            for cluster, project in sorted(clusters.items())
            if _head_runs(listings.get(project), cluster)
            and (report := self._reports.take(project, cluster)) is not None
        }
        return ObservedState(now, listings, reports)

    def _unlisted(self, project: str, error: errors.CmlError) -> ObservedProject:
        if not _is_hidden(error):
            return ObservedProject(project, listed=Listed.FAILED, why=str(error))
        # Another project may have its name now.
        self._ids = {name: id_ for name, id_ in self._ids.items() if id_ != project}
        return ObservedProject(project, listed=Listed.MISSING, why=str(error))

    def pauses(self, projects: Iterable[str], at: datetime) -> ObservedPauses:
        """Nothing is changed in a project whose pauses cannot be read; the others continue.

        Raises if no project's pauses can be read.
        """
        read, unread = self._of_each(projects, lambda files, _: read_pauses(files, at))
        by_cluster = {
            (project, name): pause
            for project, pauses in read.items()
            for name, pause in pauses.items()
        }
        return ObservedPauses(by_cluster, unread)

    def files(self, projects: Iterable[str], query: FilesQuery | None = None) -> ObservedFiles:
        """As with pauses, a project whose files cannot be read does not affect the others."""

        def look(files: ProjectFiles, project: str) -> _Stored:
            return *stored_files(files), self._environments(project, files, query)

        read, unread = self._of_each(projects, look)
        return ObservedFiles(
            launchers={project: stored[0] for project, stored in read.items()},
            unread=unread,
            environments={project: s[2] for project, s in read.items()} if query else None,
            folders={project: stored[1] for project, stored in read.items()},
        )

    def _of_each(
        self, projects: Iterable[str], look: Callable[[ProjectFiles, str], _Read]
    ) -> tuple[dict[str, _Read], dict[str, str]]:
        """Results of reading the files of each project, and the faults."""
        read: dict[str, _Read] = {}
        faults: dict[str, Fault] = {}
        for project in projects:
            try:
                with explained():
                    read[project] = look(self._files(project), project)
            except Fault as fault:
                faults[project] = fault
        if faults and not read:
            raise next((f for f in faults.values() if not f.aborts), next(iter(faults.values())))
        return read, {project: str(fault) for project, fault in faults.items()}

    def _environments(
        self, project: str, files: ProjectFiles, query: FilesQuery | None
    ) -> Mapping[str, ObservedEnvironment]:
        """An environment that cannot be read affects only members that need it."""
        if query is None:
            return {}
        hashes = query.hashes.get(project, frozenset())
        look = LookAtEnvironments(files, self._client.jobs, project, query.owner)
        try:
            return look.take(hashes, query.ended.get(project, frozenset()))
        except (errors.CmlError, FilesError) as error:
            return unknown_environments(error, hashes)

    def shared_memory(self, projects: Iterable[str]) -> Mapping[str, int]:
        limits: dict[str, int] = {}
        for project in projects:
            with suppress(errors.CmlError):
                state = self._client.projects.get(project)
                limits[project] = state.shared_memory_limit_mb or DEFAULT_MB
        return limits

    def reports(self, places: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], HeadReport]:
        taken = ((place, self._reports.take(*place)) for place in sorted(places))
        return {place: report for place, report in taken if report is not None}

    def offers(self, wish: Requirement) -> Offers:
        if self.registers:
            register_images(self._client, wish.named_images)
        return look_at_offers(self._client, wish)

    # Effects

    def fetch(self, project: str, application_id: str) -> ObservedApplication:
        with explained():
            return self._client.get_application(project, application_id)

    def create(self, project: str, configuration: Configuration) -> str:
        with explained():
            return self._client.create_application(project, configuration).id

    def update(
        self, project: str, application_id: str, fields: Mapping[str, object]
    ) -> tuple[str, ...]:
        with explained():
            app = self._client.update_application(project, application_id, fields)
            return translate.unapplied(fields, app)

    def restart(self, project: str, application_id: str) -> None:
        with explained():
            self._client.restart_application(project, application_id)

    def stop(self, project: str, application_id: str) -> None:
        with explained():
            self._client.stop_application(project, application_id)

    def delete(self, project: str, application_id: str) -> None:
        with explained():
            self._client.delete_application(project, application_id)

    def write_launcher(self, project: str, path: str, settings: str) -> None:
        self.write_file(project, path, render.launcher(json.loads(settings)).encode())

    def remove_file(self, project: str, path: str) -> None:
        with explained():
            self._files(project).remove(path)

    remove_launcher = remove_file

    def write_builder(self, project: str, path: str, settings: str) -> None:
        self.write_file(project, path, builders.builder(json.loads(settings)).encode())

    def write_file(self, project: str, path: str, data: bytes) -> None:
        """Replace a file with other content, such as half an upload, and read it back.

        Later passes compare name and size only, so a broken file is removed."""
        with explained():
            files = self._files(project)
            there = files.read(path)
            if there is None:
                files.write_new(path, data)
            elif there != data:
                files.replace(path, data)
            if there != data and files.read(path) != data:
                files.remove(path)
                raise FilesError(f"{path}: the content was changed during the upload", unknown=True)

    def remove_folder(self, project: str, path: str) -> None:
        with explained():
            self._files(project).remove_tree(path)

    remove_environment = remove_folder

    def fetch_job(self, project: str, job_id: str) -> ObservedJob:
        with explained():
            return self._client.jobs.get(project, job_id)

    def create_job(self, project: str, configuration: JobConfiguration) -> None:
        with explained():
            self._client.jobs.create(project, configuration)

    def start_run(self, project: str, job_id: str) -> None:
        """Fault CHANGED for a job that runs already: a look tells more."""
        with explained():
            try:
                self._client.jobs.create_run(project, job_id)
            except errors.Rejected as error:
                if not is_already_active(error):
                    raise
                raise Fault("a run of the job is active", kind=FaultKind.CHANGED) from None

    def stop_run(self, project: str, job_id: str, run_id: str) -> None:
        with explained():
            self._client.jobs.stop_run(project, job_id, run_id)

    def delete_job(self, project: str, job_id: str) -> None:
        with explained():
            self._client.jobs.delete(project, job_id)

    def create_project(self, project: NewProject) -> None:
        with explained():
            self._client.projects.create(project)

    def raise_shared_memory(self, project: str, limit_mb: int) -> tuple[str, ...]:
        """Never lowers: a person may have set a larger limit meanwhile.

        A 403 concerns this setting alone, which some users may not change.
        """
        with explained():
            if self._client.projects.get(project).shared_memory_limit_mb >= limit_mb:
                return ()
            try:
                state = self._client.projects.update(project, shared_memory_limit_mb=limit_mb)
            except errors.Unauthorized as error:
                if error.status != _FORBIDDEN:
                    raise
                refused = Result.REJECTED
                raise Fault(str(error), result=refused, kind=FaultKind.REJECTED) from None
        return ("shared memory",) if state.shared_memory_limit_mb < limit_mb else ()

    def delete_project(self, project: str) -> None:
        with explained():
            if MADE not in self._client.projects.get(project).environment:
                raise Fault("it does not say that bootstrap made it", kind=FaultKind.CHANGED)
            self._client.projects.delete(project)


def _is_hidden(error: errors.CmlError) -> bool:
    """True if the project does not exist or is not visible: CML answers 404 or 403 for either."""
    refused = isinstance(error, errors.Unauthorized) and error.status == _FORBIDDEN
    return refused or isinstance(error, errors.NotFound)


def _each(
    keys: Iterable[_Key], call: Callable[[_Key], _Read]
) -> tuple[dict[_Key, _Read], dict[_Key, errors.CmlError]]:
    """The results, and the errors of other keys.  Fault if there are errors alone."""
    results: dict[_Key, _Read] = {}
    failures: dict[_Key, errors.CmlError] = {}
    for key in keys:
        try:
            results[key] = call(key)
        except errors.CmlError as error:
            failures[key] = error
    if failures and not results:
        raise fault_of(_most_hopeful([*failures.values()]))
    return results, failures


def _unresolved(error: errors.CmlError) -> Frozen:
    for_a_person = _is_hidden(error) or isinstance(error, errors.Rejected)
    reason = Reason.PROJECT_NOT_FOUND if for_a_person else Reason.INCOMPLETE_LIST
    return Frozen(reason, f"the project cannot be looked up: {error}")


def _most_hopeful(faults: Sequence[errors.CmlError]) -> errors.CmlError:
    """A temporary fault, if there is one, so that a command retries."""
    final = (errors.Unauthorized, errors.NotFound, errors.Rejected)
    return next((f for f in faults if not isinstance(f, final)), faults[0])


def _head_runs(project: ObservedProject | None, cluster: str) -> bool:
    """Checks name and mark: an adopted head keeps its name, a released one has no mark."""
    key = Key(cluster, THE_HEAD)
    apps = () if project is None else project.applications
    return any(app.phase is Phase.RUNNING and _is_member(app, key) for app in apps)


def _is_member(app: ObservedApplication, key: Key) -> bool:
    named = app.subdomain == application_name(key.cluster, key.member)
    return named or (app.mark is not None and app.mark.key == key)
