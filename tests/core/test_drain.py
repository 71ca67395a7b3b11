"""Drains: the work on a living node ends before its member is taken away."""

from dataclasses import replace

import pytest

from controller.core.audit.laws import audit
from controller.core.model.faults import FaultKind, Result
from controller.core.model.history import History, MemberHistory, record
from controller.core.model.member import Key, Member, parse_member
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import Outcome, Plan, Step, Stop
from controller.core.model.policy import Policy
from controller.core.model.ray.report import HeadReport
from controller.core.model.ray.requests import (
    AnswerState,
    Drain,
    DrainHistory,
    HeadAnswer,
    RequestAction,
    Withdraw,
    request_id,
)
from controller.core.model.reasons import Reason
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.spec.spec import RayCluster
from tests.worlds import (
    NOW,
    POLICY,
    all_files,
    answered,
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
CLUSTER = spec(workerGroupSpecs__0__replicas=3)
APPS = whole_cluster(CLUSTER)
NAMES = ("head", "cpu/0", "cpu/1", "cpu/2")
LARGER = spec(workerGroupSpecs__0__replicas=3, workerGroupSpecs__0__resources=MEMORY)
DRAIN, IF_IDLE = RequestAction.DRAIN, RequestAction.DRAIN_IF_IDLE


def heads_report(
    *answers: HeadAnswer, idle: dict[str, float] | None = None, gone: tuple[str, ...] = ()
) -> HeadReport:
    told = report(CLUSTER, *(name for name in NAMES if name not in gone))
    return taking_requests(told, idle, *answers)


def planned(
    cluster: RayCluster | None,
    told: HeadReport,
    *apps: ObservedApplication,
    history: History | None = None,
    policy: Policy = POLICY,
) -> Plan:
    """The plan, which breaks no law."""
    apps = apps or tuple(APPS)
    world = observed(*apps, reports=(told,), files=all_files(*apps))
    world = replace(world, leaving={(app.project, "analytics"): told for app in apps})
    state = desired(*([] if cluster is None else [cluster]))
    known = remember(situate(state, world, history or History(), policy)).history
    situation = situate(state, world, known, policy)
    decision = plan(situation)
    assert audit(situation, decision) == ()
    return decision


def lines(decision: Plan) -> list[str]:
    return [line for line in said(decision) if not line.startswith(("write_launcher", "remove_"))]


def drains(decision: Plan) -> list[tuple[str, RequestAction, float]]:
    requests = [s.action.request for s in decision.steps if isinstance(s.action, Drain)]
    return [(r.member, r.action, r.timeout_s) for r in requests]


def test_an_update_asks_the_head_to_drain_the_node_before_it_stops_the_member() -> None:
    decision = planned(LARGER, heads_report())
    assert lines(decision) == [
        "drain cpu/0 Outdated",
        "wait cpu/1 RollingUpdate",
        "wait cpu/2 RollingUpdate",
    ]
    [request] = [s.action.request for s in decision.steps if isinstance(s.action, Drain)]
    assert request.incarnation == "i1"
    assert request.engine_id == "engine-cpu/0"
    assert request.path == f".raycml/clusters/analytics/requests/{request.id}.json"
    assert drains(decision) == [("cpu/0", DRAIN, 300.0)]


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (answered("cpu/0"), "wait cpu/0 Draining"),
        (answered("cpu/0", AnswerState.FAILED), "wait cpu/0 Draining"),
        (answered("cpu/0", AnswerState.REFUSED), "wait cpu/0 Draining"),
        (answered("cpu/0", AnswerState.EXPIRED, 0.0), "stop cpu/0 Outdated"),
        (answered("cpu/0", AnswerState.REFUSED, 0.0), "stop cpu/0 Outdated"),
    ],
)
def test_a_member_is_stopped_once_its_node_is_gone_or_its_time_is_over(
    answer: HeadAnswer, line: str
) -> None:
    assert line in lines(planned(LARGER, heads_report(answer)))
    gone = heads_report(answered("cpu/0", AnswerState.DRAINED), gone=("cpu/0",))
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, gone))


