"""What an acceptance test demands of what it saw, as tables."""

import pytest

from controller.acceptance.report import (
    CLEANING,
    TRIALS,
    Exchange,
    Finding,
    Node,
    Phase,
    Result,
    changed,
    cluster_name,
    obstacle,
    repair_fault,
    runs,
    summarise,
    task_faults,
)
from controller.core.spec.names import check_cluster_name

A = Node("app-a", "engine-a", "node-a")
B = Node("app-b", "engine-b", "node-b")


def finding(phase: Phase, result: Result) -> Finding:
    return Finding(phase, result, 1.0, "")


def test_every_phase_is_a_trial_or_cleans_up() -> None:
    assert (*TRIALS, *CLEANING) == tuple(Phase)


@pytest.mark.parametrize("bits", [0, 1, 2**32 - 1])
def test_a_name_is_a_clusters_and_is_known_again(bits: int) -> None:
    name = cluster_name(bits)
    assert check_cluster_name(name) == name
    assert runs([name]) == (name,)


def test_only_names_of_runs_are_taken_for_runs() -> None:
    others = ["acceptance", "acceptance-", "acceptance-0123456", "acceptance-0123456g", "analytics"]
    assert runs([*others, "acceptance-89abcdef", "acceptance-01234567", "acceptance-89abcdef"]) == (
        "acceptance-01234567",
        "acceptance-89abcdef",
    )


@pytest.mark.parametrize("result", [Result.FAILED, Result.SKIPPED])
def test_a_phase_is_not_tried_without_what_it_needs(result: Result) -> None:
    assert obstacle(Phase.JOIN, [finding(Phase.CREATE, result)]) == "needs `create`"
    assert obstacle(Phase.JOIN, [finding(Phase.CREATE, Result.PASSED)]) == ""


def test_a_task_that_failed_keeps_nothing_else_from_being_tried() -> None:
    before = [finding(Phase.JOIN, Result.PASSED), finding(Phase.TASK, Result.FAILED)]
    assert obstacle(Phase.KILL, before) == ""


def test_the_first_phase_and_the_cleaning_need_nothing() -> None:
    assert [obstacle(phase, []) for phase in (Phase.PREFLIGHT, *CLEANING)] == ["", "", ""]


def test_calls_are_counted_by_operation_with_all_answers_and_the_slowest() -> None:
    made = [
        Exchange("GET", "list", "200", 0.1),
        Exchange("POST", "create", "200", 2.0),
        Exchange("GET", "list", "502", 0.5),
        Exchange("GET", "list", "200", 0.2),
    ]
    listed, created = summarise(made)
    assert (listed.operation, listed.count, listed.slowest_s) == ("list", 3, 0.5)
    assert listed.answers == {"200": 2, "502": 1}
    assert (created.operation, created.count) == ("create", 1)


def test_members_that_went_or_are_other_processes_are_named() -> None:
    before = {"head": A, "worker/0": B, "worker/1": A}
    after = {"head": Node("app-a", "engine-x", "node-x"), "worker/1": A, "worker/2": B}
    assert changed(before, after) == ["head was restarted", "worker/0 is gone"]
    assert changed(before, after, but=["head", "worker/0"]) == []


@pytest.mark.parametrize(
    ("after", "fault"),
    [
        (Node("app-a", "engine-x", "node-x"), ""),
        (Node("app-a", "engine-x", "node-a"), ""),
        (Node("app-a", "engine-a", "node-x"), ""),
        (A, "w is the same process as before: it was never restarted"),
        (B, "w is another application now: app-a -> app-b"),
        (None, "w is gone"),
    ],
)
def test_a_repair_is_the_same_application_and_another_process(
    after: Node | None, fault: str
) -> None:
    assert repair_fault("w", A, after) == fault


def test_tasks_ran_on_every_member_in_its_own_pod_and_nowhere_else() -> None:
    expected = {"head": A, "w/0": B}
    assert task_faults({"head": "engine-a", "w/0": "engine-b"}, expected) == []
    assert task_faults({"head": "engine-b", "x/0": "engine-c"}, expected) == [
        "no task ran on w/0",
        "a task ran on x/0, which is no member",
        "the task of head ran in engine engine-b, and its pod is engine-a",
    ]


def test_an_engine_that_no_report_names_is_not_compared() -> None:
    assert task_faults({"w": "engine-a"}, {"w": Node("app-a", "", "node-a")}) == []
