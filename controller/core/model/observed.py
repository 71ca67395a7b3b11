"""Observed state: what CML and Ray reported, and when.

Values only.  What is not known is None or absent, never zero: an unread report is not an empty
one, and a list that may lack something says so.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum, StrEnum
from typing import Literal

from controller.core.model.jobs import ObservedEnvironment
from controller.core.model.json_object import (
    JsonObject,
    Moment,
    MomentOrNull,
    Person,
    Text,
)
from controller.core.model.member import (
    CONTROLLER,
    SUBDOMAIN,
    THE_CONTROLLER,
    Key,
    Mark,
    application_name,
    names_this_application,
    read_mark,
)
from controller.core.model.offers import Offers
from controller.core.model.ray.report import HeadReport
from controller.core.spec.placement.kinds import PlacementIds


class Phase(StrEnum):
    """An application's status, normalised.  What CML says otherwise is UNKNOWN."""

    STARTING = "STARTING"
    RUNNING = "RUNNING"
    STOPPING = "STOPPING"
    STOPPED = "STOPPED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class ObservedApplication(PlacementIds):
    """One application as a list or a GET reported it.  Memory in GiB (CML says GB)."""

    id: str
    project: str
    name: str
    subdomain: str
    phase: Phase
    script: str = ""
    cpu: float = 0.0
    memory: float = 0.0
    gpu: int = 0
    runtime: str = ""
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)
    status: str = ""
    public: bool = False  # CML asks for no sign-in before its page
    created_at: datetime | None = None
    starting_at: datetime | None = None
    running_at: datetime | None = None
    stopped_at: datetime | None = None
    mark: Mark | None = field(init=False, compare=False, repr=False)  # parsed once

    def __post_init__(self) -> None:
        object.__setattr__(self, "mark", read_mark(self.environment, self.subdomain))

    @property
    def in_phase_since(self) -> datetime | None:
        """Start of its present phase, where CML reports one."""
        starts = {Phase.RUNNING: self.running_at, Phase.STARTING: self.starting_at}
        return self.stopped_at if self.phase is Phase.STOPPED else starts.get(self.phase)


@dataclass(frozen=True, slots=True)
class LauncherFile:
    """A launcher in the project's files; `modified_at` is None where the files API hides it."""

    path: str
    modified_at: datetime | None = None
    size: int | None = None  # None where it was not read

    def is_whole(self, sizes: Mapping[str, int]) -> bool:
        """False for one of another size than it must have; half an upload has its full name."""
        return self.size is None or sizes.get(self.path, self.size) == self.size


@dataclass(frozen=True, slots=True)
class ClusterFolder:
    """A folder of one cluster's files: states and reports, logs, or launchers of which none is
    left.  `modified_at` is None where the files API hides it."""

    cluster: str
    path: str
    modified_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Pause(JsonObject):
    """A person's order to only watch a cluster."""

    schema: Literal["raycml.pause/v1"] = field(default="raycml.pause/v1", kw_only=True, repr=False)
    """Name and version of the format."""
    cluster: str
    """Name of the cluster."""
    reason: Text
    """Reason for the pause."""
    by: Person
    """Person who paused the cluster."""
    since: Moment
    """Start of the pause."""
    until: MomentOrNull = None
    """End of the pause; null for none."""

    def __str__(self) -> str:
        return f"paused by {self.by}: {self.reason}"

    def holds(self, now: datetime) -> bool:
        return self.until is None or now < self.until


class Listed(Enum):
    """State of the list of a project's applications; only a whole one authorises a deletion."""

    WHOLE = "whole"
    TORN = "torn"  # a page repeated or shifted
    FAILED = "failed"  # it, or the project's files, could not be read this time
    MISSING = "missing"  # the project does not exist, or may not be seen


@dataclass(frozen=True, slots=True)
class ObservedProject:
    """The applications of one project.  `why` it was not listed, where it FAILED or is MISSING."""

    project: str
    applications: tuple[ObservedApplication, ...] = ()
    listed: Listed = Listed.WHOLE
    why: str = ""
    shared_memory_mb: int | None = None  # its limit, where that was read

    @property
    def complete(self) -> bool:
        """True if an absence from the list means something."""
        return self.listed is Listed.WHOLE


