"""The observed setup: what CML and the controller's own page report.  Values."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from controller.bootstrap.desired import HASH_DIGITS, subdomain
from controller.cml.values import Creation, ProjectState
from controller.core.model.history import History, note_unjoined, phases
from controller.core.model.jobs import (
    CONTROLLER_JOB,
    BuildHistory,
    ObservedEnvironment,
    ObservedJob,
    ObservedRun,
    is_our_job,
)
from controller.core.model.member import BUILT, THE_PROJECT
from controller.core.model.observed import (
    LauncherFile,
    Listed,
    ObservedApplication,
    ObservedFiles,
    ObservedProject,
    ObservedState,
    is_controller,
)
from controller.core.situation.index import built_in

NOT_THERE = ObservedEnvironment()


@dataclass(frozen=True, slots=True)
class Readiness:
    """The answer of the controller's `/readyz`.  `is_hidden`: it answers only after a sign-in."""

    ready: bool
    why: str = ""
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class ObservedSetup:
    """One look.  `owner` is the owner of the controller.

    `specs`: there are specs in the folder that is followed.  `files` are the controller's, by path,
    with their sizes; `environments` are by hash.  Nothing within a project is known while CML
    creates it, or if several projects have the name.
    """

    as_of: datetime
    owner: str
    projects: tuple[ProjectState, ...] = ()
    specs: bool = False
    files: Mapping[str, int] = field(default_factory=dict)
    environments: Mapping[str, ObservedEnvironment] = field(default_factory=dict)
    jobs: tuple[ObservedJob, ...] = ()
    applications: tuple[ObservedApplication, ...] = ()
    complete: bool = True
    readiness: Readiness | None = None

    @property
    def project(self) -> ProjectState:
        """The first project of the name; without an id if there is none."""
        return self.projects[0] if self.projects else ProjectState("", "")

    @property
    def controllers(self) -> tuple[ObservedApplication, ...]:
        """The one at its own address first, then oldest first."""
        ours = [app for app in self.applications if is_controller(app, self.owner)]
        return tuple(sorted(ours, key=lambda app: app.subdomain != subdomain(app.project)))

    @property
    def own_jobs(self) -> tuple[ObservedJob, ...]:
        """Oldest first."""
        return tuple(
            job for job in self.jobs if job.name == CONTROLLER_JOB and is_our_job(job, self.owner)
        )

    @property
    def builders(self) -> Mapping[str, ObservedApplication]:
        """Applications that build an environment of the controller, by its hash."""
        built = ((built_in(app, self.owner), app) for app in self.applications)
        return {digest: app for digest, app in built if len(digest) == HASH_DIGITS}

    @property
    def own_ids(self) -> frozenset[str]:
        """Ids of the applications and jobs that carry the mark."""
        apps = {app.id for app in (*self.controllers, *self.builders.values())}
        return frozenset(apps | {job.id for job in self.own_jobs})

    def environment(self, digest: str) -> ObservedEnvironment:
        return self.environments.get(digest, NOT_THERE)

    def state(self) -> ObservedState:
        """The same, as the laws look at it."""
        project = self.project.id
        listed = Listed.WHOLE if self.complete else Listed.TORN
        stored = tuple(LauncherFile(path, size=size) for path, size in self.files.items())
        files = ObservedFiles({project: stored}, environments={project: self.environments})
        limit = self.project.shared_memory_limit_mb
        one = ObservedProject(project, self.applications, listed, shared_memory_mb=limit)
        projects = {project: one}
        return ObservedState(self.as_of, projects, files=files)

    def surplus(self) -> tuple[str, ...]:
        """Sentences on duplicates, which the operator may remove."""
        items = [f"application {app.name} ({app.id})" for app in self.controllers[1:]]
        items += [f"job {job.name} ({job.id})" for job in self.own_jobs[1:]]
        return tuple(f"duplicate: {item} carries the same mark; delete it in CML" for item in items)


def builds(run: ObservedRun, environment: str) -> bool:
    """True if the run builds this environment: its job's, unless it names another one."""
    return run.environment.get(BUILT, environment) == environment


def relevant(runs: Iterable[ObservedRun], environment: str) -> list[ObservedRun]:
    """Runs without those of other environments that are over."""
    return [run for run in runs if not run.phase.is_over or builds(run, environment)]


def remember(observed: ObservedSetup, history: History, environment: str) -> History:
    """The history with what was just seen.

    A run that is already active counts as started by this process, which then reports its outcome.
    """
    now, project = observed.as_of, observed.project
    empty = project.creation is not Creation.CREATING and bool(project.id) and not observed.specs
    history = note_unjoined(history, [THE_PROJECT] if empty else [], now)
    applications = phases(history, observed.controllers, now)
    history = replace(history, applications=applications, as_of=now)
    place = (project.id, environment)
    run = observed.environment(environment).run
    if run is None or run.phase.is_over or not builds(run, environment):
        return history
    if history.build(*place).starts:
        return history
    build = BuildHistory("start_run", called_at=now, starts=1)
    return replace(history, builds={**history.builds, place: build})
