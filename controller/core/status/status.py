"""Status: conditions, members and one word for each cluster.  Values only."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import WithJsonSchema

from controller.core.model.json_object import JsonObject
from controller.core.model.member import THE_HEAD, application_name
from controller.core.model.observed import (
    HeadReport,
    ObservedApplication,
)
from controller.core.model.reasons import Reason


@dataclass(frozen=True, slots=True)
class Condition(JsonObject):
    """A named truth about a cluster."""

    type: str
    """`Ready`, `Synced`, `Reconciling`, `Stalled`, `Suspended` or `Paused`."""
    status: Annotated[str, WithJsonSchema({"enum": ["True", "False", "Unknown"]})]
    """Status of the condition."""
    reason: str
    """Reason for the status, in CamelCase."""
    message: str
    """Explanation for people; stable while the reason is."""
    revision: str = ""
    """Revision that the condition was judged by."""


@dataclass(frozen=True, slots=True)
class MemberStatus:
    """One row of the table: `ray` is joined, "not joined" or unknown; `doing` says what is next."""

    member: str
    application: str
    application_id: str
    phase: str
    ray: str
    doing: str
    reason: Reason | None
    node_id: str = ""
    since: datetime | None = None
    launcher: str = ""
    edition_behind: bool = False
    subdomain: str = ""


@dataclass(frozen=True, slots=True)
class ClusterStatus:
    """One cluster.  `word` is the phase for people; `desired` and `ready` count members."""

    name: str
    project: str
    word: str
    desired: int
    ready: int
    groups: Mapping[str, tuple[int, int]]  # group -> ready, desired
    conditions: tuple[Condition, ...]
    members: tuple[MemberStatus, ...]
    report: HeadReport | None = None

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

    def cluster(self, name: str) -> ClusterStatus | None:
        return next((c for c in self.clusters if c.name == name), None)
