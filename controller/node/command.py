"""How Ray is started: arguments and environment of `ray start`, from settings and place alone.

Facts are of Ray 2.60.0, measured.  Start parameters of the spec come last and so win.
"""

from __future__ import annotations

import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from controller.node.pod import Pod, Settings
from controller.node.project_files import flat

MIB = 1024 * 1024
DRAIN_S = 8  # CML's grace at a stop is not documented; a container's is ten seconds or more
RECONNECT_S = 30  # a head that comes back has a new address, so long patience only keeps zombies
MARK = "RAYCML_START"  # names the start of a node program in each process that descends from it
# The key of the user who owns the application: as CML sets it (API v2, v1), as raycml reads it.
API_KEYS = frozenset({"CDSW_APIV2_KEY", "CDSW_API_KEY", "CML_API_KEY"})
# Of raycml's own variables; the others may hold the controller's tokens, which the variables of a
# project bring into each of its applications.
_TOLD = frozenset({"RAYCML_CLUSTER", "RAYCML_FINGERPRINT", "RAYCML_MEMBER", "RAYCML_OWNER"})
_MIN_STORE = 80 * MIB  # Ray refuses less than 75 MiB
_MIN_MEMORY = 64 * MIB
_LARGE_STORE = 10**10  # Ray refuses a larger one that /dev/shm cannot hold
_LIST, _LOW, _HIGH = "worker-port-list", "min-worker-port", "max-worker-port"
_LOWEST, _HIGHEST = 10002, 19999  # what Ray takes for its workers where nothing is said
_ANY_PORT = {_LOW: "0", _HIGH: "0"}
_SPARE_WORKER = 512 * MIB  # raylet, agents, log monitor and `ray start`: about 430 MiB resident
_SPARE_HEAD = 1280 * MIB  # and GCS, monitor, dashboard with its modules, client server, reporter

# `-c` puts the home folder first on the path, where a user's `ray.py` would be taken for Ray.
# SIGKILL when the node program ends (PR_SET_PDEATHSIG is 1): Ray ties its own to this process.
_SHIM = """\
import ctypes, os, signal, sys
sys.path[:] = [entry for entry in sys.path if entry]
parent = int(sys.argv.pop(1))
ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != parent:
    os._exit(1)
sys.argv[0] = "ray"
from ray.scripts.scripts import main
main()
"""


@dataclass(frozen=True)
class Sizes:
    """Bytes that Ray may hand out: to tasks, and as objects in shared memory."""

    memory: int
    store: int


