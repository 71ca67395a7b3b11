"""Reports of heads: members and nodes as Ray has them, and answers to requests.

Files outlive pods, so a report is believed only while it is fresh.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from controller.core.model.json_object import (
    Count,
    JsonObject,
    Moment,
    MomentOrNull,
    SecondsOrNull,
    SomeText,
    Text,
    amount_or_null,
    text,
)
from controller.core.model.ray.requests import HeadAnswer, RequestAction, request_id

MOST_RESOURCES = 100  # names of one node
MOST_UNKNOWN = 200  # nodes
PERIODS = 3.0  # a report is believed for so many of its own periods


def _amounts(value: object) -> dict[str, float]:
    """Amounts above zero; none of anything else."""
    rows = value if isinstance(value, dict) and len(value) <= MOST_RESOURCES else {}
    read = {name: amount_or_null(amount) for name, amount in rows.items()}
    return {text(name): amount for name, amount in read.items() if amount and text(name)}


@dataclass(frozen=True, slots=True)
class MemberReport(JsonObject):
    """One member in a head report."""

    alive: Annotated[bool, Field(strict=True)]
    """True if Ray's node table says ALIVE for the engine that the member's application runs."""
    state: Text = ""
    """State of the member, in the node program's words."""
    message: Text = ""
    """Explanation of the state."""
    fingerprint: Text = ""
    """Fingerprint that the member was started with."""
    node_id: Text = ""
    """Ray's id of the node."""
    engine_id: Text = ""
    """CML's id of the engine that runs the node."""
    idle_s: SecondsOrNull = None
    """Time since the node last ran work; null if it is unknown."""
    store_bytes: Count = 0
    """Size of the node's object store; 0 if it is unknown."""
    store_asked_bytes: Count = 0
    """Size that it would have with enough shared memory; 0 if it is unknown."""
    shm_bytes: Count = 0
    """Shared memory of the pod when the node started; 0 if it is unknown."""
    mesh: Text = ""
    """`istio` if the member's pod has a sidecar of Istio, `none` if not; empty if it is unknown."""
    to_head: Text = ""
    """Outcome of the member's last probe of the head, such as `reached`; empty without one."""
    from_head: Text = ""
    """Outcome of the head's last probe of the member's node manager; empty without one."""
    used: Annotated[Mapping[str, float], BeforeValidator(_amounts)] = field(default_factory=dict)
    """Ray's resources in use on the node, by name; empty if none is, or if it is unknown."""
    silent_s: SecondsOrNull = None
    """Time since the member's node program last wrote its state; null if it is unknown."""
    ray_version: Text = ""
    """Version of Ray in the member's interpreter; empty if it is unknown."""
    python_version: Text = ""
    """Version of Python of the member's interpreter; empty if it is unknown."""

    @property
    def is_capped(self) -> bool:
        """True if shared memory made the object store smaller, or left it on disk."""
        small = self.store_bytes < self.store_asked_bytes
        return small or (0 < self.shm_bytes < self.store_bytes)


@dataclass(frozen=True, slots=True)
class UnknownNode(JsonObject):
    """A living node of Ray that belongs to no application of the cluster."""

    node_id: Text = ""
    """Ray's id of the node."""
    node_ip: Text = ""
    """Address of the node."""
    node_name: Text = ""
    """Name of the node; that of a member for a node that raycml started."""
    fingerprint: Text = ""
    """Fingerprint that the node was started with; empty for a node that raycml did not start."""


def _nodes(value: object) -> list[object]:
    """The rows that are objects; none of anything else."""
    rows = value[:MOST_UNKNOWN] if isinstance(value, list | tuple) else []
    return [row for row in rows if isinstance(row, dict | UnknownNode)]


@dataclass(frozen=True, slots=True)
class HeadJson(JsonObject):
    """The last report of a cluster's head."""

    address: Text
    """Address of the head, as host:port."""
    incarnation: SomeText
    """Id of this start of the head."""
    observed_at: Moment
    """Time of the report."""
    ray_version: Text
    """Version of Ray on the head."""
    python_version: Text
    """Version of Python on the head."""
    mesh: Text = field(default="", kw_only=True)
    """`istio` if the head's pod has a sidecar of Istio, `none` if not; empty if it is unknown."""
    auth_mode: Text = field(default="", kw_only=True)
    """`token` if Ray asks for the cluster's token, `disabled` if not; empty in a report of an older
    edition, which disables it."""


@dataclass(frozen=True, slots=True)
class HeadReport(HeadJson):
    """The report of a head.  Files outlive pods: only a fresh `observed_at` makes it true."""

    schema: Literal["raycml.ray/v1"] = field(default="raycml.ray/v1", kw_only=True, repr=False)
    """Name and version of the format."""
    cluster: str
    """Name of the cluster."""
    members: Mapping[str, MemberReport]
    """Members, by name."""
    answers: Mapping[str, HeadAnswer] | None = None
    """Answers to requests, by id of the request; null from a head that takes none."""
    period_s: SecondsOrNull = None
    """Time between two reports; null from a head that does not tell it."""
    error: Text = ""
    """Error of the head's last reading of Ray's state; empty if it succeeded."""
    unknown_nodes: Annotated[tuple[UnknownNode, ...], BeforeValidator(_nodes)] = ()
    """Living nodes of Ray that belong to no member, at most 200."""
    store_generation: Text = ""
    """Store that outlives the head, and with it the nodes of workers; empty without one."""
    read_at: MomentOrNull = None
    """Time at which this process read it; null before."""

    def answers_to(self, member: str, engine_id: str) -> tuple[HeadAnswer, ...]:
        """Answers to the requests for this node, at most one to each action."""
        answers = self.answers or {}
        found = (answers.get(request_id(one, member, engine_id)) for one in RequestAction)
        return tuple(answer for answer in found if answer is not None)

    def is_fresh(self, now: datetime, fresh_s: float) -> bool:
        """True if it spoke of the present when it was read; clocks may differ by as much.

        It is believed for three of its periods, and at most `fresh_s`.
        """
        believed_s = min(PERIODS * self.period_s, fresh_s) if self.period_s else fresh_s
        return abs(((self.read_at or now) - self.observed_at).total_seconds()) <= believed_s
