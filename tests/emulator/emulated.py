"""A workspace without processes, under a clock that only tests move, with a judging client."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import httpx

from controller.emulator.api.wsgi import create_app
from controller.emulator.options import API, APPLICATION, ApiKey, Options
from controller.emulator.pods.processes import PodRequest
from controller.emulator.state.catalogue import RUNTIMES
from controller.emulator.state.file_tree import Tree
from controller.emulator.state.ids import Ids
from controller.emulator.workspace import Workspace
from tests.contract.judge import judge
from tests.memory_tree import in_memory
from tests.scripted_pods import Behaviour, ScriptedProcesses

RUNTIME = RUNTIMES[0].image_identifier
KEYS = {
    "good": ApiKey("good"),
    "api": ApiKey("api", audiences=frozenset({API})),
    "app": ApiKey("app", audiences=frozenset({APPLICATION})),
}
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class HandClock:
    """Time passes when a test says so."""

    def __init__(self) -> None:
        self.elapsed = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def wait(self, seconds: float, wake: object = None) -> bool:
        self.elapsed += seconds
        return False


def lives(order: PodRequest) -> Behaviour:
    return Behaviour(answers_after=20)


@dataclass
class World:
    """A workspace with one project that holds `app.py`."""

    story: Callable[[PodRequest], Behaviour] = lives
    options: Options = field(default_factory=Options)
    new_tree: Callable[[str], Tree] = in_memory
    seed: int = 1

    def __post_init__(self) -> None:
        self.clock = HandClock()
        self.pods = ScriptedProcesses(self.story)
        self.workspace = Workspace(
            self.clock,
            self.pods,
            Ids(random.Random(self.seed)),
            options=self.options,
            new_tree=self.new_tree,
        )
        self.app = create_app(self.workspace, KEYS)
        self.client = self.as_holder_of("good")
        self.project = self.ok("POST", "/projects", "Project", json={"name": "demo"})["id"]
        self.upload("app.py")

    def as_holder_of(self, key: str | None) -> httpx.Client:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        transport = httpx.WSGITransport(app=self.app)
        return httpx.Client(base_url="http://cml.test", transport=transport, headers=headers)

    def pass_time(self, seconds: float) -> None:
        """In small steps, as if somebody looked every second."""
        for _ in range(int(seconds)):
            self.clock.elapsed += 1
            self.workspace.tick()

    def call(self, method: str, path: str, **more: object) -> httpx.Response:
        return self.client.request(method, f"/api/v2{path}", **more)

    def ok(self, method: str, path: str, kind: str, **more: object) -> dict[str, object]:
        """A call that succeeds with a body of this type of the contract, every field present."""
        answer = self.call(method, path, **more)
        assert answer.status_code == 200, answer.text
        judge(kind, answer.json())
        return answer.json()

    def refused(self, status: int, code: int, method: str, path: str, **more: object) -> str:
        answer = self.call(method, path, **more)
        assert (answer.status_code, answer.json().get("code")) == (status, code), answer.text
        judge("runtimeError", answer.json())
        assert answer.json()["error"] == answer.json()["message"]
        return answer.json()["message"]

    def upload(self, path: str, data: bytes = b"pass\n") -> httpx.Response:
        where = f"/projects/{self.project}/files"
        return self.call("POST", where, files={path: (path.rsplit("/", 1)[-1], data)})

    @property
    def apps(self) -> str:
        return f"/projects/{self.project}/applications"

    def wanted(self, subdomain: str = "demo", **changes: object) -> dict[str, object]:
        base = {"name": subdomain, "subdomain": subdomain, "script": "app.py"}
        return {**base, "runtime_identifier": RUNTIME, **changes}

    def create(self, subdomain: str = "demo", **changes: object) -> str:
        made = self.ok("POST", self.apps, "Application", json=self.wanted(subdomain, **changes))
        return str(made["id"])

    def get(self, app: str) -> dict[str, object]:
        return self.ok("GET", f"{self.apps}/{app}", "Application")

    def status(self, app: str) -> str:
        return str(self.get(app)["status"]).removeprefix("APPLICATION_")

    def verb(self, app: str, verb: str) -> dict[str, object]:
        return self.ok("POST", f"{self.apps}/{app}:{verb}", "Application")

    def patch(self, app: str, **changes: object) -> dict[str, object]:
        return self.ok("PATCH", f"{self.apps}/{app}", "Application", json=changes)

    def environment(self, app: str) -> dict[str, str]:
        return json.loads(str(self.get(app)["environment"]))

    def names(self, **query: object) -> list[str]:
        found = self.ok("GET", self.apps, "ListApplicationsResponse", params=query)
        return [app["name"] for app in found["applications"]]
