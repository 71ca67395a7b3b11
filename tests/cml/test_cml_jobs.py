"""What the client asks of CML about jobs, runs and projects, and what it makes of the answers."""

import json

import httpx
import pytest
from cml_world import PROJECT, World, ok, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.cml.errors import CmlError, Malformed, NotFound, Rejected, Unavailable, Unknown
from controller.cml.job_bodies import creation, run_phase
from controller.cml.translate import unapplied
from controller.cml.values import Creation
from controller.core.model.jobs import JobConfiguration, RunPhase
from controller.core.model.project import NewProject
from tests.contract.judge import judge

JOB = "tx7v-h867-v4db-1ug2"
RUN = "221pa78rmzau93zf"
RUNS = f"/api/v2/projects/{PROJECT}/jobs/{JOB}/runs"
ENVIRONMENT = {"PLAIN": "1", "PATHS": "/a/b", "TEXT": 'a "b" \\ \u00e9\n'}
WANTED = JobConfiguration(
    name="environment",
    script="cai/setup.py",
    runtime="image:1",
    cpu=2.0,
    memory=8.0,
    environment=ENVIRONMENT,
    timeout=3600,
    kill_on_timeout=True,
)


def job(**changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": JOB,
        "name": "environment",
        "script": "/home/cdsw/cai/setup.py",
        "type": "manual",
        "cpu": 2,
        "memory": 8,
        "nvidia_gpu": 0,
        "environment": json.dumps(ENVIRONMENT).replace("/", "\\/"),
        "arguments": "--fast",
        "timeout": "3600",
        "kill_on_timeout": True,
        "parent_id": "",
        "schedule": "",
        "timezone": "America/Los_Angeles",
        "paused": False,
        "runtime_identifier": "image:1",
        "engine_image_id": "0",
        "created_at": "2026-03-02T09:20:00.12Z",
        "project": {"public_identifier": PROJECT, "name": "fraud"},
    }
    judge("Job", body | changes)
    return body | changes


def run(run_id: str = RUN, **changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": run_id,
        "project_id": PROJECT,
        "job_id": JOB,
        "status": "ENGINE_SCHEDULING",
        "created_at": "2026-03-02T09:30:00.1Z",
        "scheduling_at": "2026-03-02T09:30:00.1Z",
        "starting_at": None,
        "running_at": None,
        "finished_at": None,
        "environment": "{}",
        "arguments": "",
    }
    return body | changes


def project(**changes: object) -> dict[str, object]:
    body: dict[str, object] = {
        "id": PROJECT,
        "name": "fraud",
        "owner": {"username": "jdoe", "name": "Jane Doe", "email": "jdoe@example.com"},
        "creation_status": "creating",
        "shared_memory_limit": 64,
        "environment": '{"A":"1"}',
    }
    judge("Project", body | changes)
    return body | changes


def test_a_job_is_created_with_an_object_and_read_back_from_text() -> None:
    world = World([ok(job())])
    made = world.client.jobs.create(PROJECT, WANTED)
    judge("CreateJobRequest", world.body())
    assert world.body()["environment"] == ENVIRONMENT
    assert (world.body()["timeout"], made.timeout) == (3600, 3600)
    assert "parent_id" not in world.body()
    fields = ("name", "script", "runtime", "cpu", "memory", "environment")
    assert all(getattr(made, name) == getattr(WANTED, name) for name in fields)
    assert (made.id, made.kind, made.project, made.kill_on_timeout) == (
        JOB,
        "manual",
        PROJECT,
        True,
    )


def test_a_dependent_job_names_its_parent() -> None:
    world = World([ok(job(parent_id="p", type="dependent"))])
    made = world.client.jobs.create(PROJECT, JobConfiguration("n", "s.py", "image:1", parent="p"))
    judge("CreateJobRequest", world.body())
    assert world.body()["parent_id"] == "p"
    assert (made.parent, made.kind) == ("p", "dependent")


