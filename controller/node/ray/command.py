"""Arguments and environment of `ray start`, from settings and pod.

Facts were measured with Ray 2.60.0; `versions` has the differences of older ones.  Start parameters
of the spec are last, so they override.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from controller.node.pod import Pod, Settings
from controller.node.project_files import flat
from controller.node.ray import gpu
from controller.node.ray.fixed_ports import HIGHEST_WORKER, LOWEST_WORKER
from controller.node.ray.tokens import WITHHELD
from controller.node.ray.versions import habits

MIB = 1024 * 1024
DRAIN_S = 8  # CML's grace at a stop is not documented; a container's is ten seconds or more
RECONNECT_S = 30  # a restarted head has a new address, so waiting longer is useless
REMEMBERED_S = 900  # except for a head that remembers; a start of its pod may take minutes
SHM_LIMIT = "CML_EMULATOR_SHM_MB"  # set by the CML emulator alone
MARK = "RAYCML_START"  # marks all descendants of this start of the node program
# API keys of the application's owner: set by CML (API v2, v1), and read by raycml.
API_KEYS = frozenset({"CDSW_APIV2_KEY", "CDSW_API_KEY", "CML_API_KEY"})
# raycml's own variables for Ray; the others may be the controller's tokens, since variables of a
# project are set in each of its applications.
_PASSED_ON = frozenset({"RAYCML_CLUSTER", "RAYCML_FINGERPRINT", "RAYCML_MEMBER", "RAYCML_OWNER"})
_MIN_STORE = 80 * MIB  # Ray refuses less than 75 MiB
_MIN_MEMORY = 64 * MIB
_LARGE_STORE = 10**10  # Ray refuses a larger one that /dev/shm cannot hold
_LIST, _LOW, _HIGH = "worker-port-list", "min-worker-port", "max-worker-port"
_LOWEST, _HIGHEST = 10002, 19999  # Ray's default for its workers, if a spec names one end only
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
    """Bytes for tasks, and for objects; `asked`: for objects with enough shared memory."""

    memory: int
    store: int
    asked: int = 0


def requested_store(settings: Settings) -> int:
    """Size of the object store in the spec, in bytes; 0 for raycml's default."""
    text = settings.ray_start_params.get("object-store-memory", "")
    return int(text) if text.isascii() and text.isdigit() else 0


