"""Input of the node program: the launcher's settings, and the pod's variables.

Everything is validated here, once, with actionable messages.  Other modules read variables only to
pass them to Ray.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

HEAD = "head"
_DEFAULT_HEAD_WAIT_S = 900.0
_NAME = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_FINGERPRINT = re.compile(r"v[0-9]+:[0-9a-f]{4,64}")
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,251}[A-Za-z0-9])?")
_ORDINAL = re.compile(r"0|[1-9][0-9]{0,8}")


class PodError(ValueError):
    """Invalid settings or variables; the message names them and the reason."""


@dataclass(frozen=True)
class Settings:
    """A launcher's settings.

    `launcher` is relative to the project's home, `python` absolute or relative to it; `cpu` is
    in cores, `memory_gib` in GiB, both of the whole pod.  `api_key_access`: Ray's processes inherit
    the pod's CML API key.  `gcs_storage`: `rocksdb` for a head that remembers, and its workers.
    `auth_mode`: the one of the spec; empty where it names none.
    """

    cluster: str
    group: str
    fingerprint: str
    launcher: str
    python: str
    ray_version: str
    cpu: float
    memory_gib: float
    gpu: int
    ray_start_params: Mapping[str, str]
    api_key_access: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    gcs_storage: str = ""
    auth_mode: str = ""

    @property
    def is_head(self) -> bool:
        return self.group == HEAD


@dataclass(frozen=True)
class Pod:
    """The pod: `ip` for other pods, `port` on 127.0.0.1 for CML's proxy.

    `pod_name` and `host_name` are Kubernetes' names of the pod and of its node, for people; empty
    if they are unknown.
    """

    home: Path
    member: str
    engine_id: str
    ip: str
    port: int
    head_wait_s: float
    pod_name: str = ""
    host_name: str = ""

    @property
    def shares_host(self) -> bool:
        """True if pods share the host's network, as in the local emulator."""
        return self.ip.startswith("127.") or self.ip == "::1"


def read_settings(values: Mapping[str, object]) -> Settings:
    """The settings.  Raises PodError."""
    group = _matching(values, "group", _NAME)
    return Settings(
        cluster=_matching(values, "cluster", _NAME),
        group=group,
        fingerprint=_matching(values, "fingerprint", _FINGERPRINT),
        launcher=_text(values, "launcher"),
        python=_text(values, "python"),
        ray_version=_text(values, "ray_version"),
        cpu=_amount(values, "cpu"),
        memory_gib=_amount(values, "memory_gib"),
        gpu=_count(values, "gpu"),
        ray_start_params=_texts(values, "ray_start_params"),
        api_key_access=values.get("api_key_access") is True,
        labels=_texts({"labels": {}, **values}, "labels"),
        gcs_storage=_storage(values),
        auth_mode=_optional(values, "auth_mode"),
    )


def read_pod(settings: Settings, environ: Mapping[str, str], home: Path) -> Pod:
    """The pod.  Raises PodError, also if the mark names another cluster or group."""
    cluster = environ.get("RAYCML_CLUSTER", settings.cluster)
    if cluster != settings.cluster:
        raise PodError(f"RAYCML_CLUSTER is {cluster}, but the launcher is of {settings.cluster}")
    return Pod(
        home=home,
        member=_member(settings, environ),
        engine_id=_variable(environ, "CDSW_ENGINE_ID"),
        ip=_variable(environ, "CDSW_IP_ADDRESS").strip("[]"),
        port=_port(environ),
        head_wait_s=_head_wait(environ),
        pod_name=_name(environ, "HOSTNAME"),
        host_name=_name(environ, "CDSW_NODE_NAME"),
    )


def _fault(key: str, remedy: str) -> PodError:
    return PodError(f"the launcher's setting `{key}` is missing or invalid: it must be {remedy}")


def _text(values: Mapping[str, object], key: str) -> str:
    value = values.get(key)
    if not isinstance(value, str) or not value or "\0" in value:
        raise _fault(key, "a string that is not empty")
    return value


def _optional(values: Mapping[str, object], key: str) -> str:
    return _text(values, key) if key in values else ""


def _matching(values: Mapping[str, object], key: str, pattern: re.Pattern[str]) -> str:
    value = _text(values, key)
    if pattern.fullmatch(value) is None:
        raise _fault(key, f"of the form {pattern.pattern}")
    return value


def _amount(values: Mapping[str, object], key: str) -> float:
    value = values.get(key)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise _fault(key, "a number above 0")


def _count(values: Mapping[str, object], key: str) -> int:
    value = values.get(key)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise _fault(key, "a whole number, 0 or more")


def _texts(values: Mapping[str, object], key: str) -> Mapping[str, str]:
    value = values.get(key)
    if not isinstance(value, dict):
        raise _fault(key, "an object of strings")
    for one in (*value.keys(), *value.values()):
        if not isinstance(one, str) or "\0" in one:
            raise _fault(key, "an object of strings")
    return dict(value)


def _storage(values: Mapping[str, object]) -> str:
    value = values.get("gcs_storage", "")
    if value not in ("", "rocksdb"):
        raise _fault("gcs_storage", "`rocksdb`, or absent")
    return str(value)


def _variable(environ: Mapping[str, str], name: str) -> str:
    value = environ.get(name, "")
    if not value:
        raise PodError(f"{name} is not set: this launcher runs only as a CML application")
    return value


def _name(environ: Mapping[str, str], variable: str) -> str:
    """A name of Kubernetes; empty for anything else."""
    name = environ.get(variable, "")
    return name if _HOST.fullmatch(name) else ""


def _member(settings: Settings, environ: Mapping[str, str]) -> str:
    member = _variable(environ, "RAYCML_MEMBER")
    group, _, ordinal = member.partition("/")
    if settings.is_head and member == HEAD:
        return member
    if not settings.is_head and group == settings.group and _ORDINAL.fullmatch(ordinal):
        return member
    raise PodError(f"RAYCML_MEMBER is {member}, but the launcher is of {settings.group}")


def _port(environ: Mapping[str, str]) -> int:
    name = "CDSW_APP_PORT" if environ.get("CDSW_APP_PORT") else "CDSW_READONLY_PORT"
    text = _variable(environ, name)
    if text.isascii() and text.isdigit() and 0 < int(text) < 65536:
        return int(text)
    raise PodError(f"{name} is {text}, which is not a port")


def _head_wait(environ: Mapping[str, str]) -> float:
    text = environ.get("RAYCML_HEAD_WAIT_S", "")
    try:
        seconds = float(text) if text else _DEFAULT_HEAD_WAIT_S
    except ValueError:
        seconds = math.nan
    if 0 < seconds < math.inf:
        return seconds
    raise PodError(f"RAYCML_HEAD_WAIT_S is {text}, which is not a number of seconds above 0")
