"""All that the decisions about one cluster are made of, and the questions that they ask of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.core.model.desired import DesiredCluster, Group, Strategy, launcher_sizes
from controller.core.model.member import THE_HEAD
from controller.core.model.observed import (
    HeadReport,
    LauncherFile,
    MemberReport,
    ObservedApplication,
    ObservedEnvironment,
    ObservedFiles,
    ObservedProject,
    ObservedState,
    Pause,
    Phase,
)
from controller.core.model.offers import Offers
from controller.core.model.other_clocks import precedes
from controller.core.model.policy import Policy
from controller.core.situation.drift import Drift, compare, is_stale, wanted_configuration
from controller.core.situation.matching import Match, Matching, match_members
from controller.core.situation.past import Past

_UP = frozenset({Phase.RUNNING, Phase.STARTING})


@dataclass(frozen=True, slots=True)
class Case:
    """One seat with what is known of it.

    `joined`: whether Ray has the member's node since its present start; None when there is no
    fresh report of this head at all.
    `available`: it serves, as far as anybody can say, so that taking it away costs something.
    """

    seat: Match
    drift: Drift
    stale: bool
    joined: bool | None
    report: MemberReport | None

    @property
    def phase(self) -> Phase | None:
        return None if self.seat.app is None else self.seat.app.phase

    @property
    def available(self) -> bool:
        return self.phase is Phase.RUNNING and self.joined is not False


@dataclass(frozen=True, slots=True)
class View:
    """One cluster at one moment.  `letting_go`: the clusters that delete what they do not want."""

    cluster: DesiredCluster
    roster: Matching
    cases: tuple[Case, ...]
    report: HeadReport | None
    past: Past
    launchers: tuple[LauncherFile, ...] | None
    pause: Pause | None
    letting_go: frozenset[str] = frozenset()
    environments: Mapping[str, ObservedEnvironment] | None = None  # None when nobody looked
    projects: Mapping[str, ObservedProject] = field(default_factory=dict)
    paused_elsewhere: Mapping[str, Pause] = field(default_factory=dict)  # by another project
    offers: Offers | None = None

    def of(self, group: Group) -> tuple[Case, ...]:
        return tuple(c for c in self.cases if c.seat.group.name == group.name)

    @property
    def policy(self) -> Policy:
        return self.past.policy

    @property
    def now(self) -> datetime:
        return self.past.now

    @property
    def recreate(self) -> bool:
        """All outdated members go at once: by order, or since nodes must agree on Ray or Python."""
        by_order = self.cluster.strategy is Strategy.RECREATE
        return by_order or any(c.drift.whole_cluster for c in self.cases)

    def down(self) -> list[Case]:
        return [case for case in self.cases if case.phase is Phase.FAILED]

    @property
    def is_struck(self) -> bool:
        """Whether the platform may be at fault: several members are down, and a large part."""
        down = len(self.down())
        return down > 1 and down > self.policy.fault_fraction * len(self.cases)

    @property
    def paused(self) -> bool:
        return self.cluster.paused or self.pause is not None

    def has_launcher(self, path: str) -> bool | None:
        """None when nobody looked."""
        if self.launchers is None:
            return None
        return any(file.path == path for file in self.launchers)


def view(
    cluster: DesiredCluster,
    observed: ObservedState,
    past: Past,
    letting_go: frozenset[str] = frozenset(),
) -> View:
    """Everything about one cluster, put together."""
    policy = past.policy
    roster = match_members(cluster, observed, policy)
    report = valid_report(cluster.name, roster, observed, policy)
    files = observed.files
    return View(
        cluster=cluster,
        roster=roster,
        cases=tuple(_case(seat, report, policy, observed.as_of) for seat in roster.seats),
        report=report,
        past=past,
        launchers=None if files is None else _whole(cluster, files, policy),
        pause=observed.pause(cluster.project, cluster.name),
        letting_go=letting_go,
        environments=_environments(cluster, files),
        projects=observed.projects,
        paused_elsewhere=_elsewhere(cluster, observed),
        offers=observed.offers,
    )


def _whole(
    cluster: DesiredCluster, files: ObservedFiles, policy: Policy
) -> tuple[LauncherFile, ...]:
    sizes = launcher_sizes(cluster, policy.edition, policy.launcher_base)
    return tuple(f for f in files.launchers.get(cluster.project, ()) if f.is_whole(sizes))


def _elsewhere(cluster: DesiredCluster, observed: ObservedState) -> dict[str, Pause]:
    """Pauses of a cluster of this name in projects that it may have moved from."""
    others = (project for project in observed.projects if project != cluster.project)
    found = ((project, observed.pause(project, cluster.name)) for project in others)
    return {project: pause for project, pause in found if pause is not None}


def _environments(
    cluster: DesiredCluster, files: ObservedFiles | None
) -> Mapping[str, ObservedEnvironment] | None:
    if files is None or files.environments is None:
        return None
    return files.environments.get(cluster.project, {})


def valid_report(
    cluster: str, roster: Matching, observed: ObservedState, policy: Policy
) -> HeadReport | None:
    """The head report, if it is fresh and not from before the head that runs now."""
    report = observed.reports.get(cluster)
    head = next((s.app for s in roster.seats if s.member == THE_HEAD), None)
    if report is None or head is None or head.phase is not Phase.RUNNING:
        return None
    if not report.is_fresh(observed.as_of, policy.report_fresh_s):
        return None
    return None if starts_after(report, head, observed.as_of) else report


def _case(seat: Match, report: HeadReport | None, policy: Policy, now: datetime) -> Case:
    if seat.app is None:
        return Case(seat, Drift(()), stale=False, joined=None, report=None)
    wanted = wanted_configuration(seat.group, seat.member, policy)
    drift = compare(seat.app, seat.mark, seat.group, wanted, policy)
    speaks = report is not None and not starts_after(report, seat.app, now)
    told = report.members.get(str(seat.member)) if report is not None and speaks else None
    alive = told is not None and told.alive
    joined = None if report is None else alive
    # Where the configuration itself is off, a restart would not bring the two together.
    stale = not drift and told is not None and alive and is_stale(seat.app, told.fingerprint)
    return Case(seat, drift, stale=stale, joined=joined, report=told)


def starts_after(report: HeadReport, app: ObservedApplication, now: datetime) -> bool:
    """Whether the report is from before the application's present start.

    Ray takes some ten seconds to notice that a node died, and until then lists the old one.
    """
    return precedes(report.observed_at, app.running_at or app.starting_at, now)


def is_up(phase: Phase | None) -> bool:
    return phase in _UP
