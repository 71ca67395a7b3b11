"""One step of bootstrap, carried out: exactly one effect.

Before anything of an application, a job or a project is changed or taken away, it is looked at once
more by its id: what no longer carries our mark is left alone.
"""

from collections.abc import Callable
from dataclasses import dataclass

from controller.bootstrap.application import configuration, differences
from controller.bootstrap.environment import job_configuration
from controller.bootstrap.facts import Seen, Step, Verb, Wanted, is_controller, owner_of
from controller.bootstrap.look import Memory
from controller.cml.client import Client
from controller.core.model.member import BUILT, CONTROLLER, MADE
from controller.core.model.observed import ObservedApplication
from controller.core.model.project import NewProject
from controller.files.port import ProjectFiles
from controller.source.git.address import HEX

_DESCRIPTION = "Ray clusters by raycml; made by `raycml bootstrap`."


class NoLongerOursError(Exception):
    """What a step names lost our mark since the look; nothing was done."""


@dataclass(frozen=True, slots=True)
class Hands:
    """Whoever acts.  `wanted` is None where things are only taken away."""

    client: Client
    files: Callable[[str], ProjectFiles]
    owner: str
    memory: Memory
    wanted: Wanted | None = None

    def act(self, step: Step, seen: Seen) -> None:
        """Raises CmlError, FilesError and NoLongerOursError."""
        deed = _Deed(self, step, seen)
        effects: dict[Verb, Callable[[], object]] = {
            Verb.CREATE_PROJECT: deed.create_project,
            Verb.RAISE_SHARED_MEMORY: deed.raise_shared_memory,
            Verb.WRITE_FILE: deed.write_file,
            Verb.REMOVE_FILE: deed.remove_file,
            Verb.CREATE_JOB: deed.create_job,
            Verb.UPDATE_JOB: deed.update_job,
            Verb.DELETE_JOB: deed.delete_job,
            Verb.START_RUN: deed.start_run,
            Verb.CREATE_APPLICATION: deed.create_application,
            Verb.UPDATE_APPLICATION: deed.update_application,
            Verb.STOP_APPLICATION: deed.stop_application,
            Verb.RESTART_APPLICATION: deed.restart_application,
            Verb.DELETE_APPLICATION: deed.delete_application,
            Verb.DELETE_PROJECT: deed.delete_project,
        }
        effects[step.verb]()


@dataclass(frozen=True, slots=True)
class _Deed:
    """One step, with what it is done with."""

    hands: Hands
    step: Step
    seen: Seen

    @property
    def client(self) -> Client:
        return self.hands.client

    @property
    def project(self) -> str:
        return self.seen.project.id

    @property
    def owner(self) -> str:
        return owner_of(self.hands.owner, self.project)

    @property
    def wanted(self) -> Wanted:
        if self.hands.wanted is None:
            raise ValueError("a removal makes nothing")
        return self.hands.wanted

    # The project and its files

    def create_project(self) -> None:
        """Of a commit the clone has the default branch: CML takes branches and tags only."""
        wanted = self.wanted
        is_commit = HEX.match(wanted.git_ref.lower()) is not None
        self.client.projects.create(
            NewProject(
                name=wanted.project,
                description=_DESCRIPTION,
                git_url=wanted.git_url,
                git_ref="" if is_commit else wanted.git_ref,
                shared_memory_limit_mb=wanted.shared_memory_mb,
                environment={MADE: "git"},
            )
        )

    def raise_shared_memory(self) -> None:
        limit = self.wanted.shared_memory_mb
        self.client.projects.update(self.project, shared_memory_limit_mb=limit)

    def delete_project(self) -> None:
        if MADE not in self.client.projects.get(self.project).environment:
            raise NoLongerOursError
        self.client.projects.delete(self.project)

    def write_file(self) -> None:
        """Named after its content: what is there with another size is half of it."""
        path = self.step.target
        files, data = self.hands.files(self.project), self.wanted.files[path]
        write = files.replace if path in self.seen.files else files.write_new
        write(path, data)

    def remove_file(self) -> None:
        self.client.delete_file(self.project, self.step.target)

    # The job

    def create_job(self) -> None:
        self.client.jobs.create(self.project, job_configuration(self.wanted, self.owner))

    def update_job(self) -> None:
        self._confirm_job()
        self.client.jobs.update(self.project, self.step.target, self.step.fields)

    def start_run(self) -> None:
        environment = {BUILT: self.wanted.environment}
        run = self.client.jobs.create_run(self.project, self.step.target, environment)
        self.hands.memory.watched.add(run.id)

    def delete_job(self) -> None:
        self._confirm_job()
        self.client.jobs.delete(self.project, self.step.target)

    def _confirm_job(self) -> None:
        found = self.client.jobs.get(self.project, self.step.target)
        if found.environment.get(CONTROLLER) != self.owner:
            raise NoLongerOursError

    # The application

    def create_application(self) -> None:
        self.client.create_application(self.project, configuration(self.wanted, self.project))

    def update_application(self) -> None:
        found = self._confirm_application()
        fields = differences(configuration(self.wanted, self.project), found)
        if fields:
            self.client.update_application(self.project, self.step.target, fields)

    def stop_application(self) -> None:
        self._confirm_application()
        self.client.stop_application(self.project, self.step.target)

    def restart_application(self) -> None:
        self._confirm_application()
        self.client.restart_application(self.project, self.step.target)

    def delete_application(self) -> None:
        self._confirm_application()
        self.client.delete_application(self.project, self.step.target)

    def _confirm_application(self) -> ObservedApplication:
        found = self.client.get_application(self.project, self.step.target)
        if not is_controller(found, self.owner):
            raise NoLongerOursError
        return found
