"""Environments as declared state: what names one, who waits for it, and how it comes to be."""

from dataclasses import replace

import pytest
from environment_world import (
    ASKS,
    BUILDER,
    OURS,
    asking,
    job,
    plan_for,
    ready,
    run,
    wanted,
    world,
    written,
)
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from controller.core.audit.laws import audit
from controller.core.model.faults import Result
from controller.core.model.history import History, record
from controller.core.model.jobs import (
    BuildHistory,
    ObservedEnvironment,
    ObservedRun,
    RunPhase,
    run_that_counts,
)
from controller.core.model.member import ENVIRONMENT, Member
from controller.core.model.observed import Phase
from controller.core.model.plan import CreateJob, Outcome, Plan, StartRun, Step
from controller.core.planner.memory import remember
from controller.core.planner.python_environments.cleanup import is_removal_due
from controller.core.situation.situation import situate
from controller.core.spec.fingerprint import Inputs, agreement
from controller.core.spec.python_environment import (
    builder_path,
    environment_folder,
    hash_of,
    log_path,
)
from controller.core.spec.requirements import MAX_LINES, normal_line, read_requirements
from controller.core.spec.spec import RayCluster
from tests.worlds import (
    NOW,
    PROJECT,
    RUNTIME,
    application,
    at,
    decide,
    desired,
    named,
    report,
    said,
    spec,
    whole_cluster,
)

CLUSTER = asking()
DIGEST = wanted(CLUSTER).hash
OTHER = asking(pythonEnvironment={**ASKS, "packages": ["ray[default]", "pandas==2.2.4"]})
NEW = wanted(OTHER).hash
STEPS = {"write_builder", "create_job", "start_run", "stop_run", "delete_job"}


def builds(plan: Plan) -> list[str]:
    return [step.name for step in plan.steps if step.name in STEPS]


def calls(plan: Plan) -> list[str]:
    """Steps that change applications."""
    return [
        line for line in said(plan) if line.split()[0] in {"create", "stop", "update", "restart"}
    ]


def reasons(plan: Plan) -> set[str]:
    return {wait.reason.title for wait in plan.waits}


def broken(plan: Plan, cluster: RayCluster, seen: object) -> tuple[str, ...]:
    return audit(situate(desired(cluster), seen, History(), OURS), plan)  # type: ignore[arg-type]


# What names an environment


def test_an_interpreter_is_in_the_environment_that_its_packages_name() -> None:
    inputs = desired(CLUSTER).clusters[0].groups[0].inputs
    assert inputs.python == f".raycml/envs/{DIGEST}/bin/python"
    assert inputs.built_python == "3.11"


@pytest.mark.parametrize(
    "packages",
    [
        ["pandas==2.2.3", "ray[default]"],
        ["Pandas == 2.2.3", "RAY[Default]"],
        ["ray[default]", "pandas==2.2.3", "pandas==2.2.3"],
    ],
)
def test_order_and_spelling_do_not_change_an_environment(packages: list[str]) -> None:
    assert wanted(asking(pythonEnvironment={**ASKS, "packages": packages})).hash == DIGEST


@pytest.mark.parametrize(
    "changes",
    [
        {"pythonEnvironment": {**ASKS, "python": "3.12"}},
        {"pythonEnvironment": {**ASKS, "packages": ["ray[default]"]}},
        {"pythonEnvironment": {**ASKS, "requirements": ["six"]}},
        {"rayVersion": "2.59.0"},
    ],
)
def test_what_is_in_an_environment_changes_it(changes: dict[str, object]) -> None:
    assert wanted(asking(**changes)).hash != DIGEST


def test_the_hash_is_known() -> None:
    assert DIGEST == "23cb75f136f61e7a"


def test_comments_and_blank_lines_do_not_change_an_environment() -> None:
    plain, _ = read_requirements(b"six==1.16.0\npandas\n")
    loose, faults = read_requirements(
        b"\xef\xbb\xbf# ours\r\n\r\npandas  # big\r\nSix ==1.16.0\r\n"
    )
    assert faults == ()
    made = [wanted(asking(pythonEnvironment={**ASKS, "requirements": p})) for p in (plain, loose)]
    assert made[0].hash == made[1].hash


