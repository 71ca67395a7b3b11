"""Desired state: the members that ought to exist; a pure function of a revision.

A group declares how many members it has, not which ordinals: a survivor of a scale-down keeps its
name, so which ordinals they are depends on those that exist (see `situation/scale_down`).
"""

import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Literal

from controller.core.model.member import Member, parse_member
from controller.core.model.reasons import Reason
from controller.core.spec.allowed_projects import refusal
from controller.core.spec.fingerprint import Inputs, agreement, fingerprint
from controller.core.spec.groups import NodeGroup, WorkerGroup
from controller.core.spec.names import HEAD
from controller.core.spec.notices import ray_limits
from controller.core.spec.python_environment import BuildBy, Environment, environment_of
from controller.core.spec.revision import Revision, SpecDocument
from controller.core.spec.shared_memory import AUTO
from controller.core.spec.spec import ClusterSpec

LAUNCHERS = ".raycml/launchers"
STATES = ".raycml/clusters"
LOGS = ".raycml/logs"
STORES = ".raycml/stores"  # of heads that remember
FOLDERS = (STATES, LOGS, LAUNCHERS, STORES)  # of clusters


def token_path(cluster: str) -> str:
    """Path of the cluster's token, relative to the project's home."""
    return f"{STATES}/{cluster}/token"


def rotation_path(cluster: str) -> str:
    """Path of the request for another token, which takes effect when the head starts again."""
    return f"{STATES}/{cluster}/token.rotate"


class Strategy(StrEnum):
    """Ways to bring an outdated member up to date."""

    ROLLING = "RollingUpdate"
    RECREATE = "Recreate"
    NONE = "None"


@dataclass(frozen=True)
class Group:
    """The head, or one worker group: what its members are and how many there are.

    `budget`: how many of them may be away at once for the controller's own reasons; at least 1.
    `drain_s`: seconds for a node to finish its work.  `to_delete`: members that leave whatever the
    number of replicas.
    """

    cluster: str
    name: str
    replicas: int
    budget: int
    suspended: bool
    inputs: Inputs
    environment: Environment | None = None  # built by raycml; None for an existing interpreter
    drain_s: float = 0.0
    to_delete: frozenset[Member] = frozenset()

    @property
    def is_head(self) -> bool:
        return self.name == HEAD

    def member(self, ordinal: int) -> Member:
        return Member(self.name, ordinal)

    @cached_property
    def fingerprint(self) -> str:
        return fingerprint(self.inputs)

    @property
    def environment_hash(self) -> str:
        """Hash of the environment; empty for an existing interpreter."""
        return "" if self.environment is None else self.environment.hash

    @cached_property
    def agreement(self) -> str:
        return agreement(self.inputs)


@dataclass(frozen=True, slots=True)
class DesiredCluster:
    """One cluster; `groups` begins with the head.

    `build_runtime`: in which image its environment is built; `build_by`: the kind of workload that
    builds it.  Clusters that ask for the same one ask for the image and kind of the first of them.
    `limits`: those of its Ray version, as sentences.  `drain_s`: as for a group, for members of
    groups that the spec no longer has.
    """

    name: str
    project: str
    groups: tuple[Group, ...]
    strategy: Strategy
    suspended: bool
    paused: bool
    protected: bool
    build_runtime: str = ""
    build_by: BuildBy = "auto"
    shared_memory: Literal["auto", "keep"] | float = AUTO  # a size in GiB
    limits: tuple[str, ...] = ()
    drain_s: float = 0.0

    def group(self, name: str) -> Group | None:
        return next((g for g in self.groups if g.name == name), None)


@dataclass(frozen=True, slots=True)
class Frozen:
    """Reason why a cluster is left alone: INCOMPLETE_LIST if the next pass may find its project."""

    reason: Reason
    message: str

    def __str__(self) -> str:
        return self.message


_UNRESOLVED = Frozen(Reason.PROJECT_NOT_FOUND, "its project is not known")


@dataclass(frozen=True, slots=True)
class DesiredState:
    """All clusters, by name.

    `frozen`: clusters that must be left alone, because their desired state is not known.
    `whole`: every spec of the source could be read, so that an absence means something.
    `departed`: clusters that left the source, each with the reason not to prune it, which may be
    empty; `agreed` are those of them whose removal a person approved.  `places`: projects, by id
    where it is known, in which applications of a cluster may exist besides the one of its spec.
    `kept`: clusters that stay at an older spec, each with the reason.  `project_ids`: ids of
    projects by their names in specs ("": the connection's), and `unknown_projects` the names of
    those that do not exist or are not visible.  `drains`: seconds that nodes of a departed cluster
    have to finish their work.
    """

    clusters: tuple[DesiredCluster, ...] = ()
    frozen: Mapping[str, Frozen] = field(default_factory=dict)
    whole: bool = True
    departed: Mapping[str, str] = field(default_factory=dict)
    agreed: frozenset[str] = frozenset()
    places: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    kept: Mapping[str, str] = field(default_factory=dict)
    project_ids: Mapping[str, str] = field(default_factory=dict)
    unknown_projects: frozenset[str] = frozenset()
    drains: Mapping[str, float] = field(default_factory=dict)

    @property
    def images(self) -> frozenset[str]:
        """All runtime images that specs name."""
        return frozenset(g.inputs.runtime for c in self.clusters for g in c.groups) - {""}

    def cluster(self, name: str) -> DesiredCluster | None:
        return next((c for c in self.clusters if c.name == name), None)


