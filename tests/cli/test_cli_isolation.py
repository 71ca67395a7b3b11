"""A fault stops what it answered, for one pass: no other project, cluster or member, no later pass.

Stories over the production composition: several clusters, several projects, one of which fails.
"""

import json
from collections.abc import Callable

import httpx
import pytest
from controlled import Controlled, controlled
from environment_stage import Builders, asking
from stage import HOST, KEY, Stage

REFUSALS = {
    "401": httpx.Response(401, json={"error": "x", "code": 16, "message": "unauthenticated"}),
    "403": httpx.Response(403, json={"error": "x", "code": 7, "message": "forbidden"}),
    "302": httpx.Response(302, headers={"Location": "/login"}),
    "page": httpx.Response(200, html="<html>sign in</html>"),
}
Instead = Callable[[httpx.Request], httpx.Response | None]


def answer(kind: str) -> httpx.Response:
    kept = REFUSALS[kind]
    return httpx.Response(kept.status_code, headers=kept.headers, content=kept.content)


def once(kind: str, when: Callable[[httpx.Request], bool], hits: list[str]) -> Instead:
    def instead(request: httpx.Request) -> httpx.Response | None:
        if hits or not when(request):
            return None
        hits.append(request.url.path)
        return answer(kind)

    return instead


def is_create(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith("/applications")


def is_upload(request: httpx.Request) -> bool:
    return request.method == "POST" and request.url.path.endswith("/files")


def of_cluster(stage: Stage, name: str) -> list[str]:
    return sorted(n for n in stage.applications() if n.startswith(f"ray-{name}-"))


def second_project(stage: Stage) -> str:
    project: str = stage.workspace.create_project(stage.user, {"name": "other-team"}).id
    return project


def spoken(controller: Controlled, name: str) -> str:
    status = controller.snapshot.status
    found = None if status is None else status.cluster(name)
    assert found is not None
    return found.word


@pytest.mark.parametrize("kind", REFUSALS)
@pytest.mark.parametrize("when", [is_create, is_upload])
def test_one_refused_step_is_tried_again_and_stops_no_later_pass(
    stage: Stage, kind: str, when: Callable[[httpx.Request], bool]
) -> None:
    stage.spec("one", replicas=1)
    hits: list[str] = []
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        stage.spec("one", replicas=2, cpu=3)
        stage.wire.instead = once(kind, when, hits)
        controller.turn(3)
        stage.spec("two", replicas=1)
        controller.settle()
    assert len(hits) == 1
    assert of_cluster(stage, "one") == ["ray-one-cpu-0", "ray-one-cpu-1", "ray-one-head"]
    assert of_cluster(stage, "two") == ["ray-two-cpu-0", "ray-two-head"]


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_project_that_refuses_each_step_delays_no_other_project(stage: Stage, kind: str) -> None:
    other = second_project(stage)
    stage.spec("mine", replicas=1)
    stage.spec("aaa-theirs", replicas=1, extra=f"project: {other}")

    def instead(request: httpx.Request) -> httpx.Response | None:
        return answer(kind) if is_create(request) and other in request.url.path else None

    stage.wire.instead = instead
    with controlled(stage, stage.folder / "specs") as controller:
        controller.turn(1)
        assert of_cluster(stage, "mine") == ["ray-mine-cpu-0", "ray-mine-head"]
        controller.turn(12)
        assert spoken(controller, "mine") == "Ready"
        stage.wire.instead = lambda _: None
        controller.settle()
    assert len(of_cluster(stage, "aaa-theirs")) == 2


def test_a_one_shot_command_finishes_the_projects_that_let_it(stage: Stage) -> None:
    other = second_project(stage)
    stage.spec("mine", replicas=1)
    stage.spec("theirs", replicas=1, extra=f"project: {other}")

    def instead(request: httpx.Request) -> httpx.Response | None:
        return answer("403") if is_create(request) and other in request.url.path else None

    stage.wire.instead = instead
    said = stage.run("reconcile", "--timeout", "10m")
    assert said.code == 4, said.err
    assert set(stage.applications().values()) == {"APPLICATION_RUNNING"}
    assert of_cluster(stage, "mine") == ["ray-mine-cpu-0", "ray-mine-head"]


def test_a_key_that_is_refused_everywhere_ends_a_one_shot_command_at_once(stage: Stage) -> None:
    stage.spec("mine", replicas=1)
    stage.wire.instead = lambda r: answer("403") if is_create(r) else None
    said = stage.run("reconcile", "--timeout", "10m")
    assert said.code == 4, said.err
    assert stage.clock.elapsed < 5


def test_a_list_that_is_torn_stops_no_cluster_elsewhere(stage: Stage) -> None:
    """A cluster moves out of the project whose list is torn; another one wants a worker more."""
    other = second_project(stage)
    stage.spec("good", replicas=1)
    stage.spec("moves", replicas=1, extra=f"project: {other}")
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()

        def torn(request: httpx.Request) -> httpx.Response | None:
            if request.method != "GET" or not request.url.path.endswith(f"{other}/applications"):
                return None
            whole = stage.wire.inner.handle_request(request)
            body = json.loads(whole.read())
            odd = {"id": "odd", "name": "x", "subdomain": "odd", "cpu": "lots"}
            return httpx.Response(200, json={"applications": [*body["applications"], odd]})

        stage.wire.instead = torn
        stage.spec("moves", replicas=1)
        stage.spec("stays", replicas=1, extra=f"project: {other}")
        stage.spec("good", replicas=2)
        controller.turn(4)
        assert len(of_cluster(stage, "good")) == 3
        assert controller.snapshot.plan.refusals == ()
        assert len(of_cluster(stage, "moves")) == 2, "nothing is deleted on a torn list"
        stage.wire.instead = lambda _: None
        controller.settle()
    assert {
        row.project_id
        for row in stage.workspace.state.applications.values()
        if row.subdomain.startswith("ray-moves")
    } == {stage.project}


def forbidden(status: int) -> httpx.Response:
    return httpx.Response(status, json={"error": "x", "code": 7, "message": "no"})


LOOKS = {
    "list": lambda other: f"/projects/{other}/applications",
    "lookup": lambda _: "/api/v2/projects",
    "files": lambda other: f"/projects/{other}/files",
}


@pytest.mark.parametrize("status", [401, 403, 404, 302, 500])
@pytest.mark.parametrize("look", LOOKS)
def test_a_project_that_cannot_be_looked_at_stops_no_other_project(
    stage: Stage, look: str, status: int
) -> None:
    """Its list, its name or its files: the healthy neighbour grows meanwhile, and it comes back."""
    other = second_project(stage)
    stage.spec("good", replicas=1)
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()

        def instead(request: httpx.Request) -> httpx.Response | None:
            asked = LOOKS[look](other) in request.url.path
            whole = look != "lookup" or request.url.path.endswith("/projects")
            return forbidden(status) if asked and whole else None

        stage.wire.instead = instead
        stage.spec(
            "bad",
            replicas=1,
            extra="project: other-team" if look == "lookup" else f"project: {other}",
        )
        stage.spec("good", replicas=2)
        controller.turn(4)
        assert len(of_cluster(stage, "good")) == 3
        assert controller.loop.state.failures == 0
        assert of_cluster(stage, "bad") == []
        if look != "files" and status in (403, 404):
            assert spoken(controller, "bad") == "Stalled"
        stage.wire.instead = lambda _: None
        controller.settle()
    assert len(of_cluster(stage, "bad")) == 2


def torn(request: httpx.Request) -> httpx.Response:
    """A list with an item that is unlike the contract."""
    key = "job_runs" if request.url.path.endswith("/runs") else "jobs"
    return httpx.Response(200, json={key: [{"id": "odd", "cpu": "lots", "created_at": "once"}]})


def hang(stage: Stage, request: httpx.Request) -> httpx.Response:
    stage.clock.elapsed += 30
    raise httpx.ReadTimeout("no answer", request=request)


JOBS_FAULTS: dict[str, Callable[[Stage, httpx.Request], httpx.Response]] = {
    **{kind: lambda _s, _r, kind=kind: answer(kind) for kind in REFUSALS},
    "500": lambda _s, _r: forbidden(500),
    "404": lambda _s, _r: forbidden(404),
    "torn": lambda _, request: torn(request),
    "hangs": hang,
}


def stop(stage: Stage, *subdomains: str) -> None:
    """Stop applications, as a person would in CML."""
    rows = {row.subdomain: row.id for row in stage.workspace.state.applications.values()}
    client = httpx.Client(
        transport=stage.wire.inner, base_url=HOST, headers={"Authorization": f"Bearer {KEY}"}
    )
    for name in subdomains:
        path = f"/api/v2/projects/{stage.project}/applications/{rows[name]}:stop"
        client.post(path, json={}).raise_for_status()


@pytest.mark.parametrize(
    ("calls", "fault"),
    [
        *(("list of jobs", fault) for fault in ("401", "403", "page", "500", "torn")),
        *(("all jobs calls", fault) for fault in ("302", "404", "hangs")),
        *(("runs", fault) for fault in ("500", "torn")),
    ],
)
def test_jobs_that_fail_hold_up_only_what_needs_an_environment(
    stage: Stage, calls: str, fault: str
) -> None:
    """One cluster has no environment, one has its own, and one needs another to be built."""
    builders = Builders(stage)
    stage.spec("plain", replicas=1)
    stage.spec("built", replicas=1, **asking())
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        built = builders.jobs()

        def instead(request: httpx.Request) -> httpx.Response | None:
            path = request.url.path
            struck = {
                "list of jobs": path.endswith("/jobs") and request.method == "GET",
                "all jobs calls": "/jobs" in path,
                "runs": path.endswith("/runs"),
            }
            return JOBS_FAULTS[fault](stage, request) if struck[calls] else None

        stage.wire.instead = instead
        stage.spec("asks", replicas=1, **asking("pandas==2.2.3"))
        stop(stage, "ray-plain-head", "ray-built-cpu-0")
        stage.spec("plain", replicas=2)
        controller.turn(12)
        assert set(of_cluster(stage, "plain")) == {
            *("ray-plain-cpu-0", "ray-plain-cpu-1", "ray-plain-head")
        }
        assert [spoken(controller, name) for name in ("plain", "built")] == ["Ready", "Ready"]
        assert of_cluster(stage, "asks") == []
        assert builders.runs == [name.removeprefix("raycml-env-") for name in built]
        assert len(builders.jobs()) <= len(built) + (calls == "runs")
        assert controller.snapshot.plan is not None
        assert controller.snapshot.plan.refusals == ()
        why = [wait.message for wait in controller.snapshot.plan.waits if wait.cluster == "asks"]
        assert why
        assert all("environment" in message for message in why)
        stage.wire.instead = lambda _: None
        controller.settle()
    assert len(of_cluster(stage, "asks")) == 2
    assert len(builders.jobs()) == len(built) + 1


@pytest.mark.parametrize("fault", ["403", "500"])
def test_a_one_shot_command_tells_what_waits_for_jobs_and_does_the_rest(
    stage: Stage, fault: str
) -> None:
    Builders(stage)
    stage.spec("plain", replicas=1)
    stage.spec("asks", replicas=1, **asking())
    stage.wire.instead = lambda r: (
        JOBS_FAULTS[fault](stage, r) if r.url.path.endswith("/jobs") else None
    )
    said = stage.run("reconcile", "--timeout", "5m")
    assert said.code == 5, said.err
    assert len(of_cluster(stage, "plain")) == 2
    assert of_cluster(stage, "asks") == []
    assert fault in said.out + said.err
    assert (stage.clock.elapsed < 60) == (fault == "403"), "a refusal waits for a person"


def test_a_one_shot_command_waits_for_no_project_that_may_not_be_seen(stage: Stage) -> None:
    stage.spec("good", replicas=1)
    stage.spec("bad", replicas=1, extra="project: aaaa-bbbb-cccc-dddd")
    stage.wire.instead = lambda r: forbidden(403) if "aaaa-bbbb" in r.url.path else None
    said = stage.run("reconcile", "--timeout", "10m")
    assert said.code == 5, said.err
    assert len(of_cluster(stage, "good")) == 2
    assert stage.clock.elapsed < 60


def test_a_key_that_may_look_at_nothing_ends_a_one_shot_command_at_once(stage: Stage) -> None:
    other = second_project(stage)
    stage.spec("good", replicas=1)
    stage.spec("bad", replicas=1, extra=f"project: {other}")
    stage.wire.instead = lambda r: forbidden(401)
    said = stage.run("reconcile", "--timeout", "10m")
    assert said.code == 4, said.err
    assert stage.clock.elapsed < 5


def test_a_project_that_is_made_anew_under_its_name_is_found_again(stage: Stage) -> None:
    second_project(stage)
    stage.spec("one", replicas=1, extra="project: other-team")
    with controlled(stage, stage.folder / "specs") as controller:
        controller.settle()
        row = next(p for p in stage.workspace.state.projects.values() if p.name == "other-team")
        del stage.workspace.state.projects[row.id]
        stage.workspace.state.applications.clear()
        controller.turn(2)
        assert spoken(controller, "one") == "Stalled"
        anew = second_project(stage)
        controller.turn(20)
        assert spoken(controller, "one") == "Ready"
    assert {a.project_id for a in stage.workspace.state.applications.values()} == {anew}
