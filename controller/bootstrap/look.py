"""One look at all that bootstrap has to do with, and the memory of the process that looks."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from controller.bootstrap.facts import (
    ENVIRONMENTS,
    HASH_DIGITS,
    SCRIPTS,
    WHEELS,
    Answer,
    Seen,
    SeenProject,
    Stage,
    Step,
    Verb,
    controllers,
    our_jobs,
    owner_of,
)
from controller.bootstrap.page import ReadyPage
from controller.cml.client import Client
from controller.cml.errors import NotFound
from controller.cml.values import Creation, FileEntry, ProjectState
from controller.core.model.member import BUILT, MADE
from controller.core.model.observed import Phase

READY_FILE = "ready.json"
_OUR_SCRIPT = re.compile(r"(?:run|build)-[0-9a-f-]+\.py|run\.log(?:\.1)?")
_OUR_WHEEL = re.compile(r"raycml-[0-9A-Za-z.+!]+-[0-9a-f]{16}")
_OUR_ENVIRONMENT = re.compile(rf"([0-9a-f]{{{HASH_DIGITS}}})(?:[.].*)?")
_STAGES = {
    Creation.CREATING: Stage.CREATING,
    Creation.READY: Stage.READY,
    Creation.FAILED: Stage.FAILED,
    Creation.UNKNOWN: Stage.UNKNOWN,
}


@dataclass(slots=True)
class Memory:
    """What this process did and saw; lost with it, and nobody the worse for it."""

    tried: dict[tuple[Verb, str], int] = field(default_factory=dict)
    watched: set[str] = field(default_factory=set)
    still_s: float = 0.0
    specs: bool = False

    def count(self, step: Step) -> None:
        self.tried[step.key] = self.tried.get(step.key, 0) + 1


@dataclass(frozen=True, slots=True)
class Eyes:
    """Whoever looks.  `environment` is the wanted one's hash, `specs` the folder that is followed.

    `owner` is empty for the project's id.  Raises CmlError.
    """

    client: Client
    page: ReadyPage
    project: str
    owner: str
    environment: str = ""
    specs: str = ""
    memory: Memory = field(default_factory=Memory)

    def look(self) -> Seen:
        """All of it; of a project that is not there yet, or not only once, no more than that."""
        projects = tuple(_project(p) for p in self.client.projects.named(self.project))
        seen = Seen(projects=projects)
        if len(projects) == 1 and projects[0].stage is not Stage.CREATING:
            seen = self._inside(seen)
        memory = self.memory
        return replace(
            seen,
            tried=dict(memory.tried),
            watched=frozenset(memory.watched),
            still_s=memory.still_s,
        )

    def _inside(self, seen: Seen) -> Seen:
        project = seen.project.id
        jobs = self.client.jobs.list(project)
        apps = self.client.list_applications(project)
        environments = self._environments(project)
        seen = replace(
            seen,
            specs=self._has_specs(project),
            files=dict(self._files(project)),
            environments=environments,
            is_built=self.environment in environments and self._is_built(project),
            jobs=jobs.items,
            applications=apps.applications,
            complete=jobs.complete and apps.complete,
        )
        return self._progress(seen, owner_of(self.owner, project))

    def _progress(self, seen: Seen, owner: str) -> Seen:
        job = next(iter(our_jobs(seen, owner)), None)
        if self.environment and job is not None and not seen.is_built:
            seen = self._with_runs(seen, job.id)
        return replace(seen, answer=self._answer(seen, owner))

    def _with_runs(self, seen: Seen, job: str) -> Seen:
        runs = self.client.jobs.list_runs(seen.project.id, job)
        self.memory.watched |= {
            run.id
            for run in runs.items
            if not run.phase.is_over and run.environment.get(BUILT) == self.environment
        }
        return replace(seen, runs=runs.items, complete=seen.complete and runs.complete)

    def _answer(self, seen: Seen, owner: str) -> Answer | None:
        app = next(iter(controllers(seen, owner)), None)
        if app is None or app.phase is not Phase.RUNNING or not seen.is_built:
            return None
        return self.page.ask(self.client.application_url(app.subdomain))

    # Files

    def _has_specs(self, project: str) -> bool:
        """Asked until it was so once: later, the controller itself looks after them."""
        if not self.memory.specs:
            listed = self._listed(project, self.specs)
            self.memory.specs = any(map(self._is_spec, listed))
        return self.memory.specs

    def _is_spec(self, entry: FileEntry) -> bool:
        """A file, or in a folder of specs a folder that may hold some."""
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

    def _environments(self, project: str) -> dict[str, tuple[str, ...]]:
        """By hash; the environments of specs have hashes of another length."""
        found: dict[str, tuple[str, ...]] = {}
        for entry in self._listed(project, ENVIRONMENTS):
            if match := _OUR_ENVIRONMENT.fullmatch(entry.name):
                digest, path = match[1], f"{ENVIRONMENTS}/{entry.name}"
                found[digest] = (*found.get(digest, ()), path)
        return found

    def _is_built(self, project: str) -> bool:
        entries = self._listed(project, f"{ENVIRONMENTS}/{self.environment}")
        return any(entry.name == READY_FILE for entry in entries)

    def _listed(self, project: str, folder: str) -> tuple[FileEntry, ...]:
        try:
            return self.client.list_files(project, folder)
        except NotFound:
            return ()


def _project(state: ProjectState) -> SeenProject:
    return SeenProject(
        id=state.id,
        name=state.name,
        owner=state.owner,
        stage=_STAGES[state.creation],
        words=state.creation_status,
        shared_memory_mb=state.shared_memory_limit_mb,
        made=state.environment.get(MADE, ""),
    )
