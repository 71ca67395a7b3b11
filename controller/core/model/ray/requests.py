"""Requests to a head for what only Ray can do, and its answers.

The controller writes a request as a file of the project; the head answers in its report.  A request
is identified by what it asks, so asking twice is asking once.  The head counts the time down by its
own clock: no comparison of clocks decides anything.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from controller.core.model.desired import STATES
from controller.core.model.json_object import JsonObject, Moment, Seconds, Text
from controller.core.model.project import RemovePath

MOST = 1000  # answers of one head


class RequestAction(StrEnum):
    """Actions that a head carries out on a node."""

    DRAIN = "drain"  # give it no more work, let it finish what it has, and end it
    DRAIN_IF_IDLE = "drain_if_idle"  # end it if it is idle at that very moment; refused otherwise


class AnswerState(StrEnum):
    """States of a request."""

    DRAINING = "draining"  # Ray accepted it; the node finishes its work
    DRAINED = "drained"  # Ray has no living node of the engine
    REFUSED = "refused"  # the node is not idle, or Ray refused for another reason: see the message
    FAILED = "failed"  # the head could not ask Ray; it tries again
    EXPIRED = "expired"  # the time is over, and the node is still alive


@dataclass(frozen=True, slots=True)
class HeadRequest(JsonObject):
    """A request that concerns the node of one engine of a member."""

    schema: Literal["raycml.request/v1"] = field(
        default="raycml.request/v1", kw_only=True, repr=False
    )
    """Name and version of the format."""
    id: str
    """Hash of action, member and engine (see `request_id`)."""
    cluster: str
    """Name of the cluster."""
    action: RequestAction
    """Action on the node."""
    member: str
    """Name of the member."""
    engine_id: str
    """CML's id of the engine that runs the node."""
    incarnation: str
    """Start of the head that is asked; another one ignores the request."""
    timeout_s: float
    """Time for the node to finish its work, from the head's first look at the request."""
    reason: str
    """Reason, for people."""
    requested_at: Moment
    """Time of the request, for people."""

    @property
    def path(self) -> str:
        """Path of its file, relative to the project's home."""
        return request_path(self.cluster, self.id)


@dataclass(frozen=True, slots=True)
class HeadAnswer(JsonObject):
    """The state of a request, as the head sees it."""

    action: RequestAction
    """Action of the request."""
    member: Text
    """Name of the member."""
    engine_id: Text
    """CML's id of the engine."""
    state: AnswerState
    """State of the request."""
    message: Text = ""
    """Explanation of the state."""
    remaining_s: Seconds = 0.0
    """Time left for the node, at the time of the report."""

    @property
    def is_refused_idle(self) -> bool:
        """True if the node was to end if it is idle, and was not idle."""
        return self.state is AnswerState.REFUSED and self.action is RequestAction.DRAIN_IF_IDLE


def request_id(action: RequestAction, member: str, engine_id: str) -> str:
    """16 hexadecimal digits; the node program computes the same."""
    text = f"{action.value}\n{member}\n{engine_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def request_path(cluster: str, request: str) -> str:
    return f"{STATES}/{cluster}/requests/{request}.json"


@dataclass(frozen=True, slots=True)
class Drain:
    """Write a request, so that a node finishes its work and ends."""

    request: HeadRequest

    @property
    def path(self) -> str:
        return self.request.path


class Withdraw(RemovePath):
    """Remove a request: its member stays, or is gone."""


@dataclass(frozen=True, slots=True)
class DrainHistory:
    """The drain of an engine: the request, the times of its first and its last write."""

    engine_id: str
    request: str
    since: datetime
    written_at: datetime
