"""One CML workspace with its projects, pods, jobs and Ray, as they truly are.

The emulator that people run, unreplaced; at its edge stand scripted pods, a scripted builder of
Python environments and a scripted Ray that writes head reports into the projects' files.  Worlds
can be kept and put back, which is what makes a hundred thousand of them affordable.
"""

import copy
import json
import random
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import httpx

from controller.emulator.api.wsgi import create_app
from controller.emulator.options import ApiKey, Options, User
from controller.emulator.pods.lifecycle import Status
from controller.emulator.pods.processes import PodExit, PodRequest
from controller.emulator.state.catalogue import RUNTIMES
from controller.emulator.state.ids import Ids
from controller.emulator.state.job_records import Job, JobRun
from controller.emulator.state.records import Application, Engine
from controller.emulator.workspace import Workspace as Cml
from tests.memory_tree import MemoryTree, in_memory
from tests.scripted_heads import ScriptedHeads
from tests.scripted_pods import Behaviour, ScriptedPod, ScriptedProcesses
from tests.simulation.clocks import SimulatedClock, Time
from tests.simulation.direct import Direct
from tests.simulation.papers import Settings, settings_of
from tests.worlds import RUNTIME

KEY = "a-key-that-no-log-may-hold"
OTHER_RUNTIME = RUNTIME.replace("2025.09.1-b5", "2026.04.2-b16")
HOME = "/home/cdsw/"
ENVIRONMENTS = (".raycml", "envs")
BUILD_S = 20.0
Story = Callable[[PodRequest], Behaviour]
Contents = dict[tuple[str, ...], bytes]


