"""The JSON documents of plan, status, events and orphans, each with its JSON Schema.

They hold nothing that an action sends (fields, environments, configurations), because that may hold
secrets.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import WithJsonSchema

from controller.core.model.json_object import Count, JsonObject, Moment, MomentOrNull
from controller.core.model.observed import ObservedApplication
from controller.core.model.plan import ACTION_NAMES, Change, Plan, Step, Wait
from controller.core.model.ray.report import HeadJson
from controller.core.status.events import Event
from controller.core.status.plan_text import summary
from controller.core.status.status import TITLES, ClusterStatus, Condition, MemberStatus, Status
from controller.core.status.text import Url

ReasonTitle = Annotated[str, WithJsonSchema({"enum": TITLES})]
ActionName = Annotated[str, WithJsonSchema({"enum": list(ACTION_NAMES)})]


@dataclass(frozen=True, slots=True)
class StepJson(JsonObject):
    """An action that the plan takes now."""

    action: ActionName
    """Kind of action."""
    cluster: str
    """Name of the cluster; empty for an action that concerns no cluster."""
    member: str | None
    """Member that the action changes, if any."""
    application_id: str | None
    """Application that the action changes, if any."""
    reason: ReasonTitle
    """Reason for the action."""
    changes: tuple[Change, ...]
    """Differences that the action removes."""
    impact: str
    """Effect on running work; empty if there is none."""


@dataclass(frozen=True, slots=True)
class WaitJson(JsonObject):
    """A member that the plan does not change yet."""

    cluster: str
    """Name of the cluster."""
    member: str | None
    """The member; null for the whole cluster."""
    reason: ReasonTitle
    """Reason for the wait."""
    message: str
    """Explanation for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanJson(JsonObject):
    """The actions that raycml takes now, and the waits."""

    schema: Literal["raycml.plan/v1"] = "raycml.plan/v1"
    """Name and version of the format."""
    revision: str
    """Revision that the plan leads to."""
    steps: tuple[StepJson, ...]
    """Actions, in their order."""
    waits: tuple[WaitJson, ...]
    """Members that are not changed yet."""
    complete: bool
    """True if nothing is left to do."""
    summary: Mapping[str, Count]
    """Number of members by kind of change, and of launchers."""
    limits: Mapping[str, tuple[str, ...]]
    """Limits of the Ray versions in use, as sentences, by the name of the cluster."""


def plan_json(plan: Plan, revision: str, limits: Mapping[str, tuple[str, ...]] = {}) -> PlanJson:
    return PlanJson(
        revision=revision,
        steps=tuple(map(_step_json, plan.steps)),
        waits=tuple(map(_wait_json, plan.waits)),
        complete=plan.complete and not plan.refusals,
        summary=summary(plan),
        limits=limits,
    )


def _step_json(step: Step) -> StepJson:
    return StepJson(
        action=step.name,
        cluster=step.cluster,
        member=None if step.member is None else str(step.member),
        application_id=step.application_id or step.builder_id,
        reason=step.reason.title,
        changes=step.changes,
        impact=step.impact,
    )


def _wait_json(wait: Wait) -> WaitJson:
    member = None if wait.member is None else str(wait.member)
    return WaitJson(wait.cluster, member, wait.reason.title, wait.message)


@dataclass(frozen=True, slots=True)
class GroupJson(JsonObject):
    """The size of the head or of one worker group."""

    ready: Count
    """Members that are ready."""
    desired: Count
    """Members that the spec asks for."""


@dataclass(frozen=True, slots=True)
class ClusterJson(JsonObject):
    """One cluster."""

    name: str
    """Name of the cluster."""
    project: str
    """Id of its project."""
    state: str
    """State in one word, such as `Ready`."""
    desired: Count
    """Members that the spec asks for."""
    ready: Count
    """Members that are ready."""
    groups: Mapping[str, GroupJson]
    """Sizes of the head (`head`) and of each worker group."""
    url: str
    """Address of the dashboard; empty if it is unknown."""
    head: HeadJson | None
    """Last report of the head, if any."""
    conditions: tuple[Condition, ...]
    """Conditions of the cluster."""
    members: tuple[MemberStatus, ...]
    """Members of the cluster, the head first."""
    limits: tuple[str, ...]
    """Limits of its Ray version, as sentences."""


@dataclass(frozen=True, slots=True)
class UnreadableJson(JsonObject):
    """An application with this owner's mark of which no member can be read."""

    application_id: str
    """Id of the application."""
    project: str
    """Id of its project."""
    name: str
    """Name of the application."""
    state: str
    """State of the application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusJson(JsonObject):
    """All clusters at one moment: those with a spec, and those of this owner without one."""

    schema: Literal["raycml.status/v1"] = "raycml.status/v1"
    """Name and version of the format."""
    as_of: Moment
    """Time of the observation."""
    revision: str
    """Revision that the clusters were compared with."""
    clusters: tuple[ClusterJson, ...]
    """Clusters, by name."""
    unreadable: tuple[UnreadableJson, ...]
    """Applications of this owner that belong to no member."""


def status_json(status: Status, url: Url) -> StatusJson:
    return StatusJson(
        as_of=status.as_of,
        revision=status.revision,
        clusters=tuple(cluster_json(cluster, url) for cluster in status.clusters),
        unreadable=tuple(map(unreadable_json, status.unreadable)),
    )


def unreadable_json(app: ObservedApplication) -> UnreadableJson:
    return UnreadableJson(app.id, app.project, app.name, str(app.phase))


def cluster_json(cluster: ClusterStatus, url: Url) -> ClusterJson:
    return ClusterJson(
        name=cluster.name,
        project=cluster.project,
        state=cluster.word,
        desired=cluster.desired,
        ready=cluster.ready,
        groups={g: GroupJson(ready, desired) for g, (ready, desired) in cluster.groups.items()},
        url=url(cluster.head),
        head=cluster.report,
        conditions=cluster.conditions,
        members=cluster.members,
        limits=cluster.limits,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class EventsJson(JsonObject):
    """Events of a project or a controller."""

    schema: Literal["raycml.events/v1"] = "raycml.events/v1"
    """Name and version of the format."""
    as_of: Moment
    """Time of the reading."""
    events: tuple[Event, ...]
    """The events."""


def events_json(events: Iterable[Event], as_of: datetime) -> EventsJson:
    """The events in their order."""
    return EventsJson(as_of=as_of, events=tuple(events))


@dataclass(frozen=True, slots=True)
class OrphanJson(JsonObject):
    """An application of this owner without a spec."""

    cluster: str
    """Cluster that its mark names."""
    member: str
    """Member that its mark names."""
    application_id: str
    """Id of the application."""
    project: str
    """Id of its project."""
    state: str
    """State of the application."""
    since: MomentOrNull
    """Start of the state, or else creation of the application."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrphansJson(JsonObject):
    """The applications of this owner without a spec."""

    schema: Literal["raycml.orphans/v1"] = "raycml.orphans/v1"
    """Name and version of the format."""
    revision: str
    """Revision of the specs."""
    as_of: Moment
    """Time of the observation."""
    complete: bool
    """False if a list of applications was not complete: there may be more."""
    orphans: tuple[OrphanJson, ...]
    """The applications, by cluster and member."""
    unreadable: tuple[UnreadableJson, ...]
    """Applications of this owner that belong to no member."""
