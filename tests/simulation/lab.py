"""A whole world in one process: the production controller against the emulator, on a clock that
only the test moves.

Nothing of ours is replaced.  At the outer edge stand scripted pods, a scripted Ray that writes the
head's report into the project's files, and the WSGI transport in place of a socket.
"""

import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import httpx
from pydantic import SecretStr

from controller.cli.workspace import Workspace
from controller.cml import errors
from controller.cml.client import Client
from controller.cml.operations import Call
from controller.core.history import History
from controller.core.observed import Phase
from controller.core.policy import Policy
from controller.core.spec import RayCluster
from controller.core.status import Goal, Verdict, verdict
from controller.emulator.ids import Ids
from controller.emulator.lifecycle import Status
from controller.emulator.options import ApiKey, Options, User
from controller.emulator.scripted import ScriptedProcesses
from controller.emulator.workspace import RUNTIMES
from controller.emulator.workspace import Workspace as Cml
from controller.emulator.wsgi import create_app
from controller.execute import Execution
from controller.files.api import ApiFiles, Faults
from controller.reconcile import Pass, look_and_plan, reconcile
from tests.worlds import RUNTIME, revision

START = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
KEY = "a-key-that-no-log-may-hold"


class SimulatedClock:
    """Time that passes only when somebody waits."""

    def __init__(self) -> None:
        self.at = START

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return (self.at - START).total_seconds()

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        self.at += timedelta(seconds=max(seconds, 0.0))
        return wake is not None and wake.is_set()


@dataclass
class Lab:
    """One workspace, one project, one controller that forgets nothing unless told to."""

    options: Options = field(default_factory=Options)
    seed: int = 0
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    calls: list[Call] = field(default_factory=list)
    history: History = field(default_factory=History)
    transport: Callable[[httpx.BaseTransport], httpx.BaseTransport] = lambda inner: inner
    broken: set[str] = field(default_factory=set)  # members that Ray does not have, by name

    def __post_init__(self) -> None:
        rng = random.Random(self.seed)
        self.processes = ScriptedProcesses()
        runtimes = (replace(RUNTIMES[0], image_identifier=RUNTIME),)
        self.cml = Cml(
            self.clock, self.processes, Ids(rng), options=self.options, runtimes=runtimes
        )
        self.project = self.cml.create_project(User(), {"name": "lab", "template": "blank"}).id
        app = create_app(self.cml, {KEY: ApiKey(KEY)})
        inner = httpx.WSGITransport(app)
        self.client = Client(
            "http://127.0.0.1",
            SecretStr(KEY),
            clock=self.clock,
            random=rng,
            transport=self.transport(inner),
            on_call=self.calls.append,
        )
        faults = Faults(errors.CmlError, errors.NotFound, errors.Unknown)
        self.world = Workspace(
            self.client,
            lambda project: ApiFiles(self.client, project, faults),
            self.project,
            self.clock,
        )
        self.policy = Policy(owner=self.project, edition="0123456789")

    # The controller

    def run(self, *clusters: RayCluster, **policy: object) -> Pass:
        """One pass; the clock stands still meanwhile."""
        self.ray()
        asked = replace(self.policy, **policy)
        execution = Execution(self.world, asked.owner, threads=1)
        done = reconcile(revision(*clusters), self.world, execution, self.history, asked)
        self.history = done.history
        return done

    def plan(self, *clusters: RayCluster, **policy: object) -> Pass:
        """Only look and plan."""
        self.ray()
        asked = replace(self.policy, **policy)
        return look_and_plan(revision(*clusters), self.world, self.history, asked)

    def settle(self, *clusters: RayCluster, passes: int = 60, **policy: object) -> Pass:
        """Passes, five seconds apart, until the goal is reached; fails the test when it is not."""
        for _ in range(passes):
            done = self.run(*clusters, **policy)
            assert not done.plan.refusals, done.plan.refusals
            if verdict(done.plan, Goal.READY) is Verdict.REACHED:
                return done
            self.clock.wait(5.0)
        raise AssertionError(f"not settled after {passes} passes: {done.plan}")

    def forget(self) -> None:
        """The controller is killed and started anew: all its memory is gone."""
        self.history = History()

    # The world

    @property
    def apps(self) -> dict[str, object]:
        """Applications of the workspace by subdomain."""
        self.cml.tick()
        return {a.subdomain: a for a in self.cml.applications.of(self.project)}

    def phases(self) -> dict[str, str]:
        return {name: str(app.status.name) for name, app in self.apps.items()}  # type: ignore[attr-defined]

    def writes(self) -> list[str]:
        """What was written since the last question."""
        found = [call.operation for call in self.calls if call.write]
        self.calls.clear()
        return found

    def crash(self, name: str) -> None:
        """The application's process dies."""
        engine = self.apps[name].engine_id  # type: ignore[attr-defined]
        self.processes.kill(engine)
        self.clock.wait(1.0)

    def ray(self) -> None:
        """Every running head reports every running member, as the node program does."""
        self.cml.tick()
        clusters: dict[str, dict[str, object]] = {}
        for app in self.cml.applications.of(self.project):
            environment = app.environment
            member = environment.get("RAYCML_MEMBER")
            if member is None or app.status is not Status.RUNNING or app.subdomain in self.broken:
                continue
            told = {
                "engine_id": app.engine_id,
                "state": "joined",
                "message": "",
                "node_id": f"node-{app.engine_id}",
                "alive": True,
                "fingerprint": environment.get("RAYCML_FINGERPRINT"),
            }
            clusters.setdefault(environment["RAYCML_CLUSTER"], {})[member] = told
        for name, members in clusters.items():
            if "head" in members:
                self._report(name, members)

    def _report(self, cluster: str, members: dict[str, object]) -> None:
        body = {
            "schema": "raycml.ray/v1",
            "cluster": cluster,
            "incarnation": "one",
            "observed_at": self.clock.now().isoformat(),
            "ray_version": "2.60.0",
            "python_version": "3.11.9",
            "address": "127.1.1.1:6379",
            "members": members,
        }
        tree = self.cml.files(self.project).tree
        tree.write((".raycml", "clusters", cluster, "ray.json"), json.dumps(body).encode())


__all__ = ["Lab", "Phase"]