def test_hashes_may_go_on_over_several_lines() -> None:
    digest = "a" * 64
    more = f"    # why\n    --hash=sha256:{'b' * 64}\nray\n"
    text = f"six==1.16.0 \\\n    --hash=sha256:{digest} \\\n{more}"
    lines, faults = read_requirements(text.encode())
    assert faults == ()
    assert [normal_line(line) for line in lines] == [
        f"six==1.16.0 --hash=sha256:{digest} --hash=sha256:{'b' * 64}",
        "ray",
    ]


@pytest.mark.parametrize(
    "line",
    [
        "-r other.txt",
        "--index-url https://x.invalid/simple",
        "-e .",
        "./wheel.whl",
        "six @ https://x.invalid/six.whl",
        "git+https://x.invalid/six",
        "six --config-settings=a=b",
        "six --hash=md5:abc",
        "six; rm -rf /",
        "six; platform_version != 'x -i http://e.invalid/ y'",
        "six; platform_version != ' # c'",
        "six; platform_version != '${HOME}'",
        "six\x07",
        "x" * 501,
    ],
)
def test_what_is_no_requirement_is_refused_with_its_line(line: str) -> None:
    lines, faults = read_requirements(f"ok\n{line}\n".encode())
    assert (lines, [fault.line for fault in faults]) == (("ok",), [2])


def test_a_file_with_too_many_lines_is_not_read_to_its_end() -> None:
    lines, faults = read_requirements(b"six\n" * 60_000)
    assert (lines, [fault.message[:9] for fault in faults]) == ((), ["more than"])
    lines, faults = read_requirements(b"-e .\n" * 50_000)
    assert len(faults) == MAX_LINES + 1


@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_and_what_it_accepts_has_one_spelling(data: bytes) -> None:
    lines, _ = read_requirements(data)
    for line in lines:
        once = normal_line(line)
        assert normal_line(once) == once
        assert not line.startswith("-")
        assert line.isprintable()


@pytest.mark.parametrize(
    ("page", "place", "says"),
    [
        ({"packages": ["-e ."], "python": "3.11"}, "packages.0", "is an option"),
        ({"packages": ["six\n"], "python": "3.11"}, "packages.0", "one line"),
        ({"packages": "six", "python": "3.11"}, "packages", "list of texts"),
        ({"packages": ["six"] * 201, "python": "3.11"}, "packages", "more than 200"),
        ({"packages": ["six"], "python": 3.11}, "python", "string"),
        ({"packages": ["six"], "python": "3"}, "python", '"3.11"'),
        ({"packages": ["six"]}, "python", "required"),
        ({"python": "3.11", "requirements": "../x.txt"}, "requirements", "beside the spec"),
        ({"python": "3.11", "requirements": "/etc/passwd"}, "requirements", "beside the spec"),
        ({"python": "3.11", "requirements": ".git/config"}, "requirements", "hidden"),
        ({"python": "3.11", "requirements": "team/.env"}, "requirements", "hidden"),
        ({"python": "3.11", "packages": ["six", "ray==1.0"]}, "packages.1", "excludes Ray"),
        ({"python": "3.11", "packages": ["Ray[default]<2.50"]}, "packages.0", "excludes Ray"),
        ({"python": "3.11", "requirements": ["ray==1.0"]}, "requirements.0", "excludes Ray"),
        ({"python": "3.11", "requirements": 7}, "requirements", "path of a file"),
        ({"python": "3.11", "pip": True}, "pip", "not permitted"),
    ],
)
def test_a_fault_of_the_page_has_its_place(page: object, place: str, says: str) -> None:
    with pytest.raises(ValidationError) as caught:
        spec(pythonEnvironment=page)
    faults = {
        ".".join(map(str, fault["loc"])).removeprefix("spec.pythonEnvironment."): fault["msg"]
        for fault in caught.value.errors()
    }
    assert says in faults[place]


def test_an_interpreter_of_ones_own_and_a_built_one_exclude_each_other() -> None:
    with pytest.raises(ValidationError, match="remove one of them") as caught:
        asking(python=".venv/bin/python")
    assert caught.value.errors()[0]["loc"] == ("spec", "python")


