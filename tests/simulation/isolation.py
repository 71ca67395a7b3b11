"""One cluster's trouble is no other's: the same history alone, and beside a neighbour in trouble.

The neighbour is a project of which calls fail, for as long as the history lasts, or a cluster of
the same project that never comes up.  Every other cluster must end as it does alone, and be written
to on the way in the same order.
"""

import random
from dataclasses import dataclass

from tests.scripted_pods import Behaviour
from tests.simulation.calm import calm, mismatches
from tests.simulation.documents import document, edited
from tests.simulation.moves import KINDS, PLACE, crash
from tests.simulation.oracle import place_of
from tests.simulation.schedule import Chosen, prepared
from tests.simulation.simulation import (
    BY_ID,
    BY_NAME,
    HOME,
    Simulation,
    ViolationError,
    silent,
)
from tests.simulation.weather import KILLS, Fault
from tests.simulation.wire import Rule

LOOK_S = 60.0
LOOKS = 30  # so often the healthy clusters are looked at before they have to be as wanted
NEIGHBOUR = "n"  # the cluster in trouble, where the trouble is a cluster
FAULTS = tuple(f for f in Fault if f not in KILLS and f is not Fault.TOO_LARGE)

NEVER = Behaviour(answers_after=None)
Lived = tuple[tuple[tuple[str, str], ...], tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Trouble:
    """Calls of these kinds to the project fail; or, without a fault, a cluster beside the others
    behaves like this.
    """

    site: str
    fault: Fault | None = None
    kind: str = "any"
    behaviour: Behaviour = NEVER

    def __str__(self) -> str:
        if self.fault is None:
            return f"a cluster in {self.site} that {self.behaviour}"
        return f"{self.kind} calls to {self.site}: {self.fault.name}"


@dataclass(frozen=True, slots=True)
class Case:
    """A history of healthy clusters, and the trouble beside them."""

    seed: int
    moves: tuple[Chosen, ...]
    trouble: Trouble

    def __str__(self) -> str:
        moves = "\n".join(f"  {move}" for move in self.moves)
        return f"isolation seed {self.seed}: {self.trouble}\n{moves}"


def case(seed: int) -> Case:
    """The same seed always gives the same case."""
    rng = random.Random(f"isolation {seed}")
    site = rng.choice((BY_NAME, BY_NAME, BY_ID, HOME))
    if rng.random() < 0.15:
        ends = rng.choice((None, 0.0, 40.0))
        trouble = Trouble(site, behaviour=Behaviour(None if ends == 0.0 else 0.0, ends))
    else:
        trouble = Trouble(site, rng.choice(FAULTS), rng.choice(tuple(KINDS)))
    healthy = [cluster for cluster, place in PLACE.items() if place != trouble.site]
    if trouble.fault is None:
        healthy = list(PLACE)
    moves = tuple(_healthy(rng, rng.choice(healthy), trouble) for _ in range(rng.choice((1, 1, 2))))
    return Case(seed, moves, trouble)


def _healthy(rng: random.Random, cluster: str, trouble: Trouble) -> Chosen:
    """What happens to a healthy cluster.  Without its home a controller takes in no new spec."""
    if trouble.site == HOME or rng.random() < 0.5:
        name = f"ray-{cluster}-head" if cluster == "c" else f"ray-{cluster}-w-0"
        kind = rng.choice(("crash", "stop", "delete", "crash"))
        return Chosen("deed", {"kind": kind, "name": name})
    change = rng.choice(
        (
            ("headGroupSpec.resources.cpu", 2),
            ("suspend", True),
            ("environment", {"A": "a"}),
            ("workerGroupSpecs.0.replicas", 0 if cluster == "c" else 2),
        )
    )
    return Chosen("edit", {"cluster": cluster, "change": change})


def lived(sim: Simulation, chosen: Case, trouble: Trouble | None) -> dict[str, Lived]:
    """How each healthy cluster was written to, and how it ended."""
    sim.begin(prepared("three"), seed=1)
    site = chosen.trouble.site
    sim.launch("a", seed=1)
    with silent():
        sim.pass_time(0.0)
        if trouble is not None:
            _begin(sim, trouble)
        sim.sent.clear()
        for move in chosen.moves:
            move.do(sim)
            _wait(sim, chosen.trouble)
        found = {c: _lived(sim, c) for c in PLACE if _is_healthy(c, chosen.trouble)}
        if trouble is not None:
            calm(sim)
    assert site in sim.world.sites
    return found


def _is_healthy(cluster: str, trouble: Trouble) -> bool:
    return trouble.fault is None or PLACE[cluster] != trouble.site


def _begin(sim: Simulation, trouble: Trouble) -> None:
    """The trouble, and something for the controller to do there."""
    if trouble.fault is None:
        doc = document(NEIGHBOUR, 1)
        if trouble.site != HOME:
            doc["spec"]["project"] = sim.world.sites[trouble.site].project
        sim.world.story = lambda order: (
            trouble.behaviour
            if order.engine.subdomain.startswith(f"ray-{NEIGHBOUR}-")
            else Behaviour(answers_after=0.0)
        )
        sim.write(NEIGHBOUR, doc)
        return
    kinds = KINDS[trouble.kind]
    sim.rules.append(Rule(trouble.fault, site=trouble.site, asks=kinds, count=10**9))
    cluster = next(c for c, place in PLACE.items() if place == trouble.site)
    if trouble.site == HOME:
        crash(sim, f"ray-{cluster}-w-0")
    else:
        sim.write(cluster, edited(sim.docs[cluster], "headGroupSpec.resources.cpu", 2))


def _wait(sim: Simulation, trouble: Trouble) -> None:
    """Until the healthy clusters are as wanted; ViolationError where that takes too long."""
    for _ in range(LOOKS):
        sim.pass_time(LOOK_S)
        wrong = [line for line in mismatches(sim) if not _excused(line, trouble)]
        if not wrong:
            return
    raise ViolationError(f"beside {trouble}, after {LOOKS * LOOK_S:.0f} s: {wrong}")


def _excused(line: str, trouble: Trouble) -> bool:
    if trouble.fault is None:
        return f"ray-{NEIGHBOUR}-" in line or "has 0 applications" in line or "it is" in line
    return line.startswith(f"{trouble.site}:")


def _lived(sim: Simulation, cluster: str) -> Lived:
    names = f"ray-{cluster}-"
    writes = tuple((s.ask.value, s.name) for s in sim.sent if s.name.startswith(names))
    rows = []
    for site in sim.world.sites.values():
        for app in site.rows():
            place = place_of(app.environment, app.subdomain, sim.owner)
            if place is not None and place.cluster == cluster:
                size = (app.cpu, app.memory, app.nvidia_gpu, app.script)
                rows.append((app.subdomain, app.status.name, *size))
    return writes, tuple(sorted(rows))


def check(sim: Simulation, chosen: Case) -> None:
    """ViolationError where a healthy cluster lives otherwise beside the trouble than alone."""
    alone = lived(sim, chosen, None)
    beside = lived(sim, chosen, chosen.trouble)
    for cluster, life in alone.items():
        if beside[cluster] != life:
            raise ViolationError(f"{cluster} beside {chosen.trouble}: {beside[cluster]} not {life}")
