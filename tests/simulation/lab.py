"""A stage for stories: one controller, one cluster, passes until it is ready.

For tests that tell one thing; what happens by chance is for the machine and for seeds.
"""

from dataclasses import replace

from controller.core.model.policy import Policy
from controller.core.spec.spec import RayCluster
from controller.core.status.goal import Goal, Verdict, verdict
from controller.emulator.options import Options
from controller.emulator.state.records import Application
from controller.reconcile import Pass
from tests.simulation.stage import Stage
from tests.worlds import revision


class Lab(Stage):
    """The first controller's passes over specs that the test names; no ledger, no documents."""

    def __init__(self, options: Options | None = None) -> None:
        super().__init__(options)
        self.calls = self.a.calls

    def run(self, *clusters: RayCluster, **policy: object) -> Pass:
        """One pass; the clock stands still meanwhile."""
        self.site.report()
        return self.a.act(revision(*clusters), self._policy(policy))

    def plan(self, *clusters: RayCluster, **policy: object) -> Pass:
        """Only look and plan."""
        self.site.report()
        return self.a.look(revision(*clusters), self._policy(policy))

    def _policy(self, changes: dict[str, object]) -> Policy:
        return replace(self.a.policy, **changes)  # type: ignore[arg-type]  # a test names them

    def settle(self, *clusters: RayCluster, passes: int = 60, **policy: object) -> Pass:
        """Passes, five seconds apart, until the goal is reached; fails the test when it is not."""
        for _ in range(passes):
            done = self.run(*clusters, **policy)
            assert not done.plan.refusals, done.plan.refusals
            if verdict(done.plan, Goal.READY) is Verdict.REACHED:
                return done
            self.wait(5.0)
        raise AssertionError(f"not settled after {passes} passes: {done.plan}")

    def wait(self, seconds: float) -> None:
        self.site.time.passed += seconds
        self.site.cml.tick()
        self.world.build()

    @property
    def apps(self) -> dict[str, Application]:
        """Applications of the workspace by subdomain."""
        return {app.subdomain: app for app in self.site.rows()}

    def phases(self) -> dict[str, str]:
        return {name: app.status.name for name, app in self.apps.items()}

    def writes(self) -> list[str]:
        """What was written since the last question."""
        found = [call.operation for call in self.calls if call.write]
        self.calls.clear()
        return found