def test_an_update_sends_text_and_tells_what_a_read_says_of_it() -> None:
    world = World([ok({}), ok(job(cpu=1))])
    fields: dict[str, object] = {"cpu": 4.0, "timeout": 60, "environment": {"A": "/"}}
    answered = world.client.jobs.update(PROJECT, JOB, fields)
    assert [r.method for r in world.requests] == ["PATCH", "GET"]
    judge("Job", world.body(0))
    assert world.body(0) == {"cpu": 4.0, "timeout": "60", "environment": '{"A":"/"}'}
    assert unapplied(fields, answered) == ("cpu", "environment", "timeout")
    assert unapplied({"timeout": 3600, "environment": ENVIRONMENT}, answered) == ()


@pytest.mark.parametrize("fields", [{}, {"colour": "red"}, {"paused": True}, {"timezone": "UTC"}])
def test_a_field_that_no_job_can_change_is_refused_before_anything_is_sent(
    fields: dict[str, object],
) -> None:
    world = World([ok(job())])
    with pytest.raises(ValueError, match="not fields"):
        world.client.jobs.update(PROJECT, JOB, fields)
    assert world.requests == []


UPDATES = [
    lambda c: c.jobs.update(PROJECT, JOB, {"cpu": 1.0}),
    lambda c: c.projects.update(PROJECT, shared_memory_limit_mb=1),
]


@pytest.mark.parametrize("update", UPDATES)
def test_an_update_that_cannot_be_confirmed_is_unknown(update: object) -> None:
    world = World([ok({}), refusal(500)])
    with pytest.raises(Unknown, match="not confirmed"):
        update(world.client)  # type: ignore[operator]  # one of the calls above


def test_runs_are_read_to_the_end_of_their_pages() -> None:
    pages = [
        ok({"job_runs": [run("a" * 16)], "next_page_token": "t"}),
        ok({"job_runs": [run("b" * 16, status="ENGINE_SUCCEEDED")], "next_page_token": ""}),
    ]
    world = World(pages)
    seen = world.client.jobs.list_runs(PROJECT, JOB)
    assert seen.complete
    assert [(r.id[0], r.phase) for r in seen.items] == [
        ("a", RunPhase.SCHEDULING),
        ("b", RunPhase.SUCCEEDED),
    ]
    assert [r.url.path for r in world.requests] == [RUNS, RUNS]
    assert world.requests[1].url.params["page_token"] == "t"


def test_a_torn_list_of_jobs_or_runs_says_so() -> None:
    twice = {"jobs": [job(), job()]}
    assert not World([ok(twice)]).client.jobs.list(PROJECT).complete
    nameless = {"job_runs": [run(), {"status": "ENGINE_RUNNING"}]}
    assert not World([ok(nameless)]).client.jobs.list_runs(PROJECT, JOB).complete


def test_a_run_is_started_with_what_is_its_own() -> None:
    world = World([ok(run(environment='{"A":"1"}'))])
    made = world.client.jobs.create_run(PROJECT, JOB, {"A": "1"})
    judge("CreateJobRunRequest", world.body())
    assert world.requests[0].url.path == RUNS
    assert (made.id, made.job, made.phase) == (RUN, JOB, RunPhase.SCHEDULING)
    assert made.environment == {"A": "1"}
    assert made.finished_at is None
    assert made.created_at is not None


