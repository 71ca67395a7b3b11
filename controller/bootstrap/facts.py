"""What `raycml bootstrap` is to bring about, what it has seen, and what it may do next.  Values.

Names and marks are functions of the project, so two people that never met agree on them.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, StrEnum

from controller.core.model.jobs import ObservedJob, ObservedRun
from controller.core.model.member import CONTROLLER, SUBDOMAIN
from controller.core.model.observed import ObservedApplication

APPLICATION_NAME = "raycml"
JOB_NAME = "raycml-controller"
SCRIPTS = ".raycml/controller"
RUN_LOG = f"{SCRIPTS}/run.log"
WHEELS = ".raycml/dist"
ENVIRONMENTS = ".raycml/envs"
# Of another length than the hash of an environment that a spec asks for, so that neither of the
# two is ever taken for one of the other, whoever removes what is not in use.
HASH_DIGITS = 24

SETTLE_S = 30.0  # how long an accepted call may stay invisible in lists
LAG_S = 60.0  # how long files may lag behind the end of what wrote them
TRIES = 3
TOLERANCE = 0.01  # cores or GiB: figures go through floating point


class Verb(StrEnum):
    """One effect: exactly one API call, or one file."""

    CREATE_PROJECT = "create project"
    RAISE_SHARED_MEMORY = "raise shared memory"
    WRITE_FILE = "write file"
    CREATE_JOB = "create job"
    UPDATE_JOB = "update job"
    START_RUN = "start run"
    CREATE_APPLICATION = "create application"
    UPDATE_APPLICATION = "update application"
    STOP_APPLICATION = "stop application"
    RESTART_APPLICATION = "restart application"
    DELETE_APPLICATION = "delete application"
    DELETE_JOB = "delete job"
    REMOVE_FILE = "remove file"
    DELETE_PROJECT = "delete project"

    @property
    def mark(self) -> str:
        """As a plan marks what it leads to."""
        return _MARKS.get(self, "+")


_MARKS = {
    Verb.RAISE_SHARED_MEMORY: "~",
    Verb.UPDATE_JOB: "~",
    Verb.UPDATE_APPLICATION: "~",
    Verb.STOP_APPLICATION: ".",
    Verb.RESTART_APPLICATION: "!",
    Verb.DELETE_APPLICATION: "-",
    Verb.DELETE_JOB: "-",
    Verb.REMOVE_FILE: "-",
    Verb.DELETE_PROJECT: "-",
}


@dataclass(frozen=True, slots=True)
class Step:
    """`target` is an id or a path, `fields` those of an update, `text` is for a person."""

    verb: Verb
    target: str
    text: str
    fields: Mapping[str, object] = field(default_factory=dict, repr=False, compare=False)

    @property
    def key(self) -> tuple[Verb, str]:
        return self.verb, self.target

    @property
    def line(self) -> str:
        """The same before it is done and while it is done."""
        return f"{self.verb.mark} {self.text}"


class End(Enum):
    """Why nothing more can be done: whose matter it is."""

    USAGE = "usage"
    REFUSED = "refused"
    SOURCE = "source"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Stuck:
    """`log` is a file of the project that says more; `clone`: git may say more."""

    end: End
    message: str
    remedy: str
    log: str = ""
    clone: bool = False


@dataclass(frozen=True, slots=True)
class Decision:
    """The steps allowed now, or what is waited for, or why it ends; none of them: it is done.

    `log` is a file of the project that says more of what is waited for.
    """

    steps: tuple[Step, ...] = ()
    wait: str = ""
    log: str = ""
    stuck: Stuck | None = None

    @property
    def done(self) -> bool:
        return not (self.steps or self.wait or self.stuck)


def act(verb: Verb, target: str, text: str, **fields: object) -> Decision:
    return Decision((Step(verb, target, text, fields),))


def stuck(end: End, message: str, remedy: str, log: str = "", *, clone: bool = False) -> Decision:
    return Decision(stuck=Stuck(end, message, remedy, log, clone))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked for.

    `owner` is empty for the project's id; `files` are ours by path, with their content; `git_url`
    is empty where the controller follows the folder `path` of the project; `settings` are variables
    for the controller.  CPU in cores, memory in GiB, shared memory in MB (0: as it is).
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
    builder: str
    keeper: str
    files: Mapping[str, bytes] = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)


class Stage(Enum):
    """How far CML is with making a project; UNKNOWN is a word that nobody has seen yet."""

    CREATING = "creating"
    READY = "ready"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class SeenProject:
    """`words` is CML's own word for the stage."""

    id: str
    name: str
    owner: str = ""
    stage: Stage = Stage.READY
    words: str = ""
    shared_memory_mb: int = 0
    made: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the controller's `/readyz` said.  `refused`: only to those who have signed in."""

    ready: bool
    why: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One look, and what this process remembers.

    `tried` counts the steps that may have happened, `watched` holds the runs that this process
    saw at work, `still_s` is for how long the same thing has been waited for.  `specs`: what the
    controller is to follow lies in the project.  `files` are ours, by path, with their sizes, and
    `environments` ours by hash, with what is there of each.
    """

    projects: tuple[SeenProject, ...] = ()
    specs: bool = False
    files: Mapping[str, int] = field(default_factory=dict)
    environments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_built: bool = False
    jobs: tuple[ObservedJob, ...] = ()
    runs: tuple[ObservedRun, ...] = ()
    applications: tuple[ObservedApplication, ...] = ()
    complete: bool = True
    answer: Answer | None = None
    tried: Mapping[tuple[Verb, str], int] = field(default_factory=dict)
    watched: frozenset[str] = frozenset()
    still_s: float = 0.0

    @property
    def project(self) -> SeenProject:
        """The only one; rules that ask come after the one that sees to it."""
        return self.projects[0]

    def times(self, verb: Verb, target: str = "") -> int:
        return self.tried.get((verb, target), 0)


def owner_of(owner: str, project: str) -> str:
    return owner or project


def subdomain(project: str) -> str:
    """Unique in the workspace, as the id of a project is."""
    return f"raycml-{hashlib.sha256(project.encode()).hexdigest()[:12]}"


def is_controller(app: ObservedApplication, owner: str) -> bool:
    """Whether it carries our mark; a copy made by hand repeats another one's subdomain."""
    said = app.environment
    return said.get(CONTROLLER) == owner and said.get(SUBDOMAIN) == app.subdomain


def our_jobs(seen: Seen, owner: str) -> tuple[ObservedJob, ...]:
    """Oldest first."""
    return tuple(
        j for j in seen.jobs if j.name == JOB_NAME and j.environment.get(CONTROLLER) == owner
    )


def controllers(seen: Seen, owner: str) -> tuple[ObservedApplication, ...]:
    """The one at its own address first, then oldest first."""
    ours = [app for app in seen.applications if is_controller(app, owner)]
    return tuple(sorted(ours, key=lambda app: app.subdomain != subdomain(app.project)))


def surplus(seen: Seen, owner: str) -> tuple[str, ...]:
    """Sentences on what there is too much of, which a person may remove."""
    apps = [f"application {app.name} ({app.id})" for app in controllers(seen, owner)[1:]]
    jobs = [f"job {job.name} ({job.id})" for job in our_jobs(seen, owner)[1:]]
    return tuple(f"surplus: {one} carries our mark too; delete it in CML" for one in apps + jobs)
