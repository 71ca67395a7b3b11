"""Jobs and runs of the emulator: what is asked, what becomes of it, how time changes it."""

import json
import random
from pathlib import Path
from typing import Literal

import pytest
from emulated import START, HandClock
from job_world import JobWorld, script

from controller.emulator.options import Capacity, Options
from controller.emulator.pods.pods import PodConfig, pod_environment
from controller.emulator.pods.processes import PodExit
from controller.emulator.pods.runtime import Runtime
from controller.emulator.state import store
from controller.emulator.state.ids import Ids
from controller.emulator.workspace import Workspace
from tests.memory_tree import in_memory
from tests.scripted_pods import ScriptedProcesses

# jobs


def test_a_job_is_kept_as_it_was_asked_for() -> None:
    world = JobWorld()
    asked = {
        "cpu": 2,
        "memory": 8,
        "nvidia_gpu": 1,
        "environment": {"A": "/x"},
        "arguments": "--fast",
        "timeout": 60,
        "kill_on_timeout": True,
        "recipients": [{"email": "a@example.com", "notify_on_failure": True}],
    }
    job = world.job(world.new_job("setup", **asked))
    kept = {**asked, "environment": '{"A":"\\/x"}', "timeout": "60"}
    assert {name: job[name] for name in kept} == kept
    assert (job["type"], job["paused"], job["parent_id"], job["schedule"]) == (
        "manual",
        False,
        "",
        "",
    )
    assert job["project"]["public_identifier"] == world.project
    assert world.states(str(job["id"])) == []


def test_a_job_that_no_workspace_would_take_is_refused() -> None:
    world = JobWorld()
    refused = [
        {"name": " "},
        {"script": "absent.py"},
        {"script": ""},
        {"runtime_identifier": "no-such-image:0"},
        {"runtime_identifier": ""},
        {"cpu": -1},
        {"environment": "{}"},
        {"environment": {"A": 1}},
        {"timeout": "soon"},
        {"timeout": -1},
        {"recipients": "a@example.com"},
        {"parent_id": "zzzz-zzzz-zzzz-zzzz"},
        {"schedule": "every day"},
        {"schedule": "61 * * * *"},
        {"schedule": "0 5 * * *", "timezone": "Middle/Earth"},
    ]
    for changes in refused:
        body = {**world.job_body(), **changes}
        world.refused(400, 3, "POST", world.jobs, json=body)
    text = world.refused(400, 3, "POST", world.jobs, json=world.job_body(script="absent.py"))
    assert "not found in project directory" in text
    world.refused(501, 12, "POST", world.jobs, json=world.job_body(retry_enabled=True))
    assert world.call("GET", world.jobs).json()["jobs"] == []


def test_a_patch_changes_what_it_names() -> None:
    world = JobWorld()
    job = world.new_job(environment={"A": "1"}, cpu=2, timezone="UTC")
    changes = {"memory": 4, "environment": '{"B": "2"}', "timeout": "90"}
    changed = world.ok("PATCH", f"{world.jobs}/{job}", "Job", json=changes)
    assert (changed["cpu"], changed["memory"], changed["timeout"]) == (2, 4, "90")
    assert json.loads(str(changed["environment"])) == {"B": "2"}
    world.refused(400, 3, "PATCH", f"{world.jobs}/{job}", json={"environment": {"C": "3"}})
    world.refused(400, 3, "PATCH", f"{world.jobs}/{job}", json={"script": "absent.py"})
    read_only = world.ok("PATCH", f"{world.jobs}/{job}", "Job", json={"paused": True})
    assert read_only["paused"] is False
    assert world.job(job) == read_only


def test_jobs_are_listed_in_pages_filtered_and_sorted() -> None:
    world = JobWorld()
    for number in range(12):
        world.new_job(f"job-{number:02}")
    page = world.ok("GET", world.jobs, "ListJobsResponse")
    assert len(page["jobs"]) == 10
    query = {"page_token": page["next_page_token"]}
    rest = world.ok("GET", world.jobs, "ListJobsResponse", params=query)
    assert ([job["name"] for job in rest["jobs"]], rest["next_page_token"]) == (
        ["job-10", "job-11"],
        "",
    )
    chosen = {"search_filter": '{"name": "job-1", "type": "manual"}', "sort": "-name"}
    found = world.ok("GET", world.jobs, "ListJobsResponse", params=chosen)["jobs"]
    assert [job["name"] for job in found] == ["job-11", "job-10"]


