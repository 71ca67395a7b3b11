"""Orders of people that the leading controller carries out, and its answers."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from controller.core.model.faults import Result
from controller.core.model.json_object import (
    ITEMS_LIMIT,
    Flag,
    JsonObject,
    Moment,
    Person,
    Seconds,
    Text,
    Texts,
    text,
    texts,
)

LONGEST_S = 3600.0  # no order is valid for longer
SKEW_S = 300.0  # accepted difference between the two clocks


class OrderKind(Enum):
    """The command that a person typed."""

    DELETE = "delete"
    ADOPT = "adopt"
    RELEASE = "release"
    ROTATE = "rotate-token"
    RETIRE = "retire"


def _rows(value: object) -> list[object]:
    rows = value[:ITEMS_LIMIT] if isinstance(value, list) else []
    return [row if isinstance(row, dict) else {} for row in rows]


def _pairs(value: object) -> list[tuple[str, ...]]:
    return [texts(row) for row in value[:ITEMS_LIMIT]] if isinstance(value, list) else []


def _result(value: object) -> Result:
    try:
        return Result(text(value))
    except ValueError:
        return Result.UNKNOWN


OrderId = Annotated[str, StringConstraints(pattern="^[0-9a-f]{16}$")]


@dataclass(frozen=True, slots=True)
class Order(JsonObject):
    """One order.  Carrying it out again changes nothing more."""

    schema: Literal["raycml.order/v1"] = field(default="raycml.order/v1", kw_only=True, repr=False)
    """Name and version of the format."""
    id: OrderId
    """Random id of the order."""
    owner: Text
    """Installation whose leader is to carry it out."""
    project: Text
    """Project of the file, in which alone the order acts."""
    kind: OrderKind
    """The command."""
    clusters: Annotated[Texts, Field(min_length=1)]
    """Clusters that the command names."""
    by: Person
    """Person who gave the command."""
    at: Moment
    """Time of the command."""
    timeout_s: Seconds
    """Time for which the command waits."""
    pairs: Annotated[tuple[tuple[str, str], ...], BeforeValidator(_pairs)] = ()
    """Of an adoption or a retirement: members, each with the id of its application."""
    from_owner: Text = ""
    """Of an adoption: the previous owner of the applications."""
    keep: Flag = False
    """Of an adoption: true if the applications stay as they are until their spec changes."""
    incarnation: Text = ""
    """Of a rotation: id of the head's start that is to end; any other has another token already."""
    now: Flag = False
    """Of a deletion or a retirement: true if Ray nodes do not finish their work before."""

    @property
    def stands_s(self) -> float:
        return min(self.timeout_s, LONGEST_S)

    def is_current(self, now: datetime) -> bool:
        """False for an order that is too old, or from a clock that is far ahead."""
        age_s = (now - self.at).total_seconds()
        return -SKEW_S <= age_s <= self.stands_s + SKEW_S


@dataclass(frozen=True, slots=True)
class OrderedChange(JsonObject):
    """The outcome of one write into an application, for the table that the command prints."""

    application_id: Annotated[Text, Field(alias="application")] = ""
    """Id of the application."""
    result: Annotated[Result, BeforeValidator(_result)] = Result.UNKNOWN
    """Result of the write."""
    message: Text = ""
    """Explanation of the result."""
    unapplied: Texts = ()
    """Fields that CML did not take."""


@dataclass(frozen=True, slots=True)
class OrderAnswer(JsonObject):
    """The end of an order."""

    schema: Literal["raycml.order-answer/v1"] = field(
        default="raycml.order-answer/v1", kw_only=True, repr=False
    )
    """Name and version of the format."""
    id: OrderId
    """Id of the order."""
    code: Annotated[int, Field(strict=True)]
    """Exit code for the command."""
    at: Moment
    """Time of the answer."""
    message: Text = ""
    """Explanation of a failure."""
    remedy: Text = ""
    """Remedy for a failure."""
    changes: Annotated[tuple[OrderedChange, ...], BeforeValidator(_rows)] = ()
    """Writes that were tried."""
