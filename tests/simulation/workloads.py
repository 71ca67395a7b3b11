"""What a cluster is asked to do, one thing at a time, each from a settled world; for the sweep."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from tests.simulation.documents import Document, document, edited, with_second_group
from tests.simulation.ledger import Order
from tests.simulation.stage import PREPARING, Prepared, Stage, the_stage

Docs = Mapping[str, Document]


def _with(doc: Document, *changes: tuple[str, object]) -> Document:
    for path, value in changes:
        doc = edited(doc, path, value)
    return doc


SMALL = document("a", 1)
PAIR = document("a", 2)
WIDE = document("a", 3)
GPU = "workerGroupSpecs.0.resources.gpu"


@dataclass(frozen=True, slots=True, eq=False)
class Workload:
    """From one settled world to another.

    `writes`: how many a run without faults makes, counted; a lost answer may cost `extra` more:
    the repeated call, and for a launcher the look, the removal of a copy and the second upload.
    """

    name: str
    before: Docs
    after: Docs
    writes: int
    order: Order = field(default_factory=Order)
    crash: str | None = None
    extra: int = 3

    def __str__(self) -> str:
        return self.name


def _one(doc: Document) -> Docs:
    return {"a": doc}


NOTHING: Docs = {}
ASLEEP = _with(SMALL, ("suspend", True))
RESTING = _with(SMALL, ("workerGroupSpecs.0.suspend", True))
BIGGER = _with(PAIR, ("workerGroupSpecs.0.resources.memory", "6Gi"))
NEW_HEAD = _with(SMALL, ("headGroupSpec.resources.cpu", 2))
NEW_RAY = _with(SMALL, ("rayVersion", "2.61.0"))
AT_ONCE = _with(SMALL, ("upgradeStrategy.type", "Recreate"))
AT_ONCE_BIGGER = _with(AT_ONCE, ("workerGroupSpecs.0.resources.cpu", 2))
RENAMED = _with(SMALL, ("workerGroupSpecs.0.groupName", "y"))
LESS_GPU = _with(SMALL, (GPU, 1))
MOVED = _with(WIDE, ("workerGroupSpecs.0.replicas", 1), ("headGroupSpec.resources.cpu", 2))

WORKLOADS = (
    Workload("create", NOTHING, _one(SMALL), 4),
    Workload("scale up", _one(SMALL), _one(WIDE), 2),
    Workload("scale down", _one(WIDE), _one(SMALL), 2),
    Workload("update a group", _one(PAIR), _one(BIGGER), 7),
    Workload("update the head", _one(SMALL), _one(NEW_HEAD), 4),
    Workload("another Ray", _one(SMALL), _one(NEW_RAY), 8),
    Workload("recreate", _one(AT_ONCE), _one(AT_ONCE_BIGGER), 4),
    Workload("take the GPU away", _one(LESS_GPU), _one(SMALL), 4),
    Workload("shrink and update", _one(WIDE), _one(MOVED), 6),
    Workload("add a group", _one(SMALL), _one(with_second_group(SMALL)), 2),
    Workload("rename a group", _one(SMALL), _one(RENAMED), 3),
    Workload("suspend", _one(SMALL), _one(ASLEEP), 2),
    Workload("suspend a group", _one(SMALL), _one(RESTING), 1),
    Workload("resume", _one(ASLEEP), _one(SMALL), 2),
    Workload("delete", _one(SMALL), NOTHING, 4, Order(delete=frozenset({"a"}))),
    Workload("prune", _one(SMALL), NOTHING, 2, Order(prune=True, allow_prune=1)),
    Workload("repair a worker", _one(SMALL), _one(SMALL), 1, crash="ray-a-w-0"),
    Workload("repair the head", _one(SMALL), _one(SMALL), 1, crash="ray-a-head"),
)


@lru_cache(maxsize=64)
def settled(load: Workload) -> Prepared:
    """The world before."""
    stage = the_stage()
    stage.begin(Prepared({}, stage.empty), PREPARING)
    if any(doc["spec"].get("suspend") for doc in load.before.values()):
        stage.docs = {name: edited(doc, "suspend", False) for name, doc in load.before.items()}
        stage.calm(still=1)
    stage.docs = dict(load.before)
    stage.calm(still=1)
    return Prepared(dict(load.before), stage.site.snapshot())


def begun(load: Workload) -> Stage:
    """The stage, just when the workload has been asked for."""
    stage = the_stage()
    stage.begin(settled(load), seed=1)
    stage.docs = dict(load.after)
    stage.order = load.order
    if load.crash:
        stage.site.crash(load.crash)
    stage.a.calls.clear()
    return stage
