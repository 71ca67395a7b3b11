"""The shared memory limit of projects: raised to what object stores need, and no further."""

from dataclasses import replace

import pytest

from controller.core.audit import setup as laws
from controller.core.audit.laws import audit
from controller.core.model.faults import FaultKind, Result
from controller.core.model.history import History, record
from controller.core.model.observed import ObservedState
from controller.core.model.plan import Create, Outcome, Plan, Step
from controller.core.model.project import RaiseSharedMemory
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.planner.projects.shared_memory import limits_to_read
from controller.core.situation.situation import Situation, situate
from controller.core.spec.shared_memory import limit_for, store_bytes
from controller.core.spec.spec import RayCluster
from controller.core.status.assess import assess
from controller.core.status.plan_text import footer
from controller.node.pod import read_settings
from controller.node.ray.command import sizes
from tests.worlds import (
    NOW,
    POLICY,
    PROJECT,
    at,
    desired,
    named,
    observed,
    report,
    spec,
    whole_cluster,
)

CLUSTER = spec()  # workers of 16 GiB: a store of 4.8 GiB
ENOUGH = limit_for(16 * 2**30 * 3 // 10)


def seen(limit: int | None, *apps: object, **parts: object) -> ObservedState:
    state = observed(*apps, **parts)  # type: ignore[arg-type]  # applications
    project = replace(state.projects[PROJECT], shared_memory_mb=limit)
    return replace(state, projects={PROJECT: project})


def situation(
    limit: int | None, *clusters: RayCluster, history: History | None = None, seconds: float = 0.0
) -> Situation:
    state = seen(limit, now=at(seconds))
    return remember(situate(desired(*clusters), state, history or History(), POLICY))


def raises(made: Plan) -> list[int]:
    return [s.action.limit_mb for s in made.steps if isinstance(s.action, RaiseSharedMemory)]


def raised(limit: int | None, *clusters: RayCluster) -> list[int]:
    """The limits that a lawful plan sets."""
    case = situation(limit, *clusters)
    made = plan(case)
    assert not audit(replace(case), made) or made.steps
    return raises(made)


def test_the_limit_is_what_the_largest_object_store_of_the_project_needs() -> None:
    assert raised(64, CLUSTER) == [ENOUGH]
    larger = named("larger", workerGroupSpecs__0__resources={"cpu": 4, "memory": "64Gi"})
    assert raised(64, CLUSTER, larger) == [limit_for(64 * 2**30 * 3 // 10)], (
        "one step, the greatest"
    )
    chosen = spec(workerGroupSpecs__0__rayStartParams={"object-store-memory": str(8 * 2**30)})
    assert raised(64, chosen) == [limit_for(8 * 2**30)]
    elsewhere = {"plasma-directory": "/dev/shm", "object-store-memory": str(2**30)}
    assert raised(64, spec(workerGroupSpecs__0__rayStartParams=elsewhere)) != []


def test_it_is_never_lowered_and_unknown_is_not_low() -> None:
    assert raised(ENOUGH, CLUSTER) == []
    assert raised(ENOUGH + 10_000, CLUSTER) == [], "an operator's larger value stays"
    assert raised(None, CLUSTER) == []


def test_a_spec_may_ask_for_a_size_or_to_keep_what_there_is() -> None:
    assert raised(64, spec(sharedMemory="keep")) == []
    assert raised(64, spec(sharedMemory="1Gi")) == [1074]
    assert raised(2000, spec(sharedMemory=1)) == []
    other = named("other", workerGroupSpecs__0__resources={"cpu": 4, "memory": "4Gi"})
    head = limit_for(8 * 2**30 * 3 // 10)
    assert raised(64, spec(sharedMemory="keep"), other) == [head], "of the others' groups"
    with pytest.raises(ValueError, match="neither auto nor keep"):
        spec(sharedMemory="automatic")


@pytest.mark.parametrize("order", [{"suspend": True}, {"paused": True}])
def test_a_cluster_that_is_left_alone_needs_nothing(order: dict[str, object]) -> None:
    assert raised(64, spec(**order)) == []


def test_groups_without_members_need_nothing() -> None:
    small = limit_for(8 * 2**30 * 3 // 10)
    assert raised(64, spec(workerGroupSpecs__0__replicas=0)) == [small]


def test_the_choice_restarts_nothing() -> None:
    both = [desired(c).clusters[0].groups for c in (CLUSTER, spec(sharedMemory="keep"))]
    assert [g.fingerprint for g in both[0]] == [g.fingerprint for g in both[1]]


@pytest.mark.parametrize("memory_gib", [0.75, 1.5, 4.0, 16.0, 63.9, 250.0])
def test_the_limit_is_enough_for_what_the_node_program_does(memory_gib: float) -> None:
    values = {
        "cluster": "x", "group": "w", "fingerprint": "v1:abcd1234", "launcher": "x.py",
        "python": ".venv/bin/python", "ray_version": "2.60.0", "cpu": 1.0,
        "memory_gib": memory_gib, "gpu": 0, "ray_start_params": {},
    }  # fmt: skip
    settings = read_settings(values)
    limit = limit_for(store_bytes(memory_gib, {}))
    for megabyte in (10**6, 2**20):
        size = sizes(settings, limit * megabyte)
        assert size.store == size.asked, "nothing is capped"


def outcome(step: Step, result: Result, fault: FaultKind | None = None) -> Outcome:
    return Outcome(step, result, "not you", fault)


@pytest.mark.parametrize(
    ("result", "fault"),
    [
        (Result.REJECTED, FaultKind.REJECTED),
        (Result.FAILED, FaultKind.UNAUTHORIZED),
        (Result.FAILED, FaultKind.FIELD_NOT_APPLIED),
    ],
)
def test_where_it_cannot_be_raised_that_is_a_note_and_nothing_else_stops(
    result: Result, fault: FaultKind
) -> None:
    first = situation(64, CLUSTER)
    step = next(s for s in plan(first).steps if isinstance(s.action, RaiseSharedMemory))
    history = record(first.history, [outcome(step, result, fault)], NOW)
    for seconds in (5, 6000):
        later = situation(64, CLUSTER, history=history, seconds=seconds)
        made = plan(later)
        assert raises(made) == []
        [note] = [w for w in made.waits if w.reason.title == "SharedMemoryNotRaised"]
        assert "the project's limit stays at 64 MB (not you)" in note.message
        assert "sharedMemory: keep" in note.message
        assert sum(isinstance(s.action, Create) for s in made.steps) == 3
        assert not [c for c in assess(later, made).clusters[0].conditions if c.type == "Stalled"]
    larger = spec(workerGroupSpecs__0__resources={"cpu": 4, "memory": "64Gi"})
    assert raises(plan(situation(64, larger, history=history))) != [], "another need, another try"


def test_another_failure_is_tried_again_at_once_and_then_less_and_less_often() -> None:
    history = History()
    for _ in range(3):
        case = situation(64, CLUSTER, history=history)
        [step] = [s for s in plan(case).steps if isinstance(s.action, RaiseSharedMemory)]
        history = record(case.history, [outcome(step, Result.UNKNOWN, FaultKind.UNKNOWN)], NOW)
    assert raises(plan(situation(64, CLUSTER, history=history, seconds=5))) == []
    assert raises(plan(situation(64, CLUSTER, history=history, seconds=60))) == [ENOUGH]


def test_the_limit_is_read_before_pods_start_and_where_a_store_is_capped() -> None:
    fresh = situation(None, CLUSTER)
    assert limits_to_read(fresh, plan(fresh)) == {PROJECT}

    def converged(store: int, history: History | None = None) -> frozenset[str]:
        said = report(CLUSTER, "head", "cpu/0", "cpu/1")
        members = {
            name: replace(one, store_bytes=store, store_asked_bytes=10**9)
            for name, one in said.members.items()
        }
        state = observed(*whole_cluster(CLUSTER), reports=(replace(said, members=members),))
        case = remember(situate(desired(CLUSTER), state, history or History(), POLICY))
        return limits_to_read(case, plan(case))

    assert converged(10**9) == frozenset()
    assert converged(10**8) == {PROJECT}
    known = situation(ENOUGH, CLUSTER).history
    assert converged(10**8, known) == frozenset(), "it is large enough; a person restarts"


def test_a_capped_store_is_said_at_its_member() -> None:
    said = report(CLUSTER, "head", "cpu/0", "cpu/1")
    capped = replace(said.members["cpu/0"], store_bytes=4 * 2**30, store_asked_bytes=19 * 2**30)
    whole = replace(said, members={**said.members, "cpu/0": capped})
    state = observed(*whole_cluster(CLUSTER), reports=(whole,))
    case = remember(situate(desired(CLUSTER), state, History(), POLICY))
    status = assess(case, plan(case)).clusters[0]
    texts = {member.member: member.doing for member in status.members}
    assert texts["cpu/0"].startswith("object store capped to 4 of 19 GiB; restart the member")
    assert texts["cpu/1"] == ""
    assert status.word == "Ready"


def test_a_step_that_lowers_or_is_made_twice_or_is_not_wanted_breaks_a_law() -> None:
    case = situation(64, CLUSTER)
    [step] = [s for s in plan(case).steps if isinstance(s.action, RaiseSharedMemory)]
    name = laws.shared_memory_is_only_raised.__name__

    def broken(made: Plan, where: Situation) -> bool:
        return any(violation.law == name for violation in audit(where, made))

    assert not broken(Plan((step,)), case)
    assert broken(Plan((step,)), situation(ENOUGH, CLUSTER))
    assert broken(Plan((step,)), situation(None, CLUSTER))
    assert broken(Plan((step, step)), case)
    assert broken(Plan((step,)), situation(64, spec(sharedMemory="keep")))
    assert footer(Plan((step,))) == "Plan: only shared memory."