def test_the_time_of_a_node_is_counted_from_the_report() -> None:
    old = replace(heads_report(answered("cpu/0", remaining_s=4)), observed_at=at(-5))
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, old))
    fresh = replace(old, observed_at=at(-3))
    [wait] = [w for w in planned(LARGER, fresh).waits if w.reason is Reason.DRAINING]
    assert wait.until == at(1)
    assert "CPU 2 in use" in wait.message


def asked(member: str, ago_s: float, action: RequestAction = DRAIN) -> History:
    """The memory of a controller that asked so many seconds ago."""
    place = parse_member(member)
    assert place is not None
    engine = f"engine-{member}"
    drain = DrainHistory(engine, request_id(action, member, engine), at(-ago_s), at(-ago_s))
    base = remember(situate(desired(LARGER), observed(*APPS), History(), POLICY)).history
    key = Key("analytics", place)
    return replace(base, members={**base.members, key: replace(base.member(key), drain=drain)})


@pytest.mark.parametrize(
    ("ago_s", "line"),
    [
        (5, "wait cpu/0 Draining"),  # the head looks every second
        (31, "drain cpu/0 Outdated"),  # the file may have been lost: it is written again
        (301, "stop cpu/0 Outdated"),  # a head that answers nothing holds nothing up
    ],
)
def test_a_request_without_an_answer_is_written_again_and_has_an_end(
    ago_s: float, line: str
) -> None:
    assert line in lines(planned(LARGER, heads_report(), history=asked("cpu/0", ago_s)))


def test_a_request_that_is_written_again_asks_for_the_time_that_is_left() -> None:
    decision = planned(LARGER, heads_report(), history=asked("cpu/0", 100))
    assert drains(decision) == [("cpu/0", DRAIN, 200.0)]


def test_a_shorter_time_in_the_spec_counts_for_a_drain_that_has_begun() -> None:
    shorter = spec(
        workerGroupSpecs__0__replicas=3,
        workerGroupSpecs__0__resources=MEMORY,
        drainTimeoutSeconds=50,
    )
    told = heads_report(answered("cpu/0", remaining_s=200))
    assert "stop cpu/0 Outdated" in lines(planned(shorter, told, history=asked("cpu/0", 60)))


def test_a_request_that_could_not_be_written_counts_its_time_and_is_tried_again() -> None:
    told = heads_report()
    decision = planned(LARGER, told)
    failed = [Outcome(step, Result.FAILED, "no space left") for step in decision.steps]
    known = record(History(), [o for o in failed if isinstance(o.step.action, Drain)], NOW)
    later = replace(known, as_of=NOW)
    assert "wait cpu/0 Backoff" in lines(planned(LARGER, told, history=later))
    history = asked("cpu/0", 301)
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, told, history=history))


@pytest.mark.parametrize(
    "cluster",
    [
        spec(workerGroupSpecs__0__replicas=3, suspend=True),
        spec(workerGroupSpecs=[]),
        None,
    ],
    ids=["suspended", "without the group", "deleted"],
)
def test_members_that_leave_for_good_drain_all_at_once_and_the_head_leaves_last(
    cluster: RayCluster | None,
) -> None:
    policy = replace(POLICY, delete=frozenset({"analytics"}) if cluster is None else frozenset())
    decision = planned(cluster, heads_report(), policy=policy)
    assert drains(decision) == [(name, DRAIN, 300.0) for name in NAMES[1:]]
    gone = heads_report(gone=NAMES[1:])
    assert not drains(planned(cluster, gone, policy=policy))
    steps = [line.split()[:2] for line in lines(planned(cluster, gone, policy=policy))]
    assert {tuple(step)[1] for step in steps} >= set(NAMES[1:])