def test_a_run_is_looked_at_and_stopped_by_its_own_path() -> None:
    world = World([ok(run(status="ENGINE_TIMEDOUT", finished_at="2026-03-02T10:30:00Z")), ok({})])
    seen = world.client.jobs.get_run(PROJECT, JOB, RUN)
    world.client.jobs.stop_run(PROJECT, JOB, RUN)
    assert seen.phase is RunPhase.TIMED_OUT
    assert seen.finished_at is not None
    paths = [(r.method, r.url.path) for r in world.requests]
    assert paths == [("GET", f"{RUNS}/{RUN}"), ("POST", f"{RUNS}/{RUN}:stop")]


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("ENGINE_RUNNING", RunPhase.RUNNING),
        ("running", RunPhase.RUNNING),
        ("ENGINE_TIMEOUT", RunPhase.TIMED_OUT),
        ("timedout", RunPhase.TIMED_OUT),
        ("ENGINE_SKIPPED", RunPhase.SKIPPED),
        ("pending", RunPhase.SCHEDULING),
        ("ENGINE_UNKNOWN", RunPhase.UNKNOWN),
        ("ENGINE_MELTED", RunPhase.UNKNOWN),
        ("", RunPhase.UNKNOWN),
    ],
)
def test_every_spelling_of_a_runs_status_is_understood(status: str, phase: RunPhase) -> None:
    assert run_phase(status) is phase


def test_a_run_is_over_only_where_nothing_follows() -> None:
    over = {phase for phase in RunPhase if phase.is_over}
    assert over == {
        *(RunPhase.STOPPED, RunPhase.SUCCEEDED, RunPhase.FAILED),
        *(RunPhase.TIMED_OUT, RunPhase.SKIPPED),
    }


WRITES = [
    lambda c: c.jobs.create(PROJECT, WANTED),
    lambda c: c.jobs.update(PROJECT, JOB, {"cpu": 1.0}),
    lambda c: c.jobs.delete(PROJECT, JOB),
    lambda c: c.jobs.create_run(PROJECT, JOB),
    lambda c: c.jobs.stop_run(PROJECT, JOB, RUN),
    lambda c: c.projects.create(NewProject("fraud")),
    lambda c: c.projects.update(PROJECT, shared_memory_limit_mb=1),
    lambda c: c.projects.delete(PROJECT),
]
READS = [
    lambda c: c.jobs.list(PROJECT),
    lambda c: c.jobs.get(PROJECT, JOB),
    lambda c: c.jobs.list_runs(PROJECT, JOB),
    lambda c: c.jobs.get_run(PROJECT, JOB, RUN),
    lambda c: c.projects.get(PROJECT),
    lambda c: c.projects.named("fraud"),
]


@pytest.mark.parametrize("call", WRITES)
def test_a_write_goes_once_and_a_lost_answer_is_unknown(call: object) -> None:
    for lost in (httpx.ReadTimeout("late"), refusal(502)):
        world = World([lost])
        with pytest.raises(Unknown):
            call(world.client)  # type: ignore[operator]  # one of the calls above
        assert len(world.requests) == 1


@pytest.mark.parametrize("call", READS)
def test_a_read_is_tried_three_times(call: object) -> None:
    world = World([httpx.ReadTimeout("late")])
    with pytest.raises(Unavailable):
        call(world.client)  # type: ignore[operator]  # one of the calls above
    assert len(world.requests) == 3


def test_what_is_gone_counts_as_deleted() -> None:
    world = World([refusal(404)])
    world.client.jobs.delete(PROJECT, JOB)
    world.client.projects.delete(PROJECT)
    with pytest.raises(NotFound):
        world.client.jobs.stop_run(PROJECT, JOB, RUN)


@pytest.mark.parametrize("create", [WRITES[0], WRITES[3], WRITES[5]])
def test_a_create_that_does_not_say_what_it_made_is_unknown(create: object) -> None:
    with pytest.raises(Unknown):
        create(World([ok({"name": "?"})]).client)  # type: ignore[operator]  # one of the calls above


def test_an_answer_that_is_no_job_is_malformed() -> None:
    with pytest.raises(Malformed):
        World([ok({"name": "?"})]).client.jobs.get(PROJECT, JOB)