def test_a_job_of_another_project_is_not_there() -> None:
    world = JobWorld()
    job = world.new_job()
    run = world.run(job)
    other = world.new_project(name="other")
    for tail in ("", "/runs", f"/runs/{run}"):
        world.refused(404, 5, "GET", f"/projects/{other}/jobs/{job}{tail}")
    world.refused(404, 5, "GET", f"{world.jobs}/{world.new_job()}/runs/{run}")
    world.refused(404, 5, "POST", f"{world.jobs}/none/runs", json={})


# runs


def test_a_run_goes_from_scheduling_to_its_success_and_tells_when() -> None:
    world = JobWorld(options=Options(start_s=3))
    job = world.new_job()
    run = world.run(job)
    assert world.history(job, run, 30) == ["SCHEDULING", "STARTING", "RUNNING", "SUCCEEDED"]
    seen = world.seen(job, run)
    times = [seen[f"{name}_at"] for name in ("scheduling", "starting", "running", "finished")]
    seconds = [str(time)[17:19] for time in times]
    assert seconds == ["00", "03", "08", "23"]
    assert world.pods.pods == {}


@pytest.mark.parametrize("exit_code", [1, 2, 137])
def test_a_script_that_ends_otherwise_has_failed(exit_code: int) -> None:
    world = JobWorld(story=lambda _: script(ending=PodExit(exit_code)))
    job = world.new_job()
    run = world.run(job)
    assert world.history(job, run, 30) == ["STARTING", "RUNNING", "FAILED"]
    rows = world.ok("GET", "/usage", "ListUsageResponse")["usage_response"]
    assert [(row["workload_type"], row["status"], row["name"]) for row in rows] == [
        ("job", "failed", "job")
    ]
    assert rows[0]["k8s_info"]["k8s_exit_code"] == exit_code


@pytest.mark.parametrize(("lies", "state"), [(False, "FAILED"), (True, "SUCCEEDED")])
def test_a_run_killed_for_its_memory_may_be_told_as_a_success(lies: bool, state: str) -> None:
    world = JobWorld(
        story=lambda _: script(ending=PodExit(137, oom_killed=True)),
        options=Options(oom_killed_run_succeeds=lies),
    )
    job = world.new_job()
    run = world.run(job)
    assert world.history(job, run, 30)[-1] == state


def test_a_pod_of_a_run_sees_the_project_the_job_and_the_run_in_this_order() -> None:
    world = JobWorld()
    path = f"/projects/{world.project}"
    text = json.dumps({"P": "project", "J": "project", "R": "project"})
    world.ok("PATCH", path, "Project", json={"environment": text})
    job = world.new_job(environment={"J": "job", "R": "job"}, arguments="of the job", cpu=3)
    run = world.run(job, environment={"R": "run"})
    order = world.only_order()
    assert order.environment == {"P": "project", "J": "job", "R": "run"}
    assert (order.engine.id, order.engine.workload_type, order.engine.cpu) == (run, "job", 3)
    assert order.arguments == "of the job"
    assert json.loads(str(world.seen(job, run)["environment"])) == {"R": "run"}
    other = world.new_job()
    own = world.run(other, arguments="of the run")
    assert world.pods.pods[own].order.arguments == "of the run"


def test_a_stopped_run_takes_its_time_to_stop() -> None:
    world = JobWorld(options=Options(start_s=3))
    job = world.new_job()
    run = world.run(job)
    world.pass_time(12)
    assert world.stop(job, run) == "STOPPING"
    world.refused(400, 9, "POST", f"{world.jobs}/{job}/runs/{run}:stop")
    assert world.history(job, run, 10) == ["STOPPING", "STOPPED"]
    world.refused(400, 9, "POST", f"{world.jobs}/{job}/runs/{run}:stop")
    assert world.seen(job, run)["finished_at"] is not None