def test_a_head_waits_for_the_work_of_its_workers_which_are_not_updated_themselves() -> None:
    larger = spec(
        workerGroupSpecs__0__replicas=3, headGroupSpec__resources={"cpu": 4, "memory": "8Gi"}
    )
    decision = planned(larger, heads_report())
    assert lines(decision) == [
        *(f"drain {name} Draining" for name in NAMES[1:]),
        "wait head Draining",
    ]
    told = heads_report(gone=NAMES[1:])
    assert "stop head Outdated" in lines(planned(larger, told))


def test_a_head_whose_gcs_is_dead_is_restarted_without_a_drain_that_nobody_could_ask_for() -> None:
    told = heads_report()
    rows = {name: replace(row, alive=False, idle_s=None) for name, row in told.members.items()}
    blind = replace(told, members=rows, error="Ray's node table: timed out")
    head = Key("analytics", Member("head"))
    history = History(members={head: MemberHistory(lost_since=at(-600), unjoined_since=at(-600))})
    assert "restart head ReportLost" in lines(planned(CLUSTER, blind, history=history))


def test_a_head_that_lost_its_own_node_waits_for_the_work_of_its_workers() -> None:
    told = heads_report()
    rows = {**told.members, "head": replace(told.members["head"], alive=False, state="joined")}
    head = Key("analytics", Member("head"))
    history = History(members={head: MemberHistory(lost_since=at(-60), unjoined_since=at(-60))})
    found = lines(planned(CLUSTER, replace(told, members=rows), history=history))
    assert found == [*(f"drain {name} Draining" for name in NAMES[1:]), "wait head Draining"]


REMEMBERING = {"gcsFaultToleranceOptions": {"backend": "rocksdb"}}


@pytest.mark.parametrize(
    ("generation", "changes", "drains_workers"),
    [
        ("g1", {}, False),
        ("", {}, True),  # its head has no store yet
        (
            "g1",
            {"workerGroupSpecs__0__resources": MEMORY},
            True,
        ),  # perhaps no relay
    ],
)
def test_a_head_that_remembers_does_not_wait_for_workers_that_outlive_it(
    generation: str, changes: dict[str, object], *, drains_workers: bool
) -> None:
    larger = spec(
        workerGroupSpecs__0__replicas=3,
        headGroupSpec__resources={"cpu": 4, "memory": "8Gi"},
        **REMEMBERING,
        **changes,
    )
    kept = spec(workerGroupSpecs__0__replicas=3, **REMEMBERING)
    told = replace(heads_report(), store_generation=generation)
    found = lines(planned(larger, told, *whole_cluster(kept)))
    assert ("wait head Draining" in found) is drains_workers
    assert ("stop head Outdated" in found) is not drains_workers


def test_all_members_of_a_cluster_that_is_recreated_drain_and_its_head_is_the_last() -> None:
    other = spec(workerGroupSpecs__0__replicas=3, rayVersion="2.59.0")
    decision = planned(other, heads_report())
    assert lines(decision) == [
        *(f"drain {name} Outdated" for name in NAMES[1:]),
        "wait head Draining",
    ]


def test_now_and_a_time_of_zero_take_members_away_without_a_drain() -> None:
    now = replace(POLICY, now=frozenset({"analytics"}))
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, heads_report(), policy=now))
    never = spec(
        workerGroupSpecs__0__replicas=3,
        workerGroupSpecs__0__resources=MEMORY,
        workerGroupSpecs__0__drainTimeoutSeconds=0,
    )
    assert "stop cpu/0 Outdated" in lines(planned(never, heads_report()))


def test_a_head_of_an_older_edition_is_not_asked_and_the_plan_says_so() -> None:
    told = replace(heads_report(), answers=None)
    decision = planned(LARGER, told)
    [stop] = [step for step in decision.steps if isinstance(step.action, Stop)]
    assert "drains no nodes" in stop.message