def test_a_project_is_cloned_from_git() -> None:
    world = World([ok(project())])
    wanted = NewProject(
        "fraud",
        git_url="https://git.example.com/acme/fraud.git",
        git_ref="main",
        shared_memory_limit_mb=8192,
        environment={"A": "1"},
    )
    made = world.client.projects.create(wanted)
    judge("CreateProjectRequest", world.body())
    assert world.body() == {
        "name": "fraud",
        "template": "git",
        "visibility": "private",
        "default_project_engine_type": "ml_runtime",
        "git_url": "https://git.example.com/acme/fraud.git",
        "git_ref": "main",
        "shared_memory_limit": 8192,
        "environment": {"A": "1"},
    }
    assert (made.id, made.creation, made.owner) == (PROJECT, Creation.CREATING, "jdoe")
    assert (made.shared_memory_limit_mb, made.environment) == (64, {"A": "1"})


def test_a_project_without_a_repository_is_empty() -> None:
    world = World([ok(project())])
    world.client.projects.create(NewProject("fraud"))
    judge("CreateProjectRequest", world.body())
    assert world.body()["template"] == "blank"
    assert "git_url" not in world.body()


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("creating", Creation.CREATING),
        ("success", Creation.READY),
        ("CREATED", Creation.READY),
        ("failure", Creation.FAILED),
        ("error", Creation.FAILED),
        ("", Creation.UNKNOWN),
        ("melting", Creation.UNKNOWN),
    ],
)
def test_every_spelling_of_a_projects_creation_is_understood(word: str, state: Creation) -> None:
    assert creation(word) is state
    assert World([ok(project(creation_status=word))]).client.projects.get(PROJECT).creation is state


def test_projects_are_told_by_their_exact_name() -> None:
    body = {"projects": [project(), project(id="b", name="fraud-old"), project(id="c")]}
    world = World([ok(body)])
    assert [p.id for p in world.client.projects.named("fraud")] == [PROJECT, "c"]
    assert json.loads(world.requests[0].url.params["search_filter"]) == {"name": "fraud"}


def test_a_projects_update_sends_what_is_given_and_tells_what_a_read_says_of_it() -> None:
    world = World([ok({}), ok(project(shared_memory_limit=4096)), ok({}), ok(project())])
    seen = world.client.projects.update(PROJECT, shared_memory_limit_mb=4096)
    assert world.body(0) == {"shared_memory_limit": 4096}
    assert seen.shared_memory_limit_mb == 4096
    world.client.projects.update(PROJECT, environment={"B": "/"})
    judge("Project", world.body(2))
    assert world.body(2) == {"environment": '{"B":"/"}'}


def test_no_secret_of_a_job_run_or_project_is_repeated() -> None:
    secret = "hunter2-hunter2"
    wanted = JobConfiguration("n", "s.py", "i", environment={"T": secret})
    new = NewProject(
        "n", git_url=f"https://jdoe:{secret}@git.example.com/x", environment={"T": "v"}
    )
    assert secret not in f"{wanted!r}{new!r}"
    calls = [
        lambda c: c.jobs.create(PROJECT, wanted),
        lambda c: c.jobs.update(PROJECT, JOB, {"environment": {"T": secret}}),
        lambda c: c.jobs.create_run(PROJECT, JOB, {"T": secret}),
        lambda c: c.projects.create(new),
        lambda c: c.projects.update(PROJECT, environment={"T": secret}),
    ]
    for call in calls:
        with pytest.raises(Rejected) as caught:
            call(World([refusal(400, f"bad value {secret} there")]).client)
        assert secret not in str(caught.value)
        assert "there" in str(caught.value)


FIELDS = ["id", "jobs", "job_runs", "projects", "environment", "status", "timeout", "owner", "cpu"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from([*FIELDS, "next_page_token", "type"]), inner, max_size=6)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(call=st.sampled_from([*WRITES, *READS]), status=st.integers(200, 599), body=JSON)
def test_whatever_a_server_says_of_jobs_the_client_answers_or_raises_a_cml_error(
    call: object, status: int, body: object
) -> None:
    world = World([httpx.Response(status, content=json.dumps(body).encode())])
    said = ""
    try:
        call(world.client)  # type: ignore[operator]  # one of the calls above
    except CmlError as error:
        said = str(error)
    assert said == "" or (said.isprintable() and len(said) < 700)
