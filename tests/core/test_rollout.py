"""Rollouts: the next member leaves when the last one is back, and none if that one fails."""

from dataclasses import replace

import pytest

from controller.core.model.history import History, MemberHistory
from controller.core.model.member import Key, Member
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import Plan
from controller.core.model.ray.requests import AnswerState
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.spec.spec import RayCluster
from tests.worlds import (
    POLICY,
    all_files,
    answered,
    application,
    at,
    desired,
    observed,
    report,
    said,
    spec,
    taking_requests,
    whole_cluster,
)

MEMORY = {"cpu": 4, "memory": "32Gi"}
OLD = spec(workerGroupSpecs__0__replicas=3)
NEW = spec(
    workerGroupSpecs__0__replicas=3,
    workerGroupSpecs__0__resources=MEMORY,
    upgradeStrategy__maxUnavailable=2,
)
NAMES = ("head", "cpu/0", "cpu/1", "cpu/2")
HEAD, OLD_0, OLD_1, OLD_2 = whole_cluster(OLD)
NEW_0 = application(NEW, "cpu/0")
ZERO = Key("analytics", Member("cpu", 0))


def remembering(**fields: object) -> History:
    """The memory of a controller that updated cpu/0 to the new spec."""
    group = desired(NEW).clusters[0].group("cpu")
    assert group is not None
    member = MemberHistory(fingerprint=group.fingerprint, **fields)  # type: ignore[arg-type]
    return History(members={ZERO: member})


def planned(
    cluster: RayCluster, first: ObservedApplication, history: History, *alive: str, age_s: float = 0
) -> Plan:
    apps = (HEAD, first, OLD_1, OLD_2)
    told = report(cluster, *alive, at_=at(-age_s))
    world = observed(*apps, reports=(told,), files=all_files(*apps))
    state = desired(cluster)
    known = remember(situate(state, world, history, POLICY)).history
    return plan(situate(state, world, known, POLICY))


def lines(decision: Plan) -> list[str]:
    return [line for line in said(decision) if not line.startswith("write_launcher")]


@pytest.mark.parametrize(
    ("phase", "attempts", "stalls"),
    [
        (Phase.FAILED, 1, True),  # it failed after its update
        (Phase.STARTING, 2, True),  # it was restarted after that
        (Phase.STARTING, 1, False),  # it starts after its update
        (Phase.RUNNING, 1, False),  # it runs, and joins
    ],
)
def test_a_group_whose_updated_member_fails_stops_rolling(
    phase: Phase, attempts: int, stalls: bool
) -> None:
    history = remembering(attempts=tuple(at(-90 + n) for n in range(attempts)))
    alive = [name for name in NAMES if name != "cpu/0"]
    found = lines(planned(NEW, replace(NEW_0, phase=phase), history, *alive))
    assert ("wait cpu/1 RolloutStalled" in found) is stalls
    assert ("stop cpu/1 Outdated" in found) is not stalls


def test_the_plan_names_the_member_that_fails_and_what_to_do() -> None:
    failed = replace(NEW_0, phase=Phase.FAILED)
    decision = planned(NEW, failed, remembering(attempts=(at(-60),)), *NAMES[2:], "head")
    messages = [w.message for w in decision.waits if w.reason.title == "RolloutStalled"]
    assert messages[0].startswith("cpu/0 fails with the new configuration")
    assert "go back" in messages[0]


def test_going_back_to_the_old_spec_is_applied_at_once() -> None:
    """Restarts of the new configuration do not count against the old one."""
    failed = replace(NEW_0, phase=Phase.FAILED)
    history = remembering(attempts=tuple(at(-100 + n) for n in range(5)))
    found = lines(planned(OLD, failed, history, "head", "cpu/1", "cpu/2"))
    assert found == ["update cpu/0 Outdated", "restart cpu/0 Outdated"]


def test_the_next_member_waits_until_ray_says_that_the_last_one_is_back() -> None:
    one = spec(workerGroupSpecs__0__replicas=3, workerGroupSpecs__0__resources=MEMORY)
    back = application(one, "cpu/0")
    assert "stop cpu/1 Outdated" in lines(planned(one, back, History(), *NAMES))
    unheard = lines(planned(one, back, History(), *NAMES, age_s=200))
    assert "wait cpu/1 RollingUpdate" in unheard
    long_ago = History(members={ZERO: MemberHistory(unjoined_since=at(-700))})
    assert "wait cpu/1 RolloutStalled" in lines(planned(one, back, long_ago, *NAMES, age_s=200))


def test_the_drain_before_its_update_does_not_make_a_member_serve_again() -> None:
    """It runs again, and the last report is of its earlier start, whose node was drained."""
    one = spec(workerGroupSpecs__0__replicas=3, workerGroupSpecs__0__resources=MEMORY)
    started = replace(application(one, "cpu/0"), running_at=at(-1))
    told = report(OLD, "head", "cpu/1", "cpu/2", at_=at(-4))
    told = taking_requests(told, None, answered("cpu/0", AnswerState.DRAINED))
    row = replace(told.members["cpu/1"], alive=False, state="drained", engine_id="engine-cpu/0")
    told = replace(told, members={**told.members, "cpu/0": row})
    world = observed(HEAD, started, OLD_1, OLD_2, reports=(told,))
    found = lines(plan(situate(desired(one), world, History(), POLICY)))
    assert [line for line in found if "cpu/1" in line or "cpu/2" in line] == [
        "wait cpu/1 RollingUpdate",
        "wait cpu/2 RollingUpdate",
    ]


def test_workers_that_drain_for_their_head_are_not_all_updated_at_once() -> None:
    """Their nodes come back with the head, so the budget of their group counts for them."""
    one = spec(workerGroupSpecs__0__replicas=3, workerGroupSpecs__0__resources=MEMORY)
    drained = [answered(name, AnswerState.DRAINED) for name in NAMES[1:]]
    told = taking_requests(report(OLD, "head"), None, *drained)
    rows = {
        name: replace(
            told.members["head"], alive=False, state="drained", engine_id=f"engine-{name}"
        )
        for name in NAMES[1:]
    }
    told = replace(told, members={**told.members, **rows})
    apps = (HEAD, OLD_0, OLD_1, OLD_2)
    world = observed(*apps, reports=(told,), files=all_files(*apps))
    known = remember(situate(desired(one), world, History(), POLICY)).history
    found = lines(plan(situate(desired(one), world, known, POLICY)))
    assert [line for line in found if "Outdated" in line or "Rolling" in line] == [
        "stop cpu/0 Outdated",
        "wait cpu/1 RollingUpdate",
        "wait cpu/2 RollingUpdate",
    ]
