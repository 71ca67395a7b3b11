"""What a pass gives rise to, told from worlds as the controller sees them."""

from dataclasses import replace

import pytest

from controller.core.model.approval import Held
from controller.core.model.desired import DesiredState
from controller.core.model.faults import Result
from controller.core.model.history import History
from controller.core.model.member import Member
from controller.core.model.observed import ObservedPauses, ObservedState, Pause, Phase
from controller.core.model.plan import (
    Delete,
    Intent,
    Outcome,
    Plan,
    RemoveLauncher,
    Restart,
    Step,
    Violation,
)
from controller.core.model.policy import Policy
from controller.core.model.reasons import Outlook, Reason
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.status.assess import assess
from controller.core.status.event_diff import PROBLEMS_SHOWN, PassSnapshot, event_diff
from controller.core.status.event_reasons import EventReason
from controller.core.status.events import Event, Kind
from controller.core.status.snapshot import SourceState
from tests.worlds import (
    NOW,
    POLICY,
    PROJECT,
    all_files,
    at,
    converged,
    desired,
    named,
    observed,
    report,
    spec,
    whole_cluster,
)

CLUSTER = spec()
SOURCE = SourceState("git.example.com/specs", revision="0123456789abcdef")
HEAD, CPU_0, CPU_1 = whole_cluster(CLUSTER)
ALIVE = report(CLUSTER, "head", "cpu/0", "cpu/1")
PAUSE = Pause("analytics", "migration", "jdoe", NOW)


def glance(
    state: DesiredState,
    world: ObservedState,
    *outcomes: Outcome,
    source: SourceState = SOURCE,
    policy: Policy = POLICY,
) -> PassSnapshot:
    """What the controller makes of a world that it sees for the first time."""
    history = remember(situate(state, world, History(), policy)).history
    decided = plan(situate(state, world, history, policy))
    return PassSnapshot(
        assess(situate(state, world, history, policy), decided), decided, outcomes, source
    )


def said(before: PassSnapshot | None, now: PassSnapshot) -> list[str]:
    return [f"{e.reason} {e.object}: {e.message}" for e in event_diff(before, now)]


def reasons(before: PassSnapshot | None, now: PassSnapshot) -> list[str]:
    return [event.reason for event in event_diff(before, now)]


WELL = glance(desired(CLUSTER), converged(CLUSTER))
UNWELL = glance(
    desired(CLUSTER),
    observed(HEAD, CPU_0, CPU_1, reports=(report(CLUSTER, "head", "cpu/0"),), now=at(5)),
)
FOREIGN = replace(CPU_1, environment={})
STUCK = glance(desired(CLUSTER), observed(HEAD, CPU_0, FOREIGN, reports=(ALIVE,), now=at(5)))


def outcome(result: Result, message: str = "", member: str = "cpu/0", **step: object) -> Outcome:
    place = Member("cpu", int(member[-1])) if member else None
    made = Step(
        Restart("a1"),
        "analytics",
        PROJECT,
        place,
        Reason.DOWN,
        Intent.RESTART,
        **step,  # type: ignore[arg-type]
    )
    return Outcome(made, result, message)


def test_a_steady_world_gives_nothing() -> None:
    later = replace(WELL, status=replace(WELL.status, as_of=at(30)))
    assert event_diff(WELL, later) == ()
    assert event_diff(UNWELL, replace(UNWELL, status=replace(UNWELL.status, as_of=at(30)))) == ()
    assert event_diff(STUCK, replace(STUCK, status=replace(STUCK.status, as_of=at(30)))) == ()


def test_the_same_glance_gives_nothing_whatever_was_done_in_it() -> None:
    busy = replace(WELL, outcomes=(outcome(Result.FAILED, "no"),))
    assert event_diff(busy, busy) == ()


def test_what_failed_in_each_of_two_passes_is_told_twice_in_the_same_words() -> None:
    first = replace(WELL, outcomes=(outcome(Result.FAILED, "no room"),))
    second = replace(first, status=replace(first.status, as_of=at(10)))
    assert event_diff(None, first)[-1] == event_diff(first, second)[0]