def test_a_node_that_ended_or_never_joined_is_not_waited_for() -> None:
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, heads_report(gone=("cpu/0",))))
    down = [replace(app, phase=Phase.FAILED) if i == 1 else app for i, app in enumerate(APPS)]
    assert "update cpu/0 Outdated" in lines(planned(LARGER, heads_report(), *down))


def test_a_report_that_stopped_makes_no_node_dead() -> None:
    lost = replace(heads_report(), observed_at=at(-200))
    assert "drain cpu/0 Outdated" in lines(planned(LARGER, lost))
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, lost, history=asked("cpu/0", 301)))


def test_a_head_that_cannot_read_ray_makes_no_node_dead() -> None:
    told = heads_report()
    rows = {name: replace(row, alive=False, idle_s=None) for name, row in told.members.items()}
    blind = replace(told, members=rows, error="Ray's node table: timed out")
    assert "drain cpu/0 Outdated" in lines(planned(LARGER, blind))
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, blind, history=asked("cpu/0", 301)))


def test_a_report_from_before_the_head_started_says_nothing_of_its_nodes() -> None:
    restarted = replace(APPS[0], running_at=at(-1))
    old = replace(heads_report(), observed_at=at(-20))
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, old, restarted, *APPS[1:]))


def test_answers_from_a_clock_that_is_far_ahead_decide_nothing() -> None:
    ahead = replace(heads_report(answered("cpu/0", remaining_s=5)), observed_at=at(7200))
    assert "drain cpu/0 Outdated" in lines(planned(LARGER, ahead))
    assert "stop cpu/0 Outdated" in lines(planned(LARGER, ahead, history=asked("cpu/0", 301)))


def test_the_time_of_a_request_runs_from_its_first_attempt() -> None:
    [step] = [s for s in planned(LARGER, heads_report()).steps if isinstance(s.action, Drain)]
    history = History()
    for seconds in (0, 10, 20):
        history = record(history, [Outcome(step, Result.FAILED, "no space left")], at(seconds))
    drain = history.member(Key("analytics", Member("cpu", 0))).drain
    assert drain is not None
    assert (drain.since, drain.written_at) == (at(0), at(20))


# Victims


def leaving(replicas: int, told: HeadReport, *apps: ObservedApplication, **changes: object) -> Plan:
    smaller = spec(workerGroupSpecs__0__replicas=replicas, **changes)
    return planned(smaller, told, *apps)


def test_an_idle_node_leaves_before_a_busy_one_and_only_if_it_is_still_idle() -> None:
    decision = leaving(2, heads_report(idle={"cpu/0": 40.0}))
    assert drains(decision) == [("cpu/0", IF_IDLE, 300.0)]


def test_of_idle_nodes_the_one_that_was_idle_for_longest_leaves() -> None:
    decision = leaving(2, heads_report(idle={"cpu/0": 40.0, "cpu/1": 90.0, "cpu/2": 60.0}))
    assert drains(decision) == [("cpu/1", IF_IDLE, 300.0)]


def test_busy_nodes_drain_where_too_few_are_idle() -> None:
    decision = leaving(1, heads_report(idle={"cpu/1": 90.0}))
    assert drains(decision) == [("cpu/1", IF_IDLE, 300.0), ("cpu/2", DRAIN, 300.0)]


def test_a_victim_that_is_busy_again_stays_and_another_leaves() -> None:
    refused = answered("cpu/1", AnswerState.REFUSED, action=IF_IDLE)
    decision = leaving(2, heads_report(refused, idle={"cpu/2": 3.0}))
    assert lines(decision) == ["drain cpu/2 ScaledDown", "withdraw cpu/1 DrainWithdrawn"]
    assert drains(decision) == [("cpu/2", IF_IDLE, 300.0)]


