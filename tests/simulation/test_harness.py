"""The simulation's own parts: they say what the things say that they stand for."""

from dataclasses import replace
from pathlib import Path

import httpx
import pytest
from pydantic import SecretStr

from controller.cml.connection import parse_address
from controller.cml.transport import Bearer, open_http
from controller.core.spec.revision import content_id
from controller.source.folder import FolderSource
from tests.simulation.calm import mismatches
from tests.simulation.documents import edited
from tests.simulation.light import LightClient, LightRequest
from tests.simulation.moves import SPOILT
from tests.simulation.schedule import (
    USUAL,
    WORKSPACES,
    Chosen,
    Schedule,
    play,
    prepared,
    schedule,
    story,
)
from tests.simulation.simulation import BY_NAME, HOME, Simulation, the_simulation
from tests.simulation.sky import HIDDEN_S
from tests.simulation.specs import Folder, MemorySource

Exchange = tuple[str, str, int, bytes]
CHECKED = ("content-type", "date")


class Recorder(httpx.BaseTransport):
    """Notes every exchange."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self.exchanges: list[tuple[object, ...]] = []

    def handle_request(self, request: httpx.Request | LightRequest) -> httpx.Response:
        if isinstance(request, LightRequest) and isinstance(self.inner, httpx.WSGITransport):
            request = request.whole()
        answer = self.inner.handle_request(request)
        headers = tuple(answer.headers.get(name) for name in CHECKED)
        told = (request.method, str(request.url), answer.status_code, answer.read(), headers)
        self.exchanges.append(told)
        return answer


def recorded(sim: Simulation, chosen: Schedule, inner: httpx.BaseTransport) -> Recorder:
    before, recorder = sim.world.gateway, Recorder(inner)
    sim.world.gateway = recorder
    try:
        play(sim, chosen)
    finally:
        sim.world.gateway = before
    return recorder


TOUR = story(
    ("edit", {"cluster": "a", "change": ("headGroupSpec.resources.cpu", 2)}),
    ("remove", {"cluster": "c"}),
    ("command", {"name": "pause", "cluster": "b"}),
    ("deed", {"kind": "crash", "name": "ray-a-w-0"}),
    ("second_group", {"cluster": "a"}),
    ("wait", {"seconds": 130.0}),
    ("command", {"name": "unpause", "cluster": "b"}),
    world="environment",
)


DIFFERENT = [replace(TOUR, workspace=name) for name in WORKSPACES if name != USUAL]


@pytest.mark.parametrize("chosen", [TOUR, schedule(3), *DIFFERENT], ids=lambda s: s.workspace)
def test_the_direct_answers_are_those_of_the_web_application(chosen: Schedule) -> None:
    sim = the_simulation()
    prepared(chosen.world)
    direct = recorded(sim, chosen, sim.world.gateway)
    web = recorded(sim, chosen, sim.world.web)
    assert direct.exchanges == web.exchanges
    assert len(direct.exchanges) > 50


class Sent(httpx.BaseTransport):
    """What was sent; the boundary of an upload is a new one each time."""

    def handle_request(self, request: httpx.Request | LightRequest) -> httpx.Response:
        if isinstance(request, LightRequest):
            request = request.whole()
        headers = dict(request.headers)
        edge = headers.get("content-type", "").partition("boundary=")[2]
        headers["content-type"] = headers.get("content-type", "").replace(edge or "-", "EDGE")
        body = request.read().replace(edge.encode() or b"-", b"EDGE")
        timeout = request.extensions["timeout"]["read"]
        self.seen = (request.method, str(request.url), headers, body, timeout)
        return httpx.Response(200, json={})


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"json": {"name": "a", "cpu": 1.5}},
        {"files": {"a/b.py": ("b.py", b"print()", "application/octet-stream")}},
    ],
    ids=("nothing", "json", "a file"),
)
def test_the_light_client_sends_what_httpx_sends(body: dict[str, object]) -> None:
    host, sent = "https://ml.example", []
    for one in (Sent(), Sent()):
        whole = open_http(parse_address(host), one, verify=True)
        client = LightClient(one, host) if sent else whole
        options = {"auth": Bearer(SecretStr("k" * 20)), "timeout": httpx.Timeout(3.0, read=7.0)}
        with client.stream(
            "POST", httpx.URL(f"{host}/api/v2/x?page_size=3"), extensions={}, **options, **body
        ) as answer:
            assert answer.read() == b"{}"
        sent.append(one.seen)
    assert sent[0] == sent[1]


@pytest.mark.parametrize("how", [*SPOILT, "whole", "nothing"])
def test_specs_in_memory_are_read_as_those_on_disk(tmp_path: Path, how: str) -> None:
    folder = Folder(tmp_path)
    docs = prepared("environment").docs
    sim = the_simulation()
    sim.begin(prepared("environment"), seed=1)
    folder.reset(dict(sim.folder.files) if how != "nothing" else {})
    if how in SPOILT:
        folder.put("a.yaml", SPOILT[how](folder.files["a.yaml"]))
    memory = MemorySource(folder, lambda _: None).read("")
    disk = FolderSource((folder.on_disk(),), lambda _: None).read("")
    assert content_id(memory) == content_id(disk)
    assert memory.problems == disk.problems
    assert len(docs) == 3


def test_a_history_is_the_same_again() -> None:
    sim, seen = the_simulation(), []
    prepared(schedule(11).world)
    for _ in range(2):
        recorder = recorded(sim, schedule(11), sim.world.gateway)
        seen.append([each[:4] for each in recorder.exchanges])
    assert seen[0] == seen[1]


def test_a_move_is_shown_as_it_can_be_written_down() -> None:
    assert str(Chosen("kill", {"name": "a"})) == "kill(name='a')"


def test_the_judge_sees_what_runs_of_a_suspended_cluster_in_a_project_that_it_left() -> None:
    sim = the_simulation()
    sim.begin(prepared("one"), seed=1)
    sim.write("a", edited(sim.docs["a"], "suspend", True))
    sim.write("a", edited(sim.docs["a"], "project", BY_NAME))
    assert "home: ray-a-head is running" in mismatches(sim)
    for app in sim.world.sites[HOME].rows():
        sim.people[HOME].stop(app.subdomain)
    sim.pass_time(60.0)
    assert mismatches(sim) == []


@pytest.mark.parametrize(("apart_s", "unsure"), [(HIDDEN_S - 1, True), (HIDDEN_S + 1, False)])
def test_two_that_lead_are_excused_where_neither_could_see_the_other(
    apart_s: float, unsure: bool
) -> None:
    sim = the_simulation()
    sim.begin(prepared("one"), seed=1)
    sim.skies[HOME].files_lag = True
    for name in ("a", "b"):
        sim.launch(name, seed=1)
        sim.processes[name].turn()
        sim.world.time.passed += apart_s
    assert sim.skies[HOME].unsure is unsure