def test_a_controller_that_starts_tells_of_what_waits_and_not_of_what_is_well() -> None:
    assert said(None, WELL) == [
        "NewRevision controller: revision 0123456789ab of git.example.com/specs is in force"
    ]
    found = event_diff(None, STUCK)
    assert [(e.kind, e.reason, e.member) for e in found[1:]] == [
        (Kind.WARNING, "NameConflict", "cpu/1")
    ]


@pytest.mark.parametrize(
    ("intent", "reason", "told"),
    [
        (
            Intent.RESTART,
            Reason.DOWN,
            "Restarted analytics cpu/0: Down: the application failed, or",
        ),
        (Intent.START, Reason.RESUMED, "Started analytics cpu/0: Resumed: the application is stop"),
    ],
)
def test_a_step_that_was_done_says_what_and_why(intent: Intent, reason: Reason, told: str) -> None:
    done = outcome(Result.DONE)
    done = replace(done, step=replace(done.step, intent=intent, reason=reason))
    (line,) = said(WELL, replace(WELL, outcomes=(done,)))
    assert line.startswith(told)


def test_every_action_that_was_done_has_a_reason_of_its_own() -> None:
    told = {}
    for action, member in ((Delete("a1"), "cpu/0"), (RemoveLauncher("x.py"), "")):
        done = outcome(Result.DONE, member=member)
        done = replace(done, step=replace(done.step, action=action))
        (event,) = event_diff(WELL, replace(WELL, outcomes=(done,)))
        told[event.reason] = (event.kind, event.member)
    assert told == {
        "Deleting": (Kind.NORMAL, "cpu/0"),
        "LauncherRemoved": (Kind.NORMAL, ""),
    }


@pytest.mark.parametrize(
    ("result", "reason"),
    [
        (Result.FAILED, "StepFailed"),
        (Result.REJECTED, "StepRejected"),
        (Result.UNKNOWN, "StepUnknown"),
    ],
)
def test_a_step_that_was_not_done_warns_in_the_words_of_what_stood_against_it(
    result: Result, reason: str
) -> None:
    (event,) = event_diff(WELL, replace(WELL, outcomes=(outcome(result, "the quota is used up"),)))
    assert event == Event(
        Kind.WARNING, reason, "restart: the quota is used up", "analytics", "cpu/0"
    )


def test_a_step_that_never_ran_is_not_told() -> None:
    skipped = outcome(Result.SKIPPED, "the pass was aborted")
    assert event_diff(WELL, replace(WELL, outcomes=(skipped,))) == ()


def test_a_cluster_that_is_no_longer_whole_warns_and_one_that_is_again_says_so() -> None:
    assert said(WELL, UNWELL) == ["NotReady analytics: 2 of 3 nodes are alive"]
    assert said(UNWELL, WELL) == ["Ready analytics: 3 of 3 nodes are alive"]
    assert event_diff(WELL, UNWELL)[0].kind is Kind.WARNING


def test_a_torn_list_takes_no_readiness_away_and_no_cluster() -> None:
    torn = observed(HEAD, reports=(ALIVE,), complete=False, now=at(5))
    assert event_diff(WELL, glance(desired(CLUSTER), torn)) == ()
    both = observed(HEAD, *whole_cluster(named("other")), reports=(ALIVE,))
    seen = glance(desired(CLUSTER), both)
    assert seen.status.cluster("other") is not None
    assert "ClusterDeleted" not in reasons(seen, glance(desired(CLUSTER), torn))


def test_what_waits_for_a_person_warns_when_it_comes_and_is_cleared_when_it_goes() -> None:
    assert [(e.kind, e.reason, e.object) for e in event_diff(WELL, STUCK)] == [
        (Kind.WARNING, "NotReady", "analytics"),
        (Kind.WARNING, "Stalled", "analytics"),
        (Kind.WARNING, "NameConflict", "analytics cpu/1"),
    ]
    assert said(STUCK, WELL) == [
        "Ready analytics: 3 of 3 nodes are alive",
        "StallResolved analytics: no longer needs attention",
        "Resolved analytics cpu/1: NameConflict is resolved",
    ]


