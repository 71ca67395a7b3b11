"""Options of `ray start` that a spec may set, and the form of their values.

Facts from `ray start --help` of Ray 2.60.0.  Only options that take a value are offered, so that a
parameter always becomes `--key=value`.  Options on which raycml itself depends are refused with
that reason.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping

from controller.core.spec.ray.start_ports import port_faults
from controller.core.spec.suggestions import did_you_mean

MAX_PARAMS = 50
MAX_VALUE_LENGTH = 4096
MIN_OBJECT_STORE_BYTES = 75 * 2**20
MAX_BYTES = 100 * 10**12  # Ray refuses any resource beyond

_WHOLE = re.compile(r"0|[1-9][0-9]{0,18}")
_PATH = re.compile(r"(/[A-Za-z0-9._+@-]+)+")
_OF_THE_SYSTEM = frozenset(
    {"bin", "boot", "dev", "etc", "lib", "lib64", "proc", "run", "sbin", "sys", "usr"}
)
_RAY_OWN_RESOURCES = ("CPU", "GPU", "memory", "object_store_memory")
# Names under which Ray looks for accelerators of the node, and then for their drivers.
_DETECTED = frozenset({"FURIOSA", "HPU", "MBLT", "NPU", "RBLN", "TPU", "TTNPU", "neuron_cores"})
_NODE_RESOURCE = "node:"
_RESOURCE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._:/-]{0,99}")


def _whole(low: int, high: int) -> Callable[[str], str | None]:
    def check(text: str) -> str | None:
        if _WHOLE.fullmatch(text) and low <= int(text) <= high:
            return None
        return f"write a whole number from {low} to {high} in quotes"

    return check


def _port(text: str) -> str | None:
    if text == "0" or (_WHOLE.fullmatch(text) and 1024 <= int(text) <= 65535):
        return None
    return "write a port from 1024 to 65535 in quotes, or 0 for any free one"


def _fixed_port(text: str) -> str | None:
    return None if text != "0" and _port(text) is None else "write a port from 1024 to 65535"


def _port_list(text: str) -> str | None:
    ports = text.split(",")
    if len(set(ports)) == len(ports) and all(_fixed_port(port) is None for port in ports):
        return None
    return "write different ports from 1024 to 65535, separated by commas without spaces"


def _path(text: str) -> str | None:
    if len(text) > 255 or not _PATH.fullmatch(text) or ".." in text.split("/"):
        return "write an absolute path without spaces and without `..`"
    if text.split("/")[1] in _OF_THE_SYSTEM and not f"{text}/".startswith("/dev/shm/"):  # noqa: S108
        return "a member may not write there; name a folder of its own disk, or below /dev/shm"
    return None


def _boolean(text: str) -> str | None:
    return None if text in ("true", "false") else 'write "true" or "false"'


def _resources(text: str) -> str | None:
    try:
        amounts = json.loads(text)
    except (ValueError, RecursionError):
        amounts = None
    if not isinstance(amounts, dict) or not all(map(_is_amount, amounts.values())):
        return """write a JSON object of names and whole amounts, such as '{"special": 1}'"""
    for name in amounts:
        if name in _RAY_OWN_RESOURCES:
            return f"`{name}` is one of Ray's own resources; set it with its own parameter"
        if name in _DETECTED or name.startswith(_NODE_RESOURCE):
            return f"`{name}` is a resource that Ray sets itself; choose another name"
        if _RESOURCE.fullmatch(name) is None:
            return "write names of resources with letters, digits and `._:/-`, up to 100 characters"
    return None


def _is_amount(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    # Ray refuses fractions, and what is beyond 100e12.
    return 0 <= value <= 10**12 and math.isfinite(value) and value == int(value)


_CHECKS: Mapping[str, Callable[[str], str | None]] = {
    "dashboard-agent-grpc-port": _port,
    "dashboard-agent-listen-port": _port,
    "include-log-monitor": _boolean,
    "max-worker-port": _fixed_port,
    "memory": _whole(0, MAX_BYTES),
    "metrics-export-port": _port,
    "min-worker-port": _fixed_port,
    "node-manager-port": _port,
    "num-cpus": _whole(0, 100_000),
    "num-gpus": _whole(0, 1_000),
    "object-manager-port": _port,
    "object-spilling-directory": _path,
    "object-store-memory": _whole(MIN_OBJECT_STORE_BYTES, MAX_BYTES),
    "plasma-directory": _path,
    "ray-client-server-port": _fixed_port,
    "resources": _resources,
    "runtime-env-agent-port": _port,
    "worker-port-list": _port_list,
}
_HEAD_ONLY = frozenset({"ray-client-server-port"})

_REASONS: Mapping[str, str] = {
    "raycml decides where a node listens and which head it joins": "address node-ip-address port",
    "raycml decides the size of a cluster": "autoscaling-config",
    "raycml watches the node itself": "block",
    "an application may not write control groups": """
        cgroup-path enable-resource-isolation system-reserved-cpu system-reserved-memory
    """,
    "the dashboard is the page of the head's application": """
        dashboard-host dashboard-port include-dashboard proxy-server-url
    """,
    "raycml always sets it": "disable-usage-stats",
    "Ray always reconstructs objects": "enable-object-reconstruction",
    "the place in the spec says what is the head": "head",
    "write the labels of a group into its field `labels`": "labels labels-file",
    "raycml reads what Ray prints": "log-color log-style no-redirect-output verbose",
    "the monitor reports pending demand and idle times": "no-monitor",
    "raycml names a node by its member": "node-name",
    "it opens the debugger to the whole network": "ray-debugger-external",
    "raycml keeps no Redis": "redis-password redis-shard-ports redis-username",
    "set `RAY_<name>` in `environment` instead": "system-config",
    "raycml gives each member a folder of its own on local disk": "temp-dir",
    "set up tracing in the program that runs on Ray": "tracing-startup-hook",
}
REFUSED = {name: why for why, names in _REASONS.items() for name in names.split()}
ALLOWED: tuple[str, ...] = tuple(_CHECKS)


def faults(params: Mapping[str, str], *, head: bool) -> Iterator[tuple[str, str]]:
    """(key, message) for each parameter that may not be set, or not to its value."""
    for key, value in params.items():
        message = _fault(key, value, head=head)
        if message is not None:
            yield key, message
    if all(_fault(key, value, head=head) is None for key, value in params.items()):
        yield from port_faults(params, head=head)


def _fault(key: str, value: str, *, head: bool) -> str | None:
    bare = key.lstrip("-").replace("_", "-")
    if key != bare and (bare in _CHECKS or bare in REFUSED):
        return f"write the option as `{bare}`"
    if key in REFUSED:
        return f"`{key}` may not be set in a spec: {REFUSED[key]}; remove it"
    if key not in _CHECKS:
        hint = did_you_mean(key, ALLOWED) or "remove it"
        return f"`{key}` is not an option of `ray start` that a spec may set; {hint}"
    if key in _HEAD_ONLY and not head:
        return f"`{key}` belongs to the head; move it to headGroupSpec"
    if len(value) > MAX_VALUE_LENGTH:
        return f"the value of `{key}` has more than {MAX_VALUE_LENGTH} characters; shorten it"
    remedy = _CHECKS[key](value)
    return None if remedy is None else f"the value of `{key}` is not valid; {remedy}"


def size_faults(params: Mapping[str, str], memory_gib: float) -> Iterator[tuple[str, str]]:
    """Of parameters without another fault: an object store that the node's memory cannot hold."""
    store = params.get("object-store-memory")
    if store is not None and int(store) >= memory_gib * 2**30:
        message = (
            f"the object store would take all of the node's {memory_gib:g} GiB; "
            "lower it, or raise resources.memory"
        )
        yield "object-store-memory", message
