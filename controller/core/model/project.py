"""Projects: their limits and quotas, and the actions that set one up."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ProjectSeen:
    """A project as CML shows it to this key; None for what it does not tell.

    `variables` are the names in its environment.
    """

    id: str
    name: str
    shared_memory_mb: int | None = None
    may_write: bool | None = None
    variables: frozenset[str] = frozenset()
    untyped: tuple[str, ...] = ()  # variables whose values are no text


@dataclass(frozen=True, slots=True)
class Amounts:
    """Cores, GiB and graphics processors; None for what is not known or has no bound."""

    cpu: float | None = None
    memory: float | None = None
    gpu: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """Quota of the key's user: the limit, and present use."""

    limit: Amounts
    used: Amounts


@dataclass(frozen=True, slots=True)
class NewProject:
    """A project to make: a clone of `git_url` at `git_ref` where one is given, else empty.

    `git_ref` is a branch or a tag; empty for the repository's own default.
    """

    name: str
    description: str = ""
    git_url: str = field(default="", repr=False)
    git_ref: str = ""
    shared_memory_limit_mb: int = 0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    visibility: str = "private"


@dataclass(frozen=True, slots=True)
class CreateProject:
    """POST: a project, and a clone into it, which goes on after the call."""

    project: NewProject


@dataclass(frozen=True, slots=True)
class RaiseSharedMemory:
    """PATCH of the project's limit, in MB; new pods see it."""

    limit_mb: int


@dataclass(frozen=True, slots=True)
class SharedMemoryHistory:
    """The shared memory limit of a project, as last read or set, and tries to raise it.

    `denied_mb`: the greatest limit that CML refused or ignored, and `message` says so; `failures`:
    calls in a row that failed for another reason.
    """

    limit_mb: int | None = None
    denied_mb: int = 0
    message: str = ""
    failures: int = 0
    failed_at: datetime | None = None

    def tried(
        self, action: RaiseSharedMemory, now: datetime, *, is_done: bool, denied: str
    ) -> "SharedMemoryHistory":
        """The same after a try.  `denied`: the words in which CML refused or ignored it."""
        if is_done:
            return SharedMemoryHistory(action.limit_mb)
        if denied:
            return replace(self, denied_mb=action.limit_mb, message=denied)
        return replace(self, failures=self.failures + 1, failed_at=now)


@dataclass(frozen=True, slots=True)
class DeleteProject:
    """Remove a project with all that is in it; asynchronous."""


@dataclass(frozen=True, slots=True)
class WriteFile:
    """Write one file of the controller's own."""

    path: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class RemovePath:
    """Removal of one file or folder of the project."""

    path: str


class RemoveFile(RemovePath):
    """Remove one file or folder of the controller's own."""


ProjectAction = CreateProject | RaiseSharedMemory | DeleteProject
