"""What the planner decides, case by case.  Each name is a law or a promise of the README."""

from dataclasses import replace

import pytest

from controller.core.model.faults import FaultKind
from controller.core.model.history import History, MemberHistory, Refusal
from controller.core.model.member import Key, Member
from controller.core.model.observed import (
    LauncherFile,
    ObservedApplication,
    ObservedFiles,
    ObservedPauses,
    ObservedProject,
    Pause,
    Phase,
)
from controller.core.model.plan import Create, Delete, Intent, Update, Wait
from controller.core.model.reasons import Reason
from controller.core.planner.memory import remember
from controller.core.situation.situation import situate
from controller.core.spec.spec import RayCluster
from controller.core.status.plan_text import summary
from tests.worlds import (
    EDITION,
    NOW,
    POLICY,
    PROJECT,
    all_files,
    application,
    at,
    converged,
    decide,
    desired,
    foreign,
    named,
    observed,
    report,
    said,
    spec,
    whole_cluster,
)

CLUSTER = spec()
HEAD, CPU_0, CPU_1 = whole_cluster(CLUSTER)
ALIVE = report(CLUSTER, "head", "cpu/0", "cpu/1")


def without_launchers(lines: list[str]) -> list[str]:
    return [line for line in lines if not line.startswith("write_launcher")]


def decided(*apps: object, cluster: object = CLUSTER, **world: object) -> list[str]:
    """Short lines of the plan for these applications, with every launcher in place."""
    files = all_files(*apps)  # type: ignore[arg-type]
    state = observed(*apps, files=files, **world)  # type: ignore[arg-type]
    return without_launchers(said(decide(desired(cluster), state)))  # type: ignore[arg-type]


def test_an_empty_workspace_gets_the_whole_cluster_at_once_head_first() -> None:
    assert said(decide(desired(CLUSTER), observed())) == [
        "write_launcher analytics LauncherMissing",
        "write_launcher analytics LauncherMissing",
        "create head Missing",
        "create cpu/0 Missing",
        "create cpu/1 Missing",
    ]


def test_the_plan_of_a_converged_world_is_empty_and_complete() -> None:
    plan = decide(desired(CLUSTER), converged(CLUSTER))
    assert said(plan) == []
    assert plan.complete


def test_one_replica_more_is_one_create_and_nothing_else() -> None:
    wider = spec(workerGroupSpecs__0__replicas=3)
    assert decided(HEAD, CPU_0, CPU_1, cluster=wider, reports=(ALIVE,)) == ["create cpu/2 Missing"]


def test_one_replica_less_deletes_the_highest_ordinal() -> None:
    narrower = spec(workerGroupSpecs__0__replicas=1)
    found = decided(HEAD, CPU_0, CPU_1, cluster=narrower, reports=(ALIVE,))
    assert found == ["delete cpu/1 ScaledDown"]


def test_a_scale_down_takes_what_does_not_run_first_and_renames_nobody() -> None:
    narrower = spec(workerGroupSpecs__0__replicas=1)
    broken = replace(CPU_0, phase=Phase.FAILED)
    assert decided(HEAD, broken, CPU_1, cluster=narrower) == [
        "delete cpu/0 ScaledDown",
        "wait head Joining",
        "wait cpu/1 Joining",
    ]


def squatter(other: RayCluster) -> ObservedApplication:
    """An application of another cluster, by its mark, under the name of our `cpu/1`."""
    theirs = application(other, "cpu/0")
    environment = {**theirs.environment, "RAYCML_SUBDOMAIN": CPU_1.subdomain}
    return replace(theirs, subdomain=CPU_1.subdomain, environment=environment)


def waits_for_the_name(other: RayCluster) -> Wait:
    app = squatter(other)
    world = observed(HEAD, CPU_0, app, files=all_files(HEAD, CPU_0, app), reports=(ALIVE,))
    plan = decide(desired(CLUSTER, other), world)
    [found] = [w for w in plan.waits if (w.cluster, str(w.member)) == ("analytics", "cpu/1")]
    return found


def test_a_name_that_an_application_on_its_way_out_holds_is_waited_for() -> None:
    assert waits_for_the_name(named("other")).reason is Reason.NAME_IN_USE


@pytest.mark.parametrize("field", ["paused", "suspend", "protect"])
def test_a_name_that_a_cluster_holds_which_lets_nothing_go_is_for_a_person(field: str) -> None:
    found = waits_for_the_name(named("other", **{field: True}))
    assert found.reason is Reason.NAME_CONFLICT
    assert "marked as other cpu/0" in found.message


def test_of_workers_alike_the_youngest_leaves_and_then_the_highest_ordinal() -> None:
    narrower = spec(workerGroupSpecs__0__replicas=1)
    young = replace(CPU_0, running_at=at(-60))
    found = decided(HEAD, young, CPU_1, cluster=narrower, reports=(ALIVE,))
    assert found == ["delete cpu/0 ScaledDown"]
    found = decided(CPU_1, CPU_0, HEAD, cluster=narrower, reports=(ALIVE,))
    assert found == ["delete cpu/1 ScaledDown"]


def test_a_deleted_application_comes_back_under_its_own_name() -> None:
    plan = decide(desired(CLUSTER), observed(HEAD, CPU_1, reports=(ALIVE,)))
    made = [s.action.configuration.name for s in plan.steps if isinstance(s.action, Create)]
    assert made == ["ray-analytics-cpu-0"]


