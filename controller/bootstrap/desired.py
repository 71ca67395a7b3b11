"""The setup that `raycml bootstrap` brings about: names, marks and configurations.  Pure.

Names and marks are functions of the project, so operators that never met agree on them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from controller.core.model.jobs import CONTROLLER_JOB
from controller.core.model.member import BUILT, CONTROLLER, MADE, OWNER, SUBDOMAIN, VARIABLES
from controller.core.model.plan import Configuration
from controller.core.model.project import NewProject
from controller.core.planner.python_environments.site import Recipe
from controller.core.spec.python_environment import BuildBy
from controller.source.git.address import HEX

APPLICATION_NAME = "raycml"
SCRIPTS = ".raycml/controller"
RUN_LOG = f"{SCRIPTS}/run.log"
WHEELS = ".raycml/dist"
# Of another length than the hash of an environment that a spec asks for, so that a clean-up of
# either kind never takes one of the other.
HASH_DIGITS = 24

_PROJECT = "Ray clusters by raycml; made by `raycml bootstrap`."
_APPLICATION = "The controller of raycml; made by `raycml bootstrap`."


@dataclass(frozen=True, slots=True)
class DesiredSetup:
    """A project with a controller in it.

    `owner` is empty for the project's id.  `git_url` is empty if the controller follows the folder
    `path` of the project.  `environment` is the hash of the Python environment, `build` are the
    settings of `build_script`, which builds it, and `build_by` is the kind of workload that runs
    that.  `files` are the others, by path: the wheel, and the `run_script` of the application.
    `settings` are variables of the controller.  CPU in cores, memory in GiB, shared memory in MB
    (0: unchanged).
    """

    project: str
    git_url: str = field(repr=False)
    git_ref: str
    path: str
    shared_memory_mb: int
    runtime: str
    cpu: float
    memory: float
    owner: str
    environment: str
    build: str = field(repr=False)
    build_script: str
    run_script: str
    files: Mapping[str, bytes] = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    build_by: BuildBy = "auto"

    @property
    def folder(self) -> str:
        """The folder of the specs, for people."""
        return f"{self.path or '.'}/"

    def new_project(self) -> NewProject:
        """A clone; for a commit, of the default branch: CML takes branches and tags only."""
        is_commit = HEX.match(self.git_ref.lower()) is not None
        return NewProject(
            name=self.project,
            description=_PROJECT,
            git_url=self.git_url,
            git_ref="" if is_commit else self.git_ref,
            shared_memory_limit_mb=self.shared_memory_mb,
            environment={MADE: "git"},
        )

    def recipe(self, owner: str) -> Recipe:
        mark = {CONTROLLER: owner}
        remedy = "repeat the command with `--builder application`"
        return Recipe(self.environment, self.build, self.build_script, CONTROLLER_JOB, mark, remedy)

    def configuration(self, project: str) -> Configuration:
        return Configuration(
            name=APPLICATION_NAME,
            subdomain=subdomain(project),
            description=_APPLICATION,
            script=self.run_script,
            cpu=self.cpu,
            memory=self.memory,
            gpu=0,
            runtime=self.runtime,
            environment=self._variables(project),
        )

    def _variables(self, project: str) -> dict[str, str]:
        own = {
            "RAYCML_SOURCE": self.git_url or self.path or ".",
            **({"RAYCML_REF": self.git_ref} if self.git_url and self.git_ref else {}),
            **({"RAYCML_PATH": self.path or "."} if self.git_url else {}),
            **({OWNER: self.owner} if self.owner else {}),
            **self.settings,
        }
        return {
            **own,
            CONTROLLER: self.owner or project,
            BUILT: self.environment,
            SUBDOMAIN: subdomain(project),
            VARIABLES: ",".join(sorted(own)),
        }


def subdomain(project: str) -> str:
    """The controller's address: unique in the workspace, as the id of a project is."""
    return f"raycml-{hashlib.sha256(project.encode()).hexdigest()[:12]}"
