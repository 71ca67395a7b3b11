"""A controller in the simulation: production client, files, planner, audit and executor, seen
through `Eyes` that judge every request and take note of every answer."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from json import JSONDecodeError, loads

import httpx
from pydantic import SecretStr

from controller.cml import errors
from controller.cml.client import Client
from controller.cml.operations import CallRecord
from controller.core.model.history import History
from controller.core.model.policy import Policy
from controller.core.spec.revision import Revision
from controller.execute import Execution
from controller.files.api import ApiFiles, Faults
from controller.reconcile import Pass, look_and_plan, reconcile
from controller.workspace.workspace import Workspace
from tests.simulation.asked import Ask, asked
from tests.simulation.clocks import SimulatedClock
from tests.simulation.laws import Laws
from tests.simulation.ledger import Ledger
from tests.simulation.light import LightClient
from tests.simulation.sky import Sky
from tests.simulation.weather import Weather
from tests.simulation.world import KEY, Site

FILE_FAULTS = Faults(errors.CmlError, errors.NotFound, errors.Unknown)
EDITION = "0123456789"
HOST = "http://127.0.0.1"
Act = Callable[[], None]


@dataclass
class Eyes(httpx.BaseTransport):
    """The outermost transport of one controller.

    `interrupts`: what happens just before the request of that number.  `ledger` is None outside of
    judged passes.
    """

    weather: Weather
    laws: Laws
    ledger: Ledger | None = None
    interrupts: dict[int, Act] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        ledger, what = self.ledger, asked(request)
        act = self.interrupts.pop(self.weather.count, None)
        if act is not None:
            act()
            if ledger is not None:
                ledger.alone = False
        if ledger is None:
            return self.weather.handle_request(request)
        self.laws.judge(request, what, ledger)
        answer = self.weather.handle_request(request)
        content = answer.read()
        if answer.status_code == 200 and what.ask in (Ask.LIST, Ask.GET):
            try:
                ledger.told(what, request.url.params.get("page_token", ""), loads(content))
            except JSONDecodeError:
                return answer
        if answer.status_code == 200 and what.ask is Ask.PATCH:
            self.laws.patched(request, what, ledger)
        return answer


class Controller:
    """One controller's process: what it remembers is lost when it is killed."""

    def __init__(self, name: str, site: Site, sky: Sky, laws: Laws) -> None:
        self.name = name
        self.site = site
        self.clock = SimulatedClock(site.time)
        self.rng = random.Random(0)
        self.calls: list[CallRecord] = []
        self.weather = Weather(sky)
        self.eyes = Eyes(self.weather, laws)
        self.policy = Policy(owner=site.project, edition=EDITION)
        self.start()

    def start(self) -> None:
        """A new process: nothing is remembered, no connection is open."""
        self.history = History()
        self.client = Client(
            HOST,
            SecretStr(KEY),
            clock=self.clock,
            random=self.rng,
            transport=LightClient(self.eyes, HOST),
            on_call=self.calls.append,
        )
        client, project = self.client, self.site.project
        self.world = Workspace(
            client, lambda name: ApiFiles(client, name, FILE_FAULTS), project, self.clock
        )

    def reset(self) -> None:
        """Another world: no fault waits, no clock is wrong."""
        self.clock.skew = 0.0
        self.calls.clear()
        self.weather.forecast, self.weather.of_writes = {}, {}
        self.eyes.interrupts, self.eyes.ledger = {}, None
        self.policy = Policy(owner=self.site.project, edition=EDITION)
        self.start()

    def look(self, revision: Revision, policy: Policy) -> Pass:
        """Only look and plan."""
        return look_and_plan(revision, self.world, self.history, policy)

    def act(self, revision: Revision, policy: Policy) -> Pass:
        """One whole pass; what it remembers is kept."""
        execution = Execution(self.world, policy.owner, threads=1)
        done = reconcile(revision, self.world, execution, self.history, policy)
        self.history = done.history
        return done