@dataclass(frozen=True, slots=True)
class ObservedFiles:
    """Files of raycml, by project; read only when there is something to do.

    `environments` are by hash; one that is not among them does not exist.  None: not read.
    `unread`: projects whose files could not be read this time, and why.
    """

    launchers: Mapping[str, tuple[LauncherFile, ...]]
    unread: Mapping[str, str] = field(default_factory=dict)
    environments: Mapping[str, Mapping[str, ObservedEnvironment]] | None = None
    folders: Mapping[str, tuple[ClusterFolder, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObservedPauses:
    """Pauses by project and cluster, since a pause is of the cluster in its own project.

    `unread`: projects whose pauses could not be read this time, and why.
    """

    by_cluster: Mapping[tuple[str, str], Pause] = field(default_factory=dict)
    unread: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ObservedState:
    """One look at the world.

    `reports` by cluster; `pauses`, `files`, `offers` only where read, as are `leaving`: reports of
    clusters that leave a project, by project and cluster.
    """

    as_of: datetime
    projects: Mapping[str, ObservedProject]
    reports: Mapping[str, HeadReport] = field(default_factory=dict)
    files: ObservedFiles | None = None
    pauses: ObservedPauses | None = None
    offers: Offers | None = None
    leaving: Mapping[tuple[str, str], HeadReport] = field(default_factory=dict)

    @property
    def applications(self) -> Iterator[ObservedApplication]:
        return (app for project in self.projects.values() for app in project.applications)

    def with_pauses(self, pauses: ObservedPauses) -> "ObservedState":
        """The same with the pauses; where those are unknown, nothing is decided."""
        return replace(self, projects=self._without(pauses.unread), pauses=pauses)

    def with_files(self, files: ObservedFiles) -> "ObservedState":
        """The same with the files; where those are unknown, nothing is decided."""
        return replace(self, projects=self._without(files.unread), files=files)

    def _without(self, unread: Mapping[str, str]) -> dict[str, ObservedProject]:
        projects = dict(self.projects)
        for project, why in unread.items():
            failure = f"its files cannot be read: {why}"
            projects[project] = replace(projects[project], listed=Listed.FAILED, why=failure)
        return projects

    def with_shared_memory(self, limits: Mapping[str, int]) -> "ObservedState":
        """The same with the limits of these projects, in MB."""
        projects = dict(self.projects)
        for project, limit in limits.items():
            projects[project] = replace(projects[project], shared_memory_mb=limit)
        return replace(self, projects=projects)

    def with_offers(self, offers: Offers) -> "ObservedState":
        """The same with what the workspace offers; an image that runs here is among it."""
        up = (Phase.RUNNING, Phase.STARTING)
        running = {app.runtime for app in self.applications if app.phase in up}
        return replace(self, offers=offers.with_images(sorted(running)))

    def pause(self, project: str, cluster: str) -> Pause | None:
        """The pause that holds now; None also where no pauses were read."""
        pause = None if self.pauses is None else self.pauses.by_cluster.get((project, cluster))
        return pause if pause is not None and pause.holds(self.as_of) else None

    def owned(self, owner: str) -> tuple[ObservedApplication, ...]:
        """Applications that carry this owner's mark, in a stable order."""
        ours = (app for app in self.applications if is_ours(app, owner))
        return tuple(sorted(ours, key=lambda app: (app.project, app.id)))

    def is_complete(self, project: str) -> bool:
        """True if an absence from the list of this project means something."""
        return project in self.projects and self.projects[project].complete

    def unreadable(self, owner: str) -> tuple[ObservedApplication, ...]:
        """Applications that say they are this owner's, of no member that can be read.

        Nothing is decided on them; they are reported, so that nothing runs unseen.
        """
        unmarked = (app for app in self.applications if not app.mark)
        theirs = (a for a in unmarked if names_this_application(a.environment, a.subdomain, owner))
        return tuple(sorted(theirs, key=lambda a: (a.project, a.id)))

    def complete(self) -> bool:
        return all(p.complete for p in self.projects.values())


def has_own_name(application: ObservedApplication) -> bool:
    """True if an owned application has the name of its member."""
    key = key_of(application)
    return application.subdomain == application_name(key.cluster, key.member)


def is_ours(application: ObservedApplication, owner: str) -> bool:
    mark = application.mark
    return mark is not None and mark.owner == owner


def is_controller(application: ObservedApplication, owner: str) -> bool:
    """True if it is the owner's controller; a copy made by hand repeats another's subdomain."""
    variables = application.environment
    own = variables.get(SUBDOMAIN) == application.subdomain
    return own and bool(owner) and variables.get(CONTROLLER) == owner


def fills(application: ObservedApplication, owner: str, key: Key | None) -> bool:
    """True if it carries the owner's mark for this very member."""
    if key == THE_CONTROLLER:
        return is_controller(application, owner)
    return is_ours(application, owner) and key_of(application) == key


def is_adopted(application: ObservedApplication) -> bool:
    """True if its mark says that this very application was taken under the name that it had."""
    mark = application.mark
    return mark is not None and mark.adopted == application.id


def key_of(application: ObservedApplication) -> Key:
    """The key of an application that is known to carry a mark."""
    mark = application.mark
    if mark is None:
        raise ValueError(f"application {application.id} carries no mark")
    return mark.key