def at_once(_: PodRequest) -> Behaviour:
    """The story of fair weather: it answers when it starts and ends when it is told to."""
    return Behaviour(answers_after=0.0)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole world at one moment.  `contents` by project."""

    passed: float
    applications: tuple[Application, ...]
    engines: tuple[Engine, ...]
    jobs: tuple[Job, ...]
    runs: tuple[JobRun, ...]
    history: tuple[Engine, ...]
    count: int
    contents: Mapping[str, Contents]
    pods: dict[str, ScriptedPod]
    builds: Mapping[str, tuple[float, str, str]]
    busy: Mapping[str, float]
    heads: Mapping[str, ScriptedHeads]


class World:
    """`story` is given to every pod that starts; `broken` are engines whose node is not in Ray and
    never will be; `zombies` those whose node was there and is dead, with whether their node
    program is frozen as well; `mute` clusters whose head writes no report, `unread` those whose
    head cannot read Ray's state, `strangers` those that a node of somebody else joined;
    `mislabelled` those whose nodes claim a wrong fingerprint, `lacks` packages that no index has.
    `busy` are engines whose nodes work until then, `deaf` clusters whose head answers no request.
    """

    def __init__(
        self, options: Options | None = None, seed: int = 0, names: Sequence[str] = ("lab",)
    ) -> None:
        self.time = Time()
        self.rng = random.Random(seed)
        self.story: Story = at_once
        self.broken: set[str] = set()
        self.zombies: dict[str, bool] = {}
        self.mute: set[str] = set()
        self.unread: set[str] = set()
        self.strangers: set[str] = set()
        self.mislabelled: set[str] = set()
        self.lacks: set[str] = set()
        self.busy: dict[str, float] = {}
        self.deaf: set[str] = set()
        self.builds: dict[str, tuple[float, str, str]] = {}  # hash to end, project, what fails
        self.processes = ScriptedProcesses(self._begin)
        kinds = tuple(replace(RUNTIMES[0], image_identifier=r) for r in (RUNTIME, OTHER_RUNTIME))
        self.cml = Cml(
            SimulatedClock(self.time),
            self.processes,
            Ids(self.rng),
            new_tree=in_memory,
            options=options or Options(),
            runtimes=kinds,
        )
        self.web = httpx.WSGITransport(create_app(self.cml, {KEY: ApiKey(KEY)}))
        self.gateway: httpx.BaseTransport = Direct(self.cml, self.web, KEY, User())
        self.sites = {name: self._site(name) for name in names}

    def _site(self, name: str) -> "Site":
        project = self.cml.create_project(User(), {"name": name, "template": "blank"})
        return Site(self, name, project.id)

    def differ(self, options: Options) -> None:
        """The workspace behaves so from now on."""
        cml = self.cml
        cml.options = cml.applications.options = cml.engines.options = cml.runs.options = options

    def site(self, project: str) -> "Site | None":
        """The project of this id or name."""
        found = (s for s in self.sites.values() if project in (s.project, s.name))
        return next(found, None)

    # worlds kept and put back

    def snapshot(self) -> Snapshot:
        self.cml.tick()
        state = self.cml.state
        return Snapshot(
            self.time.passed,
            tuple(copy.copy(app) for app in state.applications.values()),
            tuple(copy.copy(engine) for engine in state.engines.values()),
            tuple(copy.copy(job) for job in state.jobs.values()),
            tuple(copy.copy(run) for run in state.runs.values()),
            tuple(state.history),
            state.count,
            {site.project: dict(site.tree.contents) for site in self.sites.values()},
            {name: copy.copy(pod) for name, pod in self.processes.pods.items()},
            dict(self.builds),
            dict(self.busy),
            {site.project: site.heads.copy() for site in self.sites.values()},
        )

    def restore(self, kept: Snapshot) -> None:
        """Put a world back; chance starts from the world's generator as it is."""
        state = self.cml.state
        self.time.passed = kept.passed
        state.applications = {app.id: copy.copy(app) for app in kept.applications}
        state.engines = {engine.id: copy.copy(engine) for engine in kept.engines}
        state.jobs = {job.id: copy.copy(job) for job in kept.jobs}
        state.runs = {run.id: copy.copy(run) for run in kept.runs}
        state.history = deque(kept.history, maxlen=state.history.maxlen)
        state.count = kept.count
        state.changes += 1  # never a number that an earlier world had
        for site in self.sites.values():
            site.tree.contents = dict(kept.contents[site.project])
            site.read_at_start.clear()
            site.heads = kept.heads[site.project].copy()
            site.reported.clear()
        self.busy, self.deaf = dict(kept.busy), set()
        self.processes.pods = {name: copy.copy(pod) for name, pod in kept.pods.items()}
        self.story, self.broken, self.mute, self.lacks = at_once, set(), set(), set()
        self.zombies, self.mislabelled, self.unread, self.strangers = {}, set(), set(), set()
        self.builds = dict(kept.builds)
        for pod in self.processes.pods.values():
            if isinstance(pod.order, PodRequest):
                self._read(pod.order)

    # pods and builds

    def _begin(self, order: PodRequest) -> Behaviour:
        if order.engine.workload_type == "job" or "RAYCML_BUILDER" in order.environment:
            return self._build(order)
        self._read(order)
        return self.story(order)

    def _read(self, order: PodRequest) -> None:
        """A pod reads its script once, when it starts; the file may go while it runs."""
        site = self.site(order.project.id)
        text = None if site is None else site.file(order.script)
        if site is not None and text is not None:
            site.read_at_start[order.script] = text

    def _build(self, order: PodRequest) -> Behaviour:
        site = self.site(order.project.id)
        text = None if site is None else site.file(order.script)
        if text is None:
            return Behaviour(2.0, 2.0, PodExit(1))
        literal = text.decode().partition('r"""')[2].partition('"""')[0]
        settings = json.loads(literal)
        fails = ", ".join(self.lacks & set(settings["packages"]))
        ends = self.time.passed + BUILD_S
        self.builds[str(settings["hash"])] = (ends, order.project.id, fails)
        if order.engine.workload_type != "job":  # it answers until it is deleted, or fails
            return Behaviour(2.0, BUILD_S if fails else None, PodExit(1))
        return Behaviour(2.0, BUILD_S, PodExit(1 if fails else 0))

    def build(self) -> None:
        """Leave what builds that have ended would leave."""
        for digest, (ends, project, fails) in list(self.builds.items()):
            site = self.site(project)
            if site is not None and self.time.passed >= ends:
                del self.builds[digest]
                site.leave_environment(digest, fails)

    # what happens by itself

    def heal(self) -> None:
        """The platform works again: what was to answer answers, what was to end ends.

        A worker that is lost to Ray stays lost until it is restarted; a head that does not report
        waits for a person, who has seen to it.
        """
        self.story, self.mute, self.lacks, self.mislabelled = at_once, set(), set(), set()
        self.unread, self.strangers = set(), set()
        self.deaf = set()
        for site in self.sites.values():
            heads = {app.engine_id for app in site.rows() if app.subdomain.endswith("-head")}
            self.broken -= heads
        for pod in self.processes.pods.values():
            if isinstance(pod.order, PodRequest) and pod.order.engine.application_id:
                pod.behaviour = Behaviour(answers_after=0.0)
        self.look_again()

    def look_again(self) -> None:
        """The workspace looks at its pods at once."""
        self.cml._ticked = None
        self.cml.tick()


