"""The real command line on a workspace in this process, under a clock that only waiting moves.

The production client speaks to the embedded CML through WSGI.  Pods are scripted; that Ray has
their nodes is written into the project's files, as a head's node program would.
"""

import json
import random
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from controller.cli.main import run
from controller.emulator.api.wsgi import create_app
from controller.emulator.options import ApiKey, Options, User
from controller.emulator.pods.processes import PodRequest
from controller.emulator.state.file_tree import Tree
from controller.emulator.state.ids import Ids
from controller.emulator.workspace import Workspace
from controller.process.system import System
from tests.memory_tree import MemoryTree, in_memory
from tests.scripted_heads import ScriptedHeads
from tests.scripted_pods import Behaviour, ScriptedProcesses

BEAT_S = 20.0
BEATEN_S = 1200.0  # before the end of a longer wait; nothing can observe an earlier beat
KEY = "sk-very/secret+key-0123456789"
HOST = "http://cml.localhost"
NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RUNTIME = (
    "docker.repository.cloudera.com/cloudera/cdsw/"
    "ml-runtime-pbj-jupyterlab-python3.11-standard:2025.09.1-b5"
)


class StepClock:
    """Time passes only where somebody waits; `passing` are told.  `beats` are work of threads."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self.passing: list[Callable[[], None]] = []
        self.beats: list[Callable[[], None]] = []

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        until = self.elapsed + max(seconds, 0.0)
        if self.beats:
            self.elapsed = max(self.elapsed, until - BEATEN_S)
        while self.beats and self.elapsed + BEAT_S < until:
            self.elapsed += BEAT_S
            self._beat()
        self.elapsed = until
        for each in self.passing:
            each()
        self._beat()
        return wake is not None and wake.is_set()

    def minute(self) -> None:
        """Among `passing`: every wait takes a minute more, so that hours take few passes."""
        self.elapsed += 60.0

    def _beat(self) -> None:
        for each in tuple(self.beats):
            each()

    @contextmanager
    def repeat(self, work: Callable[[], None], _every_s: float) -> Iterator[None]:
        """The thread of a process, which goes on while another one waits."""
        self.beats.append(work)
        try:
            yield
        finally:
            self.beats.remove(work)


class Wire(httpx.BaseTransport):
    """The network: counts what is sent, and can be cut or made to answer otherwise."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self.calls: list[tuple[str, str]] = []
        self.instead: Callable[[httpx.Request], httpx.Response | None] = lambda _: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.calls.append((request.method, request.url.path))
        return self.instead(request) or self.inner.handle_request(request)

    def writes(self) -> list[tuple[str, str]]:
        """Changing calls; a download is a POST that changes nothing."""
        return [(m, p) for m, p in self.calls if m != "GET" and not p.endswith(":download")]


@dataclass(frozen=True)
class Said:
    """How one command ended."""

    code: int
    out: str
    err: str

    def json(self) -> dict[str, object]:
        body: dict[str, object] = json.loads(self.out)
        return body


