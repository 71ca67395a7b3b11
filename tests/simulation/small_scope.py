"""All interleavings of two controllers over a small world, request by request, with few faults.

An explicit search: a node is a world and how far each controller is in its pass.  A pass cannot be
kept in the middle, but it is a function of its history and of the answers that it got; so a node
keeps the answers, and a step runs the pass again over them up to its next request.  Nodes that
differ in ids alone are one.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any  # the state of a generator is nobody's business

import httpx

from controller.core.model.history import History
from tests.simulation.asked import FILE_WRITES, WRITES, asked
from tests.simulation.controllers import Controller
from tests.simulation.documents import revision_of
from tests.simulation.ledger import Ledger
from tests.simulation.light import LightRequest, LightResponse, whole
from tests.simulation.stage import Stage
from tests.simulation.weather import Fault, Killed, Weather
from tests.simulation.world import Snapshot

FAULTS = (Fault.LOST_ANSWER, Fault.KILLED_AFTER)
Answer = tuple[int, bytes, str] | Fault
RandomState = tuple[Any, ...]  # as `random` gives it


class Pending(BaseException):
    """The pass has come to a request that no answer is kept for."""


@dataclass(frozen=True, slots=True)
class Actor:
    """One controller: what it remembers, and the answers of the pass that it is in.

    `over`: it makes no more requests in this round.
    """

    history: History
    answers: tuple[Answer, ...] = ()
    ledger: Ledger | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Node:
    """A world in the middle of a round."""

    world: Snapshot
    chance: RandomState
    actors: tuple[Actor, Actor]
    faults: int
    path: tuple[str, ...] = ()


@dataclass
class Again(httpx.BaseTransport):
    """Gives the kept answers; at the first request that has none, the pass is left."""

    answers: tuple[Answer, ...]
    given: int = 0
    pending: httpx.Request | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if self.given == len(self.answers):
            request.read()
            self.pending = request
            raise Pending
        answer = self.answers[self.given]
        self.given += 1
        if answer is Fault.KILLED_AFTER:
            raise Killed
        if isinstance(answer, Fault):
            raise httpx.ReadTimeout("timed out", request=request)
        status, content, kind = answer
        made: Any = LightResponse if isinstance(request, LightRequest) else whole
        answered: httpx.Response = made(status, content, {"content-type": kind})
        return answered


@dataclass
class Search:
    """Rounds, in each of which both controllers make one pass; `pause_s` lies between them.

    `nodes`: distinct ones met; `ends`: distinct worlds, with both memories, after the last round.
    """

    stage: Stage
    rounds: int
    faults: int
    pause_s: float = 5.0
    nodes: int = 0
    ends: dict[object, Node] = field(default_factory=dict)
    _known: dict[object, httpx.Request | Actor] = field(default_factory=dict)

    def all(self) -> None:
        """From the stage as it stands, with its documents; LawBrokenError where a law is broken."""
        nobody = (Actor(History()), Actor(History()))
        site = self.stage.site
        level = [Node(self.stage.world.snapshot(), site.rng.getstate(), nobody, self.faults)]
        for _ in range(self.rounds):
            level = self._round(level)
        self.ends = {self._key(node): node for node in level}

    def _round(self, starts: list[Node]) -> list[Node]:
        """Every distinct node at the end of a round that begins in these."""
        seen: set[object] = set()
        ends: dict[object, Node] = {}
        stack = [self._opened(node) for node in starts]
        while stack:
            node = stack.pop()
            key = self._key(node)
            if key in seen:
                continue
            seen.add(key)
            if all(actor.over for actor in node.actors):
                ends[key] = node
            else:
                stack.extend(self._next(node))
        self.nodes += len(seen)
        return list(ends.values())

    def _opened(self, node: Node) -> Node:
        """A new round: time has passed, heads have reported, both controllers begin."""
        self._restore(node)
        self.stage.site.time.passed += self.pause_s
        self.stage.site.report()
        actors = tuple(replace(actor, answers=(), ledger=None, over=False) for actor in node.actors)
        assert len(actors) == 2
        return replace(node, world=self.stage.world.snapshot(), actors=actors)

    def put(self, node: Node) -> None:
        """The stage stands as it does at this node; the first controller remembers its part."""
        self._restore(node)
        self.stage.a.history = node.actors[0].history
        self.stage.sky.note()

    def _next(self, node: Node) -> Iterator[Node]:
        for number, actor in enumerate(node.actors):
            if actor.over:
                continue
            plain, wrote = self._step(node, number, None)
            yield plain
            if wrote and node.faults:
                for fault in FAULTS:
                    yield self._step(node, number, fault)[0]

    def _restore(self, node: Node) -> None:
        self.stage.world.restore(node.world)
        self.stage.site.rng.setstate(node.chance)

    def _step(self, node: Node, number: int, fault: Fault | None) -> tuple[Node, bool]:
        """One more request of one controller; whether it was a write."""
        self._restore(node)
        who, actor = (self.stage.a, self.stage.b)[number], node.actors[number]
        request = self._pending(who, actor)
        assert not isinstance(request, Actor)
        ledger = (actor.ledger or self.stage.ledger(who)).copy()
        ledger.alone = False
        what = asked(request)
        wrote = what.ask in WRITES or what.ask in FILE_WRITES
        answer = self._deliver(request, ledger) if fault is None else fault
        if fault is not None:
            self._deliver(request, ledger.copy())
        after = Actor(actor.history, (*actor.answers, answer), ledger)
        then = self._pending(who, after)
        actors = list(node.actors)
        actors[number] = then if isinstance(then, Actor) else after
        site, struck = self.stage.site, fault is not None
        new = Node(
            self.stage.world.snapshot(),
            site.rng.getstate(),
            (actors[0], actors[1]),
            node.faults - struck,
            (*node.path, f"{who.name}: {what.ask.value}{' (fault)' if struck else ''}"),
        )
        return new, wrote

    def _deliver(self, request: httpx.Request, ledger: Ledger) -> Answer:
        """The request has its effect; the ledger is told the answer."""
        what = asked(request)
        self.stage.laws.judge(request, what, ledger)
        answer = self.stage.site.gateway.handle_request(request)
        content = answer.read()
        if answer.status_code == 200 and content.startswith(b"{"):
            ledger.told(what, request.url.params.get("page_token", ""), json.loads(content))
        return answer.status_code, content, answer.headers.get("content-type", "")

    def _pending(self, who: Controller, actor: Actor) -> httpx.Request | Actor:
        """The next request of the pass, or the actor when the pass is over."""
        passed = self.stage.site.time.passed
        key = (who.name, passed, repr(actor.history), actor.answers)
        if key not in self._known:
            self._known[key] = self._pass(who, actor)
            self.stage.site.time.passed = passed  # waiting before a retry changes nothing here
        return self._known[key]

    def _pass(self, who: Controller, actor: Actor) -> httpx.Request | Actor:
        again = Again(actor.answers)
        who.history = actor.history
        weather, who.eyes.weather = who.eyes.weather, Weather(again)
        try:
            done = who.act(revision_of(self.stage.docs), who.policy)
        except Pending:
            assert again.pending is not None
            return again.pending
        except Killed:
            return Actor(History(), over=True)
        finally:
            who.eyes.weather = weather
        assert not done.plan.refusals, done.plan.refusals
        return Actor(done.history, over=True)

    def _key(self, node: Node) -> object:
        """Everything that the future depends on, without ids."""
        names = {app.id: f"<{app.subdomain}>" for app in node.world.applications}
        names |= {app.engine_id: f"<pod {app.subdomain}>" for app in node.world.applications}
        told = repr(
            (
                [(a.history, a.answers, a.over) for a in node.actors],
                [app.wire() for app in node.world.applications],
                [sorted(each) for each in node.world.contents.values()],
            )
        )
        for known, name in names.items():
            if known:
                told = told.replace(known, name)
        return hash((told, node.faults, node.world.passed))
