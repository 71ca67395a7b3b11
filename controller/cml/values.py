"""Small values that the client answers with, beside those of `core.observed`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No variables."""


@dataclass(frozen=True, slots=True)
class ProjectRef:
    """A project that exists."""

    id: str
    name: str


class Creation(StrEnum):
    """How far CML is with making a project; a clone may take minutes.

    UNKNOWN is a word that nobody has seen yet, or none: the project's files tell then.
    """

    CREATING = "CREATING"
    READY = "READY"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ProjectState:
    """One project.  `creation_status` is CML's own word; shared memory is in MB, as CML has it.

    Files may lag behind a creation that is READY: look for those that matter.
    """

    id: str
    name: str
    owner: str = ""
    creation: Creation = Creation.UNKNOWN
    creation_status: str = ""
    shared_memory_limit_mb: int = 0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def ref(self) -> ProjectRef:
        return ProjectRef(self.id, self.name)


@dataclass(frozen=True, slots=True)
class RuntimeRef:
    """A runtime; usable when `status` is ENABLED (others: DISABLED, DEPRECATED)."""

    identifier: str
    status: str
    kernel: str = ""
    edition: str = ""
    editor: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One entry of a folder.  `size` in bytes; folders have 0."""

    name: str
    is_dir: bool
    size: int
