"""Every fault at every call of a few short histories, in every project.

The history without a fault says how many calls there are; then each of them is struck by each fault
in turn, and the world must come to match all the same.
"""

from dataclasses import dataclass

from tests.simulation.calm import calm
from tests.simulation.schedule import Schedule, differ, prepared, story
from tests.simulation.simulation import Simulation, silent
from tests.simulation.weather import Fault
from tests.simulation.wire import Rule

TURNS = 4  # so many before all is calm
EDIT = ("headGroupSpec.resources.cpu", 2)
WIDER = ("workerGroupSpecs.0.replicas", 2)
HISTORIES: dict[str, Schedule] = {
    "create a member": story(("edit", {"cluster": "b", "change": WIDER})),
    "update a head": story(("edit", {"cluster": "c", "change": EDIT})),
    "repair a worker": story(("deed", {"kind": "crash", "name": "ray-b-w-0"})),
    "a cluster leaves": story(("remove", {"cluster": "c"})),
    "a cluster moves": story(("move", {"cluster": "c", "site": "second"})),
    "create a member by put": story(
        ("edit", {"cluster": "b", "change": WIDER}), workspace="a put honors the path"
    ),
    "repair what is not restarted": story(
        ("deed", {"kind": "crash", "name": "ray-b-w-0"}), workspace="a restart needs a live run"
    ),
    "build an environment": story(("second_group", {"cluster": "b"}), world="environment"),
}
# One of each kind of answer; the others come by chance in seeded histories.
FAULTS = (
    Fault.HANGS,
    Fault.LOST_ANSWER,
    Fault.ERROR_JSON,
    Fault.THROTTLED_LATER,
    Fault.FORBIDDEN,
    Fault.NOT_FOUND,
    Fault.REDIRECTED,
    Fault.QUOTA,
    Fault.DISK_FULL,
    Fault.HALF_STORED,
    Fault.TORN_LIST,
    Fault.KILLED_AFTER,
)


@dataclass(frozen=True, slots=True)
class Strike:
    """A fault at the call of this number, from the moment that the history begins."""

    history: str
    call: int
    fault: Fault


def run(sim: Simulation, history: str, rule: Rule | None = None) -> int:
    """The calls that were made until all was calm; an AssertionError where anything is wrong."""
    chosen = HISTORIES[history]
    sim.begin(prepared(chosen.world), seed=1)
    differ(sim, chosen.workspace)
    sim.launch("a", seed=1)
    with silent():
        sim.pass_time(0.0)
        if rule is not None:
            sim.rules.append(rule)
        before = sim.calls
        for move in chosen.moves:
            move.do(sim)
        for _ in range(TURNS):
            sim.next_turn()
        calls = sim.calls - before
        calm(sim)
    return calls


def strike(sim: Simulation, chosen: Strike) -> bool:
    """Whether the fault could happen to that call; an AssertionError where it ends badly."""
    before = sum(sim.visits.values())
    run(sim, chosen.history, Rule(chosen.fault, skip=chosen.call, exact=True))
    return sum(sim.visits.values()) > before


def strikes(history: str, calls: int) -> list[Strike]:
    return [Strike(history, call, fault) for call in range(calls) for fault in FAULTS]