def desire(
    revision: Revision,
    projects: Mapping[str | None, str],
    missing: Mapping[str | None, Frozen],
    allowed: AbstractSet[str] | None = None,
) -> DesiredState:
    """The desired state of a revision.

    `projects` maps names of projects in specs (None: without a name) to ids; `missing` maps names
    that could not be resolved to the reason, and freezes their clusters.
    """
    clusters: list[DesiredCluster] = []
    frozen: dict[str, Frozen] = {}
    for holder in revision.clusters:
        name = holder.cluster.spec.project
        why = "" if name == projects.get(None) else refusal(holder, allowed)
        if why:
            message = f"{holder.place}: {why}"
            frozen[holder.cluster.name] = Frozen(Reason.PROJECT_NOT_ALLOWED, message)
        elif name in projects:
            clusters.append(_cluster(holder, projects[name]))
        else:
            frozen[holder.cluster.name] = missing.get(name, _UNRESOLVED)
    return DesiredState(
        clusters=_with_runtimes(sorted(clusters, key=lambda c: c.name)),
        frozen=frozen,
        whole=not revision.problems,
        departed={holder.cluster.name: _protection(holder) for holder in revision.departed},
        agreed=revision.agreed,
        places={
            name: tuple(projects.get(place or None, place) for place in places)
            for name, places in revision.places.items()
        },
        kept=revision.kept,
        drains={h.cluster.name: _drain_s(h) for h in revision.departed},
        project_ids={name or "": project_id for name, project_id in projects.items()},
        unknown_projects=frozenset(
            name or "" for name, why in missing.items() if why.reason is Reason.PROJECT_NOT_FOUND
        ),
    )


def _with_runtimes(clusters: Iterable[DesiredCluster]) -> tuple[DesiredCluster, ...]:
    first: dict[tuple[str, str], tuple[str, BuildBy]] = {}
    complete: list[DesiredCluster] = []
    for cluster in clusters:
        head = cluster.groups[0]
        if head.environment is not None:
            place = (cluster.project, head.environment.hash)
            runtime, kind = first.setdefault(place, (head.inputs.runtime, cluster.build_by))
            complete.append(replace(cluster, build_runtime=runtime, build_by=kind))
        else:
            complete.append(cluster)
    return tuple(complete)


def _drain_s(holder: SpecDocument) -> float:
    return float(holder.cluster.spec.drain_timeout_seconds)


def _protection(holder: SpecDocument) -> str:
    """The reason not to prune a cluster that a person protected or paused; empty for none."""
    spec = holder.cluster.spec
    if spec.protect:
        return "its last spec has `protect: true`"
    return "its last spec has `paused: true`" if spec.paused else ""


def _cluster(holder: SpecDocument, project: str) -> DesiredCluster:
    name, spec = holder.cluster.name, holder.cluster.spec
    python = spec.python_environment
    environment = None if python is None else environment_of(python, spec.ray_version)
    head_inputs = _inputs(spec, spec.head_group_spec, environment)
    drain_s = float(spec.drain_timeout_seconds)
    head = Group(name, HEAD, 1, 1, False, head_inputs, environment, drain_s)
    workers = [
        Group(
            cluster=name,
            name=group.group_name,
            replicas=group.replicas,
            budget=spec.upgrade_strategy.budget(group.replicas),
            suspended=group.suspend,
            inputs=_inputs(spec, group, environment),
            environment=environment,
            drain_s=_or(group.drain_timeout_seconds, drain_s),
            to_delete=_to_delete(group),
        )
        for group in spec.worker_group_specs
    ]
    return DesiredCluster(
        name=name,
        project=project,
        groups=(head, *sorted(workers, key=lambda g: g.name)),
        strategy=Strategy(spec.upgrade_strategy.type),
        suspended=spec.suspend,
        paused=spec.paused,
        protected=spec.protect,
        build_by="auto" if python is None else python.builder,
        shared_memory=spec.shared_memory,
        limits=tuple(ray_limits(holder.cluster)),
        drain_s=drain_s,
    )


def _or(own: int | None, of_the_cluster: float) -> float:
    return of_the_cluster if own is None else float(own)


def _to_delete(group: WorkerGroup) -> frozenset[Member]:
    strategy = group.scale_strategy
    members = map(parse_member, () if strategy is None else strategy.workers_to_delete)
    return frozenset(member for member in members if member is not None)


def _inputs(spec: ClusterSpec, group: NodeGroup, built: Environment | None) -> Inputs:
    identifier, choice = group.runtime_identifier or "", group.runtime
    if not identifier and choice is None:
        identifier, choice = spec.runtime_identifier or "", spec.runtime
    return Inputs(
        cpu=group.resources.cpu,
        # CML has hundredths; a rounded value would look like a permanent change.
        memory=math.ceil(group.resources.memory * 100 - 1e-6) / 100,
        gpu=group.resources.gpu,
        environment={**spec.environment, **group.variables},
        runtime=identifier,
        python=spec.python if built is None else built.interpreter,
        ray_start_params=dict(group.ray_start_params),
        labels=dict(group.labels),
        ray_version=spec.ray_version,
        built_python="" if built is None else built.python,
        api_key_access=spec.api_key_access,
        placement=group.placement,
        runtime_choice=None if choice is None else choice.choice(),
        gcs_storage=spec.gcs_storage,
        auth_mode="" if spec.auth_options is None else spec.auth_options.mode,
    )