@dataclass
class Stage:
    """One workspace, and a terminal in an empty folder."""

    capsys: pytest.CaptureFixture[str]
    folder: Path
    clock: StepClock = field(default_factory=StepClock)
    stories: dict[str, Behaviour] = field(default_factory=dict)
    silent: set[str] = field(default_factory=set)
    starts: dict[tuple[str, str], str] = field(default_factory=dict)  # the last, of heads
    heads_ahead_s: float = 0.0
    dice: int = 3
    options: Options = field(default_factory=lambda: Options(start_s=3.0))
    heads: ScriptedHeads = field(init=False)

    def __post_init__(self) -> None:
        self.heads = ScriptedHeads(self.clock.monotonic)
        self.workspace = Workspace(
            self.clock,
            ScriptedProcesses(self._story),
            Ids(random.Random(5)),
            new_tree=in_memory,
            options=self.options,
        )
        self.user = User()
        app = create_app(self.workspace, {KEY: ApiKey(KEY)}, domain="cml.localhost")
        self.wire = Wire(httpx.WSGITransport(app))
        self.project = self.workspace.create_project(self.user, {"name": "fraud-models"}).id
        self.environ: dict[str, str] = {
            "XDG_CACHE_HOME": str(self.folder / "cache"),
            "CML_HOST": HOST,
            "CML_API_KEY": KEY,
            "CML_PROJECT_ID": self.project,
            "HADOOP_USER_NAME": "jdoe",
            "RAYCML_POOL_THREADS": "1",
        }
        self.clock.passing.append(self.report)

    def _story(self, order: PodRequest) -> Behaviour:
        return self.stories.get(order.engine.subdomain, Behaviour(answers_after=2.0))

    def machine(self, dice: int, environ: Mapping[str, str] | None = None) -> System:
        chosen = self.environ if environ is None else environ
        rng = random.Random(dice)
        return System(chosen, self.clock, rng, self.wire, repeat=self.clock.repeat)

    def run(self, *arguments: str, environ: Mapping[str, str] | None = None) -> Said:
        chosen = self.environ if environ is None else environ
        machine = self.machine(self.dice, chosen)
        self.capsys.readouterr()
        code = run(arguments, machine)
        said = self.capsys.readouterr()
        return Said(int(code), said.out, said.err)

    def spec(self, name: str = "analytics", file: str | None = None, **changes: object) -> Path:
        """Write a spec into specs/; `changes` by name of a placeholder below."""
        path = self.folder / "specs" / (file or f"{name}.yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(_SPEC.format(**{**_DEFAULTS, "name": name, **changes}))
        return path

    # The project's files

    def tree(self) -> Tree:
        return self.workspace.files(self.project).tree

    def write(self, path: str, data: bytes) -> None:
        self.tree().write(tuple(path.split("/")), data)

    def files(self, folder: str) -> list[str]:
        parts = tuple(folder.split("/"))
        return sorted(self.tree().names(parts)) if self.tree().is_dir(parts) else []

    def all_files(self, at: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
        for name in self.tree().names(at):
            path = (*at, name)
            if self.tree().is_dir(path):
                yield from self.all_files(path)
            else:
                yield path

    # CML's side

    def applications(self) -> dict[str, str]:
        """Subdomain to status, as CML has them now."""
        self.workspace.tick()
        rows = self.workspace.state.applications.values()
        return {row.subdomain: str(row.wire()["status"]) for row in rows}

    def report(self) -> None:
        """What each head's node program would write: who runs has joined, but for the silent."""
        self.workspace.tick()
        running: dict[tuple[str, str], dict[str, object]] = {}
        modes: dict[tuple[str, str], str] = {}
        for row in self.workspace.state.applications.values():
            shown = row.wire()
            mark = json.loads(str(shown["environment"]))
            if shown["status"] == "APPLICATION_RUNNING" and "RAYCML_CLUSTER" in mark:
                place = (row.project_id, mark["RAYCML_CLUSTER"])
                members = running.setdefault(place, {})
                if mark["RAYCML_MEMBER"] == "head":
                    modes[place] = mark.get("RAYCML_AUTH_MODE", "")
                    self.starts[place] = f"of-{row.engine_id}"
                if row.subdomain not in self.silent:
                    engine, joined = row.engine_id, _joined(mark["RAYCML_FINGERPRINT"])
                    use = self.heads.use(engine)
                    members[mark["RAYCML_MEMBER"]] = {**joined, **use, "engine_id": engine}
        for (project, cluster), members in running.items():
            tree = self.workspace.files(project).tree
            assert isinstance(tree, MemoryTree)
            incarnation = self.starts.get((project, cluster), "i1")
            answers = self.heads.answer_in(tree, cluster, members, incarnation)
            body = {
                "schema": "raycml.ray/v1",
                "cluster": cluster,
                "incarnation": incarnation,
                "observed_at": (
                    self.clock.now() + timedelta(seconds=self.heads_ahead_s)
                ).isoformat(),
                "address": "10.0.0.7:6379",
                "ray_version": "2.60.0",
                "python_version": "3.11.9",
                "members": members,
                "auth_mode": modes.get((project, cluster), ""),
                "answers": answers,
            }
            path = (".raycml", "clusters", cluster, "ray.json")
            tree.write(path, json.dumps(body).encode())


def _joined(fingerprint: str) -> dict[str, object]:
    reach = {"mesh": "none", "to_head": "reached", "from_head": "reached"}
    return {
        "alive": True,
        "state": "joined",
        "fingerprint": fingerprint,
        "node_id": "node-1",
        **reach,
    }


_DEFAULTS: dict[str, object] = {"cpu": 2, "replicas": 2, "secret": "hunter2-hunter2", "extra": ""}
_SPEC = f"""\
apiVersion: raycml/v1
kind: RayCluster
metadata: {{{{name: {{name}}}}}}
spec:
  rayVersion: "2.60.0"
  runtimeIdentifier: {RUNTIME}
  environment: {{{{PRECIOUS: "{{secret}}"}}}}
  {{extra}}
  headGroupSpec:
    resources: {{{{cpu: 1, memory: 2Gi}}}}
  workerGroupSpecs:
    - groupName: cpu
      replicas: {{replicas}}
      resources: {{{{cpu: {{cpu}}, memory: 4Gi}}}}
"""
