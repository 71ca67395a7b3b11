"""Environment variables that a spec may not set, with the reason.

Facts are of Ray 2.60.0's source.  Refused is what the platform or the node program sets itself (a
spec would be overruled in silence), what Ray lets win over the arguments that raycml gives it, and
what keeps an interpreter or Ray from starting at all.
"""

import json
import re
from collections.abc import Mapping

from controller.core.spec.ray.numbers import FRACTIONS, WHOLE_NUMBERS

_AUTH = "raycml sets how the members of a cluster trust each other"
_OVERRIDE = "Ray takes it over what raycml says of a node, which is then not recognised as a member"
_STORAGE = "raycml keeps no storage for the state of a head"
_DEBUGGER = "Ray then starts below another program, which raycml cannot watch"

PREFIXES: Mapping[str, str] = {
    "RAYCML_": "raycml marks its applications with the names that start with RAYCML_",
    "CDSW_": "the platform sets the names that start with CDSW_",
    "RAY_AUTH_": _AUTH,
    "RAY_OVERRIDE_": _OVERRIDE,
    "RAY_REDIS_": "raycml keeps no Redis",
    "RAY_GCS_STORAGE": _STORAGE,
}
# Of `RAY_<process>_<program>`: see `start_ray_process` in Ray's `services.py`.
_DEBUGGERS = ("_GDB", "_PERFTOOLS_PROFILER", "_TMUX", "_VALGRIND", "_VALGRIND_PROFILER")
_REASONS: Mapping[str, str] = {
    "members run in the environment of `spec.python`; install packages there instead": """
        PYTHONPATH PYTHONHOME PYTHONEXECUTABLE PYTHONPLATLIBDIR VIRTUAL_ENV
    """,
    "the node program then waits for input instead of ending": "PYTHONINSPECT",
    "Ray or the interpreter does not start with it": "PYTHONOPTIMIZE",
    "raycml sets it so that no line of a log is lost": "PYTHONUNBUFFERED",
    "the project's files lie in the home folder that the platform sets": "HOME",
    "raycml sets it to 0, as `--user` installs do not work in a virtual environment": "PIP_USER",
    "raycml sets it for each member when it starts Ray": """
        RAY_ADDRESS RAY_CLOUD_INSTANCE_ID RAY_GCS_RPC_SERVER_RECONNECT_TIMEOUT_S
        RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S RAY_HEAD_NODE RAY_JOB_ID RAY_NODE_TYPE_NAME
        RAY_RAYLET_PID
    """,
    "tasks then look for a cluster to connect to instead of using their own": "RAY_CLIENT_MODE",
    _AUTH: "RAY_ENABLE_CLUSTER_AUTH RAY_ENABLE_K8S_TOKEN_AUTH",
    "a cluster of raycml has one head": "RAY_ENABLE_GCS_LEADER_ELECTION",
    _STORAGE: "RAY_EXTERNAL_STORAGE_NAMESPACE",
    _OVERRIDE: "RAY_FAKE_CLUSTER",
    "raycml decides the ports of a node; see `rayStartParams`": """
        RAY_GCS_SERVER_PORT RAY_USE_RANDOM_PORTS
    """,
    "it changes the arguments of Ray after raycml has decided them": "RAY_START_HOOK",
    "raycml gives each member a folder of its own on local disk": "RAY_TMPDIR",
    "raycml starts Ray with usage statistics off": "RAY_USAGE_STATS_ENABLED",
    "Ray hands out the devices of a node; set `resources.gpu` instead": """
        ASCEND_RT_VISIBLE_DEVICES CUDA_VISIBLE_DEVICES FURIOSA_DEVICES HABANA_VISIBLE_MODULES
        HIP_VISIBLE_DEVICES NEURON_RT_VISIBLE_CORES ONEAPI_DEVICE_SELECTOR
        QBRUNTIME_VISIBLE_DEVICES RBLN_DEVICES TPU_VISIBLE_CHIPS TT_VISIBLE_DEVICES
        ZE_AFFINITY_MASK
    """,
}
NAMES: Mapping[str, str] = {name: why for why, names in _REASONS.items() for name in names.split()}

# What an interpreter, or Ray, reads when it starts, and ends at when it cannot read it.
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_FRACTION = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?")
_FORMS: Mapping[str, tuple[re.Pattern[str], str]] = {
    "PYTHONHASHSEED": (
        re.compile(r"random|0|[1-9][0-9]{0,8}"),
        '"random", or a number below 1000000000',
    ),
    "PYTHONINTMAXSTRDIGITS": (re.compile(r"0|[1-9][0-9]{3,8}"), "0, or a number of 1000 or more"),
    "PYTHONIOENCODING": (
        re.compile(r"(utf-?8|UTF-?8)(:(strict|replace|backslashreplace))?"),
        '"utf-8"',
    ),
    "PYTHONMALLOC": (re.compile(r"default|malloc|pymalloc|(malloc_|pymalloc_)?debug"), '"malloc"'),
    "PYTHONTRACEMALLOC": (re.compile(r"[0-9]{1,4}"), "a number of frames"),
    "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL": (re.compile(r"patch|minor"), '"patch" or "minor"'),
    "PYTHONUTF8": (re.compile(r"[01]"), '"0" or "1"'),
}


def reason(name: str) -> str | None:
    """The reason why a spec may not set the variable; None where it may.

    Names count as equal whatever their case: one that differs in that alone is a slip.
    """
    upper = name.upper()
    for prefix, why in PREFIXES.items():
        if upper.startswith(prefix):
            return why
    if upper.startswith("RAY_") and upper.endswith(_DEBUGGERS):
        return _DEBUGGER
    return NAMES.get(upper)


def value_remedy(name: str, value: str) -> str | None:
    """The form that a value needs, where Ray or Python ends at its start over another one."""
    if name in _FORMS:
        pattern, form = _FORMS[name]
        return None if pattern.fullmatch(value) else f"write {form}"
    if name in WHOLE_NUMBERS:
        return None if _WHOLE.fullmatch(value) else "Ray reads a whole number; write one in quotes"
    if name in FRACTIONS:
        return None if _FRACTION.fullmatch(value) else "Ray reads a number; write one in quotes"
    if name == "RAY_object_spilling_config" and not _is_spilling(value):
        return "write the path into `object-spilling-directory` of `rayStartParams` instead"
    return None


def _is_spilling(text: str) -> bool:
    try:
        config = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(config, dict) or config.keys() != {"type", "params"}:
        return False
    params = config["params"]
    needed = {"filesystem": "directory_path", "smart_open": "uri"}.get(str(config["type"]))
    return (
        isinstance(params, dict) and params.keys() == {needed} and _is_place(params.get(needed, ""))
    )


def _is_place(value: object) -> bool:
    places = value if isinstance(value, list) else [value]
    return bool(places) and all(isinstance(place, str) and place for place in places)
