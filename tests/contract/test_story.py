"""The story holds in every CML that we can reach: two embedded ones, and a real one if given."""

import os
import random
import threading
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

import httpx
import pytest
import waitress
from job_story import BROKEN, DONE, tell_of_jobs
from pydantic import SecretStr
from story import JudgingTransport, World, operation_of, tell
from waitress import wasyncore

from controller.clock import Clock, SystemClock
from controller.cml.client import Client
from controller.cml.connection import parse_address, trust
from controller.emulator.api.wsgi import create_app
from controller.emulator.options import ApiKey, Options
from controller.emulator.pods.processes import PodExit, PodRequest
from controller.emulator.state.ids import Ids
from controller.emulator.workspace import Workspace
from tests.memory_tree import in_memory
from tests.scripted_pods import Behaviour, ScriptedProcesses

KEY = "the-key-of-the-story"
LOOPBACK = "http://127.0.0.1"


class StepClock:
    """Time passes only where somebody waits."""

    def __init__(self) -> None:
        self._elapsed = 0.0

    def now(self) -> datetime:
        return datetime(2026, 3, 2, tzinfo=UTC) + timedelta(seconds=self._elapsed)

    def monotonic(self) -> float:
        return self._elapsed

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        self._elapsed += max(seconds, 0.0)
        return wake is not None and wake.is_set()


def workspace(clock: Clock, options: Options, *, starts_in_s: float) -> Workspace:
    def told(order: PodRequest) -> Behaviour:
        """A run ends as its script says; an application goes on."""
        script = order.script.rsplit("/", 1)[-1]
        ends = None if script not in {DONE, BROKEN} else 2 * starts_in_s
        return Behaviour(starts_in_s, ends, PodExit(int(script != DONE)))

    processes = ScriptedProcesses(told)
    return Workspace(clock, processes, Ids(random.Random(5)), new_tree=in_memory, options=options)


def world(  # all that differs between worlds
    name: str,
    url: str,
    key: str,
    project: str,
    inner: httpx.BaseTransport,
    clock: Clock,
    **times: float,
) -> World:
    transport = JudgingTransport(inner)

    def new_client(secret: str) -> Client:
        chance = random.Random(1)
        return Client(url, SecretStr(secret), clock=clock, random=chance, transport=transport)

    raw = httpx.Client(transport=transport, headers={"Authorization": f"Bearer {key}"}, timeout=30)
    return World(name, new_client(key), raw, transport, project, clock, new_client, **times)


def new_project(url: str, inner: httpx.BaseTransport) -> str:
    with httpx.Client(transport=JudgingTransport(inner)) as http:
        answer = http.post(
            f"{url}/api/v2/projects",
            json={"name": "story", "environment": {"FROM_PROJECT": "1"}},
            headers={"Authorization": f"Bearer {KEY}"},
        )
    return str(answer.raise_for_status().json()["id"])


@contextmanager
def in_process(**differs: object) -> Iterator[World]:
    """`differs` are options in which workspaces differ."""
    clock = StepClock()
    options = Options(start_s=3, stop_s=4, delete_s=6, **differs)  # type: ignore[arg-type]  # as named
    there = workspace(clock, options, starts_in_s=2)
    inner = httpx.WSGITransport(create_app(there, {KEY: ApiKey(KEY)}))
    yield world("in process", LOOPBACK, KEY, new_project(LOOPBACK, inner), inner, clock)


@contextmanager
def over_a_socket() -> Iterator[World]:
    clock = SystemClock()
    there = workspace(clock, Options(stop_s=0.1, delete_s=0.2), starts_in_s=0.1)
    app = create_app(there, {KEY: ApiKey(KEY)})
    sockets: dict[int, wasyncore.dispatcher] = {}
    server = waitress.create_server(app, map=sockets, host="127.0.0.1", port=0, threads=2)
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            wasyncore.loop(timeout=0.05, map=sockets, count=1)

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"{LOOPBACK}:{server.effective_port}"
    try:
        with httpx.HTTPTransport() as inner:
            project = new_project(url, inner)
            yield world("over a socket", url, KEY, project, inner, clock, look_s=0.05)
    finally:
        over.set()
        thread.join(10)
        server.task_dispatcher.shutdown()
        for one in list(sockets.values()):
            one.close()


@contextmanager
def for_real() -> Iterator[World]:
    host, key, project = (
        os.environ.get(f"RAYCML_CONTRACT_{name}", "") for name in ("HOST", "KEY", "PROJECT")
    )
    if not (host and key and project):
        pytest.skip("set RAYCML_CONTRACT_HOST, _KEY and _PROJECT (an id) to tell it to a real CML")
    url = parse_address(host).url
    with httpx.HTTPTransport(verify=trust()) as inner:
        yield world("real", url, key, project, inner, SystemClock(), patience_s=900, look_s=5)


DIFFERENCES: tuple[dict[str, object], ...] = (
    {"post_upload_in_root": True},
    {"uploads": "put"},
    {"uploads": "post"},
    {"restart_of_failed": False, "restart_while_stopping": True},
    {"restart_needs_live_run": True, "stop_of_stopped": True},
    {"malformed_key_status": 401, "slug_with_owner": True},
    {"creation_status": "succeeded", "run_shows_project_environment": True},
    {"creation_status": "", "over_quota": "409", "most_pods": 20},
)


@pytest.mark.timeout(3600)
@pytest.mark.parametrize(
    "open_world",
    [
        *(in_process, over_a_socket, for_real),
        *(pytest.param(partial(in_process, **d), id=", ".join(d)) for d in DIFFERENCES),
    ],
)
def test_the_story_holds(open_world: object) -> None:
    with ExitStack() as stack:
        there = stack.enter_context(open_world())  # type: ignore[operator]  # one of the three
        stack.enter_context(closing(there.raw))
        tell(there)
        tell_of_jobs(there)
    judged = there.transport.judged
    assert judged["Application"] > 10
    assert judged["CreateApplicationRequest"] in (3, 4)  # one more where a restart needs a live run
    assert judged["ListApplicationsResponse"] > 3
    assert judged["ListProjectFilesResponse"] > 3
    assert judged["runtimeError"] > 5
    assert judged["Job"] > 5
    assert judged["CreateJobRequest"] == 3
    assert judged["CreateJobRunRequest"] > 4
    assert judged["JobRun"] > 10
    assert judged["ListJobsResponse"] > 2
    assert judged["ListJobRunsResponse"] > 3
    assert judged["CreateProjectRequest"] > 0


@pytest.mark.parametrize(
    ("method", "path", "operation"),
    [
        ("GET", "/projects/p/applications", "/api/v2/projects/{project_id}/applications"),
        ("GET", "/projects/p/files/a/b", "/api/v2/projects/{project_id}/files/{path}"),
        (
            "POST",
            "/projects/p/applications/a:stop",
            "/api/v2/projects/{project_id}/applications/{application_id}:stop",
        ),
        (
            "POST",
            "/projects/p/files/a/b:download",
            "/api/v2/projects/{project_id}/files/{path}:download",
        ),
        (
            "POST",
            "/projects/p/jobs/j/runs/r:stop",
            "/api/v2/projects/{project_id}/jobs/{job_id}/runs/{run_id}:stop",
        ),
        ("POST", "/projects/p/applications/a/stop", None),
        ("GET", "/swagger.json", None),
    ],
)
def test_the_judge_knows_which_operation_passes(
    method: str, path: str, operation: str | None
) -> None:
    found = operation_of(httpx.Request(method, f"https://h/api/v2{path}"))
    assert (found["path"] if found else None) == operation