def test_a_spec_comes_back_from_its_own_text() -> None:
    for cluster in (spec(), CLUSTER, CLUSTER.with_requirements(("six",))):
        for by_alias in (True, False):
            text = cluster.model_dump(mode="json", by_alias=by_alias)
            assert RayCluster.model_validate(text) == cluster
    assert "pythonEnvironment" not in spec().model_dump(by_alias=True)["spec"]


def test_other_packages_ask_for_no_agreement_and_another_ray_or_python_does() -> None:
    def agreed(**changes: object) -> str:
        return desired(asking(**changes)).clusters[0].groups[0].agreement

    assert agreed(pythonEnvironment={**ASKS, "packages": ["ray", "six"]}) == agreed()
    assert agreed(rayVersion="2.59.0") != agreed()
    assert agreed(pythonEnvironment={**ASKS, "python": "3.12"}) != agreed()


def test_who_builds_their_own_keeps_fingerprint_agreement_and_mark() -> None:
    group = desired(spec()).clusters[0].groups[0]
    inputs = group.inputs
    older = Inputs(
        inputs.cpu,
        inputs.memory,
        inputs.gpu,
        inputs.environment,
        inputs.runtime,
        ".venv/bin/python",
        inputs.ray_start_params,
        inputs.ray_version,
    )
    assert inputs == older
    assert agreement(inputs) == agreement(older)
    app = application(spec(), "head")
    assert ENVIRONMENT not in app.environment


def test_paths_of_an_environment_name_it_and_others_name_none() -> None:
    for path in (environment_folder(DIGEST), log_path(DIGEST), builder_path(DIGEST, BUILDER)):
        assert hash_of(path) == DIGEST
    assert hash_of(f".raycml/envs/{DIGEST}.building-engine7") == DIGEST
    longer = ".raycml/envs/0123456789abcdef01234567"  # as other environments of the project have
    for path in (
        longer,
        f"{longer}.log",
        ".raycml/envs/notes",
        f".raycml/{DIGEST}",
        f".raycml/envs/x/{DIGEST}",
    ):
        assert hash_of(path) == ""


# Who waits for it, and how it comes to be


def test_nothing_is_created_before_the_environment_is_there() -> None:
    seen = world({})
    plan = plan_for(CLUSTER, seen)
    assert said(plan) == [
        "write_builder analytics EnvironmentBuilding",
        "create_job analytics EnvironmentBuilding",
        "wait head EnvironmentBuilding",
        "wait cpu/0 EnvironmentBuilding",
        "wait cpu/1 EnvironmentBuilding",
    ]
    create = plan.steps[1].action
    assert isinstance(create, CreateJob)
    assert create.configuration.runtime == RUNTIME
    assert create.configuration.environment[ENVIRONMENT] == DIGEST
    assert broken(plan, CLUSTER, seen) == ()


def test_a_look_without_files_names_what_may_be_there() -> None:
    plan = decide(desired(CLUSTER), replace(world({}), files=None), policy=OURS)
    assert [line for line in said(plan) if line.startswith("create ")] != []


def test_the_job_runs_once_it_is_there_and_one_run_at_a_time() -> None:
    assert builds(plan_for(CLUSTER, world({DIGEST: written(DIGEST)}))) == ["start_run"]
    for phase in (RunPhase.SCHEDULING, RunPhase.RUNNING, RunPhase.UNKNOWN, RunPhase.STOPPING):
        going = written(DIGEST, run=run(DIGEST, phase))
        plan = plan_for(CLUSTER, world({DIGEST: going}))
        assert (plan.steps, reasons(plan)) == ((), {"EnvironmentBuilding"})


def test_a_ready_environment_lets_the_cluster_come() -> None:
    seen = world({DIGEST: ready(DIGEST)})
    plan = plan_for(CLUSTER, seen)
    assert calls(plan) == ["create head Missing", "create cpu/0 Missing", "create cpu/1 Missing"]
    assert (builds(plan), plan.waits) == ([], ())
    assert broken(plan, CLUSTER, seen) == ()


