"""Records of projects, applications and engines, and their JSON on the wire.

Plain mutable records, which `store.py` saves unchanged.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum

from controller.emulator.options import Capacity, User
from controller.emulator.pods.lifecycle import Status


def stamp(when: datetime | None) -> str | None:
    """RFC 3339 in UTC with a fraction; null if it never happened."""
    if when is None:
        return None
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def json_text(environment: dict[str, str]) -> str:
    """Variables as in answers: compact JSON in a string, with slashes escaped as by CML."""
    compact = (",", ":")
    text = json.dumps(environment, sort_keys=True, ensure_ascii=False, separators=compact)
    return text.replace("/", "\\/")


def wire_fields(row: object, *names: str) -> dict[str, object]:
    """The JSON form of these fields of a row, in this order."""
    return {name: _wire(getattr(row, name)) for name in names}


def _wire(value: object) -> object:
    if isinstance(value, datetime):
        return stamp(value)
    if isinstance(value, User):
        return value.wire()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, list):
        return [dict(item) if isinstance(item, dict) else item for item in value]
    return json_text(value) if isinstance(value, dict) else value


PERMISSIONS = {
    "read": True,
    "write": True,
    "admin": True,
    "business_user": True,
    "operator": True,
    "inherit": False,
}


@dataclass(slots=True)
class Project:
    """A project; `number` is the internal ID, visible only in pods and usage rows.

    `collaborators` has the permission of each, by username; `cloning` is the process ID of an
    active clone.
    """

    id: str
    number: int
    owner: User
    created_at: datetime
    updated_at: datetime
    name: str = ""
    description: str = ""
    visibility: str = "private"
    default_engine_type: str = "ml_runtime"
    shared_memory_limit: int = 64
    ephemeral_storage_request: int = 0
    ephemeral_storage_limit: int = 10
    environment: dict[str, str] = field(default_factory=dict)
    collaborators: dict[str, str] = field(default_factory=dict)
    deleting: bool = False
    cloning: str = ""
    creation_failed: bool = False
    slug: str = ""

    @property
    def creator(self) -> User:
        return self.owner

    def creation_status(self, ready: str, *, settled: bool) -> str:
        """`ready` once the project is; `settled`: the time of `creating` is over."""
        if self.creation_failed:
            return "failure"
        return ready if settled and not self.cloning else "creating"

    def wire(self, ready: str, *, settled: bool) -> dict[str, object]:
        return {
            **wire_fields(self, "id", "name", "owner", "creator", "description", "visibility"),
            **wire_fields(self, "default_engine_type", "created_at", "updated_at"),
            "creation_status": self.creation_status(ready, settled=settled),
            "permissions": PERMISSIONS,
            **wire_fields(self, "shared_memory_limit", "environment"),
            **wire_fields(self, "ephemeral_storage_request", "ephemeral_storage_limit", "slug"),
        }


@dataclass(slots=True)
class Workload:
    """The common fields of applications, jobs and runs of jobs."""

    id: str
    project_id: str
    creator: User
    created_at: datetime
    kernel: str = ""
    cpu: float = 1
    memory: float = 1
    nvidia_gpu: int = 0
    environment: dict[str, str] = field(default_factory=dict)
    runtime_identifier: str = ""
    resource_group_id: int = 0


@dataclass(slots=True)
class Definition(Workload):
    """The common fields of applications and jobs, which users define."""

    updated_at: datetime = field(kw_only=True)
    name: str = ""
    script: str = ""
    runtime_addon_identifiers: list[str] = field(default_factory=list)
    run_as: int = 0
    accelerator_label_id: str = "0"
    resource_profile_id: int = 0


APPLICATION_FIELDS = (
    *("id", "name", "description", "creator", "script", "subdomain", "status", "created_at"),
    *("stopped_at", "updated_at", "starting_at", "running_at", "kernel"),
    *("cpu", "memory", "nvidia_gpu", "bypass_authentication", "environment"),
    *("runtime_identifier", "runtime_addon_identifiers", "run_as", "cdv_app"),
    *("accelerator_label_id", "resource_group_id", "resource_profile_id"),
)


@dataclass(slots=True)
class Application(Definition):
    """An application.

    `engine_id` is the current pod, `stopping_id` one that is stopping; at most one of them is set.
    `queued` orders applications that wait for capacity.  A change of a field drops the rendered
    JSON.
    """

    description: str = ""
    subdomain: str = ""
    bypass_authentication: bool = False
    cdv_app: bool = False
    status: Status = Status.STARTING
    starting_at: datetime | None = None
    running_at: datetime | None = None
    stopped_at: datetime | None = None
    engine_id: str = ""
    stopping_id: str = ""
    deleting: bool = False
    queued: int = 0
    due: datetime | None = None
    auto_restarts_done: int = 0
    rendered: dict[str, object] | None = field(default=None, repr=False)

    def __setattr__(self, name: str, value: object) -> None:
        object.__setattr__(self, name, value)
        object.__setattr__(self, "rendered", None)

    def wire(self) -> dict[str, object]:
        """All fields, including defaults; a shared, read-only object until the next change."""
        if self.rendered is None:
            object.__setattr__(self, "rendered", wire_fields(self, *APPLICATION_FIELDS))
        return self.rendered or {}


@dataclass(slots=True)
class Engine:
    """A running or ended pod: its resources, and its end; `status` as in usage rows.

    The engine of a run has the run's ID, and no application.  `node` counts from 0.
    """

    id: str
    project_id: str
    name: str
    creator: User
    cpu: float
    memory: float
    nvidia_gpu: int
    ip_address: str
    created_at: datetime
    application_id: str = ""
    subdomain: str = ""
    node: int = 0
    workload_type: str = "application"
    status: str = "starting"
    ended_at: datetime | None = None
    exit_code: int = 0
    signal: int = 0
    oom_killed: bool = False
    message: str = ""
    project_name: str = ""


def resources(pods: Iterable[Engine | Workload]) -> Capacity:
    """The resources of these pods together."""
    rows = tuple(pods)
    return Capacity(
        sum(row.cpu for row in rows),
        sum(row.memory for row in rows),
        sum(row.nvidia_gpu for row in rows),
    )
