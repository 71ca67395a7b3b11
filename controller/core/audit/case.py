"""A plan with its situation, as the laws read them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from controller.core.model.desired import DesiredCluster, DesiredState
from controller.core.model.history import History
from controller.core.model.jobs import ObservedEnvironment
from controller.core.model.observed import ObservedApplication, ObservedState
from controller.core.model.plan import Plan, Step
from controller.core.model.policy import Policy
from controller.core.situation.situation import Situation


@dataclass(frozen=True)
class AuditedPlan:
    """A plan and its situation, of which the laws take no match and no drift."""

    plan: Plan
    situation: Situation

    @property
    def desired(self) -> DesiredState:
        return self.situation.desired

    @property
    def observed(self) -> ObservedState:
        return self.situation.observed

    @property
    def history(self) -> History:
        return self.situation.history

    @property
    def policy(self) -> Policy:
        return self.situation.policy

    @cached_property
    def clusters(self) -> dict[str, DesiredCluster]:
        return {cluster.name: cluster for cluster in self.desired.clusters}

    @cached_property
    def launchers(self) -> frozenset[tuple[str, str]]:
        """Project and path of whole launchers, and of the files of environments."""
        files = self.observed.files
        if files is None:
            return frozenset()
        whole = {
            (project, file.path)
            for project, launchers in files.launchers.items()
            for file in launchers
            if file.is_whole(self.situation.launcher_sizes)
        }
        built = {
            (project, path)
            for project, environments in (files.environments or {}).items()
            for environment in environments.values()
            for path in environment.files
        }
        return frozenset(whole | built)

    def app(self, step: Step) -> ObservedApplication | None:
        by_id = self.situation.index.by_id
        return None if step.application_id is None else by_id.get(step.application_id)

    def cluster(self, step: Step) -> DesiredCluster | None:
        return self.clusters.get(step.cluster)

    def environment(self, project: str, digest: str) -> ObservedEnvironment | None:
        """The environment as observed; None also where files were not read."""
        files = self.observed.files
        by_project = {} if files is None or files.environments is None else files.environments
        return by_project.get(project, {}).get(digest)


Broken = Iterator[tuple[Step, str]]
Law = Callable[[AuditedPlan], Broken]