def test_a_run_that_left_nothing_is_told_with_its_last_output() -> None:
    over = run(DIGEST, RunPhase.FAILED, at(-100), at(-60))
    failed = written(DIGEST, run=over, output=("ERROR: no such", "FAILED: it cannot be installed"))
    plan = plan_for(CLUSTER, world({DIGEST: failed}))
    assert (plan.steps, reasons(plan)) == ((), {"EnvironmentFailed"})
    assert plan.waits[0].message.endswith("ERROR: no such | FAILED: it cannot be installed")


def test_a_run_that_is_said_to_have_succeeded_counts_only_by_what_it_left() -> None:
    def plan(ended: float) -> Plan:
        over = run(DIGEST, RunPhase.SUCCEEDED, at(ended - 10), at(ended))
        return plan_for(CLUSTER, world({DIGEST: written(DIGEST, run=over)}))

    assert reasons(plan(-5)) == {"EnvironmentBuilding"}
    assert reasons(plan(-60)) == {"EnvironmentFailed"}


def test_a_failed_build_is_tried_once_per_resync() -> None:
    for ago, expected in ((599, []), (601, ["write_builder", "start_run"])):
        over = run(DIGEST, RunPhase.FAILED, at(-ago - 10), at(-ago))
        assert builds(plan_for(CLUSTER, world({DIGEST: written(DIGEST, run=over)}))) == expected


def test_another_environment_is_tried_at_once() -> None:
    over = written(DIGEST, run=run(DIGEST, RunPhase.FAILED, at(-10), at(-5)))
    steps = plan_for(OTHER, world({DIGEST: over})).steps
    assert [step.name for step in steps if step.cluster] == ["write_builder", "create_job"]
    assert [step.name for step in steps if not step.cluster] == ["delete_job"]


def test_a_run_that_never_ends_is_stopped_and_said_to_have_failed() -> None:
    endless = written(DIGEST, run=run(DIGEST, RunPhase.SCHEDULING, at(-3601)))
    plan = plan_for(CLUSTER, world({DIGEST: endless}))
    assert (builds(plan), reasons(plan)) == (["stop_run"], {"EnvironmentFailed"})
    stopping = written(DIGEST, run=run(DIGEST, RunPhase.STOPPING, at(-3700)))
    plan = plan_for(CLUSTER, world({DIGEST: stopping}))
    assert (plan.steps, reasons(plan)) == ((), {"EnvironmentFailed"})


@pytest.mark.parametrize("change", [{"script": "old.py"}, {"runtime": "other:1"}])
def test_a_job_that_would_build_otherwise_is_made_anew(change: dict[str, object]) -> None:
    seen = world({DIGEST: written(DIGEST, job=job(DIGEST, **change))})
    plan = plan_for(CLUSTER, seen)
    assert builds(plan) == ["delete_job"]
    assert broken(plan, CLUSTER, seen) == ()


def test_two_clusters_with_one_environment_have_one_job() -> None:
    second = named("second", pythonEnvironment=ASKS, runtimeIdentifier="other.example.com/image:1")
    state = desired(CLUSTER, second)
    plan = decide(state, world({}), policy=OURS)
    assert builds(plan) == ["write_builder", "create_job"]
    assert {wait.cluster for wait in plan.waits} == {"analytics", "second"}
    plan = decide(state, world({DIGEST: written(DIGEST)}), policy=OURS)
    assert builds(plan) == ["start_run"]


def after(outcome: Result, step: Step, **parts: object) -> History:
    return record(History(), [Outcome(step, outcome, **parts)], NOW)  # type: ignore[arg-type]


def test_a_call_that_does_not_show_yet_is_not_made_twice() -> None:
    step = plan_for(CLUSTER, world({})).steps[1]
    history = after(Result.UNKNOWN, step)
    for seconds, expected in ((29, []), (31, ["write_builder", "create_job"])):
        plan = plan_for(CLUSTER, world({}, now=at(seconds)), history)
        assert builds(plan) == expected


