"""Differences between CML workspaces: each is an option of the emulator, tried both ways."""

import pytest
from emulated import KEYS, RUNTIME, World

from controller.emulator.options import Capacity, Options
from tests.scripted_pods import Behaviour

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJqZG9lIn0.c2lnbmF0dXJlLWFuZC1tb3Jl"
AT_ONCE = Behaviour(answers_after=0.0)


def names(world: World, path: str = "") -> list[str]:
    body = world.ok("GET", f"/projects/{world.project}/files/{path}", "ListProjectFilesResponse")
    return [entry["path"] for entry in body["files"]]


def put(world: World, path: str, method: str = "PUT") -> int:
    where = f"/projects/{world.project}/files"
    return world.call(method, where, files={path: ("x.py", b"x = 1\n")}).status_code


# uploads


def test_a_put_stores_a_file_under_the_name_of_its_form_field() -> None:
    for in_root in (False, True):
        world = World(options=Options(post_upload_in_root=in_root))
        assert put(world, "lib/deep/x.py") == 200
        assert names(world, "lib/deep") == ["x.py"]


def test_a_post_may_land_in_the_home_under_its_base_name_and_never_overwrites() -> None:
    world = World(options=Options(post_upload_in_root=True))
    for _ in range(2):
        assert put(world, "lib/x.py", "POST") == 200
    assert names(world) == ["app.py", "x(1).py", "x.py"]


@pytest.mark.parametrize(("method", "other"), [("post", "put"), ("put", "post")])
def test_a_workspace_may_serve_one_method_of_upload_only(method: str, other: str) -> None:
    world = World()
    world.workspace.options = Options(uploads=method)  # type: ignore[arg-type]  # as parametrized
    assert put(world, "lib/x.py", method.upper()) == 200
    answer = world.call(other.upper(), f"/projects/{world.project}/files", files={"y": b"y"})
    assert (answer.status_code, answer.text) == (405, "Method Not Allowed\n")


# restarts


def settled(status: str, **options: object) -> tuple[World, str]:
    """A world with an application in this status."""
    world = World(options=Options(auto_restarts=0, **options), story=lambda _: AT_ONCE)  # type: ignore[arg-type]  # as named
    app = world.create()
    world.pass_time(1)
    if status == "FAILED":
        world.pods.kill(next(iter(world.pods.pods)))
    elif status != "RUNNING":
        world.verb(app, "stop")
    world.pass_time(1 if status == "STOPPING" else 5)
    assert world.status(app) == status
    return world, app


@pytest.mark.parametrize(
    ("status", "options", "works"),
    [
        ("RUNNING", {"restart_needs_live_run": True, "restart_of_failed": False}, True),
        ("FAILED", {}, True),
        ("FAILED", {"restart_of_failed": False}, False),
        ("FAILED", {"restart_needs_live_run": True}, False),
        ("STOPPED", {"restart_of_failed": False}, True),
        ("STOPPED", {"restart_needs_live_run": True}, False),
    ],
)
def test_a_restart_may_need_a_run_that_is_alive(
    status: str, options: dict[str, bool], works: bool
) -> None:
    world, app = settled(status, **options)
    if works:
        world.verb(app, "restart")
        world.pass_time(1)
        assert world.status(app) == "RUNNING"
    else:
        said = world.refused(400, 9, "POST", f"{world.apps}/{app}:restart")
        assert said == "restart only works on a live run"
        assert world.status(app) == status


def test_stop_change_and_restart_at_once_work_where_a_restart_is_queued() -> None:
    world, app = settled("FAILED", restart_while_stopping=True, restart_needs_live_run=True)
    world.verb(app, "stop")
    world.patch(app, cpu=3)
    world.verb(app, "restart")
    world.pass_time(3)
    assert (world.status(app), world.get(app)["cpu"]) == ("RUNNING", 3)
    assert len(world.pods.pods) == 1