def sizes(settings: Settings, shm_free: int, *, slow_storage: bool = False) -> Sizes:
    """Division of the pod's memory.

    The object store gets 30 %, as by Ray's default, but at most the size of /dev/shm; that is 64 MB
    in CML unless the project's `shared_memory_limit` is raised, and then Ray's smallest store is
    on disk.  A size in the spec is used as far as Ray accepts it: above 10 GB at most the size
    of /dev/shm, unless `slow_storage` (a setting of Ray) allows the disk, or the spec names the
    store's folder.  Tasks get the rest, less the memory of Ray's own processes.
    """
    total = int(settings.memory_gib * 1024 * MIB)
    asked = requested_store(settings) or max(total * 3 // 10, _MIN_STORE)
    store = requested_store(settings) or max(min(asked, shm_free * 19 // 20), _MIN_STORE)
    if not slow_storage and "plasma-directory" not in settings.ray_start_params:
        store = min(store, max(shm_free * 19 // 20, _LARGE_STORE))
    spare = min(total // 4, _SPARE_HEAD if settings.is_head else _SPARE_WORKER)
    return Sizes(memory=max(total - store - spare, _MIN_MEMORY), store=store, asked=asked)


def shm_free(environ: Mapping[str, str]) -> int:
    """Free bytes in /dev/shm; 0 without it.

    Pods of the CML emulator share this machine's, so it gives each the project's limit as a
    variable.
    """
    try:
        stats = os.statvfs("/dev/shm")  # noqa: S108 - a mount that is asked, not a file that is made
    except OSError:
        return 0
    free, limit = stats.f_bavail * stats.f_frsize, environ.get(SHM_LIMIT, "")
    return min(free, int(limit) * MIB) if limit.isascii() and limit.isdigit() else free


def command(python: str, parent: int, arguments: list[str]) -> list[str]:
    """`ray start` with this interpreter, which ends with the process `parent`."""
    return [python, "-u", "-c", _SHIM, str(parent), "start", *arguments]


def start_arguments(
    settings: Settings,
    pod: Pod,
    temp_dir: str,
    size: Sizes,
    ports: Mapping[str, int],
    address: str = "",
) -> list[str]:
    """Arguments of `ray start`.

    `ports` are those that the node program claimed, by option; `address` is of the head that a
    worker joins.
    """
    role = ["--block"]
    own = {"address": address}
    if settings.is_head:
        role = ["--head", "--block"]
        own = {
            "temp-dir": temp_dir,
            "dashboard-host": "127.0.0.1",
            "dashboard-port": str(pod.port),
        }
    elif habits(settings.ray_version).own_temp_dir:
        own["temp-dir"] = temp_dir
    params = settings.ray_start_params
    options = {
        "node-ip-address": pod.ip,
        "node-name": pod.member,
        "labels": _label_option(settings, pod),
        "num-cpus": str(math.ceil(settings.cpu)),  # Ray has whole cores; 0 would run no task
        "num-gpus": str(settings.gpu),
        "memory": str(size.memory),
        "object-store-memory": str(size.store),
        "log-color": "false",
        **{option: str(port) for option, port in ports.items()},
        **own,
        **{key: value for key, value in params.items() if key not in (_LIST, _LOW, _HIGH)},
        **_worker_ports(settings, pod, {pod.port, *ports.values()}),
    }
    pairs = [f"--{key}={value}" for key, value in sorted(options.items())]
    return [*role, *pairs, "--disable-usage-stats"]


def _worker_ports(settings: Settings, pod: Pod, taken: Collection[int]) -> Mapping[str, str]:
    """Free ports in the spec's range, else in raycml's.

    Any free port if pods share that range, or if it has too few.
    """
    params = settings.ray_start_params
    if _LIST in params:
        free = [port for port in params[_LIST].split(",") if int(port) not in taken]
        return {_LIST: ",".join(free)} if free else _ANY_PORT
    if pod.shares_host and _LOW not in params and _HIGH not in params:
        return _ANY_PORT
    ports = worker_range(settings)
    edges = [ports.start - 1, *sorted(port for port in taken if port in ports), ports.stop]
    low, high = max(
        ((before + 1, after - 1) for before, after in zip(edges, edges[1:])),  # noqa: B905, RUF007  Python 3.9
        key=lambda piece: piece[1] - piece[0],
    )
    return {_LOW: str(low), _HIGH: str(high)} if low < high else _ANY_PORT


def worker_range(settings: Settings) -> range:
    """The range of ports for Ray's workers: raycml's, or the spec's; Ray's end where it has one."""
    params = settings.ray_start_params
    if _LOW not in params and _HIGH not in params:
        return range(LOWEST_WORKER, HIGHEST_WORKER + 1)
    return range(int(params.get(_LOW, _LOWEST)), int(params.get(_HIGH, _HIGHEST)) + 1)


def avoided_ports(settings: Settings, pod: Pod) -> frozenset[int]:
    """Ports that other components of Ray use.

    Ray reserves 8265 and 10001 on workers, though nothing listens there.
    """
    params = settings.ray_start_params
    chosen = {int(value) for key, value in params.items() if key.endswith("-port")}
    chosen |= {int(port) for port in params.get(_LIST, "").split(",") if port}
    ranged = _LOW in params or _HIGH in params or not pod.shares_host
    workers = worker_range(settings) if ranged and _LIST not in params else ()
    others = (pod.port,) if settings.is_head else (pod.port, 8265, 10001)
    return frozenset({*chosen, *workers, *others})


def labels(settings: Settings, pod: Pod) -> dict[str, str]:
    """The spec's labels and raycml's; Ray allows letters, digits and `._-` in values."""
    return {
        **settings.labels,
        "raycml.cluster": settings.cluster,
        "raycml.group": settings.group,
        "raycml.member": flat(pod.member),
        "raycml.fingerprint": settings.fingerprint.replace(":", "."),
    }


def _label_option(settings: Settings, pod: Pod) -> str:
    values = labels(settings, pod)
    if habits(settings.ray_version).label_pairs:
        return ",".join(f"{key}={value}" for key, value in values.items())
    return json.dumps(values)


def _reconnect_s(settings: Settings) -> int:
    """Seconds that a Ray node waits for its GCS before it ends."""
    return REMEMBERED_S if settings.gcs_storage and not settings.is_head else RECONNECT_S


def fingerprint_of(label: str) -> str:
    """The fingerprint in a node's label; empty without one."""
    return label.replace(".", ":", 1)


def environment(
    environ: Mapping[str, str],
    settings: Settings,
    pod: Pod,
    start: str,
    python: str,
    auth: Mapping[str, str],
) -> dict[str, str]:
    """Variables of Ray's processes.  `python` is the absolute path of the interpreter with Ray.

    Without credentials of CML or raycml, since every task could use them: the API key only with
    `apiKeyAccess: true` in the spec, and of raycml's own variables only a few.  `auth` are the
    variables of `tokens`; a project's own about Ray's tokens do not count.

    The interpreter's folder is first in PATH, so that `python` in a job is the interpreter with
    Ray.  A member with GPUs has the defaults of `gpu`.
    """
    if settings.gpu:
        environ = {**environ, **gpu.defaults(environ)}
    # Ray would use an address of another cluster.
    withheld = {"RAY_ADDRESS", *(() if settings.api_key_access else API_KEYS)}
    inherited = {
        name: value
        for name, value in environ.items()
        if name not in withheld
        and not name.startswith(WITHHELD)
        and (name in _PASSED_ON or not name.startswith("RAYCML_"))
    }
    return {
        **inherited,
        MARK: start,
        "PATH": os.pathsep.join(
            part for part in (os.path.dirname(python), environ.get("PATH", "")) if part
        ),
        **auth,
        "RAY_CLOUD_INSTANCE_ID": pod.engine_id,
        "RAY_NODE_TYPE_NAME": settings.group,
        "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": str(DRAIN_S),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_gcs_rpc_server_reconnect_timeout_s": str(_reconnect_s(settings)),
    }