def test_a_start_shows_by_another_run_than_before() -> None:
    over = written(DIGEST, run=run(DIGEST, RunPhase.FAILED, at(-700), at(-650)))
    step = plan_for(CLUSTER, world({DIGEST: over})).steps[1]
    assert step.action == StartRun(DIGEST, f"job-{DIGEST}", "run-1")
    history = after(Result.DONE, step)
    assert builds(plan_for(CLUSTER, world({DIGEST: over}, now=at(5)), history)) == []
    again = replace(run(DIGEST, RunPhase.FAILED, at(1), at(3)), id="run-2")
    plan = plan_for(CLUSTER, world({DIGEST: replace(over, run=again)}, now=at(5)), history)
    assert reasons(plan) == {"EnvironmentFailed"}


def test_a_refused_job_waits_for_a_person_and_a_failed_call_for_time() -> None:
    step = plan_for(CLUSTER, world({})).steps[1]
    refused = after(Result.REJECTED, step, message="the runtime is disabled")
    plan = plan_for(CLUSTER, world({}, now=at(20)), refused)
    assert (plan.steps, reasons(plan)) == ((), {"EnvironmentFailed"})
    assert "CML refused to create job: the runtime is disabled" in plan.waits[0].message
    assert builds(plan_for(CLUSTER, world({}, now=at(601)), refused)) != []
    failed = after(Result.FAILED, step, message="502")
    assert reasons(plan_for(CLUSTER, world({}, now=at(5)), failed)) == {"Backoff"}
    assert builds(plan_for(CLUSTER, world({}, now=at(11)), failed)) != []


def test_a_serving_member_goes_on_serving_until_the_new_environment_is_there() -> None:
    apps = whole_cluster(CLUSTER)
    reports = (report(CLUSTER, "head", "cpu/0", "cpu/1"),)
    seen = world({DIGEST: ready(DIGEST)}, *apps, reports=reports)
    plan = plan_for(OTHER, seen)
    assert (calls(plan), builds(plan)) == ([], ["write_builder", "create_job"])
    assert not [step for step in plan.steps if step.name == "write_launcher"]
    assert "EnvironmentBuilding" in reasons(plan)
    there = world({DIGEST: ready(DIGEST), NEW: ready(NEW)}, *apps, reports=reports)
    plan = plan_for(OTHER, there)
    assert calls(plan) == ["stop head Outdated", "stop cpu/0 Outdated"]
    assert f"pythonEnvironment {DIGEST} -> {NEW}" in map(str, plan.steps[-1].changes)
    assert "RollingUpdate" in reasons(plan)
    assert broken(plan, OTHER, there) == ()


def test_what_fell_is_started_again_in_its_environment_only_if_that_is_there() -> None:
    apps = [replace(a, phase=Phase.FAILED) if a.mark and a.mark.member.is_head else a
            for a in whole_cluster(CLUSTER)]  # fmt: skip
    plan = plan_for(CLUSTER, world({DIGEST: ready(DIGEST)}, *apps))
    assert calls(plan) == ["restart head Down"]
    plan = plan_for(CLUSTER, world({}, *apps))
    assert (calls(plan), builds(plan)) == ([], ["write_builder", "create_job"])


def test_an_environment_that_is_gone_and_not_asked_for_waits_for_a_person() -> None:
    fallen = [replace(a, phase=Phase.FAILED) for a in whole_cluster(CLUSTER)]
    frozen = asking(
        pythonEnvironment={**ASKS, "packages": ["ray"]}, upgradeStrategy={"type": "None"}
    )
    plan = plan_for(frozen, world({}, *fallen))
    assert calls(plan) == []
    assert "EnvironmentFailed" in reasons(plan)


@pytest.mark.parametrize("order", [{"paused": True}, {"suspend": True}])
def test_nothing_is_built_for_a_cluster_that_is_left_alone(order: dict[str, object]) -> None:
    plan = plan_for(asking(**order), world({}))
    assert plan.steps == ()


def test_those_who_build_their_own_never_wait() -> None:
    plan = plan_for(spec(), world({}))
    assert len(calls(plan)) == 3
    assert builds(plan) == []


# What is removed


