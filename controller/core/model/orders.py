"""Orders of a person that the leading controller carries out, and what it answers."""

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from controller.core.model.plan import Result

LONGEST_S = 3600.0  # no order stands for longer, whatever it says
SKEW_S = 300.0  # how far the clock of the one who orders may be off


class OrderKind(Enum):
    """The command that a person typed."""

    DELETE = "delete"
    ADOPT = "adopt"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Order:
    """One order.  `project` is the one in which its file lies, and in which alone it acts.

    `pairs` (member, id of an application) and `from_owner` are of an adoption.  Carrying an order
    out again changes nothing more, so an id is enough to be told apart.
    """

    id: str
    owner: str
    project: str
    kind: OrderKind
    clusters: tuple[str, ...]
    by: str
    at: datetime
    timeout_s: float
    pairs: tuple[tuple[str, str], ...] = ()
    from_owner: str = ""

    @property
    def stands_s(self) -> float:
        return min(self.timeout_s, LONGEST_S)

    def is_current(self, now: datetime) -> bool:
        """Whether it may still be carried out; an order from a clock far ahead may not."""
        age_s = (now - self.at).total_seconds()
        return -SKEW_S <= age_s <= self.stands_s + SKEW_S


@dataclass(frozen=True, slots=True)
class OrderedChange:
    """The outcome of one write into an application, for the table that the command prints."""

    application_id: str
    result: Result
    message: str = ""
    unapplied: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderAnswer:
    """The end of an order: an exit code of the command, and a sentence where it is no success."""

    id: str
    code: int
    at: datetime
    message: str = ""
    remedy: str = ""
    changes: tuple[OrderedChange, ...] = ()
