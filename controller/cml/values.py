"""Small values that the client answers with, beside those of `core.observed`."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProjectRef:
    """A project that exists."""

    id: str
    name: str


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
