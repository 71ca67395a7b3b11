"""What a report proves: a lost node is started again, and nothing is done on a guess."""

from dataclasses import replace
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.history import History, MemberHistory
from controller.core.model.member import Key, parse_member
from controller.core.model.observed import ObservedState, Phase
from controller.core.model.plan import Plan, Restart
from controller.core.model.ray.report import HeadReport, MemberReport, UnknownNode
from controller.core.model.ray.requests import AnswerState, HeadAnswer, RequestAction, request_id
from controller.core.model.reasons import Reason
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.spec.spec import RayCluster
from controller.core.status.assess import assess
from controller.core.status.status import ClusterStatus, Condition
from tests.worlds import (
    POLICY,
    all_files,
    application,
    at,
    decide,
    desired,
    observed,
    report,
    said,
    spec,
    whole_cluster,
)

CLUSTER = spec()
PROTECTED = spec(protect=True)
HEAD, CPU_0, CPU_1 = APPS = whole_cluster(CLUSTER)
ALIVE = report(CLUSTER, "head", "cpu/0", "cpu/1")
DEAD = MemberReport(alive=False, state="joined", node_id="n", engine_id="e1")
FROZEN = replace(DEAD, state="retrying", silent_s=60.0)


def with_row(name: str, row: MemberReport, **changes: object) -> HeadReport:
    return replace(ALIVE, members={**ALIVE.members, name: row}, **changes)  # type: ignore[arg-type]  # a test names them


def key(name: str) -> Key:
    member = parse_member(name)
    assert member is not None
    return Key("analytics", member)


def since(name: str, seconds: float) -> History:
    """As if the loss had been visible, and the member missing, for so long."""
    start = at(-seconds)
    return History(members={key(name): MemberHistory(unjoined_since=start, lost_since=start)})


def world(reported: HeadReport | None, now: datetime | None = None) -> ObservedState:
    reports = () if reported is None else (reported,)
    found = observed(*APPS, reports=reports, files=all_files(*APPS))
    return found if now is None else replace(found, as_of=now)


def planned(reported: HeadReport | None, history: History, cluster: RayCluster = CLUSTER) -> Plan:
    apps = whole_cluster(cluster)
    reports = () if reported is None else (reported,)
    state = observed(*apps, reports=reports, files=all_files(*apps))
    return decide(desired(cluster), state, history)


def status(reported: HeadReport | None, *, apps: list[object] | None = None) -> ClusterStatus:
    state = desired(CLUSTER)
    seen = world(reported) if apps is None else observed(*apps, reports=(reported,))  # type: ignore[arg-type]  # applications
    history = remember(situate(state, seen, History(), POLICY)).history
    situation = situate(state, seen, history, POLICY)
    [only] = assess(situation, plan(situation)).clusters
    return only


def condition(found: ClusterStatus, kind: str) -> Condition:
    named = found.condition(kind)
    assert named is not None
    return named


# Lost nodes

ANSWER = HeadAnswer(RequestAction.DRAIN, "cpu/0", "e1", AnswerState.DRAINING)


def by_id(answer: HeadAnswer) -> dict[str, HeadAnswer]:
    return {request_id(answer.action, answer.member, answer.engine_id): answer}


