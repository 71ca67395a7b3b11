"""One look at all that bootstrap sets up."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from controller.bootstrap.desired import HASH_DIGITS, SCRIPTS, WHEELS, DesiredSetup
from controller.bootstrap.observed import NOT_THERE, ObservedSetup, Readiness, relevant
from controller.bootstrap.session import BootstrapSession
from controller.cml.errors import NotFound
from controller.cml.values import Creation, FileEntry
from controller.core.model.jobs import ObservedEnvironment, environment_built_by, run_that_counts
from controller.core.model.observed import Phase
from controller.core.spec.python_environment import ENVIRONMENTS, READY_FILE, log_path
from controller.workspace.environments import last_lines
from controller.workspace.faults import explained

_OUR_SCRIPT = re.compile(r"(?:run|build)-[0-9a-f-]+\.py|run\.log(?:\.1)?")
_OUR_WHEEL = re.compile(r"raycml-[0-9A-Za-z.+!]+-[0-9a-f]{16}")
_ENDED = (Phase.FAILED, Phase.STOPPED)
_OUR_ENVIRONMENT = re.compile(rf"([0-9a-f]{{{HASH_DIGITS}}})(?:[.].*)?")


def look(session: BootstrapSession, desired: DesiredSetup | None) -> ObservedSetup:
    """The setup; no more than the projects if there is not exactly one, or not yet.

    Raises Fault.
    """
    with explained():
        projects = session.client.projects.named(session.project)
        owner = session.owner or (projects[0].id if projects else "")
        observed = ObservedSetup(session.clock.now(), owner, projects)
        if len(projects) != 1 or projects[0].creation is Creation.CREATING:
            return observed
        return _Look(session, projects[0].id).inside(observed, desired)


@dataclass(frozen=True, slots=True)
class _Look:
    """A look at one project."""

    session: BootstrapSession
    project: str

    def inside(self, observed: ObservedSetup, desired: DesiredSetup | None) -> ObservedSetup:
        client = self.session.client
        jobs, apps = client.jobs.list(self.project), client.list_applications(self.project)
        observed = replace(
            observed,
            specs=self._has_specs("" if desired is None else desired.path),
            files=dict(self._files()),
            jobs=jobs.items,
            applications=apps.applications,
            complete=jobs.complete and apps.complete,
        )
        observed = replace(observed, environments=self._environments(observed))
        if desired is None:
            return observed
        observed = self._with_runs(observed, desired.environment)
        return replace(observed, readiness=self._readiness(observed, desired.environment))

    def _has_specs(self, folder: str) -> bool:
        """True for a spec file; in a folder of specs also for a folder that can hold some."""
        return any(
            bool(folder) and not entry.name.startswith(".")
            if entry.is_dir
            else entry.name.endswith((".yaml", ".yml"))
            for entry in self._listed(folder)
        )

    def _files(self) -> Iterator[tuple[str, int]]:
        for entry in self._listed(SCRIPTS):
            if _OUR_SCRIPT.fullmatch(entry.name):
                yield f"{SCRIPTS}/{entry.name}", entry.size
        for folder in self._listed(WHEELS):
            if folder.is_dir and _OUR_WHEEL.fullmatch(folder.name):
                path = f"{WHEELS}/{folder.name}"
                yield from ((f"{path}/{e.name}", e.size) for e in self._listed(path))

    def _environments(self, observed: ObservedSetup) -> dict[str, ObservedEnvironment]:
        """By hash; the environments of specs have hashes of another length."""
        environments: dict[str, ObservedEnvironment] = {}
        for entry in self._listed(ENVIRONMENTS):
            if match := _OUR_ENVIRONMENT.fullmatch(entry.name):
                before = environments.get(match[1], NOT_THERE)
                files = (*before.files, f"{ENVIRONMENTS}/{entry.name}")
                environments[match[1]] = replace(before, files=files)
        for job in reversed(observed.own_jobs):
            digest = environment_built_by(job)
            environments[digest] = replace(environments.get(digest, NOT_THERE), job=job)
        return environments

    def _with_runs(self, observed: ObservedSetup, digest: str) -> ObservedSetup:
        """With the desired environment, the job that builds it, and the last run."""
        entries = self._listed(f"{ENVIRONMENTS}/{digest}")
        environment = replace(
            observed.environment(digest),
            ready=any(entry.name == READY_FILE for entry in entries),
            job=next(iter(observed.own_jobs), None),
        )
        if not environment.ready and environment.job is not None:
            listing = self.session.client.jobs.list_runs(self.project, environment.job.id)
            run, skipped = run_that_counts(relevant(listing.items, digest))
            log = log_path(digest)
            is_over = run is not None and run.phase.is_over and log in environment.files
            output = self._last_lines(log) if is_over else ()
            environment = replace(environment, run=run, skipped=skipped, output=output)
            observed = replace(observed, complete=observed.complete and listing.complete)
        builder, log = observed.builders.get(digest), log_path(digest)
        if builder is not None and builder.phase in _ENDED and log in environment.files:
            environment = replace(environment, output=self._last_lines(log))
        scripts = tuple(path for path in observed.files if f"/build-{digest}-" in path)
        environment = replace(environment, files=(*environment.files, *scripts))
        return replace(observed, environments={**observed.environments, digest: environment})

    def _last_lines(self, log: str) -> tuple[str, ...]:
        return last_lines(self.session.files(self.project), log)

    def _readiness(self, observed: ObservedSetup, digest: str) -> Readiness | None:
        app = next(iter(observed.controllers), None)
        is_built = observed.environment(digest).ready
        if app is None or app.phase is not Phase.RUNNING or not is_built:
            return None
        return self.session.page.ask(self.session.client.application_url(app.subdomain))

    def _listed(self, folder: str) -> tuple[FileEntry, ...]:
        try:
            return self.session.client.list_files(self.project, folder)
        except NotFound:
            return ()
