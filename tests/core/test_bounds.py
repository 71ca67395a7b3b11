"""What a pass may cost and repeat: restarts have one budget, creates one try, work is linear."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from controller.core.audit.laws import audit
from controller.core.model.faults import Result
from controller.core.model.history import History, record
from controller.core.model.observed import (
    ObservedApplication,
    ObservedFiles,
    ObservedProject,
    Phase,
)
from controller.core.model.plan import Create, Outcome, Restart
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.status.assess import assess
from tests.worlds import (
    NOW,
    POLICY,
    PROJECT,
    all_files,
    at,
    desired,
    named,
    observed,
    report,
    spec,
    whole_cluster,
)

CLUSTER = spec()
HEAD, CPU_0, CPU_1 = whole_cluster(CLUSTER)
OLDER = "v1:deadbeefdeadbeef"
MASKED = {**CPU_0.environment, "OMP_NUM_THREADS": "edited"}


@pytest.mark.parametrize(
    ("app", "joined", "fingerprint"),
    [
        (CPU_0, True, OLDER),
        (CPU_0, False, ""),
        (replace(CPU_0, phase=Phase.FAILED), False, ""),
        (replace(CPU_0, phase=Phase.STOPPED), False, ""),
        (replace(CPU_0, phase=Phase.STOPPED, environment=MASKED), False, ""),
    ],
)
def test_no_kind_of_restart_goes_on_without_a_bound(
    app: ObservedApplication, joined: bool, fingerprint: str
) -> None:
    """Whatever restarts bring about, the world stays as it is, for an hour and a half."""
    state, history, starts = desired(CLUSTER), History(), []
    alive = ("head", "cpu/0", "cpu/1") if joined else ("head", "cpu/1")
    for second in range(0, 5400, 10):
        told = {"cpu_0": fingerprint} if fingerprint else {}
        seen = observed(
            HEAD,
            app,
            CPU_1,
            reports=(report(CLUSTER, *alive, at_=at(second), **told),),
            files=all_files(HEAD, CPU_0, CPU_1),
            now=at(second),
        )
        history = remember(situate(state, seen, history, POLICY)).history
        made = plan(situate(state, seen, history, POLICY))
        assert audit(situate(state, seen, history, POLICY), made) == ()
        starts += [second for step in made.steps if isinstance(step.action, Restart)]
        outcomes = [Outcome(step, Result.DONE) for step in made.steps]
        history = record(history, outcomes, at(second))
    hours = [sum(1 for s in starts if first <= s < first + 3600) for first in starts]
    assert starts
    assert max(hours) <= POLICY.repairs_per_hour_max + 3600 / POLICY.resync_s


@pytest.mark.parametrize("shown", [(), (HEAD,)], ids=["never listed", "listed once"])
@pytest.mark.parametrize("result", [Result.DONE, Result.UNKNOWN])
def test_a_create_that_may_have_happened_is_looked_for_as_long_as_lists_may_lag(
    result: Result, shown: tuple[ObservedApplication, ...]
) -> None:
    """Also where a list that showed it is followed by an older one."""
    state = desired(CLUSTER)
    nothing = ObservedFiles({PROJECT: ()})
    first = observed(files=nothing)
    history = remember(situate(state, first, History(), POLICY)).history
    step = next(
        s
        for s in plan(situate(state, first, history, POLICY)).steps
        if isinstance(s.action, Create)
    )
    created = HEAD.id if result is Result.DONE else None
    history = record(history, [Outcome(step, result, application_id=created)], NOW)
    history = remember(
        situate(state, observed(*shown, files=nothing, now=at(1)), history, POLICY)
    ).history
    for second in (5, 11, 20, 29, 30, 31):
        seen = observed(files=nothing, now=at(second))
        known = remember(situate(state, seen, history, POLICY)).history
        made = plan(situate(state, seen, known, POLICY))
        again = [s for s in made.steps if isinstance(s.action, Create) and s.key == step.key]
        assert bool(again) is (second >= POLICY.settle_s)
        assert audit(situate(state, seen, known, POLICY), made) == ()


class Counted(dict[str, str]):
    """An environment that counts how often it is read."""

    reads = 0

    def get(self, key: str, default: object = None) -> object:  # type: ignore[override]
        Counted.reads += 1
        return super().get(key, default)  # type: ignore[arg-type]


class Walked(tuple[ObservedApplication, ...]):
    """A list of applications that counts how many were walked over."""

    __slots__ = ()
    steps = 0

    def __iter__(self) -> Iterator[ObservedApplication]:
        for each in super().__iter__():
            Walked.steps += 1
            yield each


def cost(clusters: int) -> tuple[int, int]:
    """Reads of environments, and applications walked over, of one pass."""
    declared = [named(f"c{number}") for number in range(clusters)]
    state = desired(*declared)
    apps = [a for cluster in declared for a in whole_cluster(cluster)]
    Counted.reads = Walked.steps = 0
    counted = Walked([replace(a, environment=Counted(a.environment)) for a in apps])
    project = ObservedProject(PROJECT, counted)
    seen = replace(observed(), projects={PROJECT: project})
    situation = remember(situate(state, seen, History(), POLICY))
    made = plan(situation)
    audit(situation, made)
    assess(situation, made)
    return Counted.reads, Walked.steps


def test_the_work_of_a_pass_grows_as_the_number_of_clusters_does() -> None:
    (reads, steps), (more_reads, more_steps) = cost(8), cost(16)
    assert more_reads <= 2.2 * reads
    assert more_steps <= 2.2 * steps