@pytest.mark.parametrize(
    ("row", "changes", "is_restarted"),
    [
        (DEAD, {}, True),
        (FROZEN, {}, True),
        (replace(DEAD, node_id=""), {}, True),  # its program says that it joined this head
        (replace(DEAD, alive=True), {}, False),
        (replace(FROZEN, alive=True), {}, False),  # a frozen program whose node works
        (replace(FROZEN, silent_s=5.0), {}, False),  # its program starts Ray again
        (replace(FROZEN, silent_s=None), {}, False),  # of an older edition: not known
        (replace(FROZEN, node_id=""), {}, False),  # it was never there
        (replace(DEAD, state="waiting-for-head"), {}, False),
        (replace(DEAD, state="drained"), {}, False),
        (replace(FROZEN, state="drained"), {}, False),
        (DEAD, {"answers": by_id(ANSWER)}, False),
        (DEAD, {"answers": by_id(replace(ANSWER, state=AnswerState.DRAINED))}, False),
        (DEAD, {"answers": by_id(replace(ANSWER, state=AnswerState.REFUSED))}, True),
        (DEAD, {"answers": by_id(replace(ANSWER, engine_id="e0"))}, True),  # an earlier start
        (DEAD, {"error": "Ray's node table: no answer"}, False),
        (DEAD, {"observed_at": at(-31)}, False),
        (DEAD, {"observed_at": at(-10), "period_s": 3.0}, False),
        (DEAD, {"observed_at": at(-9), "period_s": 3.0}, True),
    ],
)
def test_a_node_is_lost_that_ray_had_and_that_nothing_looks_after(
    row: MemberReport, changes: dict[str, object], *, is_restarted: bool
) -> None:
    found = planned(with_row("cpu/0", row, **changes), since("cpu/0", 30))
    steps = [f"{s.name} {s.member} {s.reason}" for s in found.steps if s.name != "withdraw"]
    assert steps == (["restart cpu/0 NodeLost"] if is_restarted else [])


def test_a_lost_node_is_restarted_once_it_was_visible_for_its_time() -> None:
    lost = with_row("cpu/0", DEAD)
    assert said(planned(lost, History())) == ["wait cpu/0 NodeLost"]
    assert said(planned(lost, since("cpu/0", 29))) == ["wait cpu/0 NodeLost"]
    assert said(planned(lost, since("cpu/0", 30))) == ["restart cpu/0 NodeLost"]


def test_the_time_begins_when_the_loss_is_visible_not_when_the_report_was_lost() -> None:
    lost, history = with_row("cpu/0", DEAD), since("cpu/0", 60)
    state = desired(CLUSTER)
    blind = remember(situate(state, world(None), history, POLICY)).history
    assert blind.member(key("cpu/0")).lost_since is None
    assert blind.member(key("cpu/0")).unjoined_since == at(-60)
    assert said(decide(state, world(lost), blind)) == ["wait cpu/0 NodeLost"]


def test_a_report_from_before_a_members_start_proves_no_loss_of_its_node() -> None:
    started = replace(CPU_0, running_at=at(5))
    seen = observed(HEAD, started, CPU_1, reports=(with_row("cpu/0", DEAD),), now=at(6))
    assert said(decide(desired(CLUSTER), seen, since("cpu/0", 60))) == ["wait cpu/0 Joining"]


def test_lost_nodes_share_the_budget_of_restarts() -> None:
    attempts = tuple(at(-600.0 * n - 30) for n in reversed(range(5)))
    spent = MemberHistory(attempts=attempts, lost_since=at(-60))
    found = planned(with_row("cpu/0", DEAD), History(members={key("cpu/0"): spent}))
    assert said(found) == ["wait cpu/0 CrashLooping"]


def test_a_head_whose_node_is_lost_is_restarted_unless_it_is_protected() -> None:
    lost = with_row("head", DEAD)
    assert "restart head NodeLost" in said(planned(lost, since("head", 30)))
    assert "wait head Protected" in said(planned(lost, since("head", 30), PROTECTED))


def test_a_head_that_answers_before_its_node_registers_has_lost_nothing() -> None:
    early = with_row("head", replace(DEAD, node_id=""))
    assert said(planned(early, since("head", 60))) == ["wait head Joining"]


# Lost reports


@pytest.mark.parametrize("period_s", [None, 0.0, 3.0, 1e9])
@pytest.mark.parametrize("seconds", [-31.0, -30.0, -10.0, -9.0, 9.0, 10.0, 30.0, 31.0])
def test_a_report_is_believed_for_three_of_its_periods_and_never_for_longer_than_thirty_seconds(
    period_s: float | None, seconds: float
) -> None:
    found = status(replace(ALIVE, period_s=period_s, observed_at=at(seconds)))
    believed_s = 9.0 if period_s == 3.0 else 30.0
    assert (condition(found, "Ready").status == "True") is (abs(seconds) <= believed_s)


