"""The world and the effects, as the core's shell wants them, over the CML client and the files.

Here, and only here, the errors of CML and of the files become a Fault: whose fault it is, and
whether it may have happened.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime

from controller.cli.look_environments import LookAtEnvironments
from controller.cli.look_offers import look_at_offers
from controller.clock import Clock
from controller.cml import errors, translate
from controller.cml.client import Client
from controller.core.fault import Fault
from controller.core.jobs import JobConfiguration, ObservedJob
from controller.core.member import THE_HEAD, Key, application_name
from controller.core.observed import (
    Asked,
    HeadReport,
    ObservedApplication,
    ObservedEnvironment,
    ObservedFiles,
    ObservedProject,
    ObservedState,
    Phase,
)
from controller.core.offers import Offers, Wish
from controller.core.plan import Configuration, Result
from controller.files.launchers import stored_launchers
from controller.files.pauses import read_pauses
from controller.files.port import FilesError, ProjectFiles
from controller.files.reports import parse_report, report_path
from controller.launcher import render
from controller.launcher.builder import render as builders

_ID = re.compile(r"(?:[a-z0-9]{4}-){3}[a-z0-9]{4}")  # observed on live workspaces

OpenFiles = Callable[[str], ProjectFiles]


class Workspace:
    """One workspace seen with one key.  `default_project` is an id or an exact name."""

    def __init__(
        self, client: Client, files: OpenFiles, default_project: str, clock: Clock
    ) -> None:
        self._client = client
        self._files = files
        self._default = default_project
        self._clock = clock
        self._ids: dict[str, str] = {}

    # What can be looked at

    def projects(self, named: Iterable[str | None]) -> tuple[dict[str | None, str], dict[str, str]]:
        found: dict[str | None, str] = {}
        missing: dict[str, str] = {}
        for name in sorted(named, key=lambda n: n or ""):
            try:
                found[name] = self._project(name or self._default)
            except (errors.NotFound, errors.Rejected) as error:
                if name is None:
                    raise _fault(error) from None
                missing[name] = str(error)
            except errors.CmlError as error:
                raise _fault(error) from None
        return found, missing

    def _project(self, named: str) -> str:
        """The id.  What is shaped like one is taken for one: its list says whether it exists."""
        if is_project_id(named):
            return named
        if named not in self._ids:
            self._ids[named] = self._client.find_project(named).id
        return self._ids[named]

    def look(self, projects: Iterable[str], clusters: Mapping[str, str]) -> ObservedState:
        """A project of a spec that is not there is reported as such; no other suffers from it."""
        now = self._clock.now()
        seen = self._lists(projects)
        reports = {
            cluster: report
            for cluster, project in sorted(clusters.items())
            if _head_runs(seen.get(project), cluster)
            and (report := self._report(project, cluster)) is not None
        }
        return ObservedState(now, seen, reports)

    def _lists(self, projects: Iterable[str]) -> dict[str, ObservedProject]:
        """One project that cannot be listed holds up no other; a refused key ends the look."""
        seen: dict[str, ObservedProject] = {}
        faults: list[errors.CmlError] = []
        for project in projects:
            try:
                seen[project] = self._applications(project)
            except errors.Unauthorized as error:
                raise _fault(error) from None
            except errors.CmlError as error:
                faults.append(error)
                seen[project] = ObservedProject(project, complete=False, failure=str(error))
        if faults and len(faults) == len(seen):
            raise _fault(faults[0])
        return seen

    def _applications(self, project: str) -> ObservedProject:
        try:
            return self._client.list_applications(project)
        except errors.NotFound as error:
            if project == self._default:
                raise _fault(error) from None
            return ObservedProject(project, complete=False, problem=str(error))

    def _report(self, project: str, cluster: str) -> HeadReport | None:
        """No report and an unreadable one are the same: nobody knows what Ray says."""
        try:
            data = self._files(project).read(report_path(cluster))
        except FilesError:
            return None
        return None if data is None else parse_report(data, cluster).report

    def files(
        self, projects: Iterable[str], at: datetime, asked: Asked | None = None
    ) -> ObservedFiles:
        """Raises where no project's files can be read: nothing is decided without its pauses."""
        launchers, pauses, environments = {}, {}, {}
        faults: dict[str, Fault] = {}
        for project in projects:
            try:
                with _explained():
                    files = self._files(project)
                    stored = stored_launchers(files)
                    pauses.update(read_pauses(files, at))
                    environments[project] = self._environments(project, files, asked)
                    launchers[project] = stored
            except Fault as fault:
                if fault.aborts:
                    raise
                faults[project] = fault
        if faults and not launchers:
            raise next(iter(faults.values()))
        unread = {p: str(f) for p, f in faults.items()}
        return ObservedFiles(launchers, pauses, unread, environments if asked else None)

    def _environments(
        self, project: str, files: ProjectFiles, asked: Asked | None
    ) -> Mapping[str, ObservedEnvironment]:
        if asked is None:
            return {}
        look = LookAtEnvironments(files, self._client.jobs, project, asked.owner)
        return look.take(asked.hashes.get(project, frozenset()))

    def offers(self, wish: Wish) -> Offers:
        return look_at_offers(self._client, wish)

    # What can be done

    def fetch(self, project: str, application_id: str) -> ObservedApplication:
        with _explained():
            return self._client.get_application(project, application_id)

    def create(self, project: str, configuration: Configuration) -> str:
        with _explained():
            return self._client.create_application(project, configuration).id

    def update(
        self, project: str, application_id: str, fields: Mapping[str, object]
    ) -> tuple[str, ...]:
        with _explained():
            seen = self._client.update_application(project, application_id, fields)
            return translate.unapplied(fields, seen)

    def restart(self, project: str, application_id: str) -> None:
        with _explained():
            self._client.restart_application(project, application_id)

    def stop(self, project: str, application_id: str) -> None:
        with _explained():
            self._client.stop_application(project, application_id)

    def delete(self, project: str, application_id: str) -> None:
        with _explained():
            self._client.delete_application(project, application_id)

    def write_launcher(self, project: str, path: str, settings: str) -> None:
        text = render.launcher(json.loads(settings))
        with _explained():
            self._files(project).write_new(path, text.encode())

    def remove_launcher(self, project: str, path: str) -> None:
        with _explained():
            self._files(project).remove(path)

    def write_builder(self, project: str, path: str, settings: str) -> None:
        text = builders.builder(json.loads(settings))
        with _explained():
            self._files(project).write_new(path, text.encode())

    def remove_environment(self, project: str, path: str) -> None:
        with _explained():
            self._files(project).remove_tree(path)

    def fetch_job(self, project: str, job_id: str) -> ObservedJob:
        with _explained():
            return self._client.jobs.get(project, job_id)

    def create_job(self, project: str, configuration: JobConfiguration) -> None:
        with _explained():
            self._client.jobs.create(project, configuration)

    def start_run(self, project: str, job_id: str) -> None:
        with _explained():
            self._client.jobs.create_run(project, job_id)

    def stop_run(self, project: str, job_id: str, run_id: str) -> None:
        with _explained():
            self._client.jobs.stop_run(project, job_id, run_id)

    def delete_job(self, project: str, job_id: str) -> None:
        with _explained():
            self._client.jobs.delete(project, job_id)


