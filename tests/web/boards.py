"""Boards made by hand, over statuses and plans of the real core."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cache

from controller.core.model.approval import Held
from controller.core.model.history import History
from controller.core.model.observed import (
    ObservedApplication,
    ObservedPauses,
    ObservedState,
    Pause,
    Phase,
)
from controller.core.model.plan import Plan
from controller.core.planner.memory import remember
from controller.core.situation.situation import situate
from controller.core.spec.spec import RayCluster
from controller.core.status.assess import assess
from controller.core.status.events import Event, Kind
from controller.core.status.snapshot import ControllerSnapshot, LoopState, Sample, SourceState
from controller.core.status.status import Status
from tests.worlds import (
    NOW,
    POLICY,
    PROJECT,
    all_files,
    application,
    at,
    converged,
    decide,
    desired,
    foreign,
    named,
    observed,
    report,
    spec,
    whole_cluster,
)

REVISION = "4f2c1d9a8b7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a"
NEWER = "9e8d7c6b5a4f3e2d1c0b9a8f7e6d5c4b3a2f1e0d"
DOMAIN = "ml-0123abcd-e45.example.cloudera.site"

SOURCE = SourceState(
    origin="https://git.example.com/platform/ray-clusters.git (main, specs/)",
    revision=REVISION,
    since=at(-7200),
    fetched_at=at(-20),
)
LOOP = LoopState(
    passes=812, started_at=at(-5), ended_at=at(-3), took_s=1.24, pause_s=30.0, leads=True
)


def status_of(
    *clusters: RayCluster, world: ObservedState, history: History | None = None
) -> tuple[Status, Plan]:
    """What one real pass would say of this world."""
    state = desired(*clusters)
    known = remember(situate(state, world, history or History(), POLICY)).history
    plan = decide(state, world, history)
    return assess(situate(state, world, known, POLICY), plan, REVISION), plan


def urls(status: Status | None) -> Mapping[str, str]:
    found = () if status is None else status.clusters
    return {m.application: f"https://{m.application}.{DOMAIN}/" for c in found for m in c.members}


def board(
    status: Status | None = None, plan: Plan | None = None, **changes: object
) -> ControllerSnapshot:
    """A board at NOW, a few seconds after a pass that ended well."""
    made = ControllerSnapshot(NOW, SOURCE, LOOP, status, plan or Plan(), urls=urls(status))
    return replace(made, **changes)


@cache
def first() -> ControllerSnapshot:
    """Before the first pass has ended."""
    loop = LoopState(started_at=at(-1))
    return board(source=SourceState("specs/"), loop=loop)


@cache
def calm() -> ControllerSnapshot:
    """Everything as the specs say."""
    clusters = (spec(),)
    worlds = [converged(c) for c in clusters]
    apps = [a for w in worlds for p in w.projects.values() for a in p.applications]
    reports = tuple(r for w in worlds for r in w.reports.values())
    return board(*status_of(*clusters, world=observed(*apps, reports=reports)))


_GPU = {"cpu": 8, "memory": "64Gi", "gpu": 1}


def _gpus(name: str, replicas: int, **changes: object) -> RayCluster:
    gpu = {"groupName": "gpu", "replicas": replicas, "resources": _GPU}
    cpu = {"groupName": "cpu", "replicas": 2, "resources": {"cpu": 4, "memory": "16Gi"}}
    return named(name, **{"workerGroupSpecs": [cpu, gpu], **changes})


@cache
def busy() -> ControllerSnapshot:
    """A night that has something of everything."""
    clusters = (
        _gpus("analytics", 2),
        _gpus("fraud-scoring", 3),
        _gpus("training", 4),
        named("nightly-batch", suspend=True),
        named("research"),
    )
    state, plan = status_of(*clusters, world=_night(*clusters))
    return board(
        state,
        plan,
        source=replace(SOURCE, held=HELD, problems=PROBLEMS),
        events=EVENTS,
        timelines={c.name: timeline(c.desired, c.ready) for c in state.clusters},
        pauses={"research": PAUSE},
    )


def _night(*clusters: RayCluster) -> ObservedState:
    analytics, fraud, _, nightly, research = clusters
    outdated = _gpus("training", 4, workerGroupSpecs__1__resources={**_GPU, "memory": "48Gi"})
    apps = [
        *whole_cluster(analytics),
        *_but(whole_cluster(fraud), "gpu-1", "gpu-2"),
        foreign("ray-fraud-scoring-gpu-1"),
        application(fraud, "gpu/2", Phase.STARTING, starting_at=at(-140)),
        *_but(whole_cluster(outdated), "gpu-3"),
        *[replace(a, phase=Phase.STOPPED, stopped_at=at(-9000)) for a in whole_cluster(nightly)],
        *_but(whole_cluster(research), "cpu-1"),
        application(research, "cpu/1", Phase.FAILED),
    ]
    reports = (
        report(analytics, "head", "cpu/0", "cpu/1", "gpu/0", "gpu/1"),
        report(fraud, "head", "cpu/0", "cpu/1", "gpu/0"),
        report(outdated, "head", "cpu/0", "cpu/1", "gpu/0", "gpu/1", "gpu/2"),
        report(research, "head", "cpu/0"),
    )
    pauses = ObservedPauses({(PROJECT, "research"): PAUSE})
    return observed(*apps, reports=reports, files=all_files(*apps)).with_pauses(pauses)


def _but(apps: list[ObservedApplication], *members: str) -> list[ObservedApplication]:
    return [a for a in apps if not a.name.endswith(members)]


PAUSE = Pause(
    "research", "moving the data, ask Anna before you touch it", "anna", at(-5400), at(7200)
)
HELD = Held(
    NEWER,
    "PruneLimit",
    "it removes 3 of 5 clusters: analytics, fraud-scoring, training",
    at(-900),
)
PROBLEMS = (
    "specs/search.yaml:14:7: spec.headGroupSpec.resources.memory: `16Gb` is not memory; write 16Gi",
)
EVENTS = (
    Event(
        Kind.WARNING, "RevisionHeld", "9e8d7c6b5a4f needs approval: it removes 3 of 5 clusters",
        first_at=at(-900), last_at=at(-12), count=30,
    ),
    Event(
        Kind.NORMAL, "Create", "created the application of gpu/2", "fraud-scoring", "gpu/2",
        first_at=at(-140), last_at=at(-140),
    ),
    Event(
        Kind.WARNING, "NameConflict", "an application that is not ours holds "
        "`ray-fraud-scoring-gpu-1`", "fraud-scoring", "gpu/1", 7, at(-3600), at(-260),
    ),
    Event(
        Kind.NORMAL, "Update", "memory 48Gi -> 64Gi", "training", "gpu/3",
        first_at=at(-400), last_at=at(-400),
    ),
    Event(
        Kind.WARNING, "Down", "the application failed", "research", "cpu/1",
        first_at=at(-4800), last_at=at(-4800),
    ),
    Event(Kind.NORMAL, "RevisionAdopted", "4f2c1d9a8b7e is in force", first_at=at(-7200),
        last_at=at(-7200)),
)  # fmt: skip


def timeline(wanted: int, ready: int) -> tuple[Sample, ...]:
    """Six hours: a start, a fall, and how it is now."""
    story = (
        (-21600, wanted - 1, 0),
        (-21300, wanted - 1, wanted - 1),
        (-12000, wanted - 1, max(wanted - 3, 0)),
        (-11400, wanted - 1, wanted - 1),
        (-7200, wanted, wanted - 1),
        (-6600, wanted, wanted),
        (-400, wanted, ready),
    )
    return tuple(Sample(at(s), n, r) for s, n, r in story)
