"""The situation: all that one pass decides on, with applications matched to members once.

`plan`, `audit` and `assess` take a situation.  Pauses, files and offers are read later in the pass
and added to it; the applications, and so the matching, stay the same.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from controller.core.model.configuration import launcher_sizes
from controller.core.model.desired import DesiredState
from controller.core.model.history import History
from controller.core.model.jobs import ObservedEnvironment
from controller.core.model.observed import (
    ObservedApplication,
    ObservedFiles,
    ObservedPauses,
    ObservedState,
)
from controller.core.model.offers import Offers
from controller.core.model.policy import Policy
from controller.core.model.ray.report import HeadReport
from controller.core.situation.cluster import ClusterSituation, situate_cluster
from controller.core.situation.index import Index, index_applications
from controller.core.situation.past import Past


@dataclass(frozen=True)
class Situation:
    """Desired state, observed state, history and policy of one pass.

    Made by `situate`.  `clusters` are those with a spec, in the policy's scope, by name.
    """

    desired: DesiredState
    observed: ObservedState
    history: History
    policy: Policy
    index: Index
    _matched: tuple[ClusterSituation, ...]

    @cached_property
    def clusters(self) -> tuple[ClusterSituation, ...]:
        return tuple(replace(cluster, whole=self) for cluster in self._matched)

    @property
    def now(self) -> datetime:
        return self.observed.as_of

    @cached_property
    def past(self) -> Past:
        return Past(self.history, self.policy, self.now)

    @cached_property
    def leaving_now(self) -> frozenset[str]:
        """Clusters that delete their unwanted applications now; others keep them."""
        desired, policy = self.desired, self.policy
        names = {c.name for c in desired.clusters} | policy.delete | policy.gone
        if policy.prune:
            names |= set(self.index.of_cluster)
        pauses = {} if self.observed.pauses is None else self.observed.pauses.by_cluster
        paused = {name for (_, name), pause in pauses.items() if pause.holds(self.now)}
        exempt = {c.name for c in desired.clusters if c.paused or c.suspended or c.protected}
        return frozenset(names - exempt - paused)

    @cached_property
    def without_spec(self) -> dict[str, tuple[ObservedApplication, ...]]:
        """Applications of clusters in scope that no spec declares, by cluster."""
        only, declared = self.policy.only, {c.name for c in self.desired.clusters}
        names = self.index.of_cluster.keys() - declared - set(self.desired.frozen)
        chosen = names if only is None else names & only
        return {name: self.index.of_cluster[name] for name in sorted(chosen)}

    @cached_property
    def launcher_sizes(self) -> dict[str, int]:
        """Bytes of the desired launchers, by path; empty where no files were read to compare."""
        sizes: dict[str, int] = {}
        for cluster in self.desired.clusters if self.observed.files is not None else ():
            sizes |= launcher_sizes(cluster, self.policy.edition, self.policy.launcher_base)
        return sizes

    @cached_property
    def launchers(self) -> frozenset[tuple[str, str]] | None:
        """Projects and paths of whole launchers; None where files were not read."""
        files = self.observed.files
        if files is None:
            return None
        return frozenset(
            (project, launcher.path)
            for project, launchers in files.launchers.items()
            for launcher in launchers
            if launcher.is_whole(self.launcher_sizes)
        )

    @property
    def environments(self) -> Mapping[str, Mapping[str, ObservedEnvironment]] | None:
        """Python environments by project and hash; None where they were not read."""
        return None if self.observed.files is None else self.observed.files.environments

    def with_history(self, history: History) -> "Situation":
        return replace(self, history=history)

    def with_pauses(self, pauses: ObservedPauses) -> "Situation":
        return replace(self, observed=self.observed.with_pauses(pauses))

    def with_files(self, files: ObservedFiles) -> "Situation":
        return replace(self, observed=self.observed.with_files(files))

    def with_shared_memory(self, limits: Mapping[str, int]) -> "Situation":
        return replace(self, observed=self.observed.with_shared_memory(limits))

    def with_leaving(self, reports: Mapping[tuple[str, str], HeadReport]) -> "Situation":
        return replace(self, observed=replace(self.observed, leaving=reports))

    def with_offers(self, offers: Offers) -> "Situation":
        return replace(self, observed=self.observed.with_offers(offers))


def situate(
    desired: DesiredState, observed: ObservedState, history: History, policy: Policy
) -> Situation:
    """The situation, its applications indexed and matched.  Linear in applications and members."""
    index = index_applications(observed.projects.values(), policy.owner)
    bare = Situation(desired, observed, history, policy, index, ())
    only = policy.only
    matched = tuple(
        ClusterSituation(cluster, *situate_cluster(cluster, index, observed, history, policy), bare)
        for cluster in desired.clusters
        if only is None or cluster.name in only
    )
    return replace(bare, _matched=matched)
