"""Plans.  An action is one effect: exactly one API call or one file write.

A plan holds the steps that are safe *now*, and a wait for each member that is left alone for the
moment.  Both say why, and both say what they lead to, so that a person sees the whole change.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import get_args

from pydantic.alias_generators import to_snake

from controller.core.model.faults import FaultKind, Result
from controller.core.model.jobs import JobConfiguration
from controller.core.model.json_object import JsonObject
from controller.core.model.member import Key, Member
from controller.core.model.project import ProjectAction, RemoveFile, RemovePath, WriteFile
from controller.core.model.ray.requests import Drain, Withdraw
from controller.core.model.reasons import Outlook, Reason
from controller.core.spec.placement.kinds import PlacementIds


@dataclass(frozen=True, slots=True)
class Configuration(PlacementIds):
    """Configuration of an application: the body of a create.  CPU in cores, memory in GiB."""

    name: str
    subdomain: str
    description: str
    script: str
    cpu: float
    memory: float
    gpu: int
    runtime: str
    environment: Mapping[str, str] = field(repr=False)
    unresolved: frozenset[str] = frozenset()  # kinds of names in the spec that have no id yet


@dataclass(frozen=True, slots=True)
class WriteLauncher:
    """Write one launcher; `settings` is the canonical JSON that it carries."""

    path: str
    settings: str


@dataclass(frozen=True, slots=True)
class Create:
    """POST: creates and starts."""

    configuration: Configuration


@dataclass(frozen=True, slots=True)
class OnApplication:
    """An action on one application that exists."""

    application_id: str


@dataclass(frozen=True, slots=True)
class Update(OnApplication):
    """PATCH.  `fields` by `Configuration` name; an environment is the whole map to be.

    CML replaces an environment as a whole.  Only its `variables` are the controller's to set or
    drop, so all others are sent as a fresh look shows them.
    """

    fields: Mapping[str, object] = field(repr=False)
    variables: frozenset[str] = frozenset()
    unresolved: frozenset[str] = frozenset()

    def merged_into(self, environment: Mapping[str, str]) -> dict[str, object]:
        """The fields, with the variables of others as they are now."""
        if not isinstance(values := self.fields.get("environment"), Mapping):
            return dict(self.fields)
        others = {name: v for name, v in environment.items() if name not in self.variables}
        own = {name: v for name, v in values.items() if name in self.variables}
        return {**self.fields, "environment": {**others, **own}}


class RequireSignIn(OnApplication):
    """PATCH of one field, which takes no restart: CML asks for a sign-in again."""


class Restart(OnApplication):
    """Start a stopped or failed application, or stop and start a running one."""


class Stop(OnApplication):
    """Stop and keep; asynchronous."""


class Delete(OnApplication):
    """Remove for good; asynchronous."""


class RemoveLauncher(RemovePath):
    """Remove one launcher file."""


@dataclass(frozen=True, slots=True)
class WriteBuilder:
    """Write the script that builds one environment; `settings` as for a launcher."""

    path: str
    settings: str


@dataclass(frozen=True, slots=True)
class OnBuild:
    """An action on the job or the application that builds the environment of this hash."""

    hash: str


@dataclass(frozen=True, slots=True)
class OnJob(OnBuild):
    """An action on the job."""


@dataclass(frozen=True, slots=True)
class CreateBuilder(OnBuild):
    """POST: an application that builds an environment, and is deleted afterwards."""

    configuration: Configuration


@dataclass(frozen=True, slots=True)
class DeleteBuilder(OnBuild):
    """Remove the application that built an environment; asynchronous."""

    builder_id: str


@dataclass(frozen=True, slots=True)
class OnExistingJob(OnJob):
    """The same on a job that exists."""

    job_id: str


@dataclass(frozen=True, slots=True)
class CreateJob(OnJob):
    """POST: a job that does not run yet."""

    configuration: JobConfiguration


@dataclass(frozen=True, slots=True)
class StartRun(OnExistingJob):
    """Run a job; `after` is the latest run that it has had."""

    after: str = ""


@dataclass(frozen=True, slots=True)
class StopRun(OnExistingJob):
    """Stop a run that has gone on for too long; asynchronous."""

    run_id: str


class DeleteJob(OnExistingJob):
    """Remove a job for good."""


class RemoveEnvironment(RemovePath):
    """Remove one file or folder of an environment."""


class RemoveFolder(RemovePath):
    """Remove one folder of a cluster that is gone, with all that is in it."""


RequestChange = Drain | Withdraw
ApplicationAction = Create | Update | RequireSignIn | Restart | Stop | Delete
JobAction = CreateJob | StartRun | StopRun | DeleteJob
BuilderAction = CreateBuilder | DeleteBuilder
OfEnvironment = WriteBuilder | JobAction | BuilderAction | RemoveEnvironment
FileWrite = WriteLauncher | WriteBuilder | WriteFile | Drain
FileRemoval = RemoveLauncher | RemoveEnvironment | RemoveFolder | RemoveFile | Withdraw
FileAction = FileWrite | FileRemoval
Action = ApplicationAction | JobAction | BuilderAction | ProjectAction | FileAction
ClusterAction = (
    WriteLauncher
    | ApplicationAction
    | RequestChange
    | RemoveLauncher
    | OfEnvironment
    | RemoveFolder
)
_NAMES = (to_snake(kind.__name__) for kind in get_args(ClusterAction))
ACTION_NAMES = (*_NAMES, "raise_shared_memory")
"""Names of all actions that a pass takes for clusters, as JSON and metrics have them."""


class Intent(Enum):
    """Purpose of a step or wait for its member, with its mark in a printed plan."""

    CREATE = "+"
    UPDATE = "~"
    RESTART = "!"
    DELETE = "-"
    STOP = "."
    START = ">"
    BLOCKED = "?"
    NOTHING = " "

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True, order=True)
class Change(JsonObject):
    """A field that differs from the spec, as a person would write it."""

    field: str
    """Name of the field."""
    was: str
    """Current value; empty for an environment, which may hold secrets."""
    wants: str
    """Desired value; empty for an environment."""

    def __str__(self) -> str:
        return f"{self.field} {self.was} -> {self.wants}" if self.was or self.wants else self.field


@dataclass(frozen=True, slots=True)
class Step:
    """An action with its reason.  `member` is None for launchers and environments; what concerns
    an environment that no cluster names any more has an empty `cluster`."""

    action: Action
    cluster: str
    project: str
    member: Member | None
    reason: Reason
    intent: Intent
    changes: tuple[Change, ...] = ()
    message: str = ""
    impact: str = ""
    launcher: str | None = None  # must have been written before this step may run

    @property
    def name(self) -> str:
        return to_snake(type(self.action).__name__)

    @property
    def key(self) -> Key | None:
        return None if self.member is None else Key(self.cluster, self.member)

    @property
    def build(self) -> tuple[str, str] | None:
        """Project and hash of the environment that a job or an application builds."""
        return (self.project, self.action.hash) if isinstance(self.action, OnBuild) else None

    @property
    def job_id(self) -> str | None:
        return self.action.job_id if isinstance(self.action, OnExistingJob) else None

    @property
    def builder_id(self) -> str | None:
        """ID of an application that builds an environment."""
        return self.action.builder_id if isinstance(self.action, DeleteBuilder) else None

    @property
    def application_id(self) -> str | None:
        return self.action.application_id if isinstance(self.action, OnApplication) else None


@dataclass(frozen=True, slots=True)
class Wait:
    """A member (or, without one, a cluster) that is not touched yet, with the reason.

    `until` is the deadline after which the reason no longer holds; None where a person decides.
    """

    cluster: str
    member: Member | None
    reason: Reason
    message: str
    intent: Intent = Intent.NOTHING
    changes: tuple[Change, ...] = ()
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Violation:
    """A law that a step would break.  `cluster` is the step's; empty for a step of no cluster."""

    cluster: str
    law: str
    message: str

    def __str__(self) -> str:
        return f"{self.cluster or 'environments'}: {self.law}: {self.message}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps allowed now and the waits: of one rule, or of a pass, which has both sorted.

    `refusals` are the laws that the plan of a cluster would have broken; it has none of that
    cluster's steps.
    """

    steps: tuple[Step, ...] = ()
    waits: tuple[Wait, ...] = ()
    refusals: tuple[Violation, ...] = ()

    def __add__(self, other: "Plan") -> "Plan":
        return merge((self, other))

    @property
    def complete(self) -> bool:
        """Nothing to do and nothing outstanding: the world is as the specs say."""
        return not self.steps and all(w.reason.outlook is Outlook.SETTLED for w in self.waits)

    def of(self, cluster: str) -> "Plan":
        return Plan(
            tuple(s for s in self.steps if s.cluster == cluster),
            tuple(w for w in self.waits if w.cluster == cluster),
            tuple(v for v in self.refusals if v.cluster == cluster),
        )


NOTHING = Plan()


def merge(plans: Iterable[Plan]) -> Plan:
    """All steps, waits and refusals, in the order of the plans.  Linear."""
    steps: list[Step] = []
    waits: list[Wait] = []
    refusals: list[Violation] = []
    for plan in plans:
        steps += plan.steps
        waits += plan.waits
        refusals += plan.refusals
    return Plan(tuple(steps), tuple(waits), tuple(refusals))


@dataclass(frozen=True, slots=True)
class Outcome:
    """A step and what came of it.

    `unapplied` names fields that CML accepted and did not take.  `application_id` is that of a
    created application.  `fault` is the kind of the error, `message` its sentence.
    """

    step: Step
    result: Result
    message: str = ""
    fault: FaultKind | None = None
    unapplied: tuple[str, ...] = ()
    application_id: str | None = None