def test_a_report_that_ended_is_said_with_the_time_of_its_last() -> None:
    ready = condition(status(replace(ALIVE, period_s=3.0, observed_at=at(-10))), "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "ReportLost")
    assert ready.message == "the head has not reported since 2026-03-01 11:59:50 UTC"


def test_a_head_that_cannot_read_ray_is_said_with_its_error() -> None:
    ready = condition(status(replace(ALIVE, error="Ray's node table: no answer")), "Ready")
    assert (ready.status, ready.reason) == ("Unknown", "ReportLost")
    assert ready.message == "the head cannot read Ray's state: Ray's node table: no answer"


def test_a_head_that_never_reported_has_lost_nothing() -> None:
    assert condition(status(None), "Ready").reason == "NoHeadReport"
    before = replace(ALIVE, observed_at=at(-4000))
    assert condition(status(before), "Ready").reason == "NoHeadReport"


def test_a_head_that_goes_on_saying_that_it_cannot_read_ray_is_restarted() -> None:
    deaf = replace(ALIVE, error="Ray's node table: no answer")
    assert said(planned(deaf, since("head", 119)))[0] == "wait head ReportLost"
    assert said(planned(deaf, since("head", 120)))[0] == "restart head ReportLost"
    assert said(planned(deaf, since("head", 120), PROTECTED))[0] == "wait head Protected"


def test_a_head_that_says_nothing_any_more_is_left_to_a_person() -> None:
    silent = replace(ALIVE, observed_at=at(-700))
    assert said(planned(silent, since("head", 599)))[0] == "wait head ReportLost"
    assert said(planned(silent, since("head", 1e5)))[0] == "wait head JoinTimedOut"


ROWS = st.builds(
    MemberReport,
    alive=st.booleans(),
    state=st.sampled_from(["", "joined", "joining", "retrying", "drained", "failed"]),
    node_id=st.sampled_from(["", "n"]),
    engine_id=st.sampled_from(["", "e1"]),
    silent_s=st.sampled_from([None, 0.0, 31.0, 1e6]),
)
TEXTS = st.sampled_from(["", "Ray's cluster status: no answer"])
AGES = st.floats(-1e5, 1e5)


@given(ROWS, ROWS, TEXTS, AGES, st.sampled_from([None, 3.0, 60.0]), st.floats(0, 1e5))
def test_no_worker_is_restarted_on_a_report_that_is_lost(
    first: MemberReport,
    second: MemberReport,
    error: str,
    age_s: float,
    period_s: float | None,
    missing_s: float,
) -> None:
    rows = {**ALIVE.members, "cpu/0": first, "cpu/1": second}
    told = replace(ALIVE, members=rows, error=error, observed_at=at(-age_s), period_s=period_s)
    times = MemberHistory(unjoined_since=at(-missing_s), lost_since=at(-missing_s))
    history = History(members={key(name): times for name in ("head", "cpu/0", "cpu/1")})
    found = planned(told, history)
    taken = {str(s.member) for s in found.steps if isinstance(s.action, Restart)}
    if error or abs(age_s) > (9 if period_s == 3.0 else 30):
        assert taken <= {"head"}
    else:
        assert taken <= {name for name in ("cpu/0", "cpu/1") if not rows[name].alive}


# Unknown nodes


BY_HAND = UnknownNode("x", "10.9.9.9", "10.9.9.9")
LEFT = UnknownNode("y", "10.9.9.8", "cpu/0", "v1:0123")


def test_nodes_that_belong_to_nothing_are_noted_and_left_alone() -> None:
    told = replace(ALIVE, unknown_nodes=(BY_HAND, LEFT))
    note = condition(status(told), "UnknownNodes")
    assert (note.status, note.reason) == ("True", "UnknownNodes")
    assert note.message == (
        "2 nodes in Ray belong to no application of the cluster: 10.9.9.8 (cpu/0), 10.9.9.9"
    )
    assert status(told).word == "Ready"
    assert said(planned(told, since("cpu/0", 1e5))) == []


def test_many_unknown_nodes_are_counted_and_a_few_named() -> None:
    nodes = tuple(UnknownNode(str(n), f"10.9.9.{n}") for n in range(10, 20))
    message = condition(status(replace(ALIVE, unknown_nodes=nodes)), "UnknownNodes").message
    assert message.startswith("10 nodes in Ray belong to no application of the cluster: 10.9.9.10,")
    assert message.endswith("10.9.9.14 and 5 more")


def test_the_node_of_an_earlier_start_is_unknown_only_once_ray_must_have_noticed_its_end() -> None:
    told = replace(ALIVE, unknown_nodes=(LEFT,))
    for seconds, noted in ((-119.0, False), (-120.0, True)):
        started = application(CLUSTER, "cpu/0", starting_at=at(seconds), running_at=at(seconds))
        found = status(told, apps=[HEAD, started, CPU_1])
        assert (found.condition("UnknownNodes") is not None) is noted
        assert status(replace(told, unknown_nodes=(BY_HAND,))).condition("UnknownNodes") is not None


def test_nothing_is_noted_by_a_report_that_is_lost() -> None:
    told = replace(ALIVE, unknown_nodes=(BY_HAND,), observed_at=at(-31))
    assert status(told).condition("UnknownNodes") is None


# Stale nodes


def test_a_node_that_announces_another_configuration_than_its_application_is_restarted() -> None:
    stale = report(CLUSTER, "head", "cpu/0", "cpu/1", cpu_0="v1:dead")
    assert said(planned(stale, History())) == ["restart cpu/0 Stale"]
    dead = with_row("cpu/0", replace(stale.members["cpu/0"], alive=False, state="joining"))
    assert said(planned(dead, History())) == ["wait cpu/0 Joining"], "Ray's dead rows say nothing"


def test_an_application_that_does_not_run_has_lost_no_node() -> None:
    stopped = replace(CPU_0, phase=Phase.STARTING)
    seen = observed(HEAD, stopped, CPU_1, reports=(with_row("cpu/0", DEAD),))
    reasons = {w.reason for w in decide(desired(CLUSTER), seen, since("cpu/0", 60)).waits}
    assert Reason.NODE_LOST not in reasons


# Versions

UNTOUCHED = {"upgradeStrategy": {"type": "None"}}


def of_other_ray(**changes: object) -> list[str]:
    """The plan of a spec with another Ray and one worker more, for members of the first."""
    wanted = spec(rayVersion="2.59.0", workerGroupSpecs__0__replicas=3, **changes)
    return said(decide(desired(wanted), world(ALIVE)))


@pytest.mark.parametrize("changes", [UNTOUCHED, {"protect": True}])
def test_no_worker_is_created_beside_a_head_of_another_ray_that_stays(
    changes: dict[str, object],
) -> None:
    found = of_other_ray(**changes)
    assert "wait cpu/2 VersionMismatch" in found
    assert not [line for line in found if line.startswith("create")]


def test_a_worker_is_created_beside_a_head_that_is_about_to_follow() -> None:
    found = of_other_ray()
    assert "create cpu/2 Missing" in found
    assert "stop head Outdated" in found


WAITS = replace(
    DEAD, state="waiting-for-head", node_id="", ray_version="2.60.0", python_version="3.11.8"
)
LEVEL = {"RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": "minor"}


@pytest.mark.parametrize(
    ("row", "environment", "reason"),
    [
        (WAITS, {}, "VersionMismatch"),
        (WAITS, LEVEL, "Joining"),
        (replace(WAITS, python_version="3.12.9"), LEVEL, "VersionMismatch"),
        (replace(WAITS, python_version="3.11.9"), {}, "Joining"),
        (replace(WAITS, python_version="3.11.9", ray_version="2.59.0"), {}, "VersionMismatch"),
        (replace(WAITS, python_version=""), {}, "Joining"),  # of an older edition
        (replace(WAITS, state="joining"), {}, "Joining"),
        (replace(WAITS, ray_version="?", python_version="x"), LEVEL, "VersionMismatch"),
    ],
)
def test_a_worker_that_ray_would_not_let_in_is_named_before_it_gives_up(
    row: MemberReport, environment: dict[str, str], reason: str
) -> None:
    cluster = spec(workerGroupSpecs__0__environment=environment)
    apps = whole_cluster(cluster)
    told = report(cluster, "head", "cpu/0", "cpu/1")
    told = replace(told, members={**told.members, "cpu/0": row})
    state = observed(*apps, reports=(told,), files=all_files(*apps))
    assert said(decide(desired(cluster), state)) == [f"wait cpu/0 {reason}"]
