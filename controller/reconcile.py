"""One pass, top to bottom: observe, plan, audit, execute, record.  The module to read first.

 source                 World: applications, head reports, files
   |                      |
Revision            ObservedState
   |                      |
desire() --------+        |        History
                 v        v           |
               situate()  <-----------+      applications matched to members, once
                   |
                 plan()                      the core decides (pure)
                   |
                audit()                      steps that break a law are refused
                   |
               execute()                     the shell acts, decides nothing
                   |
         record(), assess()                  pure again  -->  Pass
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol

from controller.core.audit.laws import audit
from controller.core.model.desired import DesiredState, Frozen, desire
from controller.core.model.history import History, record
from controller.core.model.jobs import FilesQuery
from controller.core.model.observed import ObservedFiles, ObservedPauses, ObservedState
from controller.core.model.offers import Offers, Requirement, requirement
from controller.core.model.plan import Outcome, Plan, Violation
from controller.core.model.policy import Policy
from controller.core.model.ray.report import HeadReport
from controller.core.planner.drain import reports_to_read
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.planner.projects.shared_memory import limits_to_read
from controller.core.planner.python_environments.cleanup import (
    ended_builders,
    has_builders,
    is_removal_due,
    named_environments,
)
from controller.core.situation.situation import Situation, situate
from controller.core.spec.allowed_projects import refusal
from controller.core.spec.revision import Revision
from controller.core.status.assess import assess
from controller.core.status.status import Status
from controller.execute import Execution, execute


class World(Protocol):
    """The observable world.  Raises Fault only if no project can be read."""

    def projects(
        self, named: Iterable[str | None]
    ) -> tuple[dict[str | None, str], dict[str | None, Frozen]]:
        """IDs of projects by their names in specs (None: the connection's), and faults."""

    def look(self, projects: Iterable[str], clusters: Mapping[str, str]) -> ObservedState:
        """All applications of these projects, and the head reports of clusters (name: project)."""

    def pauses(self, projects: Iterable[str], at: datetime) -> ObservedPauses:
        """Pauses in the files of these projects."""

    def files(self, projects: Iterable[str], query: FilesQuery | None = None) -> ObservedFiles:
        """Files of clusters in these projects, and Python environments on request."""

    def shared_memory(self, projects: Iterable[str]) -> Mapping[str, int]:
        """Shared memory limits, in MB, of those projects where CML shows it.  Raises nothing."""

    def reports(self, places: Iterable[tuple[str, str]]) -> Mapping[tuple[str, str], HeadReport]:
        """The head reports of clusters, by project and cluster.  Raises nothing."""

    def offers(self, wish: Requirement) -> Offers:
        """Images and sizes that the workspace offers, as far as CML shows them.  Raises nothing."""


@dataclass(frozen=True, slots=True)
class Pass:
    """The result of one pass; immutable, and the only source of pages and tables.

    `history` is that of the situation, with the outcomes recorded.
    """

    revision: Revision
    situation: Situation
    plan: Plan
    outcomes: tuple[Outcome, ...]
    history: History
    status: Status

    @property
    def desired(self) -> DesiredState:
        return self.situation.desired

    @property
    def observed(self) -> ObservedState:
        return self.situation.observed


def look_and_plan(revision: Revision, world: World, history: History, policy: Policy) -> Pass:
    """The first half of a pass: reads only, without outcomes.

    A converged pass costs one list for each project and one report for each cluster; files matter
    only where something is to be done.
    """
    desired, observed = _look(revision, world, policy)
    situation, decided = _plan(situate(desired, observed, history, policy))
    projects = sorted(observed.projects)
    acts = bool(policy.delete or policy.prune or policy.gone or policy.look_at_files)
    acts = acts or is_removal_due(situation) or has_builders(situation)
    if acts or decided.steps or policy.look_at_pauses:
        pauses = world.pauses(projects, situation.now)
        situation = situation.with_pauses(pauses)
        if pauses.by_cluster or pauses.unread:
            situation, decided = _plan(situation)
    if acts or decided.steps:
        hashes, ended = named_environments(situation), ended_builders(situation)
        files = world.files(projects, FilesQuery(policy.owner, hashes, ended))
        situation, decided = _plan(situation.with_files(files))
    if places := reports_to_read(situation, decided):
        situation, decided = _plan(situation.with_leaving(world.reports(places)))
    if unread := limits_to_read(situation, decided):
        situation = situation.with_shared_memory(world.shared_memory(sorted(unread)))
        situation, decided = _plan(situation)
    if needed := requirement(decided, situation.desired.images):
        # A missing image or size is detected before anything is stopped.
        situation = situation.with_offers(world.offers(needed))
        decided = plan(situation)
    decided = lawful(situation, decided)
    status = assess(situation, decided, revision.commit or "")
    return Pass(revision, situation, decided, (), situation.history, status)


def _look(revision: Revision, world: World, policy: Policy) -> tuple[DesiredState, ObservedState]:
    specs = (*revision.clusters, *revision.departed)
    named = {None, *(s.cluster.spec.project for s in specs if not refusal(s, policy.projects))}
    named |= {place or None for places in revision.places.values() for place in places}
    projects, missing = world.projects(named)
    desired = desire(revision, projects, missing, policy.projects)
    clusters = {cluster.name: cluster.project for cluster in desired.clusters}
    return desired, world.look(sorted(set(projects.values())), clusters)


def _plan(situation: Situation) -> tuple[Situation, Plan]:
    """The situation with its observations added to its history, and its plan."""
    situation = remember(situation)
    return situation, plan(situation)


def lawful(situation: Situation, decided: Plan) -> Plan:
    """The plan without the steps of clusters that would break a law."""
    broken: tuple[Violation, ...] = ()
    while violations := audit(situation, decided):
        broken += violations  # each time of clusters that had steps, so this ends
        decided = plan(situation, {violation.cluster for violation in broken})
    return replace(decided, refusals=broken)


def reconcile(
    revision: Revision, world: World, run: Execution, history: History, policy: Policy
) -> Pass:
    """A whole pass."""
    preview = look_and_plan(revision, world, history, policy)
    outcomes = execute(preview.plan, run)
    after = record(preview.history, outcomes, preview.situation.now)
    return replace(preview, outcomes=outcomes, history=after)