def test_a_run_that_waits_is_stopped_at_once() -> None:
    world = JobWorld(options=Options(start_s=30))
    job = world.new_job()
    run = world.run(job)
    assert world.stop(job, run) == "STOPPED"
    world.pass_time(60)
    assert (world.states(job), world.pods.pods) == (["STOPPED"], {})


@pytest.mark.parametrize(("unit", "seconds"), [(1.0, 15), (60.0, 605)])
def test_a_run_past_its_timeout_is_killed_where_that_was_asked_for(
    unit: float, seconds: int
) -> None:
    world = JobWorld(story=lambda _: script(takes=None), options=Options(job_timeout_unit_s=unit))
    job = world.new_job(timeout=10, kill_on_timeout=True)
    run = world.run(job)
    world.pass_time(seconds - 1)
    assert world.state_of(job, run) == "RUNNING"
    assert world.history(job, run, 10) == ["RUNNING", "STOPPING", "TIMEDOUT"]


def test_a_timeout_that_kills_nobody_leaves_the_run_alone() -> None:
    world = JobWorld(story=lambda _: script(takes=60))
    job = world.new_job(timeout=10)
    run = world.run(job)
    assert world.history(job, run, 90) == ["STARTING", "RUNNING", "SUCCEEDED"]


@pytest.mark.parametrize(
    ("mode", "refused", "skipped"),
    [("refused", True, False), ("skipped", False, True), ("both", True, True)],
)
def test_a_job_runs_once_at_a_time(
    mode: Literal["refused", "skipped", "both"], refused: bool, skipped: bool
) -> None:
    world = JobWorld(options=Options(second_run=mode))
    job = world.new_job()
    world.run(job)
    if refused:
        said = world.refused(400, 9, "POST", f"{world.jobs}/{job}/runs", json={})
        assert f"job run for job {job} already active" in said
    else:
        assert world.state_of(job, world.run(job)) == "SKIPPED"
    world.pass_time(30)
    world.run(job)
    ends = ["SUCCEEDED", *(["SKIPPED"] if skipped else []), "STARTING"]
    assert world.states(job, sort="created_at") == ends
    newest = world.states(job, sort="-created_at", page_size=1)
    assert newest == ["STARTING"]
    found = world.states(job, search_filter='{"status": "succeeded"}')
    assert found == ["SUCCEEDED"]


def test_a_workspace_may_skip_each_run_of_a_job_that_the_api_created() -> None:
    world = JobWorld(options=Options(api_jobs_skipped=True))
    job = world.new_job()
    run = world.run(job)
    assert world.history(job, run, 10) == ["SCHEDULING", "SKIPPED"]
    assert not world.pods.pods, "no container was started"
    again = world.run(job)
    assert world.history(job, again, 10)[-1] == "SKIPPED", "and so is the next one"


@pytest.mark.parametrize(("ignored", "got"), [(False, "of the run"), (True, "of the job")])
def test_the_arguments_of_a_run_may_be_ignored(ignored: bool, got: str) -> None:
    world = JobWorld(options=Options(run_arguments_ignored=ignored))
    run = world.run(world.new_job(arguments="of the job"), arguments="of the run")
    assert world.pods.pods[run].order.arguments == got


def test_a_run_waits_for_room_and_takes_it_from_others() -> None:
    world = JobWorld(options=Options(capacity=Capacity(cpu=2)))
    app = world.create("app", cpu=2)
    world.pass_time(30)
    job = world.new_job(cpu=1)
    run = world.run(job)
    world.pass_time(60)
    assert world.state_of(job, run) == "SCHEDULING"
    world.verb(app, "stop")
    world.pass_time(3)
    assert world.state_of(job, run) == "STARTING"
    world.verb(app, "restart")
    world.pass_time(5)
    assert world.status(app) == "STARTING"
    assert len(world.pods.pods) == 1
    world.pass_time(60)
    assert (world.state_of(job, run), world.status(app)) == ("SUCCEEDED", "RUNNING")


def test_a_script_that_is_gone_by_then_fails_the_run() -> None:
    world = JobWorld(options=Options(start_s=3))
    job = world.new_job()
    run = world.run(job)
    world.call("DELETE", f"/projects/{world.project}/files/app.py")
    world.pass_time(5)
    assert world.state_of(job, run) == "FAILED"


