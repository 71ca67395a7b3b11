"""One story, told to every CML: what we rely on, in the order in which a cluster lives.

It speaks through the production client, over a transport that judges every body that passes, both
ways, against the contract.  Raw requests stand only where the client would not say such a thing.
It leaves nothing behind.
"""

import json
import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from controller.clock import Clock
from controller.cml.client import Client
from controller.cml.errors import CmlError, NotFound, Rejected, Unauthorized, Unknown
from controller.cml.translate import unapplied
from controller.core.model.observed import ObservedApplication, Phase
from controller.core.model.plan import Configuration
from controller.files.api import ApiFiles, Faults
from controller.files.port import FilesError
from controller.files.uploads import UploadMemory, UploadWay
from tests.contract.judge import judge

CONTRACT = json.loads((Path(__file__).parent / "cml-contract.json").read_text())
FAULTS = Faults(
    any=CmlError,
    missing=NotFound,
    unknown=Unknown,
    unserved=lambda error: isinstance(error, CmlError) and error.status in (404, 405, 501),
)
NOWHERE = "zzzz-zzzz-zzzz-zzzz"
SCRIPT = b"""\
import os, subprocess, sys, tempfile
subprocess.call([sys.executable, "-m", "http.server", "--bind", "127.0.0.1",
                 "--directory", tempfile.mkdtemp(), os.environ["CDSW_APP_PORT"]])
"""


def _pattern(path: str) -> re.Pattern[str]:
    """A path of the contract as a pattern; only the path of a file may hold slashes."""
    parts = re.split(r"(\{[^}]*\})", path)
    holes = {"{path}": ".*"}
    return re.compile(
        "".join(holes.get(p, "[^/:]+") if p.startswith("{") else re.escape(p) for p in parts)
    )


OPERATIONS = [(op, op["method"], _pattern(op["path"])) for op in CONTRACT["operations"]]


def operation_of(request: httpx.Request) -> dict[str, object] | None:
    """The operation of the contract that a request is, or None; verbs before mere paths."""
    if request.url.path.endswith("/projects/batch"):
        return None
    fitting = [
        op
        for op, method, pattern in OPERATIONS
        if method == request.method and pattern.fullmatch(request.url.path)
    ]
    return max(fitting, key=lambda op: len(str(op["path"])), default=None)


@dataclass
class JudgingTransport(httpx.BaseTransport):
    """Judges what passes.  `judged` counts bodies by type, to show that the judge had work."""

    inner: httpx.BaseTransport
    judged: dict[str, int] = field(default_factory=dict)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        response = self.inner.handle_request(request)
        response.read()
        self._judge_answer(request, response)
        return response

    def _judge_answer(self, request: httpx.Request, response: httpx.Response) -> None:
        operation = operation_of(request)
        if operation is None:
            return
        if response.status_code < 300 and "response" in operation:
            self._judge(str(operation["response"]), response.json())
        if response.status_code < 300 and "request" in operation:
            self._judge(str(operation["request"]), json.loads(request.content))
        if response.headers.get("content-type") == "application/json" and response.is_error:
            self._judge("runtimeError", response.json())

    def _judge(self, kind: str, body: object) -> None:
        judge(kind, body)
        self.judged[kind] = self.judged.get(kind, 0) + 1


