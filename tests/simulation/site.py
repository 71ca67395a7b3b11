"""One CML workspace with its pods, its project and Ray, as they truly are.

The emulator that people run, unreplaced; at its edge stand scripted pods and a scripted Ray that
writes head reports into the project's files.  Worlds can be kept and put back, which is what makes
a hundred thousand of them affordable.
"""

import copy
import json
import random
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx

from controller.emulator.ids import Ids
from controller.emulator.lifecycle import Status
from controller.emulator.options import ApiKey, Options, User
from controller.emulator.processes import PodOrder
from controller.emulator.records import RUNTIMES, Application, Engine
from controller.emulator.scripted import Behaviour, ScriptedPod, ScriptedProcesses
from controller.emulator.trees import MemoryTree
from controller.emulator.workspace import Workspace as Cml
from controller.emulator.wsgi import create_app
from tests.simulation.clocks import SimulatedClock, Time
from tests.simulation.papers import Settings, settings_of
from tests.worlds import RUNTIME

KEY = "a-key-that-no-log-may-hold"
OTHER_RUNTIME = RUNTIME.replace("2025.09.1-b5", "2026.04.2-b16")
HOME = "/home/cdsw/"
Story = Callable[[PodOrder], Behaviour]


def at_once(_: PodOrder) -> Behaviour:
    """The story of fair weather: it answers when it starts and ends when it is told to."""
    return Behaviour(answers_after=0.0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole world at one moment."""

    passed: float
    applications: tuple[Application, ...]
    engines: tuple[Engine, ...]
    history: tuple[Engine, ...]
    count: int
    contents: dict[tuple[str, ...], bytes]
    pods: dict[str, ScriptedPod]


class Gateway(httpx.BaseTransport):
    """The emulator's HTTP page.  What it answered to the same question about an unchanged world is
    not asked again: lists and single applications, and the download of a file that is there."""

    def __init__(self, site: "Site") -> None:
        self._site = site
        app = create_app(site.cml, {KEY: ApiKey(KEY)})
        self._inner = httpx.WSGITransport(app)
        self._known: dict[tuple[int, str], tuple[int, bytes]] = {}
        self._there: set[str] = set()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        path = request.url.raw_path
        if request.method == "GET" and b"/applications" in path:
            return self._applications(request)
        if request.method == "POST" and path.endswith(b"/ray.json:download"):
            return self._report(request)
        return self._ask(request)

    def _applications(self, request: httpx.Request) -> httpx.Response:
        self._site.cml.tick()
        place = (self._site.cml.state.changes, str(request.url))
        if place not in self._known:
            if len(self._known) > 512:
                self._known.clear()
            answer = self._ask(request)
            self._known[place] = (answer.status_code, answer.content)
        status, content = self._known[place]
        return httpx.Response(status, content=content, headers=[("Content-Type", _JSON)])

    def _report(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path
        name = path.partition("/files/")[2].removesuffix(":download")
        content = self._site.file(name)
        if content is None or path not in self._there:
            answer = self._ask(request)
            if answer.status_code == 200:
                self._there.add(path)
            return answer
        return httpx.Response(200, content=content, headers=[("Content-Type", _BYTES)])

    def _ask(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        answer.read()
        return answer


_JSON = "application/json"
_BYTES = "application/octet-stream"


class Site:
    """`story` is told to every pod that starts; `broken` are engines whose node is not in Ray and
    never will be, `mute` clusters whose head writes no report."""

    def __init__(self, options: Options | None = None, seed: int = 0) -> None:
        self.time = Time()
        self.rng = random.Random(seed)
        self.story: Story = at_once
        self.broken: set[str] = set()
        self.mute: set[str] = set()
        self.processes = ScriptedProcesses(self._begin)
        kinds = tuple(replace(RUNTIMES[0], image_identifier=r) for r in (RUNTIME, OTHER_RUNTIME))
        self.cml = Cml(
            SimulatedClock(self.time),
            self.processes,
            Ids(self.rng),
            options=options or Options(),
            runtimes=kinds,
        )
        self.project = self.cml.create_project(User(), {"name": "lab", "template": "blank"}).id
        tree = self.cml.files(self.project).tree
        assert isinstance(tree, MemoryTree)
        self.tree = tree
        self.gateway = Gateway(self)
        self.read_at_start: dict[str, bytes] = {}  # what pods read when they started, by path

    # worlds kept and put back

    def snapshot(self) -> Snapshot:
        self.cml.tick()
        state = self.cml.state
        return Snapshot(
            self.time.passed,
            tuple(copy.copy(app) for app in state.applications.values()),
            tuple(copy.copy(engine) for engine in state.engines.values()),
            tuple(state.history),
            state.count,
            dict(self.tree.contents),
            {name: copy.copy(pod) for name, pod in self.processes.pods.items()},
        )

    def restore(self, kept: Snapshot) -> None:
        """Put a world back; chance starts from the site's generator as it is."""
        state = self.cml.state
        self.time.passed = kept.passed
        state.applications = {app.id: copy.copy(app) for app in kept.applications}
        state.engines = {engine.id: copy.copy(engine) for engine in kept.engines}
        state.history = deque(kept.history, maxlen=state.history.maxlen)
        state.count = kept.count
        state.changes += 1  # never a number that an earlier world had
        self.tree.contents = dict(kept.contents)
        self.processes.pods = {name: copy.copy(pod) for name, pod in kept.pods.items()}
        self.story, self.broken, self.mute = at_once, set(), set()
        self.read_at_start.clear()
        for pod in self.processes.pods.values():
            self._read(pod.order)

    def _begin(self, order: PodOrder) -> Behaviour:
        self._read(order)
        return self.story(order)

    def _read(self, order: PodOrder) -> None:
        """A pod reads its script once, when it starts; the file may go while it runs."""
        text = self.file(order.script)
        if text is not None:
            self.read_at_start[order.script] = text

    # the truth

    def rows(self) -> list[Application]:
        """All applications, up to date, in the order of their creation."""
        self.cml.tick()
        return self.cml.applications.of(self.project)

    def at(self, subdomain: str) -> Application | None:
        self.cml.tick()
        return self.cml.applications.at(subdomain)

    def file(self, path: str) -> bytes | None:
        return self.tree.contents.get(tuple(path.removeprefix(HOME).split("/")))

    def pod(self, app: Application) -> ScriptedPod | None:
        return self.processes.pods.get(app.engine_id)

    # what happens by itself

    def crash(self, subdomain: str) -> None:
        """The application's process dies, if it has one."""
        app = self.at(subdomain)
        if app is not None and app.engine_id:
            self.processes.kill(app.engine_id)
            self.cml._ticked = None  # the workspace looks at its pods at once
            self.cml.tick()

    def lose_node(self, subdomain: str) -> None:
        """The application goes on running; until it is restarted, Ray does not have its node."""
        app = self.at(subdomain)
        if app is not None and app.engine_id:
            self.broken.add(app.engine_id)

    def heal(self) -> None:
        """The platform works again: what was to answer answers, what was to end ends.

        A worker that is lost to Ray stays lost until it is restarted; a head that does not report
        waits for a person, who has seen to it.
        """
        self.story, self.mute = at_once, set()
        heads = {app.engine_id for app in self.rows() if app.subdomain.endswith("-head")}
        self.broken -= heads
        for pod in self.processes.pods.values():
            pod.behaviour = Behaviour(answers_after=0.0)
        self.cml._ticked = None
        self.cml.tick()

    def report(self) -> None:
        """Every running head reports every running member, as the node program does."""
        clusters: dict[str, dict[str, object]] = {}
        for app in self.rows():
            settings = self._settings(app)
            member = app.environment.get("RAYCML_MEMBER")
            if app.status is not Status.RUNNING or settings is None or member is None:
                continue
            if app.subdomain != f"ray-{settings['cluster']}-{member.replace('/', '-')}":
                continue  # a copy made by hand is no member
            if app.engine_id not in self.broken:
                told = _told(app, settings["fingerprint"])
                clusters.setdefault(settings["cluster"], {})[member] = told
        for name, members in clusters.items():
            if "head" in members and name not in self.mute:
                self._write(name, members)

    def _settings(self, app: Application) -> Settings | None:
        """What the script that truly runs was made for."""
        pod = self.pod(app)
        if pod is None:
            return None
        return settings_of(self.read_at_start.get(pod.order.script))

    def _write(self, cluster: str, members: dict[str, object]) -> None:
        body = {
            "schema": "raycml.ray/v1",
            "cluster": cluster,
            "incarnation": "one",
            "observed_at": self.cml.clock.now().isoformat(),
            "ray_version": "2.60.0",
            "python_version": "3.11.9",
            "address": "127.1.1.1:6379",
            "members": members,
        }
        self.tree.write((".raycml", "clusters", cluster, "ray.json"), json.dumps(body).encode())


def _told(app: Application, fingerprint: str) -> dict[str, object]:
    return {
        "engine_id": app.engine_id,
        "state": "joined",
        "message": "",
        "node_id": f"node-{app.engine_id}",
        "alive": True,
        "fingerprint": fingerprint,
    }