# parents and schedules


def test_a_dependent_job_runs_when_its_parent_has_succeeded() -> None:
    world = JobWorld()
    parent = world.new_job("parent")
    child = world.new_job("child", parent_id=parent)
    older = world.new_job("older", parent_job_id=parent)
    paused = world.new_job("paused", parent_id=parent, paused=True)
    assert world.job(child)["type"] == world.job(older)["type"] == "dependent"
    run = world.run(parent)
    world.pass_time(18)
    assert world.states(child) == []
    world.pass_time(3)
    assert world.state_of(parent, run) == "SUCCEEDED"
    assert world.states(child) == world.states(older) == ["STARTING"]
    assert world.states(paused) == []
    world.pass_time(25)
    assert world.states(child) == ["SUCCEEDED"]


@pytest.mark.parametrize("end", ["fails", "is stopped"])
def test_a_dependent_job_does_not_run_after_anything_but_success(end: str) -> None:
    world = JobWorld(story=lambda _: script(ending=PodExit(1)))
    parent = world.new_job("parent")
    child = world.new_job("child", parent_id=parent)
    run = world.run(parent)
    world.pass_time(10)
    if end == "is stopped":
        world.stop(parent, run)
    world.pass_time(30)
    assert world.state_of(parent, run) == ("FAILED" if end == "fails" else "STOPPED")
    assert world.states(child) == []


def test_a_dependent_job_that_still_runs_skips_a_turn() -> None:
    world = JobWorld(story=lambda o: script(takes=100 if o.environment.get("SLOW") else 10))
    parent = world.new_job("parent")
    child = world.new_job("child", parent_id=parent, environment={"SLOW": "1"})
    for _ in range(2):
        world.run(parent)
        world.pass_time(15)
    assert world.states(child, sort="created_at") == ["RUNNING", "SKIPPED"]


def test_no_job_depends_on_itself() -> None:
    world = JobWorld()
    first = world.new_job("first")
    second = world.new_job("second", parent_id=first)
    for parent in (first, second):
        world.refused(400, 3, "PATCH", f"{world.jobs}/{first}", json={"parent_id": parent})


def test_a_scheduled_job_runs_when_its_time_comes_round() -> None:
    world = JobWorld()
    job = world.new_job(schedule="*/2 * * * *", timezone="UTC")
    assert (world.job(job)["type"], world.job(job)["timezone"]) == ("cron", "UTC")
    world.pass_time(119)
    assert world.states(job) == []
    world.pass_time(241)
    assert len(world.states(job)) == 3
    world.ok("PATCH", f"{world.jobs}/{job}", "Job", json={"schedule": ""})
    world.pass_time(300)
    assert len(world.states(job)) == 3


def test_a_paused_job_runs_only_when_asked() -> None:
    world = JobWorld()
    job = world.new_job(schedule="* * * * *", paused=True)
    world.pass_time(300)
    assert world.states(job) == []
    world.run(job)
    assert world.states(job) == ["STARTING"]


# ends


def test_a_deleted_job_takes_its_runs_along_and_leaves_its_dependents() -> None:
    world = JobWorld()
    parent = world.new_job("parent")
    child = world.new_job("child", parent_id=parent)
    run = world.run(parent)
    world.pass_time(6)
    assert world.ok("DELETE", f"{world.jobs}/{parent}", "DeleteJobResponse") == {}
    world.refused(404, 5, "GET", f"{world.jobs}/{parent}/runs/{run}")
    world.refused(404, 5, "DELETE", f"{world.jobs}/{parent}")
    world.pass_time(10)
    assert world.pods.pods == {}
    assert world.workspace.state.engines == {}
    assert (world.job(child)["type"], world.states(child)) == ("manual", [])


def test_a_deleted_project_takes_its_jobs_and_their_pods_along() -> None:
    world = JobWorld()
    job = world.new_job(schedule="* * * * *")
    world.run(job)
    world.ok("DELETE", f"/projects/{world.project}", "DeleteProjectResponse")
    world.pass_time(200)
    state = world.workspace.state
    assert (state.projects, state.jobs, state.runs, state.engines) == ({}, {}, {}, {})