@dataclass
class World:
    """One CML.  `patience_s` bounds each wait; `clock.wait` makes time pass there."""

    name: str
    client: Client
    raw: httpx.Client
    transport: JudgingTransport
    project: str
    clock: Clock
    new_client: Callable[[str], Client]
    patience_s: float = 60.0
    look_s: float = 1.0
    run: str = field(default_factory=lambda: secrets.token_hex(3))
    uploads: UploadMemory = field(default_factory=UploadMemory)

    @property
    def files(self) -> ApiFiles:
        return ApiFiles(self.client, self.project, FAULTS, self.uploads)

    @property
    def folder(self) -> str:
        return f"raycml-contract-{self.run}"

    def wanted(self, number: int, **changes: object) -> Configuration:
        name = f"{self.folder}-{number}"
        values: dict[str, object] = {
            "name": name,
            "subdomain": name,
            "description": "contract test",
            "script": f"{self.folder}/app.py",
            "cpu": 0.5,
            "memory": 1.0,
            "gpu": 0,
            "runtime": self.runtime(),
            "environment": {"PLAIN": "1", "PATHS": "/a/b", "TEXT": 'a "b" \\ \u00e9\n'},
        }
        return Configuration(**(values | changes))  # type: ignore[arg-type]  # a table of fields

    def runtime(self) -> str:
        usable = [r for r in self.client.list_runtimes() if r.status == "ENABLED"]
        python = [r.identifier for r in usable if "Python 3" in r.kernel]
        assert python, "the workspace has no enabled Python runtime"
        return python[0]

    def wait_for(self, what: str, holds: Callable[[], bool]) -> None:
        latest = self.clock.monotonic() + self.patience_s
        while not holds():
            assert self.clock.monotonic() < latest, f"{what}: not within {self.patience_s} s"
            self.clock.wait(self.look_s)

    def wait_for_phase(self, application: ObservedApplication, phase: Phase) -> None:
        def holds() -> bool:
            return self.client.get_application(self.project, application.id).phase is phase

        self.wait_for(f"{application.name} {phase}", holds)

    def is_gone(self, application_id: str) -> bool:
        try:
            self.client.get_application(self.project, application_id)
        except NotFound:
            return True
        return False

    def path(self, tail: str) -> str:
        return f"{self.client.address.api}/projects/{self.project}{tail}"


def tell(world: World) -> None:
    """The whole story; AssertionError or CmlError where this CML is not as we take it to be."""
    try:
        _the_workspace(world)
        _the_files(world)
        first, second = _two_applications(world)
        _the_list(world, first, second)
        _changes(world, first)
        first = _stop_and_start(world, first)
        _refusals(world, first)
        _the_end(world, first)
    finally:
        _clean_up(world)


def _the_workspace(world: World) -> None:
    found = world.client.projects.find(world.project)
    assert found.id == world.project
    assert world.client.projects.find(found.name) == found
    for absent in (NOWHERE, f"no-such-project-{world.run}"):
        with pytest.raises((NotFound, Unauthorized)):
            world.client.projects.find(absent)
    with pytest.raises(Unauthorized):
        world.new_client("wrong-key").list_applications(world.project)
    assert re.match(r"\d+\.\d+", world.client.describe())


def _the_files(world: World) -> None:
    client, project, folder = world.client, world.project, world.folder
    files = world.files
    assert files.read(f"{folder}/app.py") is None
    assert files.listing(folder) == ()
    with pytest.raises(NotFound):
        client.list_files(project, folder)
    for _ in range(2):
        files.write_new(f"{folder}/app.py", SCRIPT)
    assert files.read(f"{folder}/app.py") == SCRIPT
    with pytest.raises(FilesError, match="never overwritten"):
        files.write_new(f"{folder}/app.py", b"other")
    home = client.list_files(project, "")
    assert folder in {e.name for e in home if e.is_dir}
    assert not any(e.name.startswith("app") for e in home)  # whichever way files are uploaded
    _state_files(world, files)


def _state_files(world: World, files: ApiFiles) -> None:
    state = f"{world.folder}/deep/er/state.json"
    for content in (b"one", b"\x00\xff two"):
        files.replace(state, content)
        assert files.read(state) == content
    put = world.uploads.way is UploadWay.PUT
    world.client.upload(world.project, state, b"a copy", put=put)
    names = [one.name for one in files.listing(f"{world.folder}/deep/er")]
    assert names == ["state(1).json", "state.json"]
    files.replace(state, b"three")
    assert [one.path for one in files.listing(f"{world.folder}/deep/er")] == [state]
    for _ in range(2):
        files.remove(state)
    assert files.read(state) is None


def _two_applications(world: World) -> tuple[ObservedApplication, ObservedApplication]:
    wanted = world.wanted(1)
    first = world.client.create_application(world.project, wanted)
    second = world.client.create_application(world.project, world.wanted(2))
    assert first.environment.items() >= wanted.environment.items()
    assert (first.subdomain, first.script, first.cpu) == (wanted.subdomain, wanted.script, 0.5)
    assert first.id != second.id
    for application in (first, second):
        world.wait_for_phase(application, Phase.RUNNING)
    return first, second


