"""One look at all that bootstrap sets up."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from controller.bootstrap.desired import HASH_DIGITS, SCRIPTS, WHEELS
from controller.bootstrap.observed import NOT_THERE, ObservedSetup, Readiness, relevant
from controller.bootstrap.readiness import ReadyPage
from controller.cml.client import Client
from controller.cml.errors import NotFound
from controller.cml.values import Creation, FileEntry
from controller.core.model.jobs import ObservedJob, environment_built_by, run_that_counts
from controller.core.model.observed import ObservedEnvironment, Phase
from controller.core.spec.python_environment import ENVIRONMENTS, READY_FILE, log_path
from controller.files.port import ProjectFiles
from controller.workspace.environments import last_lines
from controller.workspace.faults import explained

_OUR_SCRIPT = re.compile(r"(?:run|build)-[0-9a-f-]+\.py|run\.log(?:\.1)?")
_OUR_WHEEL = re.compile(r"raycml-[0-9A-Za-z.+!]+-[0-9a-f]{16}")
_OUR_ENVIRONMENT = re.compile(rf"([0-9a-f]{{{HASH_DIGITS}}})(?:[.].*)?")


@dataclass(frozen=True, slots=True)
class Look:
    """A look at one project by its name.  `environment` is the hash of the desired one, `specs` the
    folder that is followed; `owner` is empty for the project's id.
    """

    client: Client
    files: Callable[[str], ProjectFiles]
    page: ReadyPage
    project: str
    owner: str
    environment: str = ""
    specs: str = ""

    def take(self, now: datetime) -> ObservedSetup:
        """The setup; no more than the projects if there is not exactly one, or not yet.

        Raises Fault.
        """
        with explained():
            projects = self.client.projects.named(self.project)
            owner = self.owner or (projects[0].id if projects else "")
            seen = ObservedSetup(now, owner, projects)
            if len(projects) != 1 or projects[0].creation is Creation.CREATING:
                return seen
            return self._inside(seen)

    def _inside(self, seen: ObservedSetup) -> ObservedSetup:
        project = seen.project.id
        jobs, apps = self.client.jobs.list(project), self.client.list_applications(project)
        seen = replace(
            seen,
            specs=any(map(self._is_spec, self._listed(project, self.specs))),
            files=dict(self._files(project)),
            jobs=jobs.items,
            applications=apps.applications,
            complete=jobs.complete and apps.complete,
        )
        seen = replace(seen, environments=self._environments(seen))
        if self.environment:
            seen = self._with_runs(seen)
        return replace(seen, readiness=self._readiness(seen))

    def _is_spec(self, entry: FileEntry) -> bool:
        """True for a spec file, or in a folder of specs for a folder that can hold some."""
        if entry.is_dir:
            return bool(self.specs) and not entry.name.startswith(".")
        return entry.name.endswith((".yaml", ".yml"))

    def _files(self, project: str) -> Iterator[tuple[str, int]]:
        for entry in self._listed(project, SCRIPTS):
            if _OUR_SCRIPT.fullmatch(entry.name):
                yield f"{SCRIPTS}/{entry.name}", entry.size
        for folder in self._listed(project, WHEELS):
            if folder.is_dir and _OUR_WHEEL.fullmatch(folder.name):
                path = f"{WHEELS}/{folder.name}"
                yield from ((f"{path}/{e.name}", e.size) for e in self._listed(project, path))

    def _environments(self, seen: ObservedSetup) -> dict[str, ObservedEnvironment]:
        """By hash; the environments of specs have hashes of another length."""
        found: dict[str, ObservedEnvironment] = {}
        for entry in self._listed(seen.project.id, ENVIRONMENTS):
            if match := _OUR_ENVIRONMENT.fullmatch(entry.name):
                before = found.get(match[1], NOT_THERE)
                files = (*before.files, f"{ENVIRONMENTS}/{entry.name}")
                found[match[1]] = replace(before, files=files)
        for job in reversed(seen.own_jobs):
            digest = environment_built_by(job)
            found[digest] = replace(found.get(digest, NOT_THERE), job=job)
        return found

    def _with_runs(self, seen: ObservedSetup) -> ObservedSetup:
        """With the desired environment, the job that builds it, and the last run."""
        found = replace(
            seen.environment(self.environment),
            ready=self._is_built(seen.project.id),
            job=next(iter(seen.own_jobs), None),
        )
        scripts = tuple(path for path in seen.files if f"/build-{self.environment}-" in path)
        if not found.ready and found.job is not None:
            seen, found = self._with_last_run(seen, found, found.job)
        found = replace(found, files=(*found.files, *scripts))
        return replace(seen, environments={**seen.environments, self.environment: found})

    def _with_last_run(
        self, seen: ObservedSetup, found: ObservedEnvironment, job: ObservedJob
    ) -> tuple[ObservedSetup, ObservedEnvironment]:
        listing = self.client.jobs.list_runs(seen.project.id, job.id)
        run, skipped = run_that_counts(relevant(listing.items, self.environment))
        log = log_path(self.environment)
        over = run is not None and run.phase.is_over and log in found.files
        output = last_lines(self.files(seen.project.id), log) if over else ()
        seen = replace(seen, complete=seen.complete and listing.complete)
        return seen, replace(found, run=run, skipped=skipped, output=output)

    def _is_built(self, project: str) -> bool:
        entries = self._listed(project, f"{ENVIRONMENTS}/{self.environment}")
        return any(entry.name == READY_FILE for entry in entries)

    def _readiness(self, seen: ObservedSetup) -> Readiness | None:
        app = next(iter(seen.controllers), None)
        built = seen.environment(self.environment).ready
        if app is None or app.phase is not Phase.RUNNING or not built:
            return None
        return self.page.ask(self.client.application_url(app.subdomain))

    def _listed(self, project: str, folder: str) -> tuple[FileEntry, ...]:
        try:
            return self.client.list_files(project, folder)
        except NotFound:
            return ()
