"""Comparisons of an acceptance test, as tables."""

import pytest

from controller.acceptance.nodes import NodeIdentity, changes, repair_fault, task_faults
from controller.acceptance.report import AcceptancePhase, PhaseResult, PhaseStatus, summarise
from controller.acceptance.run import CLEANUP, PHASES, obstacle
from controller.acceptance.spec import cluster_name, of_acceptance_tests
from controller.cml.operations import CallRecord
from controller.core.spec.names import check_cluster_name

A = NodeIdentity("app-a", "engine-a", "node-a")
B = NodeIdentity("app-b", "engine-b", "node-b")


def ended(phase: AcceptancePhase, status: PhaseStatus) -> PhaseResult:
    return PhaseResult(phase, status, 1.0, "")


def test_every_phase_has_its_place_and_the_cleanup_comes_last() -> None:
    assert tuple(PHASES) == tuple(AcceptancePhase)
    assert tuple(AcceptancePhase)[-2:] == CLEANUP


@pytest.mark.parametrize("bits", [0, 1, 2**32 - 1])
def test_a_name_is_a_clusters_and_is_known_again(bits: int) -> None:
    name = cluster_name(bits)
    assert check_cluster_name(name) == name
    assert of_acceptance_tests([name]) == (name,)


def test_only_names_of_runs_are_taken_for_runs() -> None:
    others = ["acceptance", "acceptance-", "acceptance-0123456", "acceptance-0123456g", "analytics"]
    assert of_acceptance_tests(
        [*others, "acceptance-89abcdef", "acceptance-01234567", "acceptance-89abcdef"]
    ) == (
        "acceptance-01234567",
        "acceptance-89abcdef",
    )


@pytest.mark.parametrize("result", [PhaseStatus.FAILED, PhaseStatus.SKIPPED])
def test_a_phase_is_not_tried_without_what_it_needs(result: PhaseStatus) -> None:
    reach, passed = AcceptancePhase.REACH, PhaseStatus.PASSED
    assert obstacle(reach, [ended(AcceptancePhase.CREATE, result)]) == "needs `create`"
    assert obstacle(reach, [ended(AcceptancePhase.CREATE, passed)]) == ""
    assert obstacle(AcceptancePhase.JOIN, [ended(reach, result)]) == "needs `reach`"


def test_a_task_that_failed_keeps_nothing_else_from_being_tried() -> None:
    before = [
        ended(AcceptancePhase.JOIN, PhaseStatus.PASSED),
        ended(AcceptancePhase.TASK, PhaseStatus.FAILED),
    ]
    assert obstacle(AcceptancePhase.KILL, before) == ""


def test_the_first_phase_and_the_cleaning_need_nothing() -> None:
    assert [obstacle(phase, []) for phase in (AcceptancePhase.PREFLIGHT, *CLEANUP)] == ["", "", ""]


def call(method: str, operation: str, status: int, seconds: float) -> CallRecord:
    return CallRecord(method, operation, "p", status, None, seconds, write=method != "GET")


def test_calls_are_counted_by_operation_with_all_answers_and_the_slowest() -> None:
    made = [
        call("GET", "list", 200, 0.1),
        call("POST", "create", 200, 2.0),
        call("GET", "list", 502, 0.5),
        call("GET", "list", 200, 0.2),
    ]
    listed, created = summarise(made)
    assert (listed.operation, listed.count, listed.slowest_s) == ("list", 3, 0.5)
    assert listed.answers == {"200": 2, "502": 1}
    assert (created.operation, created.count) == ("create", 1)


def test_members_that_went_or_are_other_processes_are_named() -> None:
    before = {"head": A, "worker/0": B, "worker/1": A}
    after = {"head": NodeIdentity("app-a", "engine-x", "node-x"), "worker/1": A, "worker/2": B}
    assert changes(before, after) == ["head was restarted", "worker/0 is missing"]
    assert changes(before, after, but=["head", "worker/0"]) == []


@pytest.mark.parametrize(
    ("after", "fault"),
    [
        (NodeIdentity("app-a", "engine-x", "node-x"), ""),
        (NodeIdentity("app-a", "engine-x", "node-a"), ""),
        (NodeIdentity("app-a", "engine-a", "node-x"), ""),
        (A, "w was never restarted: it is the same process as before"),
        (B, "w is another application now: app-a -> app-b"),
        (None, "w is missing"),
    ],
)
def test_a_repair_is_the_same_application_and_another_process(
    after: NodeIdentity | None, fault: str
) -> None:
    assert repair_fault("w", A, after) == fault


def test_tasks_ran_on_every_member_in_its_own_pod_and_nowhere_else() -> None:
    expected = {"head": A, "w/0": B}
    assert task_faults({"head": "engine-a", "w/0": "engine-b"}, expected) == []
    assert task_faults({"head": "engine-b", "x/0": "engine-c"}, expected) == [
        "no task ran on w/0",
        "a task ran on x/0, which is not a member",
        "the task of head ran in engine engine-b, but its pod is engine-a",
    ]


def test_an_engine_that_no_report_names_is_not_compared() -> None:
    assert task_faults({"w": "engine-a"}, {"w": NodeIdentity("app-a", "", "node-a")}) == []
