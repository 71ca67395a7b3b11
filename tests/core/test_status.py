"""What people are told: recomputed each pass, and never better than what Ray says now."""

from dataclasses import replace

import pytest

from controller.core.model.history import History
from controller.core.model.observed import ObservedState, Phase
from controller.core.model.plan import Plan
from controller.core.model.reasons import Outlook, Reason
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.spec.spec import RayCluster
from controller.core.status.assess import assess
from controller.core.status.goal import Goal, Verdict, verdict
from controller.core.status.status import ClusterStatus
from tests.worlds import (
    POLICY,
    all_files,
    at,
    converged,
    decide,
    desired,
    observed,
    report,
    spec,
    whole_cluster,
)

CLUSTER = spec()
HEAD, CPU_0, CPU_1 = whole_cluster(CLUSTER)
ALIVE = report(CLUSTER, "head", "cpu/0", "cpu/1")


def told(world: ObservedState, *clusters: RayCluster) -> ClusterStatus:
    state = desired(*(clusters or (CLUSTER,)))
    history = remember(situate(state, world, History(), POLICY)).history
    made = plan(situate(state, world, history, POLICY))
    [only] = assess(situate(state, world, history, POLICY), made, "abc").clusters
    return only


def conditions(cluster: ClusterStatus) -> dict[str, str]:
    return {c.type: f"{c.status} {c.reason}" for c in cluster.conditions}


def test_a_converged_cluster_is_ready_and_synced() -> None:
    found = told(converged(CLUSTER))
    assert (found.word, found.ready, found.desired) == ("Ready", 3, 3)
    assert conditions(found) == {"Synced": "True UpToDate", "Ready": "True AllNodesAlive"}
    assert {c.revision for c in found.conditions} == {"abc"}
    assert found.groups == {"head": (1, 1), "cpu": (2, 2)}


def test_nothing_is_ready_that_nobody_reported() -> None:
    found = told(observed(HEAD, CPU_0, CPU_1))
    assert (found.word, found.ready) == ("Reconciling", 0)
    assert conditions(found)["Ready"] == "Unknown NoHeadReport"


@pytest.mark.parametrize("seconds", [-31, 31])
def test_a_report_of_another_time_says_nothing(seconds: float) -> None:
    other = replace(ALIVE, observed_at=at(seconds))
    found = told(observed(HEAD, CPU_0, CPU_1, reports=(other,)))
    assert found.ready == 0


def test_ready_does_not_latch() -> None:
    found = told(observed(HEAD, CPU_0, CPU_1, reports=(report(CLUSTER, "head", "cpu/0"),)))
    assert conditions(found)["Ready"] == "False NodesMissing"


def test_a_change_in_the_spec_shows_at_once() -> None:
    bigger = spec(workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"})
    found = told(observed(HEAD, CPU_0, CPU_1, reports=(ALIVE,)), bigger)
    assert conditions(found)["Synced"] == "False Outdated"
    assert found.word == "Reconciling"


def test_suspended_is_said_when_the_last_member_has_stopped() -> None:
    asleep = spec(suspend=True)
    stopping = observed(replace(HEAD, phase=Phase.STOPPING), replace(CPU_0, phase=Phase.STOPPED))
    assert told(stopping, asleep).word == "Suspending"
    stopped = observed(replace(HEAD, phase=Phase.STOPPED), replace(CPU_0, phase=Phase.STOPPED))
    assert told(stopped, asleep).word == "Suspended"


def test_what_waits_for_a_person_is_stalled_with_its_reason() -> None:
    broken = replace(CPU_0, environment={})
    found = told(observed(HEAD, broken, CPU_1, reports=(ALIVE,)))
    assert found.word == "Stalled"
    assert conditions(found)["Stalled"] == "True NameConflict"


def test_a_cluster_without_a_spec_is_an_orphan() -> None:
    state = desired()
    world = converged(CLUSTER)
    made = decide(state, world)
    [only] = assess(situate(state, world, History(), POLICY), made).clusters
    assert (only.word, len(only.members)) == ("Orphan", 3)


STOPPED = observed(*(replace(a, phase=Phase.STOPPED) for a in (HEAD, CPU_0, CPU_1)))
STARTING = observed(*(replace(a, phase=Phase.STARTING) for a in (HEAD, CPU_0, CPU_1)))
RUNNING = observed(HEAD, CPU_0, CPU_1, files=all_files(HEAD, CPU_0))
READY = converged(CLUSTER)


@pytest.mark.parametrize(
    ("world", "goal", "expected"),
    [
        (STOPPED, Goal.APPLIED, Verdict.MOVING),
        (STARTING, Goal.APPLIED, Verdict.REACHED),
        (STARTING, Goal.RUNNING, Verdict.MOVING),
        (RUNNING, Goal.RUNNING, Verdict.REACHED),
        (RUNNING, Goal.READY, Verdict.MOVING),
        (READY, Goal.READY, Verdict.REACHED),
    ],
)
def test_a_goal_is_reached_when_nothing_short_of_it_is_left(
    world: ObservedState, goal: Goal, expected: Verdict
) -> None:
    assert verdict(decide(desired(CLUSTER), world), goal) is expected


def test_what_only_a_person_can_help_ends_the_waiting() -> None:
    conflict = observed(HEAD, replace(CPU_0, environment={}), CPU_1, reports=(ALIVE,))
    assert verdict(decide(desired(CLUSTER), conflict), Goal.READY) is Verdict.PERSON
    both = observed(HEAD, replace(CPU_0, environment={}), replace(CPU_1, phase=Phase.STARTING))
    assert verdict(decide(desired(CLUSTER), both), Goal.READY) is Verdict.MOVING


def test_an_empty_plan_is_a_goal_reached() -> None:
    assert verdict(Plan(), Goal.READY) is Verdict.REACHED


def test_every_reason_has_its_own_title_and_a_meaning() -> None:
    assert len({reason.title for reason in Reason}) == len(Reason)
    assert all(reason.meaning.endswith(".") for reason in Reason)
    assert {reason.outlook for reason in Reason} == set(Outlook)
