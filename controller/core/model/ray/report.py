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
    SecondsOrNull,
    SomeText,
    Text,
    amount_or_null,
    text,
)
from controller.core.model.ray.requests import HeadAnswer

MOST_RESOURCES = 100  # names of one node


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

    @property
    def is_capped(self) -> bool:
        """True if shared memory made the object store smaller, or left it on disk."""
        small = self.store_bytes < self.store_asked_bytes
        return small or (0 < self.shm_bytes < self.store_bytes)


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

    def is_fresh(self, now: datetime, fresh_s: float) -> bool:
        """True if it speaks of the present; clocks may differ by as much either way."""
        return abs((now - self.observed_at).total_seconds()) <= fresh_s