def test_jobs_and_runs_outlive_the_emulator_and_its_pods_do_not(tmp_path: Path) -> None:
    world = JobWorld(options=Options(capacity=Capacity(cpu=4)), story=lambda _: script(takes=100))
    done, running, stopping, waiting = (world.new_job(name, cpu=2) for name in "abcd")
    runs = {}
    runs[done] = world.run(done)
    world.pass_time(110)
    for job in (running, stopping, waiting):
        runs[job] = world.run(job)
        world.pass_time(6)
    world.stop(stopping, runs[stopping])
    store.save(world.workspace.state, tmp_path / "state.json")
    state = store.load(tmp_path / "state.json")
    assert (state.jobs, state.runs) == (world.workspace.state.jobs, world.workspace.state.runs)
    assert store.recover(state, START) == {runs[running], runs[stopping]}
    clock, pods = HandClock(), ScriptedProcesses(lambda _: script())
    clock.elapsed = world.clock.elapsed
    again = Workspace(clock, pods, Ids(random.Random(2)), new_tree=in_memory, state=state)
    again.files(world.project).upload("app.py", b"pass\n")
    again.tick()
    found = {job: again.state.runs[run].status.short for job, run in runs.items()}
    assert found == {
        done: "succeeded",
        running: "failed",
        stopping: "stopped",
        waiting: "starting",
    }


# projects from git


def repositories(world: JobWorld) -> JobWorld:
    world.pods.repositories = {
        "https://git.example.com/acme/fraud.git": {"specs/a.yaml": b"x\n", "README.md": b"hello"}
    }
    world.pods.clone_s = 10
    return world


def test_a_project_from_git_is_creating_until_its_files_are_there() -> None:
    world = repositories(JobWorld())
    url = "https://git.example.com/acme/fraud.git"
    made = world.new_project(name="fraud", template="git", git_url=url, git_ref="main")
    assert (world.project_state(made), world.files(made)) == ("creating", {})
    world.pass_time(11)
    assert world.project_state(made) == "success"
    assert world.files(made) == {"README.md": "5", "specs": "0"}


def test_a_repository_that_is_not_there_fails_the_creation() -> None:
    world = repositories(JobWorld())
    made = world.new_project(name="fraud", git_url="https://git.example.com/none.git")
    world.pass_time(11)
    assert (world.project_state(made), world.files(made)) == ("failure", {})
    world.refused(409, 6, "POST", "/projects", json={"name": "fraud"})
    world.ok("DELETE", f"/projects/{made}", "DeleteProjectResponse")
    assert world.project_state(world.new_project(name="fraud", template="blank")) == "success"


def test_a_project_is_deleted_while_it_is_cloned() -> None:
    world = repositories(JobWorld())
    url = "https://git.example.com/acme/fraud.git"
    made = world.new_project(name="fraud", git_url=url)
    world.ok("DELETE", f"/projects/{made}", "DeleteProjectResponse")
    world.pass_time(3)
    assert made not in world.workspace.state.projects
    assert world.pods.pods == {}


@pytest.mark.parametrize(
    "body",
    [
        {"git_url": "ftp://git.example.com/x"},
        {"git_url": "ext::sh -c id"},
        {"git_url": "--upload-pack=id"},
        {"git_url": "relative/folder"},
        {"git_url": "https://jdoe:hunter2@git.example.com/x"},
        {"git_url": "https://[bad"},
        {"git_url": "https://git.example.com/x", "git_ref": "--upload-pack=id"},
        {"git_url": "https://git.example.com/x", "git_ref": "a b"},
        {"template": "git"},
        {"template": "Cobol"},
    ],
)
def test_a_source_that_git_should_not_be_given_is_refused(body: dict[str, str]) -> None:
    world = JobWorld()
    said = world.refused(400, 3, "POST", "/projects", json={"name": "x", **body})
    assert "hunter2" not in said
    assert len(world.workspace.state.projects) == 1