def test_a_queued_restart_waits_for_the_end_of_the_old_pod() -> None:
    world, app = settled("RUNNING", restart_while_stopping=True)
    old = next(iter(world.pods.pods))
    world.pods.pods[old].behaviour = Behaviour(answers_after=0.0, stop_takes=10.0)
    world.verb(app, "stop")
    world.verb(app, "restart")
    world.pass_time(5)
    assert (world.status(app), [*world.pods.pods]) == ("STARTING", [old])
    world.pass_time(7)
    assert world.status(app) == "RUNNING"
    assert old not in world.pods.pods


def test_a_restart_of_what_is_stopping_is_refused_otherwise() -> None:
    world, app = settled("STOPPING", stop_s=3.0)
    world.refused(400, 9, "POST", f"{world.apps}/{app}:restart")


def test_a_second_stop_is_refused_or_changes_nothing() -> None:
    world, app = settled("STOPPED")
    world.refused(400, 9, "POST", f"{world.apps}/{app}:stop")
    world, app = settled("STOPPED", stop_of_stopped=True)
    assert world.verb(app, "stop")["status"] == "APPLICATION_STOPPED"


# keys


@pytest.mark.parametrize("status", [500, 401])
def test_a_bearer_without_the_form_of_a_key_is_called_malformed(status: int) -> None:
    world = World(options=Options(malformed_key_status=status))  # type: ignore[arg-type]  # as parametrized
    for secret in (JWT, "half", "a v1 key"):
        answer = world.as_holder_of(secret).get("/api/v2/projects")
        assert (answer.status_code, answer.json()["message"]) == (status, "malformed apikey")


def test_no_key_and_an_unknown_key_have_answers_of_their_own() -> None:
    world = World()
    answer = world.as_holder_of(None).get("/api/v2/projects")
    assert (answer.status_code, answer.json()["message"]) == (401, 'no "authorization" header')
    for secret in ("0123456789abcdef" * 4, "0123456789abcdef.0123456789abcdef"):
        answer = world.as_holder_of(secret).get("/api/v2/projects")
        assert (answer.status_code, answer.json()["message"]) == (401, "unauthenticated")
        assert secret not in KEYS


# quota


def test_a_create_beyond_the_quota_is_refused_or_waits() -> None:
    small = Capacity(cpu=2)
    world = World(options=Options(capacity=small, over_quota="409"))
    world.create("one", cpu=2)
    more = world.wanted("two", cpu=1)
    said = world.refused(409, 8, "POST", world.apps, json=more)
    assert said == "out of quota: CPU request limit reached"
    assert world.names() == ["one"]
    world = World(options=Options(capacity=small))
    world.create("one", cpu=2)
    assert world.status(world.create("two", cpu=1)) == "STARTING"


def test_a_start_is_refused_while_another_application_uses_the_quota() -> None:
    world = World(
        options=Options(capacity=Capacity(cpu=2), over_quota="409"), story=lambda _: AT_ONCE
    )
    first = world.create("one", cpu=2)
    world.verb(first, "restart")
    world.pass_time(2)
    world.verb(first, "stop")
    world.pass_time(4)
    second = world.create("two", cpu=2)
    world.refused(409, 8, "POST", f"{world.apps}/{first}:restart")
    world.verb(second, "stop")
    world.pass_time(4)
    world.verb(first, "restart")


@pytest.mark.parametrize("refused", [True, False])
def test_the_pods_of_a_user_are_counted(refused: bool) -> None:
    world = World(
        options=Options(most_pods=2, over_quota="409" if refused else "pending"),
        story=lambda _: AT_ONCE,
    )
    world.create("one")
    two = world.create("two")
    if refused:
        said = world.refused(409, 8, "POST", world.apps, json=world.wanted("three"))
        assert said == "out of quota: pod limit reached"
        return
    three = world.create("three")
    world.pass_time(3)
    assert world.status(three) == "STARTING"
    world.verb(two, "stop")
    world.pass_time(4)
    assert world.status(three) == "RUNNING"


