"""Which environment variables a spec may set.

Refused are the names that the platform or the node program sets itself: a spec that sets them would
be overruled in silence, or would break the bond between an application and its Ray node.
"""

import re

MAX_VARIABLES = 200
MAX_VALUE_LENGTH = 32_768
NAME_PATTERN = r"^[A-Za-z_][A-Za-z0-9_]*$"

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")
_PREFIXES = {
    "RAYCML_": "raycml marks its applications with the names that start with RAYCML_",
    "CDSW_": "the platform sets the names that start with CDSW_",
}
_INTERPRETER = "members run in the environment of `spec.python`; install packages there instead"
_RAY_START = "raycml sets it for each member when it starts Ray"
_AUTH = "raycml sets how the members of a cluster trust each other"
_RESERVED = {
    "PYTHONPATH": _INTERPRETER,
    "PYTHONHOME": _INTERPRETER,
    "PYTHONUNBUFFERED": "raycml sets it so that no line of a log is lost",
    "PIP_USER": "raycml sets it to 0, as `--user` installs do not work in a virtual environment",
    "RAY_ADDRESS": _RAY_START,
    "RAY_AUTH_MODE": _AUTH,
    "RAY_AUTH_TOKEN": _AUTH,
    "RAY_AUTH_TOKEN_PATH": _AUTH,
    "RAY_CLOUD_INSTANCE_ID": _RAY_START,
    "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S": _RAY_START,
    "RAY_HEAD_NODE": _RAY_START,
    "RAY_NODE_TYPE_NAME": _RAY_START,
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": _RAY_START,
    "RAY_TMPDIR": "raycml gives each member a folder of its own on local disk",
    "RAY_USAGE_STATS_ENABLED": "raycml starts Ray with usage statistics off",
    "RAY_gcs_rpc_server_reconnect_timeout_s": _RAY_START,
}


def check_variable_name(name: str) -> str:
    if _NAME.fullmatch(name) is None:
        raise ValueError(
            "an environment variable's name has letters, digits and underscores, does not start "
            "with a digit, and has at most 200 characters; rename it"
        )
    why = _reason(name)
    if why is not None:
        raise ValueError(f"`{name}` may not be set in a spec: {why}; remove it")
    return name


def check_variable_value(value: str) -> str:
    """Any text of up to 32,768 characters that a process can be given: no NUL, valid Unicode."""
    if len(value) > MAX_VALUE_LENGTH:
        raise ValueError(
            f"the value has {len(value)} characters, of at most {MAX_VALUE_LENGTH}; "
            "put it into a file of the project instead"
        )
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError("the value holds a character that no environment can carry; remove it")
    return value


def _reason(name: str) -> str | None:
    for prefix, why in _PREFIXES.items():
        if name.startswith(prefix):
            return why
    return _RESERVED.get(name)
