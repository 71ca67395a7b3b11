"""An independent judge of the end: does the world match the documents that people wrote?

Shares no code with the controller's core: it reads raw documents, the emulator's own rows, pods and
files, and knows names, marks and units from the manual alone.  Judges; never acts.
"""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass

from controller.emulator.pods.lifecycle import Status
from controller.emulator.state.records import Application
from tests.simulation.documents import Document
from tests.simulation.papers import settings_of
from tests.simulation.world import HOME, Site

OURS = "RAYCML_"
STRANGERS = frozenset({"NOTE"})  # variables that people add by hand; they may stay
BUILT = ".raycml/envs/"
REST = frozenset({Status.STOPPED, Status.FAILED})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one group of a document asks of each of its members.  Memory in GiB."""

    cluster: str
    group: str
    replicas: int
    suspended: bool
    cpu: float
    memory: float
    gpu: int
    runtime: str
    environment: dict[str, str]
    params: dict[str, str]
    ray: str
    python: str

    def name(self, ordinal: int) -> str:
        tail = "head" if self.group == "head" else f"{self.group}-{ordinal}"
        return f"ray-{self.cluster}-{tail}"


def groups(doc: Document) -> dict[str, Wanted]:
    """The head and the worker groups, by name."""
    spec = doc["spec"]
    found = {"head": _wanted(doc, "head", 1, spec["headGroupSpec"])}
    for group in spec.get("workerGroupSpecs", []):
        name = group["groupName"]
        found[name] = _wanted(doc, name, group.get("replicas", 1), group)
    return found


def _wanted(doc: Document, name: str, replicas: int, group: Document) -> Wanted:
    spec, resources = doc["spec"], group["resources"]
    return Wanted(
        cluster=doc["metadata"]["name"],
        group=name,
        replicas=replicas,
        suspended=bool(spec.get("suspend") or group.get("suspend")),
        cpu=float(resources["cpu"]),
        memory=_gib(resources["memory"]),
        gpu=resources.get("gpu", 0),
        runtime=group.get("runtimeIdentifier") or spec["runtimeIdentifier"],
        environment={**spec.get("environment", {}), **group.get("environment", {})},
        params=group.get("rayStartParams", {}),
        ray=spec["rayVersion"],
        python=BUILT if "pythonEnvironment" in spec else spec.get("python", ".venv/bin/python"),
    )


def _gib(text: str | float) -> float:
    return float(text.removesuffix("Gi")) if isinstance(text, str) else float(text)


def budget(doc: Document) -> int:
    """How many members of a group may be away for our own reasons."""
    most = doc["spec"].get("upgradeStrategy", {}).get("maxUnavailable", 1)
    assert isinstance(most, int)
    return most


# marks


@dataclass(frozen=True, slots=True)
class Place:
    """Which cluster and member an application's mark names."""

    cluster: str
    group: str
    ordinal: int

    @property
    def name(self) -> str:
        tail = "head" if self.group == "head" else f"{self.group}-{self.ordinal}"
        return f"ray-{self.cluster}-{tail}"


_MEMBER = re.compile(r"([a-z0-9-]+)/(0|[1-9][0-9]*)")


def place_of(environment: Mapping[str, str], subdomain: str, owner: str) -> Place | None:
    """The place, when the mark is ours, whole, and speaks of this very application."""
    ours = environment.get(f"{OURS}OWNER") == owner
    cluster, member = environment.get(f"{OURS}CLUSTER"), environment.get(f"{OURS}MEMBER", "")
    if not ours or not cluster or environment.get(f"{OURS}SUBDOMAIN") != subdomain:
        return None
    if member == "head":
        return Place(cluster, "head", 0)
    found = _MEMBER.fullmatch(member)
    return None if found is None else Place(cluster, found[1], int(found[2]))


def variables(row: Mapping[str, object]) -> dict[str, str]:
    """The environment of an application as an answer shows it."""
    found: dict[str, str] = json.loads(str(row["environment"]))
    return found