@pytest.mark.parametrize("template", ["Python", "PySpark"])
def test_a_project_from_a_template_has_files_and_a_script_that_can_run(template: str) -> None:
    world = JobWorld()
    made = world.new_project(name="x", template=template)
    assert world.project_state(made) == "success"
    files = world.ok("GET", f"/projects/{made}/files", "ListProjectFilesResponse")["files"]
    assert {"README.md", "example.py"} <= {file["path"] for file in files}
    script = world.call("POST", f"/projects/{made}/files/example.py:download").text
    compile(script, "example.py", "exec")


def test_a_project_is_cloned_over_http_too() -> None:
    world = JobWorld()
    made = world.new_project(name="x", git_url="http://git.example.com/x")
    assert world.project_state(made) == "creating"


def test_templates_and_forks_are_not_pretended() -> None:
    world = JobWorld()
    for body in ({"template": "Scala"}, {"parent_project": world.project}):
        world.refused(501, 12, "POST", "/projects", json={"name": "x", **body})


def test_shared_memory_is_what_was_last_asked_for() -> None:
    world = JobWorld()
    path = f"/projects/{world.project}"
    assert world.ok("GET", path, "Project")["shared_memory_limit"] == 64
    world.ok("PATCH", path, "Project", json={"shared_memory_limit": 8192})
    assert world.ok("GET", path, "Project")["shared_memory_limit"] == 8192


# the server itself


@pytest.mark.parametrize(("mode", "status", "limit"), [("ignored", 200, 64), ("refused", 403, 64)])
def test_a_limit_of_shared_memory_may_be_ignored_or_refused(
    mode: Literal["ignored", "refused"], status: int, limit: int
) -> None:
    world = JobWorld(options=Options(shared_memory_limit=mode))
    answer = world.call(
        "PATCH",
        f"/projects/{world.project}",
        json={"shared_memory_limit": 4096, "description": "x"},
    )
    assert answer.status_code == status
    shown = world.ok("GET", f"/projects/{world.project}", "Project")
    assert shown["shared_memory_limit"] == limit


def test_a_pod_keeps_the_limit_of_shared_memory_of_its_start() -> None:
    world = JobWorld()
    run = world.run(world.new_job())
    request = world.pods.pods[run].order
    runtime = Runtime(Path("/python"), (), "", Path(), "")
    config = PodConfig("http://127.0.0.1", "cml.localhost", "key", Path(), Path(), runtime)
    before = pod_environment(request, config, [1, 2, 3], Path())
    world.ok("PATCH", f"/projects/{world.project}", "Project", json={"shared_memory_limit": 4096})
    world.pass_time(1)
    later = world.pods.pods[world.run(world.new_job("other"))].order
    after = pod_environment(later, config, [1, 2, 3], Path())
    name = "CML_EMULATOR_SHM_MB"
    assert (before[name], after[name]) == ("64", "4096")


def test_variables_of_a_project_that_are_no_text_are_refused_or_break_later_starts() -> None:
    body = {"environment": json.dumps({"N": 4})}
    strict = JobWorld()
    strict.refused(400, 3, "PATCH", f"/projects/{strict.project}", json=body)
    world = JobWorld(options=Options(untyped_project_environment=True))
    world.ok("PATCH", f"/projects/{world.project}", "Project", json=body)
    job = world.new_job()
    assert world.state_of(job, world.run(job)) == "FAILED"
    world.ok("PATCH", f"/projects/{world.project}", "Project", json={"environment": "{}"})
    assert world.state_of(job, world.run(job)) == "STARTING"


def test_every_answer_tells_the_time_and_the_description_needs_no_key() -> None:
    world = JobWorld()
    stranger = world.as_holder_of(None)
    told = stranger.get("/api/v2/swagger.json")
    assert told.json()["info"]["version"] == "26.06.13"
    assert "/api/v2/projects/{project_id}/jobs/{job_id}/runs/{run_id}:stop" in told.json()["paths"]
    world.clock.elapsed = 61
    for answer in (
        told,
        stranger.get(f"/api/v2{world.jobs}"),
        world.call("GET", world.jobs),
        world.call("GET", "/nowhere"),
    ):
        assert answer.headers["Date"].startswith("Mon, 02 Mar 2026 09:0")
    assert world.call("GET", world.jobs).headers["Date"] == "Mon, 02 Mar 2026 09:01:01 GMT"