def test_a_victim_that_refused_is_no_victim_because_it_was_asked() -> None:
    told = heads_report(answered("cpu/1", AnswerState.REFUSED, action=IF_IDLE), idle={"cpu/2": 3.0})
    smaller, known = spec(workerGroupSpecs__0__replicas=2), asked("cpu/1", 5, IF_IDLE)
    decision = planned(smaller, told, history=known)
    assert drains(decision) == [("cpu/2", IF_IDLE, 300.0)]
    [withdrawn] = [s for s in decision.steps if isinstance(s.action, Withdraw)]
    after = record(known, [Outcome(withdrawn, Result.DONE)], NOW)
    again = planned(smaller, heads_report(idle={"cpu/2": 3.0}), history=after)
    assert drains(again) == [("cpu/2", IF_IDLE, 300.0)]


def test_a_victim_that_refused_and_must_leave_after_all_is_drained() -> None:
    refused = answered("cpu/1", AnswerState.REFUSED, action=IF_IDLE)
    decision = leaving(0, heads_report(refused, idle={"cpu/1": 3.0}))
    assert ("cpu/1", DRAIN, 300.0) in drains(decision)


def test_a_member_that_drains_stays_the_victim_though_others_are_idle_by_now() -> None:
    told = heads_report(answered("cpu/0"), idle={"cpu/1": 5.0, "cpu/2": 5.0})
    assert lines(leaving(2, told)) == ["wait cpu/0 Draining"]
    unanswered = heads_report(idle={"cpu/1": 5.0, "cpu/2": 5.0})
    decision = planned(spec(workerGroupSpecs__0__replicas=2), unanswered, history=asked("cpu/0", 5))
    assert lines(decision) == ["wait cpu/0 Draining"]


def test_a_worker_that_is_not_in_ray_leaves_before_one_that_is() -> None:
    told = heads_report(idle={"cpu/1": 90.0, "cpu/2": 90.0}, gone=("cpu/0",))
    assert lines(leaving(2, told)) == ["delete cpu/0 ScaledDown"]


def test_workers_that_the_spec_names_leave_and_others_take_their_places() -> None:
    named = {"workerGroupSpecs__0__scaleStrategy": {"workersToDelete": ["cpu/0"]}}
    told = heads_report(idle={"cpu/1": 90.0, "cpu/2": 90.0})
    decision = leaving(2, told, **named)
    assert drains(decision) == [("cpu/0", DRAIN, 300.0)]
    assert "create cpu/3 Missing" in lines(leaving(3, told, **named))


def test_a_retired_member_drains_while_another_takes_its_place() -> None:
    retired = replace(POLICY, retired=frozenset({APPS[2].id}))
    decision = planned(CLUSTER, heads_report(), policy=retired)
    assert (
        lines(decision) == ["drain cpu/1 Retired", "create cpu/3 Missing", "wait cpu/3 Joining"][:2]
    )


# Withdrawals


def test_a_request_of_a_member_that_stays_is_withdrawn() -> None:
    decision = planned(CLUSTER, heads_report(answered("cpu/0")))
    [step] = decision.steps
    request = request_id(DRAIN, "cpu/0", "engine-cpu/0")
    assert step.action == Withdraw(f".raycml/clusters/analytics/requests/{request}.json")


def test_a_member_whose_deletion_cml_refused_stays_away_and_its_refusal_is_remembered() -> None:
    told = heads_report(answered("cpu/2", AnswerState.DRAINED))
    away = replace(told.members["cpu/2"], alive=False, state="drained", idle_s=None)
    told = replace(told, members={**told.members, "cpu/2": away})
    smaller = spec(workerGroupSpecs__0__replicas=2)
    decision = planned(smaller, told)
    [step] = [s for s in decision.steps if s.name == "delete"]
    refused = Outcome(step, Result.REJECTED, "not today", FaultKind.REJECTED)
    known = record(
        remember(situate(desired(smaller), observed(*APPS), History(), POLICY)).history,
        [refused],
        NOW,
    )
    assert lines(planned(smaller, told, history=known)) == ["wait cpu/2 Rejected"]
    withdrawn = replace(step, action=Withdraw("x"))
    [drain] = [s for s in planned(LARGER, heads_report()).steps if isinstance(s.action, Drain)]
    key = Key("analytics", Member("cpu", 2))
    for other in (withdrawn, replace(drain, member=key.member)):
        after = record(known, [Outcome(other, Result.DONE)], NOW)
        assert after.member(key).refusal == known.member(key).refusal is not None


