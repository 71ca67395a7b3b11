"""The searches of `small_scope.py`: from which world to which document, in how many rounds of a
pass each, with how many faults.  A search meets every order of all requests of both controllers in
each round, and every write of theirs that may lose its answer or its controller.
"""

from dataclasses import dataclass

from tests.simulation.documents import Document, document, edited
from tests.simulation.small_scope import Search
from tests.simulation.stage import prepared, the_stage

BIGGER = edited(document("a"), "workerGroupSpecs.0.resources.cpu", 2)
NEW_HEAD = edited(document("a"), "headGroupSpec.resources.cpu", 2)
NOBODY = edited(document("a"), "workerGroupSpecs.0.replicas", 0)


@dataclass(frozen=True, slots=True)
class Scope:
    """One search."""

    world: str
    document: Document
    rounds: int
    faults: int


# Those of the suite, and larger ones of `soak --interleavings`.
SCOPES = (
    Scope("nothing", NOBODY, 1, 1),
    Scope("a cluster", BIGGER, 3, 1),
    Scope("a cluster", NEW_HEAD, 2, 1),
    Scope("a cluster", NOBODY, 2, 2),
    Scope("no workers", document("a"), 2, 1),
)
LARGER = (
    Scope("nothing", document("a"), 2, 0),
    Scope("a cluster", NEW_HEAD, 2, 2),
    Scope("no workers", document("a"), 2, 2),
)


def search(scope: Scope) -> int:
    """How many distinct states there are; each end of them was calmed."""
    stage = the_stage()
    stage.begin(prepared(scope.world), seed=1)
    stage.docs = {"a": scope.document}
    found = Search(stage, scope.rounds, scope.faults)
    found.all()
    for node in found.ends.values():
        found.put(node)
        stage.calm(still=1)
    return found.nodes
