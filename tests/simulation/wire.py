"""The network of one controller's process: every request is judged, may meet a fault, and what is
answered is noted.
"""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from tests.simulation.asked import FILE_WRITES, WRITES, Ask, Asked, asked
from tests.simulation.ledger import LawBrokenError, Ledger
from tests.simulation.weather import KILLS, Fault, Killed, fits, struck
from tests.simulation.world import Site

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

REPEATED = "again"  # the token of a torn list
_REPORT = "/ray.json"


@dataclass
class Rule:
    """A fault and the calls that it strikes: of a process, to a project, of these kinds, so many
    after `skip` others, until a time.  Empty names and sets are any.  `exact`: `skip` counts every
    call, and the next one is struck only if such a thing can happen to it.
    """

    fault: Fault
    process: str = ""
    site: str = ""
    asks: frozenset[Ask] = frozenset()
    skip: int = 0
    count: int = 1
    until: float = float("inf")
    exact: bool = False

    def strikes(self, process: str, site: str, what: Asked, now: float) -> bool:
        """Whether this call is struck; counts the calls that are asked about."""
        if not self.count or now > self.until or (self.process and self.process != process):
            return False
        here = not self.site or self.site == site
        meant = here and (not self.asks or what.ask in self.asks)
        possible = meant and fits(self.fault, what)
        if not (possible or self.exact):
            return False
        if self.skip:
            self.skip -= 1
            return False
        self.count -= 1
        return possible


@dataclass(frozen=True, slots=True)
class Sent:
    """One write to an application that left a controller.  `name`: its subdomain."""

    process: str
    site: str
    ask: Ask
    name: str


@dataclass(eq=False)
class Wire(httpx.BaseTransport):
    """`cut`: the process is gone and sends nothing any more; `closed`: it has given back what it
    held.  `ledgers` by project's name.
    """

    simulation: "Simulation"
    process: str
    cut: bool = False
    closed: bool = False
    ledgers: dict[str, Ledger] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.cut:
            raise Killed
        sim, what = self.simulation, asked(request)
        site = sim.site_of(what)
        sim.before(what)
        if self.cut:
            raise Killed
        if site is not None:
            self._judge(request, what, site)
        fault = sim.fault(self.process, "" if site is None else site.name, what)

        def send(asked_for: httpx.Request) -> httpx.Response:
            return self._send(asked_for, what, site)

        if fault is None:
            answer = send(request)
        else:
            sim.struck(fault, what, site)
            if fault in KILLS:
                self.cut = True
            answer = struck(fault, request, what, send, sim.pass_time)
        if site is not None and answer.status_code == 200 and fault is not Fault.TOO_LARGE:
            self._note(request, what, site, answer)
        return answer

    def _judge(self, request: httpx.Request, what: Asked, site: Site) -> None:
        ledger = self._ledger(request, what, site)
        if what.ask in WRITES or what.ask in FILE_WRITES or what.ask is Ask.JOB_WRITE:
            ledger.paused &= self.simulation.people[site.name].paused()
            try:
                name = self.simulation.judges[site.name].judge(request, what, ledger)
            except LawBrokenError as error:
                self.simulation.violated(error)
                raise
            if what.ask in WRITES:
                self.simulation.leads(self)
                self.simulation.sent.append(Sent(self.process, site.name, what.ask, name))

    def _ledger(self, request: httpx.Request, what: Asked, site: Site) -> Ledger:
        """A pass begins for a project with the first page of its list."""
        first = what.ask is Ask.LIST and "page_token" not in request.url.params
        if first or site.name not in self.ledgers:
            self.ledgers[site.name] = self.simulation.ledger(self.process, site)
        return self.ledgers[site.name]

    def _send(self, request: httpx.Request, what: Asked, site: Site | None) -> httpx.Response:
        if site is None:
            return self.simulation.world.gateway.handle_request(request)
        if what.ask is Ask.DOWNLOAD and what.subject.endswith(_REPORT):
            site.report(what.subject.split("/")[-2])
        if what.ask is Ask.LIST and request.url.params.get("page_token") == REPEATED:
            return self._repeated(request, site)
        return self.simulation.skies[site.name].answer(request, what)

    def _repeated(self, request: httpx.Request, site: Site) -> httpx.Response:
        query = [(k, v) for k, v in request.url.params.multi_items() if k != "page_token"]
        again = httpx.Request("GET", request.url.copy_with(params=query), headers=request.headers)
        answer = self.simulation.skies[site.name].answer(again, asked(again))
        body = json.loads(answer.read())
        return httpx.Response(200, json={**body, "next_page_token": REPEATED})

    def _note(
        self, request: httpx.Request, what: Asked, site: Site, answer: httpx.Response
    ) -> None:
        ledger = self.ledgers[site.name]
        if what.ask in (Ask.LIST, Ask.GET):
            try:
                body = json.loads(answer.read())
            except ValueError:
                return
            if isinstance(body, dict):
                ledger.told(what, request.url.params.get("page_token", ""), body)
        elif what.ask is Ask.PATCH:
            self.simulation.judges[site.name].laws.patched(request, what, ledger)
