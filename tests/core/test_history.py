"""What is remembered between passes, and when it is forgotten."""

from collections.abc import Set as AbstractSet
from dataclasses import replace

from controller.core.model.faults import FaultKind, Result
from controller.core.model.history import (
    History,
    MemberHistory,
    forget_changed,
    record,
)
from controller.core.model.member import Key, Member
from controller.core.model.observed import ObservedState, Phase
from controller.core.model.plan import (
    Configuration,
    Create,
    Delete,
    Intent,
    Outcome,
    Restart,
    Step,
    Stop,
    Update,
)
from controller.core.model.reasons import Reason
from controller.core.planner.memory import notice
from tests.worlds import (
    NOW,
    POLICY,
    PROJECT,
    all_files,
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
HEAD, CPU_0, CPU_1 = whole_cluster(CLUSTER)
ALIVE = report(CLUSTER, "head", "cpu/0", "cpu/1")
KEY = Key("analytics", Member("cpu", 0))
FIELDS = Configuration("n", "n", "", "s", 1.0, 1.0, 0, "r", {})


def outcome(
    action: object, result: Result, reason: Reason = Reason.DOWN, **more: object
) -> Outcome:
    step = Step(action, "analytics", PROJECT, KEY.member, reason, Intent.NOTHING)  # type: ignore[arg-type]
    return Outcome(step, result, **more)  # type: ignore[arg-type]


def with_look(
    history: History, world: ObservedState, restless: AbstractSet[Key] = frozenset()
) -> History:
    return notice(history, world, world.owned(POLICY.owner), POLICY, restless)


def seen(*outcomes: Outcome, world: object = None) -> History:
    noticed = with_look(History(), world or observed(HEAD, CPU_0, CPU_1))  # type: ignore[arg-type]
    return record(noticed, outcomes, NOW)


def test_a_stop_that_does_not_show_yet_is_waited_for_and_not_repeated() -> None:
    stopped = seen(outcome(Stop(CPU_0.id), Result.DONE, Reason.OUTDATED))
    bigger = spec(workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"})
    apps = (HEAD, CPU_0, CPU_1)
    later = observed(*apps, reports=(ALIVE,), files=all_files(*apps), now=at(3))
    assert "wait cpu/0 Settling" in said(decide(desired(bigger), later, stopped))
    much_later = replace(later, as_of=at(31))
    assert "stop cpu/0 Outdated" in said(decide(desired(bigger), much_later, stopped))


def test_a_phase_that_moved_since_the_call_counts_as_seen() -> None:
    restarted = seen(
        outcome(Restart(CPU_0.id), Result.DONE),
        world=observed(HEAD, replace(CPU_0, phase=Phase.FAILED), CPU_1),
    )
    starting = observed(HEAD, replace(CPU_0, phase=Phase.STARTING), CPU_1, now=at(2))
    moved = with_look(restarted, starting)
    apps = (HEAD, replace(CPU_0, phase=Phase.FAILED), CPU_1)
    fell = observed(*apps, reports=(ALIVE,), files=all_files(*apps), now=at(4))
    assert said(decide(desired(CLUSTER), fell, moved))[:1] == ["wait cpu/0 Backoff"]


def test_what_was_created_and_listed_and_is_gone_is_created_anew_when_no_list_lags() -> None:
    created = record(
        History(), [outcome(Create(FIELDS), Result.DONE, application_id=CPU_0.id)], NOW
    )
    listed = with_look(created, observed(HEAD, CPU_0, CPU_1, now=at(1)))
    older = observed(HEAD, CPU_1, reports=(ALIVE,), now=at(2))
    assert "wait cpu/0 Settling" in said(decide(desired(CLUSTER), older, listed))
    gone = replace(older, as_of=at(POLICY.settle_s))
    assert "create cpu/0 Missing" in said(decide(desired(CLUSTER), gone, listed))


def test_a_restart_counts_whatever_it_was_for() -> None:
    for reason in (Reason.DOWN, Reason.NOT_JOINED, Reason.OUTDATED, Reason.STALE, Reason.RESUMED):
        history = seen(outcome(Restart(CPU_0.id), Result.DONE, reason))
        assert len(history.member(KEY).attempts) == 1


def test_a_refused_update_is_remembered_until_one_is_taken() -> None:
    refused = outcome(Update(CPU_0.id, {}), Result.REJECTED, message="no", fault=FaultKind.REJECTED)
    started = record(seen(refused), [outcome(Restart(CPU_0.id), Result.DONE)], at(1))
    assert started.member(KEY).refused_update is not None
    again = record(started, [refused], at(2)).member(KEY).refused_update
    assert again is not None
    assert (again.tries, again.first_at, again.last_at) == (2, NOW, at(2))
    taken = record(started, [outcome(Update(CPU_0.id, {}), Result.DONE)], at(3))
    assert taken.member(KEY).refused_update is None


def test_stops_for_an_update_are_counted_until_one_is_taken() -> None:
    history = seen()
    for reason in (Reason.OUTDATED, Reason.SCALED_DOWN, Reason.OUTDATED):
        history = record(history, [outcome(Stop(CPU_0.id), Result.DONE, reason)], at(1))
    refused = outcome(Update(CPU_0.id, {}), Result.REJECTED, fault=FaultKind.QUOTA_EXCEEDED)
    history = record(history, [refused, outcome(Restart(CPU_0.id), Result.DONE)], at(2))
    assert history.member(KEY).update_stops == 2
    history = record(history, [outcome(Update(CPU_0.id, {}), Result.DONE)], at(3))
    assert history.member(KEY).update_stops == 0


def test_a_refused_start_is_remembered_beside_a_refused_update() -> None:
    history = seen()
    for turn in range(3):
        for action in (Update(CPU_0.id, {}), Restart(CPU_0.id)):
            no = outcome(action, Result.REJECTED, message="no", fault=FaultKind.QUOTA_EXCEEDED)
            history = record(history, [no], at(turn))
    known = history.member(KEY)
    assert known.refusal is not None
    assert known.refused_update is not None
    assert (known.refusal.tries, known.refused_update.tries) == (3, 3)


def test_a_member_that_runs_and_not_as_it_should_is_never_quiet() -> None:
    history = replace(seen(), members={KEY: MemberHistory(attempts=(at(-1),))})
    world = observed(HEAD, CPU_0, CPU_1, now=at(600))
    assert with_look(history, world, {KEY}).member(KEY).attempts == (at(-1),)
    assert with_look(history, world).member(KEY).attempts == ()


def test_attempts_are_forgotten_after_ten_quiet_minutes_and_not_before() -> None:
    history = replace(seen(), members={KEY: MemberHistory(attempts=(at(-5), at(-1)))})
    for seconds, kept in ((599, 2), (600, 0)):
        later = with_look(history, observed(HEAD, CPU_0, CPU_1, now=at(seconds)))
        assert len(later.member(KEY).attempts) == kept


def test_a_failed_call_is_counted_until_one_succeeds() -> None:
    failed = outcome(Stop(CPU_0.id), Result.FAILED, message="no", fault=FaultKind.UNAVAILABLE)
    history = record(seen(failed), [failed], at(10))
    assert (history.member(KEY).failures, history.member(KEY).failed_at) == (2, at(10))
    done = record(history, [outcome(Stop(CPU_0.id), Result.DONE)], at(20))
    assert (done.member(KEY).failures, done.member(KEY).failed_at) == (0, None)


def test_a_change_under_our_hands_is_looked_at_again_at_once() -> None:
    changed = outcome(Stop(CPU_0.id), Result.FAILED, fault=FaultKind.CHANGED)
    assert seen(changed).member(KEY).failed_at is None


def test_a_skipped_step_leaves_no_trace() -> None:
    assert seen(outcome(Stop(CPU_0.id), Result.SKIPPED)) == seen()


def test_a_step_without_its_launcher_counts_as_a_failed_one() -> None:
    history = seen(outcome(Stop(CPU_0.id), Result.SKIPPED, fault=FaultKind.UNWRITTEN))
    assert (history.member(KEY).failures, history.member(KEY).failed_at) == (1, NOW)
    history = record(
        history, [outcome(Stop(CPU_0.id), Result.SKIPPED, fault=FaultKind.UNWRITTEN)], NOW
    )
    assert history.member(KEY).failures == 2


def test_a_lost_answer_is_remembered_as_one() -> None:
    lost = seen(outcome(Delete(CPU_0.id), Result.UNKNOWN, fault=FaultKind.UNKNOWN))
    assert not lost.applications[CPU_0.id].sure
    assert seen(outcome(Delete(CPU_0.id), Result.DONE)).applications[CPU_0.id].sure


def test_fields_that_do_not_take_are_counted_and_forgotten_when_they_do() -> None:
    ignored = outcome(Update(CPU_0.id, {}), Result.FAILED, unapplied=("memory",))
    history = record(seen(ignored), [ignored], NOW)
    assert history.member(KEY).unapplied_tries == 2
    took = record(history, [outcome(Update(CPU_0.id, {}), Result.DONE)], NOW)
    assert took.member(KEY).unapplied_tries == 0


def test_another_fingerprint_wipes_what_was_held_against_the_old_one() -> None:
    held = MemberHistory(attempts=(NOW,), failures=3, failed_at=NOW, fingerprint="v1:old")
    history = History(members={KEY: held})
    assert forget_changed(history, {KEY: "v1:old"}).member(KEY) == held
    assert forget_changed(history, {KEY: "v1:new"}).member(KEY).attempts == ()


def test_what_is_remembered_of_applications_goes_with_them() -> None:
    history = seen()
    gone = with_look(history, observed(HEAD, now=at(5)))
    assert set(gone.applications) == {HEAD.id}
    torn = with_look(history, observed(HEAD, complete=False, now=at(5)))
    assert set(torn.applications) == {HEAD.id, CPU_0.id, CPU_1.id}
