"""Environment variables that a spec may not set, with the reason.

Facts are of Ray 2.60.0's source.  Refused is what the platform or the node program sets itself (a
spec would be overruled in silence), what Ray lets win over the arguments that raycml gives it, and
what keeps an interpreter or Ray from starting at all.
"""

import json
import re
from collections.abc import Mapping

from controller.core.spec.ray.numbers import FRACTIONS, WHOLE_NUMBERS

_MARKS = "raycml marks its applications with the names that start with RAYCML_"
_PLATFORM = "the platform sets the names that start with CDSW_"
_INTERPRETER = "members run in the environment of `spec.python`; install packages there instead"
_START = "raycml sets it for each member when it starts Ray"
_AUTH = "raycml sets how the members of a cluster trust each other"
_OVERRIDE = "Ray takes it over what raycml says of a node, which is then not recognised as a member"
_REDIS = "raycml keeps no Redis"
_STORAGE = "raycml keeps no storage for the state of a head"
_PORTS = "raycml decides the ports of a node; see `rayStartParams`"
_DEVICES = "Ray hands out the devices of a node; set `resources.gpu` instead"
_DEBUGGER = "Ray then starts below another program, which raycml cannot watch"
_NO_START = "Ray or the interpreter does not start with it"

PREFIXES: Mapping[str, str] = {
    "RAYCML_": _MARKS,
    "CDSW_": _PLATFORM,
    "RAY_AUTH_": _AUTH,
    "RAY_OVERRIDE_": _OVERRIDE,
    "RAY_REDIS_": _REDIS,
    "RAY_GCS_STORAGE": _STORAGE,
}
_SUFFIXES: Mapping[str, str] = {
    # Of `RAY_<process>_<program>`: see `start_ray_process` in Ray's `services.py`.
    "_GDB": _DEBUGGER,
    "_PERFTOOLS_PROFILER": _DEBUGGER,
    "_TMUX": _DEBUGGER,
    "_VALGRIND": _DEBUGGER,
    "_VALGRIND_PROFILER": _DEBUGGER,
}
NAMES: Mapping[str, str] = {
    "PYTHONPATH": _INTERPRETER,
    "PYTHONHOME": _INTERPRETER,
    "PYTHONEXECUTABLE": _INTERPRETER,
    "PYTHONPLATLIBDIR": _INTERPRETER,
    "PYTHONINSPECT": "the node program then waits for input instead of ending",
    "PYTHONOPTIMIZE": _NO_START,
    "PYTHONUNBUFFERED": "raycml sets it so that no line of a log is lost",
    "VIRTUAL_ENV": _INTERPRETER,
    "HOME": "the project's files lie in the home folder that the platform sets",
    "PIP_USER": "raycml sets it to 0, as `--user` installs do not work in a virtual environment",
    "RAY_ADDRESS": _START,
    "RAY_CLIENT_MODE": "tasks then look for a cluster to connect to instead of using their own",
    "RAY_CLOUD_INSTANCE_ID": _START,
    "RAY_ENABLE_CLUSTER_AUTH": _AUTH,
    "RAY_ENABLE_GCS_LEADER_ELECTION": "a cluster of raycml has one head",
    "RAY_ENABLE_K8S_TOKEN_AUTH": _AUTH,
    "RAY_EXTERNAL_STORAGE_NAMESPACE": _STORAGE,
    "RAY_FAKE_CLUSTER": _OVERRIDE,
    "RAY_GCS_RPC_SERVER_RECONNECT_TIMEOUT_S": _START,
    "RAY_GCS_SERVER_PORT": _PORTS,
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": _START,
    "RAY_HEAD_NODE": _START,
    "RAY_JOB_ID": _START,
    "RAY_NODE_TYPE_NAME": _START,
    "RAY_RAYLET_PID": _START,
    "RAY_START_HOOK": "it changes the arguments of Ray after raycml has decided them",
    "RAY_TMPDIR": "raycml gives each member a folder of its own on local disk",
    "RAY_USAGE_STATS_ENABLED": "raycml starts Ray with usage statistics off",
    "RAY_USE_RANDOM_PORTS": _PORTS,
    "ASCEND_RT_VISIBLE_DEVICES": _DEVICES,
    "CUDA_VISIBLE_DEVICES": _DEVICES,
    "FURIOSA_DEVICES": _DEVICES,
    "HABANA_VISIBLE_MODULES": _DEVICES,
    "HIP_VISIBLE_DEVICES": _DEVICES,
    "NEURON_RT_VISIBLE_CORES": _DEVICES,
    "ONEAPI_DEVICE_SELECTOR": _DEVICES,
    "QBRUNTIME_VISIBLE_DEVICES": _DEVICES,
    "RBLN_DEVICES": _DEVICES,
    "TPU_VISIBLE_CHIPS": _DEVICES,
    "TT_VISIBLE_DEVICES": _DEVICES,
    "ZE_AFFINITY_MASK": _DEVICES,
}

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
    if upper.startswith("RAY_"):
        for suffix, why in _SUFFIXES.items():
            if upper.endswith(suffix):
                return why
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