def asked_store(settings: Settings) -> int:
    """Bytes that the spec wants for the object store; 0 where it leaves that to raycml."""
    text = settings.ray_start_params.get("object-store-memory", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def sizes(settings: Settings, shm_free: int, *, slow_storage: bool = False) -> Sizes:
    """The pod's memory, shared out.

    The object store takes 30 % as Ray's own default does, but no more than /dev/shm offers; that
    is 64 MB in CML until the project's `shared_memory_limit` is raised, and then the smallest store
    that Ray accepts lies on disk.  What the spec asks for is given as far as Ray accepts it: above
    10 GB only what /dev/shm holds, unless `slow_storage` (a setting of Ray) allows the disk, or
    the spec names the store's folder.  Tasks get the rest, less what Ray's own processes need.
    """
    total = int(settings.memory_gib * 1024 * MIB)
    store = asked_store(settings) or max(min(total * 3 // 10, shm_free * 19 // 20), _MIN_STORE)
    if not slow_storage and "plasma-directory" not in settings.ray_start_params:
        store = min(store, max(shm_free * 19 // 20, _LARGE_STORE))
    spare = min(total // 4, _SPARE_HEAD if settings.is_head else _SPARE_WORKER)
    return Sizes(memory=max(total - store - spare, _MIN_MEMORY), store=store)


def shm_free() -> int:
    """Bytes free in /dev/shm; 0 where there is none."""
    try:
        stats = os.statvfs("/dev/shm")  # noqa: S108 - a mount that is asked, not a file that is made
    except OSError:
        return 0
    return stats.f_bavail * stats.f_frsize


def command(python: str, parent: int, arguments: list[str]) -> list[str]:
    """`ray start` under this interpreter, to end with the process `parent`."""
    return [python, "-u", "-c", _SHIM, str(parent), "start", *arguments]


@dataclass(frozen=True)
class Ports:
    """Ports that Ray would else take without asking whether they are free.

    `agent` is every node's dashboard agent, which loses seconds on a port that is taken; `gcs` and
    `client` are a head's, `client` 0 where the Ray client is not installed or the spec chose one.
    """

    agent: int
    gcs: int = 0
    client: int = 0


def worker_arguments(
    settings: Settings, place: Pod, temp_dir: str, size: Sizes, ports: Ports, address: str
) -> list[str]:
    own = {"address": address}
    return ["--block", *_options(settings, place, temp_dir, size, ports, own)]


def head_arguments(
    settings: Settings, place: Pod, temp_dir: str, size: Sizes, ports: Ports
) -> list[str]:
    own = {
        "port": str(ports.gcs),
        "dashboard-host": "127.0.0.1",
        "dashboard-port": str(place.port),
    }
    if ports.client:
        own["ray-client-server-port"] = str(ports.client)
    return ["--head", "--block", *_options(settings, place, temp_dir, size, ports, own)]


def _options(
    settings: Settings,
    place: Pod,
    temp_dir: str,
    size: Sizes,
    ports: Ports,
    own: Mapping[str, str],
) -> list[str]:
    params = settings.ray_start_params
    options = {
        "node-ip-address": place.ip,
        "node-name": place.member,
        "temp-dir": temp_dir,
        "labels": ",".join(f"{key}={value}" for key, value in labels(settings, place).items()),
        "num-cpus": str(math.ceil(settings.cpu)),  # Ray takes whole cores; 0 would take no task
        "num-gpus": str(settings.gpu),
        "memory": str(size.memory),
        "object-store-memory": str(size.store),
        "dashboard-agent-listen-port": str(ports.agent),
        "log-color": "false",
        **own,
        **{key: value for key, value in params.items() if key not in (_LIST, _LOW, _HIGH)},
        **_worker_ports(settings, place, {place.port, ports.agent, ports.gcs, ports.client}),
    }
    pairs = [f"--{key}={value}" for key, value in sorted(options.items())]
    return [*pairs, "--disable-usage-stats"]


def _worker_ports(settings: Settings, place: Pod, taken: Collection[int]) -> Mapping[str, str]:
    """The ports that the spec chose, less those that are taken; else Ray's range of 10002 to 19999.

    Any free port is taken instead where pods share that range, and where too little is left.
    """
    params = settings.ray_start_params
    if _LIST in params:
        kept = [port for port in params[_LIST].split(",") if int(port) not in taken]
        return {_LIST: ",".join(kept)} if kept else _ANY_PORT
    if _LOW not in params and _HIGH not in params:
        return _ANY_PORT if place.shares_host or _LOWEST <= place.port <= _HIGHEST else {}
    ports = worker_range(settings)
    edges = [ports.start - 1, *sorted(port for port in taken if port in ports), ports.stop]
    low, high = max(
        ((before + 1, after - 1) for before, after in zip(edges, edges[1:])),  # noqa: B905, RUF007  Python 3.9
        key=lambda piece: piece[1] - piece[0],
    )
    return {_LOW: str(low), _HIGH: str(high)} if low < high else _ANY_PORT


def worker_range(settings: Settings) -> range:
    """The range of ports that Ray's workers may have, of the spec or Ray's own."""
    params = settings.ray_start_params
    return range(int(params.get(_LOW, _LOWEST)), int(params.get(_HIGH, _HIGHEST)) + 1)


def avoided_ports(settings: Settings, place: Pod) -> frozenset[int]:
    """Ports that the node program may not choose for Ray, for another part of Ray has them.

    Ray sets 8265 and 10001 of a worker aside, though nothing listens there.
    """
    params = settings.ray_start_params
    chosen = {int(value) for key, value in params.items() if key.endswith("-port")}
    chosen |= {int(port) for port in params.get(_LIST, "").split(",") if port}
    ranged = _LOW in params or _HIGH in params or not place.shares_host
    workers = worker_range(settings) if ranged and _LIST not in params else ()
    others = (place.port,) if settings.is_head else (place.port, 8265, 10001)
    return frozenset({*chosen, *workers, *others})


def labels(settings: Settings, place: Pod) -> dict[str, str]:
    """Ray allows letters, digits, dot, dash and underscore in a label's value."""
    return {
        "raycml.cluster": settings.cluster,
        "raycml.group": settings.group,
        "raycml.member": flat(place.member),
        "raycml.fingerprint": settings.fingerprint.replace(":", "."),
    }


def fingerprint_of(label: str) -> str:
    """The fingerprint that a node's label says; empty for none."""
    return label.replace(".", ":", 1)


def environment(
    environ: Mapping[str, str], settings: Settings, place: Pod, start: str, python: str
) -> dict[str, str]:
    """What Ray's processes inherit.  `python` is the absolute path of the interpreter with Ray.

    No credential of CML or of raycml is handed on, since every task could use it: the API key only
    where the spec says `apiKeyAccess: true`, raycml's own variables never but for a few names.

    The auth mode is said on every node: a head that finds a token file would else demand tokens
    from workers that have none.  The interpreter's folder comes first on the path, so that a job
    that says `python` gets the one that has Ray.
    """
    # An address of some other cluster would be taken for this one's.
    withheld = {"RAY_ADDRESS", *(() if settings.api_key_access else API_KEYS)}
    inherited = {
        name: value
        for name, value in environ.items()
        if name not in withheld and (name in _TOLD or not name.startswith("RAYCML_"))
    }
    return {
        **inherited,
        MARK: start,
        "PATH": os.pathsep.join(
            part for part in (os.path.dirname(python), environ.get("PATH", "")) if part
        ),
        "RAY_AUTH_MODE": "disabled",
        "RAY_CLOUD_INSTANCE_ID": place.engine_id,
        "RAY_NODE_TYPE_NAME": settings.group,
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(DRAIN_S),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": str(RECONNECT_S),
    }