def test_a_group_that_left_the_spec_leaves_the_workspace() -> None:
    bare = spec(workerGroupSpecs=[])
    assert decided(HEAD, CPU_0, CPU_1, cluster=bare, reports=(ALIVE,)) == [
        "delete cpu/0 GroupRemoved",
        "delete cpu/1 GroupRemoved",
    ]


# Updates


BIGGER = spec(workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"})


def test_a_change_of_a_groups_memory_touches_only_that_group_one_member_at_a_time() -> None:
    assert decided(HEAD, CPU_0, CPU_1, cluster=BIGGER, reports=(ALIVE,)) == [
        "stop cpu/0 Outdated",
        "wait cpu/1 RollingUpdate",
    ]


def test_an_update_is_stop_then_patch_and_restart() -> None:
    stopped = replace(CPU_0, phase=Phase.STOPPED)
    assert decided(HEAD, stopped, CPU_1, cluster=BIGGER) == [
        "update cpu/0 Outdated",
        "restart cpu/0 Outdated",
        "wait head Joining",
        "wait cpu/1 RollingUpdate",
    ]


def test_a_patch_sends_what_differs_and_keeps_the_variables_of_others() -> None:
    environment = {**CPU_0.environment, "FROM_PROJECT": "kept"}
    stopped = replace(CPU_0, phase=Phase.STOPPED, environment=environment)
    plan = decide(desired(BIGGER), observed(HEAD, stopped, CPU_1))
    [update] = [s.action for s in plan.steps if isinstance(s.action, Update)]
    assert set(update.fields) == {"memory", "description", "script", "environment"}
    sent = update.fields["environment"]
    assert isinstance(sent, dict)
    assert sent["FROM_PROJECT"] == "kept"
    assert sent["RAYCML_FINGERPRINT"] != CPU_0.environment["RAYCML_FINGERPRINT"]


def test_a_variable_dropped_from_the_spec_is_dropped_from_the_application() -> None:
    bare = spec(environment={})
    stopped = replace(CPU_0, phase=Phase.STOPPED)
    plan = decide(desired(bare), observed(HEAD, stopped, CPU_1))
    [update] = [s.action for s in plan.steps if isinstance(s.action, Update)]
    assert "OMP_NUM_THREADS" not in update.fields["environment"]  # type: ignore[operator]


def test_a_member_that_does_not_serve_is_updated_without_asking_the_budget() -> None:
    failed = replace(CPU_1, phase=Phase.FAILED)
    found = decided(HEAD, replace(CPU_0, phase=Phase.STARTING), failed, cluster=BIGGER)
    assert found[:3] == ["stop cpu/0 Outdated", "update cpu/1 Outdated", "restart cpu/1 Outdated"]


def test_a_rolling_update_waits_while_a_member_has_not_joined_ray() -> None:
    done = application(BIGGER, "cpu/0")
    found = decided(HEAD, done, CPU_1, cluster=BIGGER, reports=(report(CLUSTER, "head", "cpu/1"),))
    assert found == ["wait cpu/0 Joining", "wait cpu/1 RollingUpdate"]


def test_a_report_from_before_a_members_start_says_nothing_of_it() -> None:
    restarted = replace(CPU_0, starting_at=at(-3), running_at=at(-1))
    earlier = report(CLUSTER, "head", "cpu/0", "cpu/1", at_=at(-2))
    assert decided(HEAD, restarted, CPU_1, reports=(earlier,)) == ["wait cpu/0 Joining"]


def test_a_rolling_update_does_not_go_on_by_a_report_from_before_a_members_start() -> None:
    done = replace(application(BIGGER, "cpu/0"), starting_at=at(-3), running_at=at(-1))
    earlier = report(CLUSTER, "head", "cpu/0", "cpu/1", at_=at(-2))
    found = decided(HEAD, done, CPU_1, cluster=BIGGER, reports=(earlier,))
    assert found == ["wait cpu/0 Joining", "wait cpu/1 RollingUpdate"]


def test_a_report_from_before_the_heads_start_says_nothing_at_all() -> None:
    restarted = replace(HEAD, starting_at=at(-3), running_at=at(-1))
    earlier = report(CLUSTER, "head", "cpu/0", "cpu/1", at_=at(-2))
    assert len(decided(restarted, CPU_0, CPU_1, reports=(earlier,))) == 3


def test_recreate_takes_all_outdated_members_at_once() -> None:
    all_at_once = spec(
        workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"},
        upgradeStrategy={"type": "Recreate"},
    )
    found = decided(HEAD, CPU_0, CPU_1, cluster=all_at_once, reports=(ALIVE,))
    assert found == ["stop cpu/0 Outdated", "stop cpu/1 Outdated"]


def test_a_change_of_ray_recreates_the_whole_cluster_and_says_so() -> None:
    plan = decide(desired(spec(rayVersion="2.59.0")), converged(CLUSTER))
    stops = [s for s in plan.steps if s.name == "stop"]
    assert [str(s.member) for s in stops] == ["head", "cpu/0", "cpu/1"]
    assert all("recreates the whole cluster" in s.message for s in stops)


def test_strategy_none_reports_a_change_and_makes_none() -> None:
    told = spec(
        workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"},
        upgradeStrategy={"type": "None"},
    )
    found = decided(HEAD, CPU_0, CPU_1, cluster=told, reports=(ALIVE,))
    assert found == ["wait cpu/0 UpgradesOff", "wait cpu/1 UpgradesOff"]


def test_a_field_that_somebody_edited_is_put_back() -> None:
    edited = replace(CPU_0, memory=4.0)
    plan = decide(desired(CLUSTER), observed(HEAD, edited, CPU_1, reports=(ALIVE,)))
    [stop] = [s for s in plan.steps if s.name == "stop"]
    assert [str(change) for change in stop.changes] == ["memory 4Gi -> 16Gi"]


def test_no_value_of_a_variable_is_in_a_plan() -> None:
    secret = spec(environment={"TOKEN": "hush-hush-hush"})
    plan = decide(desired(secret), converged(CLUSTER))
    stop = next(s for s in plan.steps if s.name == "stop")
    assert [c.field for c in stop.changes] == ["environment.OMP_NUM_THREADS", "environment.TOKEN"]
    assert "hush" not in str([s.changes for s in plan.steps]) + str(plan.waits)


def test_a_new_edition_of_the_node_program_restarts_nothing() -> None:
    newer = replace(POLICY, edition="ffffffffff")
    assert said(decide(desired(CLUSTER), converged(CLUSTER), policy=newer)) == []


def test_a_new_edition_is_rolled_out_when_asked_for() -> None:
    newer = replace(POLICY, edition="ffffffffff", refresh_launchers=True)
    found = said(decide(desired(CLUSTER), converged(CLUSTER), policy=newer))
    assert without_launchers(found) == [
        "stop head Outdated",
        "stop cpu/0 Outdated",
        "wait cpu/1 RollingUpdate",
    ]


def test_an_application_of_an_unknown_newer_fingerprint_is_not_restarted_for_it() -> None:
    later = {**CPU_0.environment, "RAYCML_FINGERPRINT": "v9:abc"}
    script = f".raycml/launchers/analytics/cpu-abc-{EDITION}.py"
    strange = replace(CPU_0, environment=later, script=script)
    assert (
        decided(
            HEAD,
            strange,
            CPU_1,
            reports=(report(CLUSTER, "head", "cpu/0", "cpu/1", cpu_0="v9:abc"),),
        )
        == []
    )


def test_a_process_that_runs_an_older_fingerprint_than_configured_is_restarted() -> None:
    old = report(CLUSTER, "head", "cpu/0", "cpu/1", cpu_0="v1:older")
    assert decided(HEAD, CPU_0, CPU_1, reports=(old,)) == ["restart cpu/0 Stale"]


# What is not ours, and what is not understood


def test_a_foreign_application_on_our_name_is_a_condition_and_never_touched() -> None:
    theirs = foreign("ray-analytics-cpu-0")
    assert decided(HEAD, theirs, CPU_1, reports=(ALIVE,)) == ["wait cpu/0 NameConflict"]


def test_an_application_that_lost_its_mark_is_left_alone_and_said_to_have_lost_it() -> None:
    stripped = replace(CPU_0, environment={})
    plan = decide(desired(CLUSTER), observed(HEAD, stripped, CPU_1, reports=(ALIVE,)))
    assert said(plan) == ["wait cpu/0 NameConflict"]
    assert "without this controller's mark" in plan.waits[0].message


def test_a_copy_made_by_hand_is_not_ours() -> None:
    copy = replace(CPU_0, id="copy", name="copy", subdomain="my-copy")
    assert decided(HEAD, CPU_0, CPU_1, copy, reports=(ALIVE,)) == []


def test_another_installations_applications_are_left_alone() -> None:
    theirs = replace(CPU_0, environment={**CPU_0.environment, "RAYCML_OWNER": "others"})
    assert decided(HEAD, theirs, CPU_1, reports=(ALIVE,)) == ["wait cpu/0 NameConflict"]


def test_nothing_is_decided_on_a_torn_list() -> None:
    narrower = spec(workerGroupSpecs__0__replicas=1)
    found = decided(HEAD, CPU_0, cluster=narrower, complete=False)
    assert found == ["wait analytics IncompleteList"]


def test_one_name_listed_twice_is_a_torn_list_and_deletes_nothing() -> None:
    ghost = replace(CPU_0, id="ghost")
    assert decided(HEAD, CPU_0, ghost, CPU_1) == ["wait analytics IncompleteList"]


def test_an_unknown_status_is_never_acted_on_destructively() -> None:
    strange = replace(CPU_1, phase=Phase.UNKNOWN, status="APPLICATION_DREAMING")
    narrower = spec(workerGroupSpecs__0__replicas=1)
    found = decided(HEAD, CPU_0, strange, cluster=narrower, reports=(ALIVE,))
    assert found == ["wait cpu/1 UnknownStatus"]


def test_a_spec_that_names_another_project_moves_the_cluster_and_waits_for_the_names() -> None:
    elsewhere = "eeee-ffff-0000-1111"
    here = observed(HEAD, CPU_0, CPU_1)
    both = replace(here, projects={**here.projects, elsewhere: ObservedProject(elsewhere)})
    assert said(decide(desired(spec(project=elsewhere)), both)) == [
        "delete head Moved",
        "delete cpu/0 Moved",
        "delete cpu/1 Moved",
        "wait head NameInUse",
        "wait cpu/0 NameInUse",
        "wait cpu/1 NameInUse",
    ]


# Suspend, pause, protect


def test_a_suspended_cluster_is_stopped_and_nothing_else() -> None:
    resting = spec(suspend=True, workerGroupSpecs__0__replicas=1)
    found = decided(HEAD, CPU_0, CPU_1, cluster=resting, reports=(ALIVE,))
    assert found == ["stop head Suspended", "stop cpu/0 Suspended", "stop cpu/1 Suspended"]


def test_a_suspended_cluster_at_rest_is_converged() -> None:
    resting = spec(suspend=True)
    stopped = [replace(a, phase=Phase.STOPPED) for a in (HEAD, CPU_0, CPU_1)]
    assert decided(*stopped, cluster=resting) == []


def test_a_resumed_cluster_is_started_without_an_update() -> None:
    stopped = [replace(a, phase=Phase.STOPPED) for a in (HEAD, CPU_0, CPU_1)]
    plan = decide(desired(CLUSTER), observed(*stopped, files=all_files(*stopped)))
    assert said(plan) == ["restart head Resumed", "restart cpu/0 Resumed", "restart cpu/1 Resumed"]
    assert {s.intent for s in plan.steps} == {Intent.START}


def test_a_suspended_group_stops_while_the_rest_goes_on() -> None:
    partly = spec(workerGroupSpecs__0__suspend=True)
    found = decided(HEAD, CPU_0, CPU_1, cluster=partly, reports=(ALIVE,))
    assert found == ["stop cpu/0 Suspended", "stop cpu/1 Suspended"]


def test_a_paused_cluster_is_only_watched_and_says_what_it_would_do() -> None:
    still = spec(paused=True, workerGroupSpecs__0__replicas=3)
    plan = decide(desired(still), observed(HEAD, CPU_0, CPU_1, reports=(ALIVE,)))
    assert said(plan) == ["wait cpu/2 Paused"]
    assert "create" in plan.waits[0].message


def test_a_paused_rolling_update_waits_for_a_person_and_not_for_its_turn() -> None:
    still = spec(paused=True, workerGroupSpecs__0__resources={"cpu": 4, "memory": "20Gi"})
    found = decided(HEAD, CPU_0, CPU_1, cluster=still, reports=(ALIVE,))
    assert found == ["wait cpu/0 Paused", "wait cpu/1 Paused"]


def test_a_pause_ordered_by_a_person_holds_until_it_ends() -> None:
    wider = spec(workerGroupSpecs__0__replicas=3)
    files = all_files(HEAD, CPU_0)
    until = Pause("analytics", "upgrade tonight", "alice", NOW, at(60))
    paused = ObservedPauses({(PROJECT, "analytics"): until})
    state = observed(HEAD, CPU_0, CPU_1, reports=(ALIVE,), files=files).with_pauses(paused)
    assert said(decide(desired(wider), state)) == ["wait cpu/2 Paused"]
    over = ObservedPauses({(PROJECT, "analytics"): replace(until, until=at(-1))})
    assert "create cpu/2 Missing" in said(decide(desired(wider), state.with_pauses(over)))


def test_a_protected_cluster_loses_no_member_and_keeps_its_head() -> None:
    guarded = spec(
        protect=True,
        workerGroupSpecs__0__replicas=1,
        headGroupSpec__resources={"cpu": 3, "memory": "8Gi"},
    )
    found = decided(HEAD, CPU_0, CPU_1, cluster=guarded, reports=(ALIVE,))
    assert found == ["wait head Protected", "wait cpu/1 Protected"]


def test_a_protected_cluster_is_still_repaired() -> None:
    down = replace(HEAD, phase=Phase.FAILED)
    found = decided(down, CPU_0, CPU_1, cluster=spec(protect=True))
    assert "restart head Down" in found


# Repair


def test_a_failed_application_is_restarted_and_not_replaced() -> None:
    found = decided(HEAD, replace(CPU_0, phase=Phase.FAILED), CPU_1, reports=(ALIVE,))
    assert found == ["restart cpu/0 Down"]


@pytest.mark.parametrize(
    ("tries", "after_s", "expected"),
    [
        (1, 9, "wait cpu/0 Backoff"),
        (1, 10, "restart cpu/0 Down"),
        (3, 39, "wait cpu/0 Backoff"),
        (3, 40, "restart cpu/0 Down"),
        (5, 599, "wait cpu/0 CrashLooping"),
        (5, 600, "restart cpu/0 Down"),
    ],
)
def test_repairs_back_off_and_a_crash_loop_is_tried_once_per_resync(
    tries: int, after_s: float, expected: str
) -> None:
    key = Key("analytics", Member("cpu", 0))
    attempts = tuple(at(-after_s - 60 * n) for n in reversed(range(tries)))
    history = History(members={key: MemberHistory(attempts=attempts)})
    apps = (HEAD, replace(CPU_0, phase=Phase.FAILED), CPU_1)
    state = observed(*apps, reports=(ALIVE,), files=all_files(*apps))
    assert said(decide(desired(CLUSTER), state, history)) == [expected]


def test_a_newer_spec_wins_over_a_backoff() -> None:
    key = Key("analytics", Member("cpu", 0))
    old = desired(CLUSTER).clusters[0].groups[1].fingerprint
    known = MemberHistory(attempts=(at(-1),), failures=9, failed_at=NOW, fingerprint=old)
    apps = (HEAD, replace(CPU_0, phase=Phase.FAILED), CPU_1)
    found = said(decide(desired(BIGGER), observed(*apps), History(members={key: known})))
    assert "update cpu/0 Outdated" in found


def test_a_launcher_that_somebody_removed_is_written_before_the_restart() -> None:
    broken = replace(CPU_0, phase=Phase.FAILED)
    state = observed(HEAD, broken, CPU_1, reports=(ALIVE,), files=all_files(HEAD))
    assert said(decide(desired(CLUSTER), state)) == [
        "write_launcher analytics LauncherMissing",
        "restart cpu/0 Down",
    ]


def test_a_member_that_never_joins_a_living_head_is_restarted_after_its_deadline() -> None:
    alone = report(CLUSTER, "head", "cpu/1")
    key = Key("analytics", Member("cpu", 0))
    history = History(members={key: MemberHistory(unjoined_since=at(-600))})
    state = observed(HEAD, CPU_0, CPU_1, reports=(alone,), files=all_files(HEAD, CPU_0))
    assert said(decide(desired(CLUSTER), state, history)) == ["restart cpu/0 NotJoined"]


def test_a_head_that_does_not_report_is_a_matter_for_a_person_and_not_restarted() -> None:
    key = Key("analytics", Member("head"))
    history = History(members={key: MemberHistory(unjoined_since=at(-600))})
    found = said(decide(desired(CLUSTER), observed(HEAD, CPU_0, CPU_1), history))
    assert found[0] == "wait head JoinTimedOut"


def test_repairs_are_held_when_so_much_falls_at_once_that_the_platform_is_at_fault() -> None:
    clusters = [named(name, workerGroupSpecs__0__replicas=10) for name in ("one", "two")]
    apps = [app for cluster in clusters for app in whole_cluster(cluster)]
    fallen = [replace(a, phase=Phase.FAILED) for a in apps if "-cpu-" in a.name]
    heads = [a for a in apps if "-cpu-" not in a.name]
    plan = decide(desired(*clusters), observed(*heads, *fallen))
    assert not plan.steps
    assert sum(1 for w in plan.waits if w.reason is Reason.PLATFORM_FAULT) == 20


def test_a_group_that_falls_as_a_whole_is_no_fault_of_the_platform() -> None:
    wide = spec(workerGroupSpecs__0__replicas=20)
    head, *workers = whole_cluster(wide)
    fallen = [replace(w, phase=Phase.FAILED) for w in workers]
    plan = decide(desired(wide), observed(replace(head, phase=Phase.FAILED), *fallen))
    assert len([s for s in plan.steps if s.name == "restart"]) == 21


@pytest.mark.parametrize("mass", [1, 2])
def test_a_neighbour_of_which_little_fell_is_repaired_at_once(mass: int) -> None:
    """Beside one cluster that fell, and beside a fault of the platform."""
    large = [named(f"large{n}", workerGroupSpecs__0__replicas=12) for n in range(mass)]
    small = named("small")
    apps = [replace(a, phase=Phase.FAILED) for c in large for a in whole_cluster(c)]
    head, one, *others = whole_cluster(small)
    plan = decide(
        desired(*large, small), observed(*apps, head, replace(one, phase=Phase.FAILED), *others)
    )
    alone = decide(desired(small), observed(head, replace(one, phase=Phase.FAILED), *others))
    assert plan.of("small").steps == alone.steps != ()
    assert any(w.reason is Reason.PLATFORM_FAULT for w in plan.waits) is (mass == 2)


def test_nine_members_down_are_repaired_one_by_one() -> None:
    wide = spec(workerGroupSpecs__0__replicas=20)
    head, *workers = whole_cluster(wide)
    fallen = [replace(w, phase=Phase.FAILED) for w in workers[:9]]
    plan = decide(desired(wide), observed(head, *fallen, *workers[9:]))
    assert len([s for s in plan.steps if s.name == "restart"]) == 9


def test_a_start_has_a_deadline_after_which_a_person_is_told_of_likely_causes() -> None:
    slow = replace(CPU_0, phase=Phase.STARTING)
    first = observed(HEAD, slow, CPU_1, reports=(ALIVE,))
    history = remember(situate(desired(CLUSTER), first, History(), POLICY)).history
    later = replace(first, as_of=at(901), reports={})
    [wait] = [
        w for w in decide(desired(CLUSTER), later, history).waits if w.member == Member("cpu", 0)
    ]
    assert wait.reason is Reason.START_TIMED_OUT
    assert "quota" in wait.message


# Refusals, conflicts, fields that do not take


@pytest.mark.parametrize(
    ("tries", "after_s", "tried"),
    [(1, 29, False), (1, 30, True), (2, 59, False), (2, 60, True), (9, 299, False), (9, 300, True)],
)
def test_a_used_up_quota_is_tried_again_from_half_a_minute_to_five(
    tries: int, after_s: float, tried: bool
) -> None:
    key = Key("analytics", Member("cpu", 0))
    print_ = desired(CLUSTER).clusters[0].groups[1].fingerprint
    no = Refusal(
        "create", print_, "out of quota", FaultKind.QUOTA_EXCEEDED, at(-999), at(-after_s), tries
    )
    history = History(members={key: MemberHistory(refusal=no, fingerprint=print_)})
    world = observed(HEAD, CPU_1, reports=(ALIVE,), files=all_files(HEAD, CPU_0, CPU_1))
    expected = "create cpu/0 Missing" if tried else "wait cpu/0 QuotaExceeded"
    assert said(decide(desired(CLUSTER), world, history)) == [expected]


@pytest.mark.parametrize("fault", ["Rejected", "QuotaExceeded"])
def test_what_waits_for_a_person_is_blocked_and_counted_so(fault: str) -> None:
    key = Key("analytics", Member("cpu", 0))
    print_ = desired(CLUSTER).clusters[0].groups[1].fingerprint
    no = Refusal("create", print_, "no", FaultKind(fault), at(-9), at(-9))
    history = History(members={key: MemberHistory(refusal=no, fingerprint=print_)})
    plan = decide(desired(CLUSTER), observed(HEAD, CPU_1, reports=(ALIVE,)), history)
    assert summary(plan)["blocked"] == 1
    assert summary(plan)["waiting"] == 0
    assert [w.intent for w in plan.waits] == [Intent.BLOCKED]


@pytest.mark.parametrize("shown", ["****", "\u2022\u2022\u2022\u2022", "secret"])
def test_a_value_that_the_server_masks_or_trims_is_no_change(shown: str) -> None:
    cluster = spec(environment={"TOKEN": " secret "})
    apps = [
        replace(a, environment={**a.environment, "TOKEN": shown}) for a in whole_cluster(cluster)
    ]
    alive = report(cluster, "head", "cpu/0", "cpu/1")
    assert said(decide(desired(cluster), observed(*apps, reports=(alive,)))) == []
    edited = [replace(apps[0], environment={**apps[0].environment, "TOKEN": "other"}), *apps[1:]]
    assert said(decide(desired(cluster), observed(*edited, reports=(alive,)))) != []


def test_variables_that_do_not_take_are_said_and_never_lead_to_a_deletion() -> None:
    key = Key("analytics", Member("cpu", 0))
    cut = {**CPU_0.environment, "OMP_NUM_THREADS": ""}
    known = MemberHistory(unapplied=("environment",), unapplied_tries=3)
    app = replace(CPU_0, environment=cut, phase=Phase.STOPPED)
    apps = (HEAD, app, CPU_1)
    world = observed(*apps, reports=(ALIVE,), files=all_files(*apps))
    plan = decide(desired(CLUSTER), world, History(members={key: known}))
    assert said(plan) == ["restart cpu/0 Resumed", "wait cpu/0 FieldNotApplied"]


BIG = spec(workerGroupSpecs__0__replicas=5)
RENAMED = spec(workerGroupSpecs__0__replicas=5, workerGroupSpecs__0__groupName="new")


def renamed(serving: int, coming: Phase | None, history: History | None = None) -> list[str]:
    """A group of five under its new name: so many of the new serve, the others are `coming`."""
    old, new = whole_cluster(BIG), whole_cluster(RENAMED)[1:]
    ready = new[:serving]
    rest = [] if coming is None else [replace(a, phase=coming) for a in new[serving:]]
    alive = ["head", *(f"new/{n}" for n in range(serving)), *(f"cpu/{n}" for n in range(5))]
    apps = [*old, *ready, *rest]
    told = report(RENAMED, *alive)
    world = observed(*apps, reports=(told,), files=all_files(*old, *new))
    return said(decide(desired(RENAMED), world, history))


@pytest.mark.parametrize("serving", range(6))
def test_a_renamed_group_leaves_one_by_one_as_its_successors_serve(serving: int) -> None:
    found = renamed(serving, Phase.STARTING)
    assert len([line for line in found if line.startswith("delete cpu/")]) == serving
    waiting = [line for line in found if line.startswith("wait cpu/")]
    assert waiting == [f"wait cpu/{n} RollingUpdate" for n in range(5 - serving)]


def test_nothing_of_a_renamed_group_leaves_before_its_successors_are_created() -> None:
    found = renamed(0, None)
    assert len([line for line in found if line.startswith("create new/")]) == 5
    assert not any(line.startswith("delete") for line in found)


def test_a_renamed_group_makes_room_within_its_budget_where_quota_is_used_up() -> None:
    print_ = desired(RENAMED).clusters[0].groups[1].fingerprint
    no = Refusal("create", print_, "out of quota", FaultKind.QUOTA_EXCEEDED, at(-9), at(-9))
    known = MemberHistory(refusal=no, fingerprint=print_)
    history = History(members={Key("analytics", Member("new", n)): known for n in range(5)})
    found = renamed(0, None, history)
    assert [line for line in found if line.startswith("delete")] == ["delete cpu/4 GroupRemoved"]


def test_a_group_that_has_no_successor_leaves_at_once() -> None:
    first = CLUSTER.spec.worker_group_specs[0]
    groups = (first, first.model_copy(update={"group_name": "extra"}))
    wider = CLUSTER.spec.model_copy(update={"worker_group_specs": groups})
    both = CLUSTER.model_copy(update={"spec": wider})
    world = observed(*whole_cluster(both), reports=(ALIVE,))
    found = said(decide(desired(CLUSTER), world))
    assert found == ["delete extra/0 GroupRemoved", "delete extra/1 GroupRemoved"]


@pytest.mark.parametrize(
    ("phase", "expected"), [(Phase.STOPPED, ["restart cpu/0 Resumed"]), (Phase.RUNNING, [])]
)
def test_a_member_whose_update_was_refused_goes_on_with_what_it_had(
    phase: Phase, expected: list[str]
) -> None:
    """Stopped for the update: started again.  Running: not stopped again for the same spec."""
    key = Key("analytics", Member("cpu", 0))
    print_ = desired(BIGGER).clusters[0].groups[1].fingerprint
    no = Refusal("update", print_, "no such image", FaultKind.REJECTED, at(-9), at(-9))
    history = History(members={key: MemberHistory(refused_update=no, fingerprint=print_)})
    apps = (HEAD, replace(CPU_0, phase=phase), CPU_1)
    world = observed(*apps, reports=(ALIVE,), files=all_files(*apps))
    found = [one for one in said(decide(desired(BIGGER), world, history)) if " cpu/0 " in one]
    assert found == [*expected, "wait cpu/0 Rejected"]
    newer = MemberHistory(refused_update=no, fingerprint="v1:another")
    found = said(decide(desired(BIGGER), world, History(members={key: newer})))
    assert any(one.startswith(("stop cpu/0", "update cpu/0")) for one in found)


MINUTE, DAY = 60.0, 86_400.0
QUOTA = "QuotaExceeded"


@pytest.mark.parametrize(
    ("phase", "tries", "pause_s"),
    [
        *((Phase.RUNNING, n, min(15 * MINUTE * 2 ** (n - 1), DAY)) for n in (1, 2, 5, 9, 200)),
        *((Phase.STARTING, n, min(15 * MINUTE * 2 ** (n - 1), DAY)) for n in (1, 3)),
        *((Phase.STOPPED, n, min(30.0 * 2 ** (n - 1), 300.0)) for n in (1, 2, 200)),
        *((Phase.FAILED, n, min(30.0 * 2 ** (n - 1), 300.0)) for n in (1, 5)),
    ],
)
def test_an_update_that_no_quota_was_left_for_is_tried_ever_less_often(
    phase: Phase, tries: int, pause_s: float
) -> None:
    """Soon where the member is down anyway, since it is stopped for each try where it serves."""
    key = Key("analytics", Member("cpu", 0))
    print_ = desired(BIGGER).clusters[0].groups[1].fingerprint
    apps = (HEAD, replace(CPU_0, phase=phase), CPU_1)
    world = observed(*apps, reports=(ALIVE,), files=all_files(*apps))
    for ago, due in ((pause_s - 1, False), (pause_s, True)):
        no = Refusal("update", print_, "quota", FaultKind.QUOTA_EXCEEDED, at(-9e6), at(-ago), tries)
        known = MemberHistory(refused_update=no, fingerprint=print_, update_stops=tries)
        history = History(members={key: known})
        plan = decide(desired(BIGGER), world, history)
        waits = [wait for wait in plan.waits if wait.member == Member("cpu", 0)]
        assert any(w.reason is Reason.QUOTA_EXCEEDED and w.until for w in waits) is not due
        touched = {s.name for s in plan.steps if s.member == Member("cpu", 0)}
        assert bool(touched & {"stop", "update"}) is due


@pytest.mark.parametrize(("fault", "said_"), [("Rejected", "Rejected"), (QUOTA, QUOTA)])
def test_no_member_is_stopped_for_a_change_that_was_refused_to_another_of_its_group(
    fault: str, said_: str
) -> None:
    """And it is said so, since a command would wait in vain for its turn."""
    key = Key("analytics", Member("cpu", 0))
    print_ = desired(BIGGER).clusters[0].groups[1].fingerprint
    no = Refusal("update", print_, "no", FaultKind(fault), at(-9), at(-9))
    history = History(members={key: MemberHistory(refused_update=no, fingerprint=print_)})
    world = observed(HEAD, CPU_0, CPU_1, reports=(ALIVE,))
    found = said(decide(desired(BIGGER), world, history))
    assert found == [f"wait cpu/0 {said_}", f"wait cpu/1 {said_}"]


def test_an_update_is_not_tried_again_beyond_the_budget_of_restarts() -> None:
    key = Key("analytics", Member("cpu", 0))
    print_ = desired(BIGGER).clusters[0].groups[1].fingerprint
    no = Refusal("update", print_, "quota", FaultKind.QUOTA_EXCEEDED, at(-9e6), at(-DAY))
    known = MemberHistory(
        refused_update=no, fingerprint=print_, attempts=tuple(at(-n) for n in range(100, 95, -1))
    )
    world = observed(HEAD, CPU_0, CPU_1, reports=(ALIVE,))
    found = said(decide(desired(BIGGER), world, History(members={key: known})))
    assert "wait cpu/0 CrashLooping" in found
    assert not any(one.startswith("stop") for one in found)


def test_a_lost_launcher_does_not_lead_to_a_storm_of_refused_updates() -> None:
    key = Key("analytics", Member("cpu", 0))
    print_ = desired(BIGGER).clusters[0].groups[1].fingerprint
    no = Refusal("update", print_, "quota", FaultKind.QUOTA_EXCEEDED, at(-9), at(-9))
    known = MemberHistory(refused_update=no, fingerprint=print_)
    world = observed(HEAD, replace(CPU_0, phase=Phase.STOPPED), CPU_1, files=all_files(HEAD))
    found = said(decide(desired(BIGGER), world, History(members={key: known})))
    assert not any(one.startswith("update cpu/0") for one in found)


def refusal(conflict: bool, first: float, last: float) -> History:
    key = Key("analytics", Member("cpu", 0))
    print_ = desired(CLUSTER).clusters[0].groups[1].fingerprint
    fault = "Conflict" if conflict else "Rejected"
    said_no = Refusal("create", print_, "no", FaultKind(fault), at(first), at(last))
    return History(members={key: MemberHistory(refusal=said_no, fingerprint=print_)})


@pytest.mark.parametrize(
    ("conflict", "first", "last", "expected"),
    [
        (False, -5, -5, "wait cpu/0 Rejected"),
        (False, -601, -601, "create cpu/0 Missing"),
        (True, -5, -5, "wait cpu/0 NameInUse"),
        (True, -20, -11, "create cpu/0 Missing"),
        (True, -181, -5, "wait cpu/0 NameConflict"),
    ],
)
def test_a_refused_create_waits_for_a_change_and_a_taken_name_first_for_its_release(
    conflict: bool, first: float, last: float, expected: str
) -> None:
    state = observed(HEAD, CPU_1, reports=(ALIVE,))
    found = said(decide(desired(CLUSTER), state, refusal(conflict, first, last)))
    assert without_launchers(found) == [expected]


def test_a_create_that_does_not_show_yet_is_not_repeated() -> None:
    key = Key("analytics", Member("cpu", 0))
    known = MemberHistory(created_id="new", created_at=at(-3))
    state = observed(HEAD, CPU_1, reports=(ALIVE,))
    found = said(decide(desired(CLUSTER), state, History(members={key: known})))
    assert found == ["wait cpu/0 Settling"]


def test_a_field_that_never_takes_ends_in_delete_and_create_and_then_in_a_condition() -> None:
    key = Key("analytics", Member("cpu", 0))
    stopped = replace(CPU_0, phase=Phase.STOPPED)
    state = observed(HEAD, stopped, CPU_1)
    print_ = desired(BIGGER).clusters[0].groups[1].fingerprint
    known = MemberHistory(unapplied=("memory",), unapplied_tries=3, fingerprint=print_)
    plan = decide(desired(BIGGER), state, History(members={key: known}))
    [replacing] = [s for s in plan.steps if isinstance(s.action, Delete)]
    assert replacing.reason is Reason.REPLACED
    again = replace(known, replaced=True)
    plan = decide(desired(BIGGER), state, History(members={key: again}))
    told = next(w for w in plan.waits if w.reason is Reason.FIELD_NOT_APPLIED)
    assert "memory" in told.message
    assert "restart cpu/0 Resumed" in said(plan)


# Whole clusters


def test_a_cluster_without_a_spec_is_reported_and_not_touched() -> None:
    plan = decide(desired(), converged(CLUSTER))
    assert said(plan) == ["wait analytics Orphan"]
    assert plan.complete


def test_a_cluster_that_a_person_asked_to_delete_goes() -> None:
    asked = replace(POLICY, delete=frozenset({"analytics"}))
    found = said(decide(desired(), converged(CLUSTER), policy=asked))
    assert found == ["delete head Requested", "delete cpu/0 Requested", "delete cpu/1 Requested"]


def test_pruning_everything_waits_for_a_person() -> None:
    pruning = replace(POLICY, prune=True)
    plan = decide(desired(), converged(CLUSTER), policy=pruning)
    assert said(plan) == ["wait analytics PruneLimit"]
    allowed = replace(pruning, allow_prune=1)
    assert len(decide(desired(), converged(CLUSTER), policy=allowed).steps) == 3


def test_nothing_is_pruned_while_a_spec_cannot_be_read() -> None:
    others = [named("b"), named("c")]
    world = observed(HEAD, *(a for c in others for a in whole_cluster(c)))
    pruning = replace(POLICY, prune=True)
    plan = decide(desired(*others), world, policy=pruning)
    assert [s.cluster for s in plan.steps if s.name == "delete"] == ["analytics"]
    plan = decide(desired(*others, whole=False), world, policy=pruning)
    assert "wait analytics SpecUnreadable" in said(plan)
    assert not [s for s in plan.steps if s.name == "delete"]


def test_an_unused_launcher_goes_after_an_hour_and_not_before() -> None:
    old = ".raycml/launchers/analytics/cpu-0000000000000000-0123456789.py"
    files = all_files(HEAD, CPU_0)
    for age, expected in ((3599, []), (3601, ["remove_launcher analytics LauncherUnused"])):
        listed = (*files.launchers[PROJECT], LauncherFile(old, at(-age)))
        state = replace(converged(CLUSTER), files=ObservedFiles({PROJECT: listed}))
        assert said(decide(desired(CLUSTER), state)) == expected


def test_what_is_wrong_with_one_cluster_never_shows_in_the_steps_of_another() -> None:
    other = named("b")
    good = list(decide(desired(other), observed()).steps)
    broken = observed(foreign("ray-analytics-head"), replace(CPU_0, phase=Phase.UNKNOWN))
    both = decide(desired(CLUSTER, other), broken)
    assert [s for s in both.steps if s.cluster == "b"] == good
