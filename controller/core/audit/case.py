"""A plan with the world that it was made for: what the laws look at."""

from collections.abc import Callable, Iterator

from controller.core.model.desired import DesiredCluster, DesiredState, launcher_sizes
from controller.core.model.history import History
from controller.core.model.observed import ObservedApplication, ObservedEnvironment, ObservedState
from controller.core.model.plan import Plan, Step
from controller.core.model.policy import Policy


class AuditedPlan:
    """A plan with the world that it was made for; what the laws look at."""

    __slots__ = (
        "apps",
        "clusters",
        "desired",
        "history",
        "launcher_sizes",
        "observed",
        "plan",
        "policy",
    )

    def __init__(
        self,
        plan: Plan,
        desired: DesiredState,
        observed: ObservedState,
        history: History,
        policy: Policy,
    ) -> None:
        self.plan, self.desired, self.observed = plan, desired, observed
        self.history, self.policy = history, policy
        self.apps: dict[str, ObservedApplication] = {
            app.id: app for project in observed.projects.values() for app in project.applications
        }

        self.clusters = {cluster.name: cluster for cluster in desired.clusters}
        self.launcher_sizes: dict[str, int] = {}
        for cluster in desired.clusters if observed.files is not None else ():
            sizes = launcher_sizes(cluster, policy.edition, policy.launcher_base)
            self.launcher_sizes.update(sizes)

    def app(self, step: Step) -> ObservedApplication | None:
        return None if step.application_id is None else self.apps.get(step.application_id)

    def cluster(self, step: Step) -> DesiredCluster | None:
        return self.clusters.get(step.cluster)

    def environment(self, project: str, digest: str) -> ObservedEnvironment | None:
        """What was seen of it; None also where nobody looked."""
        files = self.observed.files
        known = {} if files is None or files.environments is None else files.environments
        return known.get(project, {}).get(digest)


Broken = Iterator[tuple[Step, str]]
Law = Callable[[AuditedPlan], Broken]