def unused(
    seen: object, seconds: float, cluster: RayCluster = CLUSTER, **policy: object
) -> list[str]:
    """Removals so many seconds after the world was first seen as it is."""
    state = desired(cluster)
    how = replace(OURS, **policy)
    history = remember(situate(state, seen, History(), how)).history  # type: ignore[arg-type]
    later = replace(seen, as_of=at(seconds))  # type: ignore[type-var]
    plan = decide(state, later, history, how)
    assert audit(situate(state, later, history, how), plan) == ()
    return [
        getattr(step.action, "path", "job").removeprefix(".raycml/envs/")
        for step in plan.steps
        if step.name in {"remove_environment", "delete_job"} and not step.cluster
    ]


OLD = "0123456789abcdef"


def left(**parts: object) -> dict[str, ObservedEnvironment]:
    files = (environment_folder(OLD), log_path(OLD), builder_path(OLD, BUILDER))
    old = ObservedEnvironment(ready=False, files=files, job=job(OLD))
    return {DIGEST: ready(DIGEST), OLD: replace(old, **parts)}


def test_an_environment_that_nothing_names_goes_after_a_day_with_its_job() -> None:
    apps = whole_cluster(CLUSTER)
    assert unused(world(left(), *apps), 86_399) == []
    assert unused(world(left(), *apps), 86_401) == ["job", OLD]
    rest = left(job=None, files=(log_path(OLD), builder_path(OLD, BUILDER)))
    assert len(unused(world(rest, *apps), 1)) == 2


def test_an_environment_that_is_named_wanted_or_not_understood_stays() -> None:
    apps = whole_cluster(CLUSTER)
    named_app = replace(apps[0], environment={**apps[0].environment, ENVIRONMENT: OLD})
    assert unused(world(left(), named_app, *apps[1:]), 90_000) == []
    assert unused(world(left(foreign=True), *apps), 90_000) == []
    assert unused(world(left(run=run(OLD, RunPhase.RUNNING)), *apps), 90_000) == []
    assert unused(world(left(), *apps, complete=False), 90_000) == []
    assert unused(world(left(), *apps), 90_000, only=frozenset({"analytics"})) == []
    unmarked = replace(apps[0], environment={})
    assert unused(world(left(), unmarked, *apps[1:]), 90_000) == []


def test_jobs_that_cannot_be_looked_at_keep_what_is_there_and_what_was_known_of_it() -> None:
    apps = whole_cluster(CLUSTER)
    hidden = world(left(job=None, unknown="no answer"), *apps)
    assert unused(hidden, 90_000) == []
    state = desired(CLUSTER)
    history = remember(situate(state, world(left(), *apps), History(), OURS)).history
    for later, seen in ((40_000, hidden), (60_000, world(left(), *apps, complete=False))):
        history = remember(situate(state, replace(seen, as_of=at(later)), history, OURS)).history
    after_it = replace(world(left(), *apps), as_of=at(86_401))
    history = remember(situate(state, after_it, history, OURS)).history
    removed = [s.name for s in decide(state, after_it, history, OURS).steps]
    assert "remove_environment" in removed


@pytest.mark.parametrize("refused", [False, True])
def test_an_environment_that_cannot_be_looked_at_is_neither_built_nor_entered(
    refused: bool,
) -> None:
    unknown = ObservedEnvironment(unknown="CML answered 500", is_refused=refused)
    for seen in (unknown, replace(unknown, job=job(DIGEST)), written(DIGEST, unknown="m")):
        plan = plan_for(CLUSTER, world({DIGEST: seen}))
        assert plan.steps == ()
        assert {wait.member for wait in plan.waits} >= {Member("head"), Member("cpu", 1)}
        expected = {"EnvironmentFailed" if seen.is_refused else "EnvironmentBuilding"}
        assert reasons(plan) == expected
        assert all("cannot be looked at" in wait.message for wait in plan.waits)


def test_the_law_forbids_a_job_where_there_may_be_one() -> None:
    plan = plan_for(CLUSTER, world({}))
    hidden = world({DIGEST: ObservedEnvironment(unknown="no answer")})
    laws = {violation.law for violation in broken(plan, CLUSTER, hidden)}
    assert laws == {"one_job_and_one_run_at_a_time"}


def test_what_runs_in_an_environment_is_started_again_while_jobs_cannot_be_looked_at() -> None:
    down = replace(whole_cluster(CLUSTER)[0], phase=Phase.STOPPED)
    seen = world({DIGEST: replace(ready(DIGEST), unknown="m")}, down, *whole_cluster(CLUSTER)[1:])
    assert calls(plan_for(CLUSTER, seen)) == ["restart head Resumed"]


