"""A plan is carried out in order, with a fresh look before each change, and nothing is decided."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controller.core.model.faults import Fault, FaultKind, Result
from controller.core.model.jobs import JobConfiguration, ObservedJob
from controller.core.model.member import (
    CONTROLLER,
    ENVIRONMENT,
    OWNER,
    SUBDOMAIN,
    THE_CONTROLLER,
    THE_FILES,
    THE_PROJECT,
    Key,
    Member,
)
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import (
    Configuration,
    Create,
    CreateJob,
    Delete,
    DeleteJob,
    Intent,
    OfEnvironment,
    Outcome,
    Plan,
    RemoveEnvironment,
    RemoveLauncher,
    Restart,
    StartRun,
    Step,
    Stop,
    StopRun,
    Update,
    WriteBuilder,
    WriteLauncher,
)
from controller.core.model.project import (
    CreateProject,
    DeleteProject,
    NewProject,
    RaiseSharedMemory,
    RemoveFile,
    WriteFile,
)
from controller.core.model.reasons import Reason
from controller.execute import Execution, execute
from tests.worlds import POLICY, PROJECT, application, decide, desired, named, observed, spec

CLUSTER = spec()
CPU_0, CPU_1 = application(CLUSTER, "cpu/0"), application(CLUSTER, "cpu/1")


@dataclass
class Edge:
    """A workspace as the executor meets it: what it holds, what it was asked, where it fails."""

    apps: dict[str, ObservedApplication] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    faults: dict[str, Fault] = field(default_factory=dict)
    jobs: dict[str, ObservedJob] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    meeting: threading.Barrier | None = None

    def _asked(self, what: str) -> None:
        with self.lock:
            self.asked.append(what)
        if self.meeting is not None and not what.startswith("fetch"):
            self.meeting.wait(timeout=60)
        if what in self.faults:
            raise self.faults[what]

    def fetch(self, project: str, application_id: str) -> ObservedApplication:
        self._asked(f"fetch {application_id}")
        if application_id not in self.apps:
            raise Fault("no such application", kind=FaultKind.NOT_FOUND)
        return self.apps[application_id]

    def create(self, project: str, configuration: Configuration) -> str:
        self._asked(f"create {configuration.name}")
        return "new-id"

    def update(
        self, project: str, application_id: str, fields: Mapping[str, object]
    ) -> tuple[str, ...]:
        self._asked(f"update {application_id}")
        return ("memory",) if fields.get("ignored") else ()

    def restart(self, project: str, application_id: str) -> None:
        self._asked(f"restart {application_id}")

    def stop(self, project: str, application_id: str) -> None:
        self._asked(f"stop {application_id}")

    def delete(self, project: str, application_id: str) -> None:
        self._asked(f"delete {application_id}")

    def write_builder(self, project: str, path: str, settings: str) -> None:
        self._asked(f"write {path}")

    def remove_environment(self, project: str, path: str) -> None:
        self._asked(f"remove {path}")

    def fetch_job(self, project: str, job_id: str) -> ObservedJob:
        self._asked(f"fetch {job_id}")
        if job_id not in self.jobs:
            raise Fault("no such job", kind=FaultKind.NOT_FOUND)
        return self.jobs[job_id]

    def create_job(self, project: str, configuration: JobConfiguration) -> None:
        self._asked(f"create {configuration.name}")

    def start_run(self, project: str, job_id: str) -> None:
        self._asked(f"run {job_id}")

    def stop_run(self, project: str, job_id: str, run_id: str) -> None:
        self._asked(f"stop {run_id}")

    def delete_job(self, project: str, job_id: str) -> None:
        self._asked(f"delete {job_id}")

    def create_project(self, project: NewProject) -> None:
        self._asked(f"create {project.name}")

    def raise_shared_memory(self, project: str, limit_mb: int) -> tuple[str, ...]:
        self._asked(f"raise to {limit_mb}")
        return ("shared memory",) if limit_mb > 4096 else ()

    def delete_project(self, project: str) -> None:
        self._asked(f"delete {project}")

    def write_file(self, project: str, path: str, data: bytes) -> None:
        self._asked(f"write {path}")

    def remove_file(self, project: str, path: str) -> None:
        self._asked(f"remove {path}")

    def write_launcher(self, project: str, path: str, settings: str) -> None:
        self._asked(f"write {path}")

    def remove_launcher(self, project: str, path: str) -> None:
        self._asked(f"remove {path}")


def step(action: object, ordinal: int = 0, launcher: str | None = None) -> Step:
    files = WriteLauncher | RemoveLauncher | OfEnvironment
    member = None if isinstance(action, files) else Member("cpu", ordinal)
    return Step(
        action,  # type: ignore[arg-type]
        "analytics",
        PROJECT,
        member,
        Reason.OUTDATED,
        Intent.UPDATE,
        launcher=launcher,
    )


def run(edge: Edge, *steps: Step, threads: int = 1) -> tuple[Outcome, ...]:
    return execute(Plan(steps), Execution(edge, POLICY.owner, threads=threads))


def at_rest(app: ObservedApplication) -> ObservedApplication:
    return replace(app, phase=Phase.STOPPED)


def test_every_step_has_its_outcome_in_the_order_of_the_plan() -> None:
    edge = Edge({CPU_0.id: CPU_0, CPU_1.id: CPU_1})
    steps = (step(Stop(CPU_1.id), 1), step(WriteLauncher("p", "{}")), step(Delete(CPU_0.id)))
    outcomes = run(edge, *steps, threads=4)
    assert [o.step for o in outcomes] == list(steps)
    assert {o.result for o in outcomes} == {Result.DONE}


def test_launchers_are_written_before_and_removed_after_everything_else() -> None:
    edge = Edge({CPU_0.id: CPU_0})
    run(
        edge,
        step(RemoveLauncher("old")),
        step(Delete(CPU_0.id)),
        step(WriteLauncher("new", "{}")),
    )
    changes = [asked for asked in edge.asked if not asked.startswith("fetch")]
    assert changes == ["write new", f"delete {CPU_0.id}", "remove old"]


def test_a_later_step_never_outruns_a_failed_earlier_one() -> None:
    edge = Edge({CPU_0.id: at_rest(CPU_0)})
    edge.faults[f"update {CPU_0.id}"] = Fault("no", kind=FaultKind.UNAVAILABLE)
    outcomes = run(edge, step(Update(CPU_0.id, {})), step(Restart(CPU_0.id)))
    assert [o.result for o in outcomes] == [Result.FAILED, Result.SKIPPED]
    assert f"restart {CPU_0.id}" not in edge.asked


def test_a_field_that_did_not_take_holds_the_restart_back() -> None:
    edge = Edge({CPU_0.id: at_rest(CPU_0)})
    outcomes = run(edge, step(Update(CPU_0.id, {"ignored": True})), step(Restart(CPU_0.id)))
    assert outcomes[0].unapplied == ("memory",)
    assert outcomes[1].result is Result.SKIPPED


def test_one_member_that_fails_holds_up_no_other() -> None:
    edge = Edge({CPU_0.id: CPU_0, CPU_1.id: CPU_1})
    edge.faults[f"stop {CPU_0.id}"] = Fault("no", kind=FaultKind.UNAVAILABLE)
    outcomes = run(edge, step(Stop(CPU_0.id)), step(Stop(CPU_1.id), 1))
    assert [o.result for o in outcomes] == [Result.FAILED, Result.DONE]


def test_what_needs_a_launcher_that_could_not_be_written_is_not_done() -> None:
    edge = Edge({CPU_0.id: CPU_0})
    edge.faults["write new"] = Fault("the disk is full", kind=FaultKind.FILES)
    outcomes = run(edge, step(WriteLauncher("new", "{}")), step(Stop(CPU_0.id), launcher="new"))
    assert [o.result for o in outcomes] == [Result.FAILED, Result.SKIPPED]
    assert outcomes[1].fault is FaultKind.UNWRITTEN
    assert edge.asked == ["write new"]


def test_each_change_of_an_application_is_preceded_by_a_fresh_look_at_it() -> None:
    for action in (Stop(CPU_0.id), Delete(CPU_0.id)):
        edge = Edge({CPU_0.id: CPU_0})
        run(edge, step(action))
        assert edge.asked[0] == f"fetch {CPU_0.id}"
    edge = Edge({CPU_0.id: at_rest(CPU_0)})
    run(edge, step(Update(CPU_0.id, {})), step(Restart(CPU_0.id)))
    assert edge.asked[0] == edge.asked[2] == f"fetch {CPU_0.id}"


def test_an_application_that_lost_its_mark_meanwhile_is_left_alone() -> None:
    edge = Edge({CPU_0.id: replace(CPU_0, environment={})})
    [outcome] = run(edge, step(Delete(CPU_0.id)))
    assert (outcome.result, outcome.fault) == (Result.FAILED, "Changed")
    assert edge.asked == [f"fetch {CPU_0.id}"]


def test_an_application_of_another_member_meanwhile_is_left_alone() -> None:
    edge = Edge({CPU_0.id: replace(CPU_1, id=CPU_0.id)})
    [outcome] = run(edge, step(Delete(CPU_0.id)))
    assert outcome.fault == "Changed"


def test_a_restart_of_what_is_starting_meanwhile_is_not_sent() -> None:
    edge = Edge({CPU_0.id: replace(CPU_0, phase=Phase.STARTING)})
    [outcome] = run(edge, step(Restart(CPU_0.id)))
    assert outcome.fault == "Changed"
    assert edge.asked == [f"fetch {CPU_0.id}"]


def test_an_update_of_what_runs_meanwhile_is_not_sent() -> None:
    edge = Edge({CPU_0.id: CPU_0})
    [outcome] = run(edge, step(Update(CPU_0.id, {})))
    assert outcome.fault == "Changed"


def test_an_update_keeps_the_variables_that_others_set_meanwhile() -> None:
    """Set, changed and dropped between the list and the fresh look; ours are as planned."""
    planned = {"OMP_NUM_THREADS": "4", "THEIRS": "old", "GONE": "1"}
    action = Update(CPU_0.id, {"environment": planned, "cpu": 3}, frozenset({"OMP_NUM_THREADS"}))
    now = {**CPU_0.environment, "OMP_NUM_THREADS": "2", "THEIRS": "new", "NEW": "1"}
    sent: list[Mapping[str, object]] = []

    class Sending(Edge):
        def update(
            self, project: str, application_id: str, fields: Mapping[str, object]
        ) -> tuple[str, ...]:
            sent.append(fields)
            return ()

    edge = Sending({CPU_0.id: replace(at_rest(CPU_0), environment=now)})
    run(edge, step(action))
    assert sent == [{"environment": {**now, "OMP_NUM_THREADS": "4"}, "cpu": 3}]


def test_a_variable_that_the_spec_dropped_goes_and_another_of_that_look_stays() -> None:
    action = Update(CPU_0.id, {"environment": {"A": "1"}}, frozenset({"A", "DROPPED"}))
    assert action.merged_into({"DROPPED": "1", "X": "2"}) == {"environment": {"X": "2", "A": "1"}}
    assert Update(CPU_0.id, {"cpu": 1}).merged_into({"X": "2"}) == {"cpu": 1}


def test_a_delete_of_what_is_gone_is_done() -> None:
    [outcome] = run(Edge(), step(Delete(CPU_0.id)))
    assert outcome.result is Result.DONE


def test_a_stop_of_what_is_gone_is_no_success() -> None:
    [outcome] = run(Edge(), step(Stop(CPU_0.id)))
    assert (outcome.result, outcome.fault) == (Result.FAILED, "Changed")


def test_a_refused_key_ends_the_steps_of_its_project_in_this_pass() -> None:
    edge = Edge({CPU_0.id: CPU_0, CPU_1.id: CPU_1})
    edge.faults[f"fetch {CPU_0.id}"] = Fault("no", kind=FaultKind.UNAUTHORIZED, aborts=True)
    outcomes = run(edge, step(Stop(CPU_0.id)), step(Delete(CPU_1.id), 1))
    assert [o.result for o in outcomes] == [Result.FAILED, Result.SKIPPED]
    assert edge.asked == [f"fetch {CPU_0.id}"]


def test_a_refused_project_ends_no_step_of_another_project() -> None:
    elsewhere = replace(CPU_1, project="eeee-ffff-0000-1111")
    edge = Edge({CPU_0.id: CPU_0, CPU_1.id: elsewhere})
    edge.faults[f"fetch {CPU_0.id}"] = Fault("no", kind=FaultKind.UNAUTHORIZED, aborts=True)
    there = replace(step(Stop(CPU_1.id), 1), project=elsewhere.project)
    outcomes = run(edge, step(Stop(CPU_0.id)), there)
    assert [o.result for o in outcomes] == [Result.FAILED, Result.DONE]


def test_refused_files_end_no_step_that_needs_no_file() -> None:
    edge = Edge({CPU_0.id: at_rest(CPU_0)})
    edge.faults["write new"] = Fault("no", kind=FaultKind.UNAUTHORIZED, aborts=True)
    steps = (WriteLauncher("new", "{}"), WriteLauncher("newer", "{}"), RemoveLauncher("old"))
    down = replace(step(Restart(CPU_0.id)), reason=Reason.DOWN)
    outcomes = run(edge, *map(step, steps), down)
    assert [o.result for o in outcomes] == [
        *(Result.FAILED, Result.SKIPPED, Result.SKIPPED),
        Result.DONE,
    ]


def test_refused_jobs_end_no_step_about_an_application() -> None:
    edge = Edge({CPU_0.id: CPU_0}, jobs={"job-1": JOB})
    edge.faults["run job-1"] = Fault("no", kind=FaultKind.UNAUTHORIZED, aborts=True)
    other = CreateJob("f" * 16, JobConfiguration("raycml-env-f", "build.py", "image:1"))
    outcomes = run(edge, step(StartRun(DIGEST, "job-1")), step(other), step(Stop(CPU_0.id)))
    assert [o.result for o in outcomes] == [Result.FAILED, Result.SKIPPED, Result.DONE]


def test_a_refusal_is_forgotten_with_the_pass_and_a_stop_is_not() -> None:
    edge = Edge({CPU_0.id: CPU_0})
    edge.faults[f"stop {CPU_0.id}"] = Fault("no", kind=FaultKind.UNAUTHORIZED, aborts=True)
    carried_out = Execution(edge, POLICY.owner, threads=1)
    plan = Plan((step(Stop(CPU_0.id)),))
    execute(plan, carried_out)
    assert not carried_out.stopped.is_set()
    edge.faults.clear()
    assert [o.result for o in execute(plan, carried_out)] == [Result.DONE]
    carried_out.stopped.set()
    assert [o.result for o in execute(plan, carried_out)] == [Result.SKIPPED]


def test_members_are_worked_on_in_parallel() -> None:
    edge = Edge({CPU_0.id: CPU_0, CPU_1.id: CPU_1}, meeting=threading.Barrier(2))
    outcomes = run(edge, step(Stop(CPU_0.id)), step(Stop(CPU_1.id), 1), threads=2)
    assert {o.result for o in outcomes} == {Result.DONE}


def test_permission_is_asked_before_the_first_effect_and_never_for_nothing() -> None:
    edge = Edge()
    asked: list[int] = []
    plan = decide(desired(CLUSTER), observed())
    allowed = Execution(edge, POLICY.owner, 1, permission=lambda: asked.append(len(edge.asked)))
    execute(Plan(), allowed)
    assert asked == []
    outcomes = execute(plan, allowed)
    assert asked == [0]
    created = [o.application_id for o in outcomes if isinstance(o.step.action, Create)]
    assert created == ["new-id"] * 3


def test_clusters_take_turns_so_that_a_large_one_does_not_hold_up_a_small_one() -> None:
    large = spec(workerGroupSpecs__0__replicas=6)
    small = named("small")
    plan = decide(desired(large, small), observed())
    edge = Edge()
    execute(plan, Execution(edge, POLICY.owner, threads=1))
    created = [what.removeprefix("create ") for what in edge.asked if what.startswith("create")]
    assert created[:4] == [
        "ray-analytics-head",
        "ray-small-head",
        "ray-analytics-cpu-0",
        "ray-small-cpu-0",
    ]


def test_when_the_time_of_a_pass_is_up_no_further_step_begins() -> None:
    plan = decide(desired(CLUSTER), observed())
    edge = Edge()

    def over() -> bool:
        return "create ray-analytics-head" in edge.asked

    found = execute(plan, Execution(edge, POLICY.owner, threads=1, expired=over))
    assert [o.result for o in found][-2:] == [Result.SKIPPED, Result.SKIPPED]
    assert [what for what in edge.asked if what.startswith("create")] == [
        "create ray-analytics-head"
    ]


DIGEST = "0123456789abcdef"
JOB = ObservedJob(
    "job-1",
    PROJECT,
    f"raycml-env-{DIGEST}",
    environment={OWNER: POLICY.owner, ENVIRONMENT: DIGEST},
)


def test_a_job_is_made_only_once_its_script_is_written() -> None:
    edge = Edge()
    make = CreateJob(DIGEST, JobConfiguration("raycml-env-x", "build.py", "image:1"))
    write = step(WriteBuilder("build.py", "{}"))
    outcomes = run(edge, write, step(make, launcher="build.py"))
    assert edge.asked == ["write build.py", "create raycml-env-x"]
    assert {o.result for o in outcomes} == {Result.DONE}
    edge.faults["write build.py"] = Fault("the disk is full", kind=FaultKind.FILES)
    assert run(edge, write, step(make, launcher="build.py"))[1].result is Result.SKIPPED


def test_a_job_is_looked_at_before_it_is_run_stopped_or_deleted() -> None:
    for action, asked in (
        (StartRun(DIGEST, "job-1"), "run job-1"),
        (StopRun(DIGEST, "job-1", "run-1"), "stop run-1"),
        (DeleteJob(DIGEST, "job-1"), "delete job-1"),
    ):
        edge = Edge(jobs={"job-1": JOB})
        assert run(edge, step(action))[0].result is Result.DONE
        assert edge.asked == ["fetch job-1", asked]
        edge = Edge(jobs={"job-1": replace(JOB, environment={**JOB.environment, OWNER: "other"})})
        outcome = run(edge, step(action))[0]
        assert (outcome.result, outcome.fault) == (Result.FAILED, "Changed")
        assert edge.asked == ["fetch job-1"]


def test_a_job_of_another_environment_than_the_step_says_is_left_alone() -> None:
    edge = Edge(jobs={"job-1": JOB})
    assert run(edge, step(StartRun("f" * 16, "job-1")))[0].fault == "Changed"


def test_a_job_that_is_gone_counts_as_deleted_and_cannot_run() -> None:
    assert run(Edge(), step(DeleteJob(DIGEST, "job-1")))[0].result is Result.DONE
    assert run(Edge(), step(StartRun(DIGEST, "job-1")))[0].fault == "Changed"


def test_a_failed_build_holds_up_no_other_and_no_member() -> None:
    edge = Edge({CPU_0.id: CPU_0}, jobs={"job-1": JOB})
    edge.faults["run job-1"] = Fault("no", kind=FaultKind.UNAVAILABLE)
    other = CreateJob("f" * 16, JobConfiguration("raycml-env-f", "build.py", "image:1"))
    outcomes = run(edge, step(StartRun(DIGEST, "job-1")), step(other), step(Stop(CPU_0.id)))
    assert [o.result for o in outcomes] == [Result.FAILED, Result.DONE, Result.DONE]
    assert run(edge, step(RemoveEnvironment("x")), step(Stop(CPU_0.id)))[1].result is Result.DONE
    assert edge.asked[-1] == "remove x"


CONTROLS = {CONTROLLER: POLICY.owner, SUBDOMAIN: "raycml-1"}
CONTROLLERS = ObservedApplication(
    "ctl", PROJECT, "raycml", "raycml-1", Phase.RUNNING, environment=CONTROLS
)


def setup(action: object, key: Key = THE_CONTROLLER) -> Step:
    return replace(step(action), cluster=key.cluster, member=key.member)


def test_the_controller_is_changed_by_its_own_mark_and_a_member_never_is_by_that() -> None:
    edge = Edge({CONTROLLERS.id: CONTROLLERS, CPU_0.id: CPU_0})
    assert run(edge, setup(Stop(CONTROLLERS.id)))[0].result is Result.DONE
    copied = replace(CONTROLLERS, subdomain="a-copy")
    edge.apps[CONTROLLERS.id] = copied
    for wrong in (setup(Stop(copied.id)), setup(Stop(CPU_0.id)), step(Stop(copied.id))):
        assert run(edge, wrong)[0].fault == "Changed"


def test_files_of_the_controller_are_written_first_and_removed_last() -> None:
    edge = Edge({CONTROLLERS.id: CONTROLLERS})
    run(
        edge,
        setup(RemoveFile("old"), THE_FILES),
        setup(Stop(CONTROLLERS.id)),
        setup(WriteFile("new", b"pass"), THE_FILES),
    )
    assert edge.asked == ["write new", "fetch ctl", "stop ctl", "remove old"]


def test_a_project_is_made_changed_and_deleted_and_what_cml_ignores_is_said() -> None:
    edge = Edge()
    steps = [
        setup(action, THE_PROJECT)
        for action in (CreateProject(NewProject("demo")), RaiseSharedMemory(4096), DeleteProject())
    ]
    assert {o.result for o in run(edge, *steps)} == {Result.DONE}
    assert edge.asked == ["create demo", "raise to 4096", f"delete {PROJECT}"]
    ignored = run(edge, setup(RaiseSharedMemory(8192), THE_PROJECT))[0]
    assert (ignored.fault, ignored.unapplied) == ("FieldNotApplied", ("shared memory",))
