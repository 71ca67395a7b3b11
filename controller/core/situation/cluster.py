"""Situations of one cluster and of each of its members, as rules read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

from controller.core.model.configuration import configuration
from controller.core.model.desired import DesiredCluster, Group, Strategy
from controller.core.model.history import History, Refusal
from controller.core.model.jobs import ObservedEnvironment
from controller.core.model.member import THE_HEAD, Key, Member
from controller.core.model.observed import (
    ObservedApplication,
    ObservedProject,
    ObservedState,
    Pause,
    Phase,
    key_of,
)
from controller.core.model.offers import Offers
from controller.core.model.policy import Policy
from controller.core.model.ray.report import HeadReport, MemberReport
from controller.core.situation.drift import Drift, compare, is_kept, is_stale
from controller.core.situation.index import Index
from controller.core.situation.matching import Match, Matching, match_members
from controller.core.situation.membership import ReportLoss, is_lost, report_loss, starts_after
from controller.core.situation.past import Past
from controller.core.situation.ray_nodes import RayNodes, ray_nodes

if TYPE_CHECKING:
    from controller.core.situation.situation import Situation

_UP = frozenset({Phase.RUNNING, Phase.STARTING})


@dataclass(frozen=True, slots=True)
class MemberSituation:
    """One desired member, its application, and its state in Ray.

    `joined`: Ray has had the member's node since its present start; None without a fresh report of
    this head.
    `lost`: Ray lost its node, and nothing looks after it (see `membership`).
    `available`: it serves, as far as the reports show, so that taking it away costs something.
    `kept`: its cluster runs as it was adopted (see `runs_as_adopted`).
    """

    match: Match
    drift: Drift
    stale: bool
    joined: bool | None
    report: MemberReport | None
    kept: bool = False
    lost: bool = False

    @property
    def key(self) -> Key:
        return self.match.key

    @property
    def group(self) -> Group:
        return self.match.group

    @property
    def app(self) -> ObservedApplication | None:
        return self.match.app

    @property
    def phase(self) -> Phase | None:
        return None if self.match.app is None else self.match.app.phase

    @property
    def available(self) -> bool:
        return self.phase is Phase.RUNNING and self.joined is not False


@dataclass(frozen=True)
class ClusterSituation:
    """One cluster at one moment; `whole` is the situation that it is a part of.

    `report` is the head's, if it is fresh and not from before the head that runs now.
    """

    desired: DesiredCluster
    matching: Matching
    members: tuple[MemberSituation, ...]
    report: HeadReport | None
    nodes: RayNodes
    whole: "Situation"

    @cached_property
    def groups(self) -> Mapping[str, tuple[MemberSituation, ...]]:
        groups: dict[str, list[MemberSituation]] = {group.name: [] for group in self.desired.groups}
        for member in self.members:
            groups[member.group.name].append(member)
        return {name: tuple(members) for name, members in groups.items()}

    def of(self, group: Group) -> tuple[MemberSituation, ...]:
        return self.groups[group.name]

    @cached_property
    def unwanted_keys(self) -> frozenset[Key]:
        return frozenset(unwanted.key for unwanted in self.matching.unwanted)

    @cached_property
    def report_loss(self) -> ReportLoss | None:
        """The loss of the head's report; None too for a head that runs as it was adopted."""
        head = next((m.app for m in self.members if m.key.member.is_head and not m.kept), None)
        report = self.observed.reports.get(self.desired.name)
        return report_loss(report, head, self.now, self.policy.report_fresh_s)

    @cached_property
    def refused_update(self) -> Mapping[str, tuple[Key, Refusal]]:
        """The first available member, by group, of which CML refused an update."""
        refusals: dict[str, tuple[Key, Refusal]] = {}
        for member in self.members:
            refusal = self.past.member(member.key).refused_update
            if member.available and refusal is not None:
                refusals.setdefault(member.group.name, (member.key, refusal))
        return refusals

    @property
    def past(self) -> Past:
        return self.whole.past

    @property
    def policy(self) -> Policy:
        return self.whole.policy

    @property
    def now(self) -> datetime:
        return self.whole.now

    @property
    def observed(self) -> ObservedState:
        return self.whole.observed

    @property
    def project(self) -> ObservedProject | None:
        """The project that the spec names; None where it was not read."""
        return self.observed.projects.get(self.desired.project)

    @property
    def offers(self) -> Offers | None:
        return self.observed.offers

    @property
    def pause(self) -> Pause | None:
        return self.observed.pause(self.desired.project, self.desired.name)

    @property
    def paused(self) -> bool:
        return self.desired.paused or self.pause is not None

    @cached_property
    def all_must_agree(self) -> bool:
        """True if a member differs in what all nodes of a cluster must agree on."""
        return any(member.drift.whole_cluster for member in self.members)

    @property
    def recreate(self) -> bool:
        """All outdated members go at once: by order, or since nodes must agree on Ray or Python."""
        return self.desired.strategy is Strategy.RECREATE or self.all_must_agree

    @property
    def workers_outlive_head(self) -> bool:
        """True if workers keep their nodes while the head is restarted for itself.

        The head has a store now and will have it, and each worker a relay to the next head.
        """
        report = self.nodes.report
        has_store = report is not None and bool(report.store_generation)
        stays = bool(self.desired.groups[0].inputs.gcs_storage) and not self.recreate
        workers = (member for member in self.members if not member.key.member.is_head)
        return has_store and stays and not any(member.drift for member in workers)

    @cached_property
    def kept(self) -> bool:
        """True if the cluster runs as it was adopted."""
        return any(member.kept for member in self.members)

    def down(self) -> list[MemberSituation]:
        return [member for member in self.members if member.phase is Phase.FAILED]

    @cached_property
    def is_struck(self) -> bool:
        """True if the platform may be at fault: several members are down, and a large part."""
        down = len(self.down())
        return down > 1 and down > self.policy.fault_fraction * len(self.members)

    def lacks_launcher(self, path: str) -> bool:
        """False also where files were not read."""
        launchers = self.whole.launchers
        return launchers is not None and (self.desired.project, path) not in launchers

    @property
    def environments(self) -> Mapping[str, ObservedEnvironment] | None:
        """Python environments of the project, by hash; None where files were not read."""
        environments = self.whole.environments
        return None if environments is None else environments.get(self.desired.project, {})