def test_a_wait_that_is_tried_once_more_is_not_over_yet() -> None:
    trying = outcome(Result.FAILED, "taken", member="cpu/1").step
    retried = replace(STUCK, plan=Plan(steps=(trying,)))
    assert "Resolved" not in reasons(STUCK, retried)
    other = replace(STUCK, plan=Plan(steps=(replace(trying, member=Member("cpu", 0)),)))
    assert "Resolved" in reasons(STUCK, other)


def test_a_pause_says_by_whom_and_why_and_is_no_stall() -> None:
    fallen = observed(HEAD, CPU_0, replace(CPU_1, phase=Phase.FAILED), reports=(ALIVE,), now=at(5))
    down = glance(desired(CLUSTER), fallen)
    pauses = ObservedPauses({(PROJECT, "analytics"): PAUSE})
    paused = glance(desired(CLUSTER), fallen.with_pauses(pauses))
    assert said(down, paused) == ["Paused analytics: paused by jdoe: migration"]
    assert said(paused, down) == ["Unpaused analytics: reconciled again"]
    other = ObservedPauses({(PROJECT, "analytics"): replace(PAUSE, by="asmith")})
    again = glance(desired(CLUSTER), fallen.with_pauses(other))
    assert said(paused, again) == ["Paused analytics: paused by asmith: migration"]


def test_a_pause_of_a_cluster_without_a_spec_is_told_too() -> None:
    orphaned = observed(HEAD)
    pauses = ObservedPauses({(PROJECT, "analytics"): PAUSE})
    free = glance(desired(), orphaned)
    held = glance(desired(), orphaned.with_pauses(pauses))
    assert said(free, held) == ["Paused analytics: paused by jdoe: migration"]


def test_a_suspended_cluster_is_told_on_its_way_there_and_back() -> None:
    resting = spec(suspend=True)
    stops = glance(desired(resting), replace(converged(CLUSTER), files=all_files(HEAD)))
    stopped = [replace(a, phase=Phase.STOPPED) for a in (HEAD, CPU_0, CPU_1)]
    rests = glance(desired(resting), observed(*stopped))
    back = glance(desired(CLUSTER), observed(*stopped, files=all_files(HEAD, CPU_0, CPU_1)))
    assert said(WELL, stops) == [
        "Suspending analytics: its spec suspends it; its members are being stopped"
    ]
    assert said(stops, rests) == ["Suspended analytics: every member is stopped and kept"]
    assert said(rests, back) == ["Resumed analytics: its spec no longer suspends it"]


def test_clusters_come_lose_their_spec_and_go() -> None:
    empty = glance(desired(), observed())
    planned = glance(desired(CLUSTER), observed(files=all_files()))
    orphan = glance(desired(), converged(CLUSTER))
    assert said(empty, planned) == ["ClusterAdded analytics: its spec declares 3 members"]
    (line,) = said(WELL, orphan)
    assert line.startswith("SpecRemoved analytics: no spec declares it (3 applications)")
    assert said(orphan, empty) == ["ClusterDeleted analytics: all of its applications are deleted"]
    (line,) = said(empty, orphan)
    assert line.startswith("ClusterFound analytics: no spec declares it")
    assert said(orphan, WELL) == [
        "ClusterAdded analytics: its spec declares 3 members",
        "Ready analytics: 3 of 3 nodes are alive",
    ]


def test_a_cluster_of_which_only_launchers_are_left_is_gone() -> None:
    orphan = glance(desired(), converged(CLUSTER))
    left = Step(
        RemoveLauncher("x"), "analytics", PROJECT, None, Reason.LAUNCHER_UNUSED, Intent.NOTHING
    )
    swept = Plan(steps=(left,))
    status = assess(situate(desired(), observed(), History(), POLICY), swept)
    assert status.cluster("analytics") is not None
    assert reasons(orphan, PassSnapshot(status, swept, (), SOURCE)) == ["ClusterDeleted"]


