"""Plans of bootstrap where lists lag or are torn, and where CML is not as one would like it."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from controller.bootstrap.desired import DesiredSetup
from controller.bootstrap.observed import ObservedSetup, Readiness, relevant, remember
from controller.bootstrap.plan import LAG_S, plan
from controller.bootstrap.removal import Removal, plan_removal
from controller.cml.values import Creation, ProjectState
from controller.core.audit.laws import audit
from controller.core.model.desired import DesiredState
from controller.core.model.faults import Result
from controller.core.model.history import History, record
from controller.core.model.jobs import (
    CONTROLLER_JOB,
    ObservedEnvironment,
    ObservedJob,
    ObservedRun,
    RunPhase,
)
from controller.core.model.member import CONTROLLER, ENVIRONMENT, MADE, THE_CONTROLLER
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import CreateBuilder, Outcome, Plan
from controller.core.model.project import RemoveFile, WriteFile
from controller.core.model.reasons import Outlook, Reason
from controller.core.situation.past import Past
from controller.core.situation.situation import situate
from tests.worlds import NOW, POLICY

HASH = "e" * 24
PROJECT = ProjectState(
    "abcd",
    "demo",
    creation=Creation.READY,
    shared_memory_limit_mb=4096,
    environment={MADE: "git"},
)
FILES = {"wheel": b"w", "run.py": b"r"}
BUILDER = f".raycml/controller/build-{HASH}-1.py"
DESIRED = DesiredSetup(
    project="demo",
    git_url="https://git.example.com/x.git",
    git_ref="",
    path="specs",
    shared_memory_mb=4096,
    runtime="image",
    cpu=1.0,
    memory=2.0,
    owner="",
    environment=HASH,
    build="{}",
    build_script=BUILDER,
    run_script="run.py",
    files=FILES,
)
OURS = replace(POLICY, owner="abcd")
DELETING = replace(OURS, delete=frozenset({THE_CONTROLLER.cluster}))
JOB = ObservedJob(
    "job",
    "abcd",
    CONTROLLER_JOB,
    script=BUILDER,
    runtime="image",
    environment={CONTROLLER: "abcd", ENVIRONMENT: HASH},
)
READY = ObservedEnvironment(ready=True, files=(f".raycml/envs/{HASH}",), job=JOB)
NOT_BUILT = ObservedEnvironment(files=(BUILDER,), job=JOB)


def app(phase: Phase = Phase.RUNNING) -> ObservedApplication:
    wanted = DESIRED.configuration("abcd")
    return ObservedApplication(
        id="app",
        project="abcd",
        name=wanted.name,
        subdomain=wanted.subdomain,
        phase=phase,
        script=wanted.script,
        cpu=wanted.cpu,
        memory=wanted.memory,
        runtime=wanted.runtime,
        environment=wanted.environment,
    )


EMPTY = ObservedSetup(NOW, "abcd")
PREPARED = replace(
    EMPTY, projects=(PROJECT,), specs=True, files={p: len(d) for p, d in FILES.items()}
)
WITH_JOB = replace(PREPARED, jobs=(JOB,), environments={HASH: NOT_BUILT})
BUILT = replace(WITH_JOB, environments={HASH: READY})
DONE = replace(BUILT, applications=(app(),), readiness=Readiness(ready=True))


def later(observed: ObservedSetup, seconds: float) -> ObservedSetup:
    return replace(observed, as_of=observed.as_of + timedelta(seconds=seconds))


def past(observed: ObservedSetup, history: History | None = None) -> Past:
    known = remember(observed, history or History(), HASH)
    return Past(known, OURS, observed.as_of)


def planned(
    observed: ObservedSetup, history: History | None = None, desired: DesiredSetup = DESIRED
) -> Plan:
    """The plan, which no law refuses."""
    known = past(observed, history)
    made = plan(desired, observed, known)
    situation = situate(DesiredState(), observed.state(), known.history, OURS)
    assert not audit(situation, made)
    return made


def removal(observed: ObservedSetup, *, everything: bool = False) -> Plan:
    known = replace(past(observed), policy=DELETING)
    made = plan_removal(Removal("demo", "", everything), observed, known)
    situation = situate(DesiredState(), observed.state(), known.history, DELETING)
    assert not audit(situation, made)
    return made


def names(made: Plan) -> list[str]:
    return [step.name for step in made.steps]


def reasons(made: Plan) -> list[Reason]:
    return [wait.reason for wait in made.waits]


def after(observed: ObservedSetup, result: Result = Result.DONE) -> History:
    """The history after the plan of this world was carried out."""
    known = past(observed).history
    outcomes = [Outcome(step, result) for step in planned(observed).steps]
    return record(known, outcomes, observed.as_of)


def run(phase: RunPhase, environment: Mapping[str, str] | None = None) -> ObservedRun:
    return ObservedRun("run", "abcd", "job", phase, created_at=NOW, environment=environment or {})


def ran(last: ObservedRun | None = None, **parts: object) -> ObservedSetup:
    seen = replace(NOT_BUILT, run=last, **parts)  # type: ignore[arg-type]
    return replace(WITH_JOB, environments={HASH: seen})


def test_a_workspace_that_is_as_desired_needs_nothing() -> None:
    assert planned(DONE) == Plan()


def test_the_plan_for_an_empty_workspace_shows_all_that_follows() -> None:
    made = planned(EMPTY)
    assert names(made) == ["create_project"]
    parts = [str(wait.member) for wait in made.waits]
    assert parts == ["files", "environment", "controller"]
    assert all(wait.reason.outlook is Outlook.MOVING for wait in made.waits)


CREATES = [
    ("create_project", EMPTY),
    ("create_job", PREPARED),
    ("start_run", WITH_JOB),
    ("create", BUILT),
]


@pytest.mark.parametrize(("name", "seen"), CREATES)
@pytest.mark.parametrize("result", [Result.DONE, Result.UNKNOWN])
def test_what_was_made_and_is_not_in_a_list_yet_is_waited_for_and_not_made_twice(
    name: str, seen: ObservedSetup, result: Result
) -> None:
    assert names(planned(seen))[-1] == name
    history = after(seen, result)
    assert names(planned(seen, history)) == []
    assert planned(seen, history).waits
    lag = OURS.settle_s
    assert names(planned(later(seen, lag), history))[-1] == name


@pytest.mark.parametrize("seen", [PREPARED, BUILT])
def test_nothing_is_made_on_the_word_of_a_torn_list(seen: ObservedSetup) -> None:
    made = planned(replace(seen, complete=False))
    assert (names(made), reasons(made)[0]) == ([], Reason.INCOMPLETE_LIST)
    made = removal(replace(DONE, complete=False))
    assert (names(made), reasons(made)) == ([], [Reason.INCOMPLETE_LIST])


def test_several_projects_of_the_name_are_for_the_operator_to_tell_apart() -> None:
    other = replace(PROJECT, id="efgh", owner="jdoe")
    both = replace(EMPTY, projects=(PROJECT, other))
    for made in (planned(both), removal(both)):
        assert (names(made), reasons(made)) == ([], [Reason.PROJECT_NOT_FOUND])
        assert "efgh" in made.waits[0].message


def test_a_stage_that_is_not_known_is_told_by_the_files() -> None:
    unknown = replace(PROJECT, creation=Creation.UNKNOWN)
    assert planned(replace(DONE, projects=(unknown,))) == Plan()
    empty = replace(DONE, projects=(unknown,), specs=False)
    first = planned(empty)
    assert (names(first), reasons(first)) == ([], [Reason.SETTLING])
    late = planned(later(empty, LAG_S), past(empty).history)
    assert reasons(late) == [Reason.SPEC_UNREADABLE]


def test_a_run_of_another_environment_is_waited_for_and_is_no_failure_of_this_one() -> None:
    other = run(RunPhase.RUNNING, {ENVIRONMENT: "old"})
    assert relevant([other], HASH) == [other]
    at_work = ran(other)
    made = planned(at_work)
    assert (names(made), reasons(made)[0]) == ([], Reason.ENVIRONMENT_BUILDING)
    assert relevant([replace(other, phase=RunPhase.FAILED)], HASH) == []
    assert names(planned(ran(), past(at_work).history)) == ["start_run"]


def test_a_run_that_was_skipped_is_no_failure_until_it_was_skipped_again_and_again() -> None:
    skipped = ran(skipped=run(RunPhase.SKIPPED))
    by_job = replace(DESIRED, build_by="job")
    assert names(planned(skipped, desired=by_job)) == ["start_run"]
    history = after(WITH_JOB)
    for _ in range(2):
        assert names(planned(skipped, history, by_job)) == ["start_run"]
        outcomes = [Outcome(step, Result.DONE) for step in planned(WITH_JOB).steps]
        history = record(history, outcomes, NOW)
    last = planned(skipped, history, by_job)
    assert reasons(last)[0] is Reason.ENVIRONMENT_FAILED
    assert "`--builder application`" in last.waits[0].message


def test_an_application_builds_where_jobs_are_skipped_and_is_deleted_before_the_next_part() -> None:
    made = planned(ran(skipped=run(RunPhase.SKIPPED)))
    assert names(made) == ["write_builder", "create_builder"]
    create = made.steps[1].action
    assert isinstance(create, CreateBuilder)
    asked = create.configuration
    builder = ObservedApplication(
        "b", "abcd", asked.name, asked.subdomain, Phase.RUNNING, environment=asked.environment
    )
    building = replace(ran(skipped=run(RunPhase.SKIPPED)), applications=(builder,))
    assert (names(planned(building)), reasons(planned(building))[0]) == (
        [],
        Reason.ENVIRONMENT_BUILDING,
    )
    built = replace(BUILT, applications=(builder,))
    assert names(planned(built)) == ["delete_builder"]
    leaving = replace(builder, phase=Phase.STOPPING)
    waits = planned(replace(BUILT, applications=(leaving,)))
    assert (names(waits), reasons(waits)[0]) == ([], Reason.DELETING)
    assert names(removal(built, everything=True)) == ["delete_job", "delete_builder"]
    gone = replace(BUILT, jobs=(), applications=(leaving,), environments={})
    assert names(removal(gone, everything=True)) == [], "the project waits for the application"


def test_a_failure_of_before_is_tried_again_and_one_that_was_seen_is_not() -> None:
    failed = ran(run(RunPhase.FAILED))
    assert names(planned(failed)) == ["write_builder", "start_run"]
    seen = past(ran(run(RunPhase.RUNNING))).history
    for history in (seen, after(WITH_JOB)):
        made = planned(failed, history)
        assert (names(made), reasons(made)) == ([], [Reason.ENVIRONMENT_FAILED])


def test_a_job_of_an_older_environment_makes_way() -> None:
    old = replace(JOB, script="build-old.py", environment={CONTROLLER: "abcd"})
    seen = replace(NOT_BUILT, job=old)
    world = replace(WITH_JOB, jobs=(old,), environments={HASH: seen, "": seen})
    assert names(planned(world)) == ["delete_job"]


def test_half_a_file_is_written_anew() -> None:
    torn = replace(DONE, files={**DONE.files, "wheel": 0})
    [step] = planned(torn).steps
    assert step.action == WriteFile("wheel", b"w")


def test_a_status_that_is_not_known_is_never_acted_on() -> None:
    changed = replace(app(Phase.UNKNOWN), memory=1.0)
    made = planned(replace(DONE, applications=(changed,)))
    assert (names(made), reasons(made)) == ([], [Reason.UNKNOWN_STATUS])


def test_what_another_application_runs_is_not_removed() -> None:
    old = {".raycml/controller/run-old.py": 1, ".raycml/controller/run-used.py": 1}
    other = replace(app(), id="x", subdomain="x", name="x", script=".raycml/controller/run-used.py")
    seen = replace(DONE, files={**DONE.files, **old}, applications=(app(), other))
    [step] = planned(seen).steps
    assert step.action == RemoveFile(".raycml/controller/run-old.py")


def test_old_files_stay_until_the_new_controller_is_ready() -> None:
    old = {**DONE.files, ".raycml/controller/run-old.py": 1}
    waiting = replace(DONE, files=old, readiness=Readiness(ready=False, why="no pass yet"))
    made = planned(waiting)
    assert names(made) == []
    assert [str(wait.member) for wait in made.waits] == ["controller", "files"]


def test_a_controller_that_falls_again_and_again_is_left_to_the_operator() -> None:
    down = replace(DONE, applications=(app(Phase.FAILED),), readiness=None)
    history = History()
    restarts = 0
    for minute in range(30):
        world = later(down, minute * 60)
        made = planned(world, history)
        if reasons(made) == [Reason.CRASH_LOOPING]:
            break
        outcomes = [Outcome(step, Result.DONE) for step in made.steps]
        restarts += len(outcomes)
        history = record(past(world, history).history, outcomes, world.as_of)
    assert restarts == OURS.repairs_per_hour_max


def test_an_update_is_a_stop_and_then_a_change_with_a_restart() -> None:
    bigger = replace(DESIRED, memory=3.0)
    for phase, expected in (
        (Phase.RUNNING, ["stop"]),
        (Phase.STARTING, ["stop"]),
        (Phase.STOPPED, ["update", "restart"]),
    ):
        world = replace(DONE, applications=(app(phase),))
        made = plan(bigger, world, past(world))
        assert names(made) == expected
        assert "memory 2Gi -> 3Gi" in map(str, made.steps[0].changes)


def test_a_removal_takes_what_runs_and_then_the_files() -> None:
    made = removal(DONE)
    assert sorted(names(made)) == ["delete", "delete_job"]
    assert [str(wait.member) for wait in made.waits] == ["files"]
    gone = replace(DONE, applications=(), jobs=(), environments={HASH: replace(READY, job=None)})
    assert set(names(removal(gone))) == {"remove_file"}
    assert names(removal(replace(gone, environments={}, files={}))) == []


@pytest.mark.parametrize("result", [Result.FAILED, Result.REJECTED])
def test_a_job_that_cannot_be_deleted_is_tried_less_and_less_often(result: Result) -> None:
    old = replace(JOB, script="build-old.py", environment={CONTROLLER: "abcd"})
    seen = replace(NOT_BUILT, job=old)
    world = replace(WITH_JOB, jobs=(old,), environments={HASH: seen, "": seen})
    history = after(world, result)
    assert names(planned(world, history)) == []
    assert reasons(planned(world, history))[0] in {Reason.BACKOFF, Reason.ENVIRONMENT_FAILED}
    pause = OURS.resync_s if result is Result.REJECTED else OURS.backoff_s(1)
    assert names(planned(later(world, pause), history)) == ["delete_job"]
    gone = replace(world, applications=())
    waiting = plan_removal(
        Removal("demo", "", everything=False), gone, Past(history, DELETING, gone.as_of)
    )
    assert names(waiting) == []
