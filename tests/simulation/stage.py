"""The stage: one world, one sky, two controllers, people, a source of documents, and the laws.

Whatever happens to a world in the simulation happens through here, whether Hypothesis, a seed or
the exhaustive search chooses it; `calm` is where every history must end.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache

from controller.core.model.faults import Fault as Trouble
from controller.emulator.options import Options
from controller.reconcile import Pass
from tests.simulation.controllers import Act, Controller
from tests.simulation.documents import Document, document, revision_of
from tests.simulation.laws import Laws
from tests.simulation.ledger import LawBrokenError, Ledger, Order
from tests.simulation.oracle import mismatch
from tests.simulation.people import People
from tests.simulation.sky import Sky
from tests.simulation.weather import Fault, Killed
from tests.simulation.world import Snapshot, World

# How many passes a calm world may need, and how far apart they are, in seconds.
#
# Everything that moves by itself needs at most one rolling update of a group of three after the
# head: stop, look, PATCH and start, look, for each of four members, and before it a delete, a look
# and a create where a name is held: 20 passes.  Then come the waits that memory may still hold:
# backoff (to 10 min), a resync (10 min), a join deadline (10 min) with a repair after it, and
# a start deadline that the workspace itself bounds; each costs one pass when it ends and up to
# three for what follows.  The pace grows so that the waits end within the passes that are left.
PACE_S = (5.0,) * 22 + (60.0,) * 6 + (660.0,) * 12
CALM_PASSES = len(PACE_S)
STILL_PASSES = 5
STILL_S = 30.0
# Writes to one application between the beginning of calm and the match: a repair that was decided
# before its update, then stop, PATCH, restart; and a PATCH that is tried again.  A replacement
# counts for two applications.
CALM_WRITES = 6
PREPARING = -1


class NotConvergedError(AssertionError):
    """A calm world that does not come to match its documents, or does not stay so."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A world in which the documents are settled."""

    docs: Mapping[str, Document]
    kept: Snapshot