def test_a_spec_that_cannot_be_read_keeps_every_environment() -> None:
    state = desired(CLUSTER, whole=False)
    seen = world(left(), *whole_cluster(CLUSTER))
    history = remember(situate(state, seen, History(), OURS)).history
    later = decide(state, replace(seen, as_of=at(90_000)), history, OURS)
    assert not [step for step in later.steps if step.name == "remove_environment"]


def test_the_past_of_builds_is_bounded() -> None:
    history = History(builds={(PROJECT, f"{n:016x}"): BuildHistory() for n in range(1500)})
    step = plan_for(CLUSTER, world({})).steps[1]
    assert len(record(history, [Outcome(step, Result.DONE)], NOW).builds) == 1000


def test_an_environment_that_is_named_no_longer_is_known_of_without_a_look() -> None:
    apps = whole_cluster(CLUSTER)
    before = replace(world({}, *apps), files=None)
    history = remember(situate(desired(CLUSTER), before, History(), OURS)).history
    place = (PROJECT, environment_folder(DIGEST))
    assert (history.named, place in history.unused_since) == ({place}, False)
    after_it = replace(before, projects=world({}).projects, as_of=at(60))
    history = remember(situate(desired(), after_it, history, OURS)).history
    assert history.unused_since[place] == at(60)
    history = remember(
        situate(desired(CLUSTER), replace(before, as_of=at(90)), history, OURS)
    ).history
    assert place not in history.unused_since


def _due(history: History, now: object) -> bool:
    return is_removal_due(situate(desired(), replace(world({}), as_of=now), history, OURS))  # type: ignore[arg-type]


def test_a_look_at_files_is_due_when_an_environment_has_been_unused_for_a_day() -> None:
    history = History(unused_since={(PROJECT, environment_folder(OLD)): NOW})
    assert not _due(history, at(86_399))
    assert _due(history, at(86_400))
    launchers = History(unused_since={(PROJECT, ".raycml/launchers/x/head-1.py"): NOW})
    assert not _due(launchers, at(90_000))


def test_the_active_run_counts_and_then_the_latest_that_was_not_skipped() -> None:
    def one(number: int, phase: RunPhase) -> ObservedRun:
        return replace(run(DIGEST, phase), id=f"run-{number}")

    failed, skipped = one(1, RunPhase.FAILED), one(3, RunPhase.SKIPPED)
    active = one(2, RunPhase.RUNNING)
    assert run_that_counts([failed, active, skipped]) == (active, None)
    assert run_that_counts([failed, skipped]) == (failed, skipped)
    assert run_that_counts([skipped]) == (None, skipped)
    assert run_that_counts([skipped, failed]) == (failed, None)
    assert run_that_counts([]) == (None, None)


def test_a_run_that_was_skipped_is_said_as_such_and_tried_again_later() -> None:
    skipped = run(DIGEST, RunPhase.SKIPPED, created=NOW, finished=NOW)
    by_job = asking(pythonEnvironment__builder="job")
    for seconds, tried in ((599, False), (600, True)):
        plan = plan_for(by_job, world({DIGEST: written(DIGEST, skipped=skipped)}, now=at(seconds)))
        assert [s.name for s in plan.steps] == (["start_run"] if tried else [])
        if not tried:
            assert all("CML skipped" in wait.message for wait in plan.waits)
            remedy = "set `pythonEnvironment.builder: application`"
            assert all(remedy in wait.message for wait in plan.waits)
            assert not any("memory" in wait.message for wait in plan.waits)


def test_a_run_that_was_skipped_beside_another_is_no_failure_of_its_own() -> None:
    ended = run(DIGEST, RunPhase.FAILED, created=at(-60), finished=NOW)
    beside = replace(run(DIGEST, RunPhase.SKIPPED, created=at(-30)), id="run-2")
    after = replace(beside, created_at=at(1))
    assert run_that_counts([ended, beside]) == (ended, None)
    assert run_that_counts([ended, after]) == (ended, after)
