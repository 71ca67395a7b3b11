"""Room in a workspace: a project's own limits, amounts of resources, quotas."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ProjectSeen:
    """A project as CML shows it to this key; None for what it does not tell."""

    id: str
    name: str
    shared_memory_mb: int | None = None
    may_write: bool | None = None


@dataclass(frozen=True, slots=True)
class Amounts:
    """Cores, GiB and graphics processors; None for what is not known or has no bound."""

    cpu: float | None = None
    memory: float | None = None
    gpu: float | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """What the key's user may use at once, and uses now."""

    limit: Amounts
    used: Amounts