class Stage:
    """Two controllers, `a` and `b`, over one world."""

    def __init__(self, options: Options | None = None) -> None:
        self.world = World(options)
        self.site = self.world.sites["lab"]
        self.owner = self.site.project
        self.sky = Sky(self.site, random.Random(0), lambda _: None)
        self.laws = Laws(self.site, self.owner)
        self.people = People(self.site)
        self.a = Controller("a", self.site, self.sky, self.laws)
        self.b = Controller("b", self.site, self.sky, self.laws)
        self.docs: dict[str, Document] = {}
        self.broken: set[str] = set()
        self.behind: Mapping[str, Document] | None = None  # what `b` still takes for the newest
        self.order = Order()
        self.trail: list[str] = []
        self.empty = self.world.snapshot()

    def begin(self, prepared: Prepared, seed: int) -> None:
        """Another history, from a prepared world.

        Worlds are prepared with the seed PREPARING and no other: ids must not come twice.
        """
        self.site.rng.seed(f"ids {seed}")
        self.sky.rng.seed(seed)
        self.world.restore(prepared.kept)
        self.sky.reset()
        self.people.reset()
        self.laws.taken.clear()
        self.laws.ignored.clear()
        for number, one in enumerate((self.a, self.b)):
            one.rng.seed(seed + number)
            one.reset()
        self.docs, self.broken, self.behind = dict(prepared.docs), set(), None
        self.order = Order()
        self.trail.clear()
        self.sky.note()

    # passes

    def pass_(
        self,
        who: Controller,
        forecast: Mapping[int, Fault] | None = None,
        interrupts: Mapping[int, Act] | None = None,
        of_writes: Mapping[int, Fault] | None = None,
    ) -> Pass | None:
        """One pass under the laws; None when it ended early.  Requests are numbered from 0."""
        self.site.report()
        self.sky.note()
        ledger = self.ledger(who)
        who.weather.count = who.weather.writes = 0
        who.weather.forecast, who.weather.of_writes = dict(forecast or {}), dict(of_writes or {})
        outer = (who.eyes.ledger, who.eyes.interrupts)
        who.eyes.ledger, who.eyes.interrupts = ledger, dict(interrupts or {})
        try:
            done = self._act(who, ledger)
        finally:
            who.eyes.ledger, who.eyes.interrupts = outer
            who.weather.forecast, who.weather.of_writes = {}, {}
        if done is not None:
            self._note(done)
        self._foreign_is_untouched()
        return done

    def _act(self, who: Controller, ledger: Ledger) -> Pass | None:
        policy = replace(
            who.policy,
            prune=self.order.prune,
            allow_prune=self.order.allow_prune,
            delete=self.order.delete,
        )
        broken = frozenset() if ledger.whole else frozenset(self.broken)
        try:
            return who.act(revision_of(ledger.docs, broken), policy)
        except Killed:
            who.start()
        except Trouble:
            pass  # the pass ended early; the next one goes on
        return None

    def ledger(self, who: Controller) -> Ledger:
        sky = self.sky
        clear = not (sky.lag or sky.page_size or sky.odd)
        if who is self.b and self.behind is not None:
            docs, whole = self.behind, True
        else:
            docs = {n: d for n, d in self.docs.items() if n not in self.broken}
            whole = not self.broken
        paused = self.people.paused()
        return Ledger(who.name, docs, whole, self.order, paused, clear)

    def _note(self, done: Pass) -> None:
        if done.plan.refusals:
            raise LawBrokenError(f"the audit refused the plan: {done.plan.refusals}")

    def _foreign_is_untouched(self) -> None:
        if self.people.foreign and (harmed := self.people.harmed()):
            raise LawBrokenError(f"law 1: somebody else's applications were changed: {harmed}")

    def interleave(self, who: Controller, other: Controller, at: int) -> Pass | None:
        """A whole pass of the other controller between two requests of this one."""

        def act() -> None:
            self.pass_(other)

        return self.pass_(who, interrupts={at: act})

    # the end

    def quiet(self) -> None:
        """Specs are valid and frozen, faults are over, people and the second controller rest."""
        self.sky.clear()
        self.broken.clear()
        self.world.heal()
        self.people.tidy()
        self.a.clock.skew = 0.0
        if any(known.unapplied and known.replaced for known in self.a.history.members.values()):
            # FieldNotApplied asks for a person: to try again costs the member its work, so
            # the controller does not.  Here the person starts it anew.
            self.a.start()
        # Looking for what to prune costs four requests a pass; only where there is something.
        known = {app.environment.get("RAYCML_CLUSTER") for app in self.site.rows()} - {None}
        orphans = bool(known - self.docs.keys())
        self.order = Order(prune=orphans, allow_prune=99 if orphans else 0)

    def calm(self, still: int = STILL_PASSES) -> int:
        """The passes that it took to match; NotConvergedError when it does not, or not for good."""
        self.quiet()
        found: list[str] = ["no pass was made"]
        self.a.calls.clear()
        writes: dict[str, int] = {}
        for number, pause in enumerate(PACE_S, 1):
            done = self._calm_pass(writes)
            found = self.mismatch()
            if done is not None and not done.plan.steps and not found:
                self._stays(still)
                return number
            self.site.time.passed += pause
        raise NotConvergedError(f"after {CALM_PASSES} calm passes: {found}; {self._said(done)}")

    def _calm_pass(self, writes: dict[str, int]) -> Pass | None:
        done = self.pass_(self.a)
        for outcome in () if done is None else done.outcomes:
            if (name := outcome.step.application_id) is not None:
                writes[name] = writes.get(name, 0) + 1
                if writes[name] > CALM_WRITES:
                    raise NotConvergedError(f"{writes[name]} writes to {name} while all is calm")
        return done

    def _stays(self, still: int) -> None:
        self.a.calls.clear()
        for _ in range(still):
            self.site.time.passed += STILL_S
            self.pass_(self.a)
        # A launcher that nothing has named for an hour goes whenever its hour is over.
        written = [c.operation for c in self.a.calls if c.write and c.operation != "delete_file"]
        if written:
            raise NotConvergedError(f"a world that matched was written to: {written}")
        if found := self.mismatch():
            raise NotConvergedError(f"a world that matched went on to differ: {found}")

    def mismatch(self) -> list[str]:
        """What differs from the documents; clusters without one are to leave as was ordered."""
        order = self.order
        pruned = order.prune and not self.broken
        return mismatch(
            self.docs, self.site, self.owner, lambda name: pruned or name in order.delete
        )

    def _said(self, done: Pass | None) -> str:
        if done is None:
            return "the last pass ended early"
        steps = [f"{s.name} {s.member} ({s.reason})" for s in done.plan.steps]
        waits = [f"{w.cluster} {w.member} {w.reason}: {w.message}" for w in done.plan.waits]
        return f"last plan: {steps} {waits}"


@lru_cache(maxsize=1)
def the_stage() -> Stage:
    """One stage for each process; histories follow each other on it."""
    return Stage()


@lru_cache(maxsize=256)
def prepared(name: str) -> Prepared:
    """A world by its name; see WORLDS."""
    stage = the_stage()
    stage.begin(Prepared({}, stage.empty), PREPARING)
    stage.docs = WORLDS[name]()
    if stage.docs:
        stage.calm(still=1)
    return Prepared(dict(stage.docs), stage.world.snapshot())


WORLDS: dict[str, Callable[[], dict[str, Document]]] = {
    "nothing": dict,
    "a cluster": lambda: {"a": document("a")},
    "no workers": lambda: {"a": document("a", 0)},
    "three workers": lambda: {"a": document("a", 3)},
    "two clusters": lambda: {"a": document("a"), "b": document("b")},
    "three clusters": lambda: {"a": document("a"), "b": document("b", 0), "c": document("c", 0)},
}
