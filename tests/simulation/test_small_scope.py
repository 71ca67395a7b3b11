"""All interleavings of two controllers: no order of their requests breaks a law, and from every
world that they can leave behind it converges."""

import pytest

from tests.simulation.cores import spread
from tests.simulation.documents import Document, document, edited
from tests.simulation.small_scope import Search
from tests.simulation.stage import prepared, the_stage

Docs = dict[str, Document]
BIGGER = edited(document("a"), "workerGroupSpecs.0.resources.cpu", 2)
NEW_HEAD = edited(document("a"), "headGroupSpec.resources.cpu", 2)
NOBODY = edited(document("a"), "workerGroupSpecs.0.replicas", 0)

# From which world to which document, in how many rounds of a pass each, with how many faults:
# every order of all requests of both controllers in each round, and every write of theirs that may
# lose its answer or its controller.
SCOPES: list[tuple[str, Document, int, int]] = [
    ("nothing", NOBODY, 1, 1),
    ("nothing", document("a"), 2, 0),
    ("a cluster", BIGGER, 3, 1),
    ("a cluster", NEW_HEAD, 2, 2),
    ("a cluster", NOBODY, 2, 2),
    ("no workers", document("a"), 2, 2),
]
NODES_MIN = 10_000


def search(number: int) -> int:
    """How many distinct states there are; each end of them was calmed."""
    world, doc, rounds, faults = SCOPES[number]
    stage = the_stage()
    stage.begin(prepared(world), seed=1)
    stage.docs = {"a": doc}
    found = Search(stage, rounds, faults)
    found.all()
    for node in found.ends.values():
        found.put(node)
        stage.calm(still=1)
    return found.nodes


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_interleaving_of_two_controllers_breaks_a_law_or_keeps_the_world_from_converging() -> (
    None
):
    assert sum(spread(search, range(len(SCOPES)))) >= NODES_MIN