# one application


def faults(app: Application, wanted: Wanted, site: Site) -> list[str]:
    """How an application is configured otherwise than wanted, launcher included.

    A launcher that went while its application runs is no fault: a converged pass does not look at
    files, and the launcher is written anew before the application starts again.
    """
    have = {"cpu": app.cpu, "memory": app.memory, "gpu": app.nvidia_gpu}
    found = [f"{name} is {value:g}" for name, value in have.items() if value != _of(wanted, name)]
    if app.runtime_identifier != wanted.runtime:
        found.append(f"runtime is {app.runtime_identifier}")
    set_ = {k: v for k, v in app.environment.items() if not k.startswith(OURS)}
    if {k: v for k, v in set_.items() if k not in STRANGERS} != wanted.environment:
        found.append(f"environment is {set_}")
    text = site.file(app.script) or site.read_at_start.get(app.script)
    return [*found, *launcher_faults(app.script, app.environment, wanted, text)]


def _of(wanted: Wanted, name: str) -> float:
    return {"cpu": wanted.cpu, "memory": wanted.memory, "gpu": wanted.gpu}[name]


def launcher_faults(
    script: str, environment: Mapping[str, str], wanted: Wanted, text: bytes | None
) -> list[str]:
    """How a script with this text is not the launcher of such a member."""
    path = script.removeprefix(HOME)
    settings = settings_of(text)
    if settings is None:
        return [f"launcher {path} is not there, or not a launcher"]
    told = {
        "cluster": (settings["cluster"], wanted.cluster),
        "group": (settings["group"], wanted.group),
        "cpu": (settings["cpu"], wanted.cpu),
        "memory": (settings["memory_gib"], wanted.memory),
        "gpu": (settings["gpu"], wanted.gpu),
        "params": (settings["ray_start_params"], wanted.params),
        "Ray": (settings["ray_version"], wanted.ray),
        "python": (_python(settings["python"]), wanted.python),
        "mark": (settings["fingerprint"], environment.get(f"{OURS}FINGERPRINT")),
        "path": (settings["launcher"], path),
    }
    return [f"its launcher has {n} {has}" for n, (has, wants) in told.items() if has != wants]


def _python(path: str) -> str:
    """The interpreter; of an environment that was built only that it is one."""
    return BUILT if path.startswith(BUILT) and path.endswith("/bin/python") else path


def runs_otherwise(app: Application, site: Site) -> list[str]:
    """How the process that runs differs from what is configured."""
    pod = site.pod(app)
    if app.status is not Status.RUNNING or pod is None:
        return [f"it is {app.status.short}"]
    order = pod.order
    told = {
        "script": (order.script, app.script),
        "cpu": (order.engine.cpu, app.cpu),
        "memory": (order.engine.memory, app.memory),
        "gpu": (order.engine.nvidia_gpu, app.nvidia_gpu),
        "runtime": (order.runtime_identifier, app.runtime_identifier),
    }
    found = [f"runs with {n} {has}" for n, (has, wants) in told.items() if has != wants]
    kept = {k: v for k, v in order.environment.items() if k not in STRANGERS}
    if kept != {k: v for k, v in app.environment.items() if k not in STRANGERS}:
        found.append("runs with another environment")
    return found


# the whole


def mismatch(
    docs: Mapping[str, Document], site: Site, owner: str, leaves: Callable[[str], bool]
) -> list[str]:
    """Everything that is not as the documents say; empty when the world matches.

    `leaves`: whether a cluster without a document is to be gone.  A paused one is nobody's promise,
    and what one that keeps everything holds on another's name is for a person to take away.
    """
    seated: dict[str, list[tuple[Place, Application]]] = {}
    for app in site.rows():
        place = place_of(app.environment, app.subdomain, owner)
        if place is not None:
            seated.setdefault(place.cluster, []).append((place, app))
    found = [f"{name} is still there" for name in seated if name not in docs and leaves(name)]
    blocked = {
        app.subdomain
        for name, places in seated.items()
        if name not in docs or _keeps(docs[name])
        for place, app in places
        if app.subdomain != place.name
    }
    for name, doc in docs.items():
        if not doc["spec"].get("paused"):
            found += _cluster(doc, seated.get(name, []), site, blocked)
    return found