def _the_list(world: World, first: ObservedApplication, second: ObservedApplication) -> None:
    seen = world.client.list_applications(world.project)
    ids = [a.id for a in seen.applications]
    assert seen.complete
    assert {first.id, second.id} <= set(ids)
    assert _ids_page_by_page(world) == ids
    running = json.dumps({"status": "running", "subdomain": world.folder})
    found = _page(world, search_filter=running, page_size="100")["applications"]
    assert isinstance(found, list)
    assert {a["id"] for a in found} == {first.id, second.id}


def _ids_page_by_page(world: World) -> list[str]:
    ids: list[str] = []
    token = ""
    for _ in range(1000):
        more = {"page_token": token} if token else {}
        page = _page(world, page_size="1", sort="created_at", **more)
        ids += [a["id"] for a in page["applications"]]  # type: ignore[attr-defined]  # judged
        token = str(page["next_page_token"])
        if not token:
            return ids
    raise AssertionError("the pages do not end")


def _page(world: World, **query: str) -> dict[str, object]:
    answer = world.raw.get(world.path("/applications"), params=query)
    assert answer.status_code == 200, answer.text
    body: dict[str, object] = answer.json()
    return body


def _changes(world: World, first: ObservedApplication) -> None:
    """PATCH: some fields, the environment as a whole, and no restart."""
    kept = dict(first.environment)
    del kept["PLAIN"]
    fields: dict[str, object] = {"cpu": 1.0, "environment": {**kept, "NEW": "/x"}}
    answered = world.client.update_application(world.project, first.id, fields)
    assert unapplied(fields, answered, before=first.environment) == ()
    assert (answered.memory, answered.script) == (first.memory, first.script)
    assert answered.phase is Phase.RUNNING
    object_body = world.raw.patch(
        world.path(f"/applications/{first.id}"), json={"environment": {"A": "1"}}
    )
    assert object_body.status_code == 400
    assert world.client.get_application(world.project, first.id).environment["NEW"] == "/x"


def _stop_and_start(world: World, first: ObservedApplication) -> ObservedApplication:
    """Some workspaces restart only what runs; there, what was stopped is deleted and made again."""
    client, project = world.client, world.project
    client.stop_application(project, first.id)
    world.wait_for_phase(first, Phase.STOPPED)
    stopped = client.get_application(project, first.id)
    assert (stopped.subdomain, stopped.cpu) == (first.subdomain, 1.0)
    assert stopped.stopped_at is not None
    try:
        client.restart_application(project, first.id)
    except Rejected:
        client.delete_application(project, first.id)
        world.wait_for("the application goes", lambda: world.is_gone(first.id))
        first = client.create_application(project, world.wanted(1))
    world.wait_for_phase(first, Phase.RUNNING)
    client.restart_application(project, first.id)
    world.wait_for_phase(first, Phase.RUNNING)
    assert client.get_application(project, first.id).id == first.id
    return first


def _refusals(world: World, first: ObservedApplication) -> None:
    client, project = world.client, world.project
    for strange in (
        world.wanted(1),
        world.wanted(3, subdomain="Not_A_Subdomain"),
        world.wanted(3, script=f"{world.folder}/absent.py"),
        world.wanted(3, runtime="no-such-image:0"),
    ):
        with pytest.raises(Rejected):
            client.create_application(project, strange)
    with pytest.raises(NotFound):
        client.get_application(project, NOWHERE)
    with pytest.raises(NotFound):
        client.stop_application(project, NOWHERE)
    with pytest.raises(NotFound):
        client.download(project, f"{world.folder}/absent.py")
    wrong_verb = world.raw.post(world.path(f"/applications/{first.id}/restart"), json={})
    assert wrong_verb.status_code == 404
    assert not wrong_verb.headers["content-type"].startswith("application/json")


def _the_end(world: World, first: ObservedApplication) -> None:
    client, project = world.client, world.project
    client.delete_application(project, first.id)
    world.wait_for("the application goes", lambda: world.is_gone(first.id))
    client.delete_application(project, first.id)
    seen = client.list_applications(project)
    assert first.id not in {a.id for a in seen.applications}
    again = client.create_application(project, world.wanted(1))
    assert again.id != first.id
    assert again.subdomain == first.subdomain


def _clean_up(world: World) -> None:
    """Only what carries this run's name; in a real workspace others live beside us."""
    client, project = world.client, world.project
    for application in client.list_applications(project).applications:
        if application.subdomain.startswith(f"{world.folder}-"):
            with suppress(CmlError):
                client.delete_application(project, application.id)
    client.delete_file(project, world.folder)
