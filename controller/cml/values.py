"""Results of the client, besides those in `core.model.observed`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

NOTHING: Mapping[str, str] = MappingProxyType({})
"""No variables."""


class Creation(StrEnum):
    """Progress of the creation of a project; a clone may take minutes.

    UNKNOWN is a new or missing status: check the project's files then.
    """

    CREATING = "CREATING"
    READY = "READY"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ProjectState:
    """A project.  `creation_status` is CML's value; shared memory is in MB, as in CML.

    Files may appear after the creation is READY.
    """

    id: str
    name: str
    owner: str = ""
    creation: Creation = Creation.UNKNOWN
    creation_status: str = ""
    shared_memory_limit_mb: int = 0
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


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
    """An entry of a folder.  `size` in bytes; 0 for folders."""

    name: str
    is_dir: bool
    size: int