def unrest(clusters: Collection[str], site: Site, owner: str) -> list[str]:
    """Members of suspended clusters that are not at rest, wherever they were left: a suspended
    cluster does not follow its document to another project before it is resumed."""
    places = ((place_of(app.environment, app.subdomain, owner), app) for app in site.rows())
    mine = (app for place, app in places if place is not None and place.cluster in clusters)
    return [f"{app.subdomain} is {app.status.short}" for app in mine if app.status not in REST]


def _keeps(doc: Document) -> bool:
    return any(doc["spec"].get(why) for why in ("paused", "suspend", "protect"))


def _cluster(
    doc: Document, apps: list[tuple[Place, Application]], site: Site, blocked: set[str]
) -> Iterator[str]:
    spec = doc["spec"]
    if spec.get("suspend"):
        yield from (f"{a.subdomain} is {a.status.short}" for _, a in apps if a.status not in REST)
        return
    wanted = groups(doc)
    for place, app in apps:
        misplaced = place.group not in wanted or app.subdomain != place.name
        if misplaced and not spec.get("protect"):
            yield f"{app.subdomain} is not wanted"
    for group in wanted.values():
        mine = [a for p, a in apps if p.group == group.group and a.subdomain == p.name]
        yield from _group(doc, group, mine, site, blocked)


def _group(
    doc: Document, group: Wanted, apps: list[Application], site: Site, blocked: set[str]
) -> Iterator[str]:
    if group.suspended:
        if len(apps) > group.replicas:
            yield f"{group.group} has {len(apps)} applications of {group.replicas}"
        yield from (f"{a.subdomain} is {a.status.short}" for a in apps if a.status not in REST)
        return
    spec = doc["spec"]
    many_may_be = spec.get("protect") and len(apps) > group.replicas
    absent = {group.name(n) for n in range(group.replicas)} - {app.subdomain for app in apps}
    if len(apps) != group.replicas and not many_may_be and not absent & blocked:
        yield f"{group.group} has {len(apps)} applications of {group.replicas}"
    if many_may_be:  # it loses nothing, and of those that it keeps the wanted number runs
        apps = sorted(apps, key=lambda a: a.status is not Status.RUNNING)[: group.replicas]
    for app in apps:
        yield from (f"{app.subdomain}: {why}" for why in _member(doc, app, group, site))


def _member(doc: Document, app: Application, group: Wanted, site: Site) -> Iterator[str]:
    spec = doc["spec"]
    if app.status is not Status.RUNNING:
        yield f"it is {app.status.short}"
        return
    if app.engine_id in site.broken or app.engine_id in site.world.zombies:
        yield "its node is lost to Ray"
    if spec["upgradeStrategy"]["type"] == "None":
        return
    if spec.get("protect") and (group.group == "head" or not _agrees(app, group, site)):
        return
    yield from faults(app, group, site)
    yield from runs_otherwise(app, site)


def _agrees(app: Application, wanted: Wanted, site: Site) -> bool:
    """Whether a worker has the Ray and the Python that its cluster is to have: what differs in
    these would restart a protected head."""
    settings = settings_of(site.file(app.script) or site.read_at_start.get(app.script))
    if settings is None:
        return True
    same_ray = (settings["ray_version"], _python(settings["python"])) == (wanted.ray, wanted.python)
    pythons = (_PYTHON.findall(app.runtime_identifier), _PYTHON.findall(wanted.runtime))
    return same_ray and pythons[0] == pythons[1]


_PYTHON = re.compile(r"python\d+\.\d+")
