"""Events: what happened, in words, once for each matter however often it happens again."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class Kind(StrEnum):
    """Whether somebody should look."""

    NORMAL = "Normal"
    WARNING = "Warning"


@dataclass(frozen=True, slots=True)
class Event:
    """One matter: `count` times since `first_at`, lately at `last_at`.

    `cluster` is empty for what concerns the controller or its source, `member` for what concerns a
    whole cluster.  `reason` is CamelCase; `pass_id` and `revision` are those of the last time.
    """

    kind: Kind
    reason: str
    message: str
    cluster: str = ""
    member: str = ""
    count: int = 1
    first_at: datetime | None = None
    last_at: datetime | None = None
    pass_id: str = ""
    revision: str = ""

    @property
    def object(self) -> str:
        return f"{self.cluster} {self.member}".strip() or "controller"