def situate_cluster(
    cluster: DesiredCluster, index: Index, observed: ObservedState, history: History, policy: Policy
) -> tuple[Matching, tuple[MemberSituation, ...], HeadReport | None, RayNodes]:
    """The cluster's applications matched to its members, each member's situation, its nodes."""
    now, report = observed.as_of, observed.reports.get(cluster.name)
    apps = index.of_cluster.get(cluster.name, ())
    nodes = ray_nodes(cluster.project, apps, report, now, policy.report_fresh_s)
    asked = asked_to_drain(history, cluster.name, apps, nodes)
    matching = match_members(cluster, index, nodes, asked, policy.retired)
    head = next((m.app for m in matching.matches if m.member == THE_HEAD), None)
    report = valid_report(report, head, now, policy.report_fresh_s)
    if runs_as_adopted(matching.matches):
        return matching, tuple(map(_as_adopted, matching.matches)), report, nodes
    members = tuple(_member(match, report, policy, now) for match in matching.matches)
    return matching, members, report, nodes


def asked_to_drain(
    history: History, cluster: str, apps: Iterable[ObservedApplication], nodes: RayNodes
) -> frozenset[Member]:
    """Members whose living nodes were asked to drain, as far as this process knows."""
    living = ((key_of(app).member, nodes.living(app)) for app in apps)
    drains = ((m, node, history.member(Key(cluster, m)).drain) for m, node in living)
    return frozenset(
        m
        for m, node, drain in drains
        if node and drain and drain.engine_id == node.engine_id and not nodes.refused(m, node)
    )


def runs_as_adopted(matches: Iterable[Match]) -> bool:
    """True if every application of the cluster, its head included, was adopted as it is, and no
    spec of theirs changed since.

    A cluster stays or goes as a whole: a head of other scripts writes no report, so no worker of
    raycml finds it, and theirs do not find a head of raycml.
    """
    filled = [match for match in matches if match.app is not None]
    heads = any(match.member == THE_HEAD for match in filled)
    return heads and all(is_kept(match.mark, match.group) for match in filled)


def _as_adopted(match: Match) -> MemberSituation:
    drift, kept = Drift(()), match.app is not None
    return MemberSituation(match, drift, stale=False, joined=None, report=None, kept=kept)


def valid_report(
    report: HeadReport | None, head: ObservedApplication | None, now: datetime, fresh_s: float
) -> HeadReport | None:
    """The head report, if it is fresh, could read Ray, and is of the head that runs now."""
    if report is None or head is None or head.phase is not Phase.RUNNING or report.error:
        return None
    return report if report.is_fresh(now, fresh_s) and not starts_after(report, head, now) else None


def _member(
    match: Match, report: HeadReport | None, policy: Policy, now: datetime
) -> MemberSituation:
    if match.app is None:
        return MemberSituation(match, Drift(()), stale=False, joined=None, report=None)
    desired = configuration(match.group, match.member, policy, match.record, match.auth_mode)
    drift = compare(match.app, match.mark, match.group, desired, policy)
    is_current = report is not None and not starts_after(report, match.app, now)
    node = report.members.get(str(match.member)) if report is not None and is_current else None
    alive = node is not None and node.alive
    joined = None if report is None else alive
    lost = report is not None and is_current and is_lost(report, str(match.member))
    # Where the configuration itself is off, a restart would not bring the two together.
    stale = not drift and node is not None and alive and is_stale(match.app, node.fingerprint)
    return MemberSituation(match, drift, stale=stale, joined=joined, report=node, lost=lost)


def is_up(phase: Phase | None) -> bool:
    return phase in _UP