def is_project_id(text: str) -> bool:
    """Whether this is an id and no name, so that it need not be looked up."""
    return _ID.fullmatch(text) is not None


def _head_runs(project: ObservedProject | None, cluster: str) -> bool:
    """By name or by mark: an adopted head keeps its name, a released one has no mark."""
    key = Key(cluster, THE_HEAD)
    apps = () if project is None else project.applications
    return any(app.phase is Phase.RUNNING and _is_member(app, key) for app in apps)


def _is_member(app: ObservedApplication, key: Key) -> bool:
    named = app.subdomain == application_name(key.cluster, key.member)
    return named or (app.mark is not None and app.mark.key == key)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except errors.CmlError as error:
        fault = _fault(error)
    except FilesError as error:
        fault = _files_fault(error)
    else:
        return
    raise fault  # outside of the handlers: the cause may hold what no log should


def _files_fault(error: FilesError) -> Fault:
    """A refused key is that, whichever way it was noticed."""
    if isinstance(error.__cause__, errors.Unauthorized):
        return Fault(str(error), kind="Unauthorized", aborts=True)
    result = Result.UNKNOWN if error.unknown else Result.FAILED
    return Fault(str(error), result=result, kind="Files")


def _fault(error: errors.CmlError) -> Fault:
    match error:
        case errors.Unknown():
            return Fault(str(error), result=Result.UNKNOWN, kind="Unknown")
        case errors.Rejected():
            kind = "Conflict" if _is_conflict(error) else "Rejected"
            return Fault(str(error), result=Result.REJECTED, kind=kind)
        case errors.Unauthorized():
            return Fault(str(error), kind="Unauthorized", aborts=True)
        case _:
            return Fault(str(error), kind=type(error).__name__)


def _is_conflict(error: errors.Rejected) -> bool:
    """CML's answer to a subdomain that is taken is not documented: 409, or 400 that names it."""
    said = str(error).lower()
    return error.status == 409 or ("subdomain" in said and "pattern" not in said)