def test_a_request_for_an_earlier_engine_is_withdrawn() -> None:
    earlier = HeadAnswer(DRAIN, "cpu/0", "engine-before", AnswerState.DRAINED)
    decision = planned(LARGER, heads_report(earlier))
    assert "withdraw analytics DrainOver" in lines(decision)
    assert "drain cpu/0 Outdated" in lines(decision)


def test_a_request_is_withdrawn_once_though_the_next_report_still_answers_it() -> None:
    told = heads_report(answered("cpu/0"))
    [step] = planned(CLUSTER, told).steps
    known = record(History(), [Outcome(step, Result.DONE)], NOW)
    assert planned(CLUSTER, told, history=known).steps == ()
    later = record(History(), [Outcome(step, Result.DONE)], at(-31))
    assert [s.name for s in planned(CLUSTER, told, history=later).steps] == ["withdraw"]


def test_a_member_that_drains_for_an_update_is_the_one_whose_turn_it_is() -> None:
    assert lines(planned(LARGER, heads_report(answered("cpu/1")))) == [
        "wait cpu/0 RollingUpdate",
        "wait cpu/1 Draining",
        "wait cpu/2 RollingUpdate",
    ]


def test_a_paused_cluster_drains_nothing_and_withdraws_nothing() -> None:
    paused = spec(
        workerGroupSpecs__0__replicas=3, workerGroupSpecs__0__resources=MEMORY, paused=True
    )
    assert not planned(paused, heads_report(answered("cpu/2"))).steps


# The law


def judged(step: Step, told: HeadReport, history: History | None = None) -> list[str]:
    world = observed(*APPS, reports=(told,), files=all_files(*APPS))
    situation = situate(desired(CLUSTER), world, history or History(), POLICY)
    return [violation.law for violation in audit(situation, Plan((step,)))]


def of(member: str, action: object) -> Step:
    place = parse_member(member)
    assert place is not None
    base = planned(LARGER, heads_report(gone=("cpu/0",)))
    [step] = [s for s in base.steps if isinstance(s.action, Stop)]
    return replace(step, member=place, action=action, launcher=None)  # type: ignore[arg-type]


def test_law_13_refuses_to_end_a_node_that_is_not_drained() -> None:
    stop = of("cpu/1", Stop(APPS[2].id))
    assert judged(stop, heads_report()) == ["nodes_are_drained_first"]
    assert judged(stop, heads_report(answered("cpu/1"))) == ["nodes_are_drained_first"]
    assert judged(stop, heads_report(answered("cpu/1", AnswerState.EXPIRED, 0.0))) == []
    assert judged(stop, heads_report(gone=("cpu/1",))) == []
    assert judged(stop, heads_report(), asked("cpu/1", 301)) == []


def test_law_13_refuses_to_end_a_head_whose_workers_are_not_drained() -> None:
    stop = of("head", Stop(APPS[0].id))
    assert judged(stop, heads_report()) == ["nodes_are_drained_first"] * 3
    assert judged(stop, heads_report(gone=NAMES[1:])) == []


def test_law_13_refuses_to_drain_a_busy_node_while_an_idle_one_stays() -> None:
    told = heads_report(idle={"cpu/0": 40.0})
    base = leaving(2, heads_report())
    [step] = [s for s in base.steps if isinstance(s.action, Drain)]
    assert judged(step, told) == ["idle_nodes_leave_first"]
    assert judged(step, heads_report()) == []