class Site:
    """One project of a world, as it truly is."""

    def __init__(self, world: World, name: str, project: str) -> None:
        self.world = world
        self.name = name
        self.project = project
        self.cml = world.cml
        self.time = world.time
        tree = world.cml.files(project).tree
        assert isinstance(tree, MemoryTree)
        self.tree = tree
        self.read_at_start: dict[str, bytes] = {}  # what pods read when they started, by path
        self.reported: dict[str, float] = {}  # the time of each cluster's last report
        self.heads = ScriptedHeads(self._passed, self._work)

    def _passed(self) -> float:
        return self.time.passed

    def _work(self, engine: str) -> float:
        """The end of the work on the node of an engine."""
        return self.world.busy.get(engine, 0.0)

    @property
    def broken(self) -> set[str]:
        return self.world.broken

    @property
    def mute(self) -> set[str]:
        return self.world.mute

    @property
    def rng(self) -> random.Random:
        return self.world.rng

    @property
    def gateway(self) -> httpx.BaseTransport:
        return self.world.gateway

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
        return self.world.processes.pods.get(app.engine_id)

    # what happens by itself

    def crash(self, subdomain: str) -> None:
        """The application's process dies, if it has one."""
        app = self.at(subdomain)
        if app is not None and app.engine_id:
            self.world.processes.kill(app.engine_id)
            self.world.look_again()

    def lose_node(self, subdomain: str) -> None:
        """The application goes on running; until it is restarted, Ray does not have its node."""
        app = self.at(subdomain)
        if app is not None and app.engine_id:
            self.broken.add(app.engine_id)

    def lose_raylet(self, subdomain: str, *, frozen: bool) -> None:
        """The application goes on running; Ray calls its node dead, until it is restarted.

        `frozen`: its node program no longer writes its state either.
        """
        app = self.at(subdomain)
        if app is not None and app.engine_id and app.status is Status.RUNNING:
            self.world.zombies[app.engine_id] = frozen

    def work(self, subdomain: str, seconds: float) -> None:
        """The node of an application is busy for so long."""
        app = self.at(subdomain)
        if app is not None and app.engine_id:
            self.world.busy[app.engine_id] = self.time.passed + seconds

    def leave_environment(self, digest: str, fails: str) -> None:
        """As the builder does at its end; `fails` names what could not be installed."""
        log = (*ENVIRONMENTS, f"{digest}.log")
        if fails:
            said = f"ERROR: No matching distribution found for {fails}\n"
            said += "FAILED: the packages cannot be installed\n"
            self.tree.write(log, said.encode())
            return
        body = {"schema": "raycml.environment/v1", "hash": digest}
        self.tree.write((*ENVIRONMENTS, digest, "bin", "python"), b"#!")
        self.tree.write((*ENVIRONMENTS, digest, "ready.json"), json.dumps(body).encode())
        self.tree.write(log, b"ready\n")

    def report(self, only: str | None = None) -> None:
        """Every running head (or that of one cluster) reports every running member, as the node
        program does."""
        clusters: dict[str, dict[str, dict[str, object]]] = {}
        for app in self.rows():
            cluster = app.environment.get("RAYCML_CLUSTER")
            if cluster is None or (only is not None and cluster != only):
                continue
            settings = self._settings(app)
            member = app.environment.get("RAYCML_MEMBER")
            if app.status is not Status.RUNNING or settings is None or member is None:
                continue
            if app.subdomain != f"ray-{settings['cluster']}-{member.replace('/', '-')}":
                continue  # a copy made by hand is no member
            if app.engine_id not in self.broken:
                wrong = cluster in self.world.mislabelled
                told = _told(app, "v1:dead" if wrong else settings["fingerprint"])
                told |= self.heads.use(app.engine_id)
                if app.engine_id in self.world.zombies:
                    frozen = self.world.zombies[app.engine_id]
                    told |= {"alive": False, "silent_s": 600.0 if frozen else 2.0}
                if cluster in self.world.unread:
                    told |= {"alive": False, "node_id": ""}
                clusters.setdefault(settings["cluster"], {})[member] = told
        for name, members in clusters.items():
            if "head" in members and name not in self.mute:
                self._write(name, members)

    def _settings(self, app: Application) -> Settings | None:
        """What the script that truly runs was made for."""
        pod = self.pod(app)
        if pod is None or not isinstance(pod.order, PodRequest):
            return None
        return settings_of(self.read_at_start.get(pod.order.script))

    def _write(self, cluster: str, members: dict[str, dict[str, object]]) -> None:
        unread, stranger = cluster in self.world.unread, {"node_id": "x", "node_ip": "10.9.9.9"}
        incarnation = f"head-{members['head']['engine_id']}"
        answers = {}
        if cluster not in self.world.deaf and not unread:
            answers = self.heads.answer_in(self.tree, cluster, members, incarnation)
        self.reported[cluster] = self.time.passed
        body = {
            "period_s": 3.0,
            "error": "Ray's node table: it does not answer" if unread else None,
            "unknown_nodes": [stranger] if cluster in self.world.strangers else [],
            "schema": "raycml.ray/v1",
            "cluster": cluster,
            "incarnation": incarnation,
            "observed_at": self.cml.clock.now().isoformat(),
            "ray_version": "2.60.0",
            "python_version": "3.11.9",
            "address": "127.1.1.1:6379",
            "auth_mode": "token",
            "members": members,
            "answers": answers,
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