def test_a_run_beyond_the_quota_is_refused_too() -> None:
    world = World(options=Options(capacity=Capacity(cpu=1), over_quota="409"))
    world.create("one")
    jobs = f"/projects/{world.project}/jobs"
    body = {"name": "job", "script": "app.py", "runtime_identifier": RUNTIME}
    job = world.ok("POST", jobs, "Job", json=body)["id"]
    assert "out of quota" in world.refused(409, 8, "POST", f"{jobs}/{job}/runs", json={})
    listed = world.ok("GET", f"{jobs}/{job}/runs", "ListJobRunsResponse")
    assert listed["job_runs"] == []


# smaller ones


@pytest.mark.parametrize("ready", ["success", "succeeded", ""])
def test_a_project_that_is_ready_says_so_in_several_ways(ready: str) -> None:
    world = World(options=Options(creation_status=ready))  # type: ignore[arg-type]  # as parametrized
    found = world.ok("GET", f"/projects/{world.project}", "Project")
    assert found["creation_status"] == ready


@pytest.mark.parametrize("shows", [False, True])
def test_a_run_may_show_the_variables_of_its_project(shows: bool) -> None:
    world = World(options=Options(run_shows_project_environment=shows))
    patch = {"environment": '{"PASSWORD":"p"}'}
    world.ok("PATCH", f"/projects/{world.project}", "Project", json=patch)
    jobs = f"/projects/{world.project}/jobs"
    body = {"name": "job", "script": "app.py", "runtime_identifier": RUNTIME}
    job = world.ok("POST", jobs, "Job", json=body)["id"]
    own = {"environment": {"B": "1"}}
    run = world.ok("POST", f"{jobs}/{job}/runs", "JobRun", json=own)
    wanted = '{"B":"1","PASSWORD":"p"}' if shows else '{"B":"1"}'
    assert run["environment"] == wanted
    again = world.ok("GET", f"{jobs}/{job}/runs/{run['id']}", "JobRun")
    listed = world.ok("GET", f"{jobs}/{job}/runs", "ListJobRunsResponse")["job_runs"]
    assert [again["environment"], listed[0]["environment"]] == [wanted, wanted]


@pytest.mark.parametrize(("owner", "slug"), [(False, "my-demo"), (True, "developer/My Demo")])
def test_a_slug_is_the_name_in_lower_case_or_has_the_owner_before_it(
    owner: bool, slug: str
) -> None:
    world = World(options=Options(slug_with_owner=owner))
    made = world.ok("POST", "/projects", "Project", json={"name": "My Demo"})
    assert made["slug"] == slug
    renamed = world.ok("PATCH", f"/projects/{made['id']}", "Project", json={"name": "X"})
    assert renamed["slug"] == ("developer/X" if owner else "x")


def test_quoted_numbers_are_numbers() -> None:
    world = World()
    app = world.get(world.create(cpu="1.5", memory="2", nvidia_gpu="1"))
    assert (app["cpu"], app["memory"], app["nvidia_gpu"]) == (1.5, 2, 1)


def test_a_slash_at_the_end_of_a_path_changes_nothing() -> None:
    world = World()
    app = world.create()
    assert world.ok("GET", f"{world.apps}/{app}/", "Application")["id"] == app
    assert world.call("GET", "/projects/").status_code == 200
    assert world.call("DELETE", f"{world.apps}/{app}/").status_code == 200
    world.pass_time(5)
    assert world.names() == []


def test_usage_keeps_the_name_of_a_deleted_project() -> None:
    world = World(story=lambda _: AT_ONCE)
    world.create()
    world.pass_time(1)
    world.call("DELETE", f"/projects/{world.project}")
    world.pass_time(10)
    rows = world.ok("GET", "/usage", "ListUsageResponse")["usage_response"]
    assert [row["project_name"] for row in rows] == ["demo"]
