"""Status: conditions, members and one word for each cluster.  Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field, PlainSerializer, WithJsonSchema

from controller.core.model.json_object import JsonObject, MomentOrNull, TextOrNull
from controller.core.model.member import THE_HEAD, application_name
from controller.core.model.observed import ObservedApplication
from controller.core.model.ray.report import HeadReport
from controller.core.model.reasons import Reason


def _title(reason: Reason | None) -> str | None:
    return None if reason is None else reason.title


TITLES = [reason.title for reason in Reason]
ReasonTitle = Annotated[
    Reason | None,
    PlainSerializer(_title),
    WithJsonSchema({"anyOf": [{"enum": TITLES}, {"type": "null"}]}),
]


@dataclass(frozen=True, slots=True)
class Condition(JsonObject):
    """A named truth about a cluster."""

    type: str
    """`Ready`, `Synced`, `Reconciling`, `Stalled`, `Suspended`, `UnknownNodes`, `Paused` or
    `AuthenticationDisabled`."""
    status: Annotated[str, WithJsonSchema({"enum": ["True", "False", "Unknown"]})]
    """Status of the condition."""
    reason: str
    """Reason for the status, in CamelCase."""
    message: str
    """Explanation for people; stable while the reason is."""
    revision: str = ""
    """Revision that the condition was judged by."""


RAY_WORDS = {True: "joined", False: "not joined", None: "unknown"}


@dataclass(frozen=True, slots=True)
class MemberStatus(JsonObject):
    """The head or a worker of a cluster, with its application."""

    member: str
    """`head`, or group and ordinal such as `gpu/2`."""
    application: str
    """Name of the application."""
    application_id: TextOrNull
    """Id of the application; null while there is none."""
    phase: Annotated[str, Field(alias="state")]
    """State of the application."""
    ray: str
    """`joined` or `not joined` to Ray, `unknown`, or `-` while its application is down."""
    doing: Annotated[str, Field(alias="waits_for")]
    """The pending change, in words; empty if there is none."""
    reason: ReasonTitle
    """Reason for the pending change, if any."""
    node_id: TextOrNull = ""
    """Ray's id of the node; null while it has not joined."""
    since: MomentOrNull = None
    """Start of the current state, if it is known."""
    launcher: str = ""
    """Path of the launcher that the application runs."""
    edition_behind: bool = False
    """True if a newer edition of the node program waits for the next restart."""
    runtime: TextOrNull = ""
    """Identifier of the application's runtime; null while there is none."""
    accelerator: TextOrNull = ""
    """Kind of GPU that its spec asked for when it was configured; null for any."""
    subdomain: Annotated[str, Field(exclude=True)] = ""


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """One cluster.  `word` is the phase for people; `desired` and `ready` count members.

    `limits`: those of its Ray version, as sentences.
    """

    name: str
    project: str
    word: str
    desired: int
    ready: int
    groups: Mapping[str, tuple[int, int]]  # group -> ready, desired
    conditions: tuple[Condition, ...]
    members: tuple[MemberStatus, ...]
    report: HeadReport | None = None
    limits: tuple[str, ...] = ()

    @property
    def head(self) -> str:
        """Subdomain of the head's application; where there is none, of the one to be."""
        named = (m.subdomain for m in self.members if m.member == str(THE_HEAD))
        return next(named, "") or application_name(self.name, THE_HEAD)

    def condition(self, kind: str) -> Condition | None:
        return next((c for c in self.conditions if c.type == kind), None)


@dataclass(frozen=True, slots=True)
class Status:
    """All clusters, by name: those with a spec, and owned ones without.

    `unreadable`: applications with this owner's mark of which no member can be read.
    """

    clusters: tuple[ClusterStatus, ...]
    as_of: datetime
    revision: str = ""
    unreadable: tuple[ObservedApplication, ...] = ()

    @property
    def limits(self) -> dict[str, tuple[str, ...]]:
        """Of each cluster that has any, by its name."""
        return {cluster.name: cluster.limits for cluster in self.clusters if cluster.limits}

    def cluster(self, name: str) -> ClusterStatus | None:
        return next((c for c in self.clusters if c.name == name), None)