@pytest.mark.parametrize("prune", [False, True])
def test_a_file_that_cannot_be_read_removes_no_spec(*, prune: bool) -> None:
    state, torn = desired(whole=False), replace(SOURCE, problems=("a.yaml:1:1: not YAML",))
    policy = replace(POLICY, prune=prune)
    doubtful = glance(state, converged(CLUSTER), source=torn, policy=policy)
    assert set(reasons(WELL, doubtful)) <= {"SpecProblem", "SpecUnreadable", "Stalled"}
    if prune:
        assert "ClusterAdded" not in reasons(doubtful, WELL)


def test_a_refused_plan_warns_once_for_each_law_of_each_cluster() -> None:
    refusals = (Violation("analytics", "law_3", "two applications"),)
    broken = replace(WELL, plan=Plan(refusals=refusals))
    assert said(WELL, broken) == ["PlanRefused analytics: law_3: two applications"]
    later = replace(broken, status=replace(broken.status, as_of=at(9)))
    assert event_diff(broken, later) == ()


def source(before: SourceState, now: SourceState) -> list[str]:
    return said(replace(WELL, source=before), replace(WELL, source=now))


def test_another_revision_in_force_is_told() -> None:
    newer = replace(SOURCE, revision="fedcba9876543210")
    assert source(SOURCE, newer) == [
        "NewRevision controller: revision fedcba987654 of git.example.com/specs is in force"
    ]


def test_a_revision_that_is_held_says_how_to_let_it_in() -> None:
    held = replace(SOURCE, held=Held("fedcba9876543210", "PruneLimit", "it removes 3 of 4", NOW))
    (line,) = source(SOURCE, held)
    assert line == (
        "ApprovalNeeded controller: revision fedcba987654 needs approval: it removes 3 of 4; "
        "to approve: `raycml approve fedcba987654`"
    )
    later = replace(held, fetched_at=at(60))
    assert source(held, later) == []
    assert source(held, replace(SOURCE, revision="fedcba9876543210"))[-1] == (
        "HoldEnded controller: revision fedcba987654 is in force"
    )
    assert source(held, SOURCE) == [
        "HoldEnded controller: revision fedcba987654 no longer needs approval"
    ]


def test_a_source_that_fails_warns_once_and_its_recovery_is_told() -> None:
    failing = replace(SOURCE, failure="connection refused")
    assert source(SOURCE, failing) == [
        "SourceFailing controller: git.example.com/specs cannot be read: connection refused"
    ]
    assert source(failing, replace(failing, fetched_at=at(9))) == []
    assert source(failing, SOURCE) == [
        "SourceRecovered controller: git.example.com/specs can be read again"
    ]


def test_problems_of_specs_come_and_go_and_may_move_within_their_file() -> None:
    broken = replace(SOURCE, problems=("a.yaml:3:1: cpu is missing", "b.yaml:1:1: not YAML"))
    assert source(SOURCE, broken) == [
        "SpecProblem controller: a.yaml:3:1: cpu is missing",
        "SpecProblem controller: b.yaml:1:1: not YAML",
    ]
    moved = replace(SOURCE, problems=("a.yaml:7:1: cpu is missing",))
    assert source(broken, moved) == ["SpecFixed controller: fixed: b.yaml:1:1: not YAML"]
    assert source(moved, SOURCE) == ["SpecFixed controller: fixed: a.yaml:7:1: cpu is missing"]


def test_of_very_many_problems_the_rest_is_counted() -> None:
    many = tuple(f"s{n}.yaml:1:1: not YAML" for n in range(PROBLEMS_SHOWN + 5))
    told = source(SOURCE, replace(SOURCE, problems=many))
    assert len(told) == PROBLEMS_SHOWN + 1
    assert told[-1] == "SpecProblem controller: and 5 more"


def test_every_occasion_has_a_name_of_its_own_that_no_wait_has_but_for_the_same_matter() -> None:
    titles = [occasion.title for occasion in EventReason]
    assert len(set(titles)) == len(titles)
    for_a_person = {r.title for r in Reason if r.outlook is Outlook.PERSON}
    assert for_a_person & set(titles) == {"Paused", "PlanRefused"}
