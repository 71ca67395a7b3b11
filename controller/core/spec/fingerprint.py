"""The hash of all that must restart one member when it changes.

Versioned: an application that carries an older version is compared with the older arithmetic, so
that an upgrade of the controller restarts nothing.  Never edit the arithmetic of a released
version; add the next one.
"""

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field

from controller.core.spec.placement.kinds import ANYWHERE, RUNTIME, Placement, RuntimeChoice

VERSION = "v1"
_HEX = 16  # 64 bits: two specs of one group would have to collide, and only ever by accident


@dataclass(frozen=True, slots=True)
class Inputs:
    """Fields of a spec that one member's process depends on.  Memory in GiB.

    `built_python` is Python's version where `python` is in an environment built by raycml.
    `runtime` is empty where `runtime_choice` is given, and `auth_mode` where the spec leaves it to
    raycml.  `api_key_access`, `placement`, `runtime_choice`, `labels`, `gcs_storage` and
    `auth_mode` count only where they are given, so that their introduction restarted nothing.
    """

    cpu: float
    memory: float
    gpu: int
    environment: Mapping[str, str] = field(repr=False)
    runtime: str
    python: str
    ray_start_params: Mapping[str, str]
    ray_version: str
    built_python: str = ""
    api_key_access: bool = False
    placement: Placement = ANYWHERE
    runtime_choice: RuntimeChoice | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    gcs_storage: str = ""
    auth_mode: str = ""

    def names(self) -> dict[str, str]:
        """Everything that the workspace has ids for, by kind."""
        choice = self.runtime_choice
        return {**self.placement.names(), **({} if choice is None else {RUNTIME: str(choice)})}


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def _digest(value: object) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:_HEX]


def _v1(inputs: Inputs) -> str:
    return _digest(
        {
            "cpu": float(inputs.cpu),
            "memory": float(inputs.memory),
            "gpu": inputs.gpu,
            "environment": dict(inputs.environment),
            "runtime": inputs.runtime,
            "python": inputs.python,
            "ray_start_params": dict(inputs.ray_start_params),
            "ray_version": inputs.ray_version,
            **({"api_key_access": True} if inputs.api_key_access else {}),
            **({"gcs_storage": inputs.gcs_storage} if inputs.gcs_storage else {}),
            **_placement(inputs),
            **({"labels": dict(inputs.labels)} if inputs.labels else {}),
            **_auth_mode(inputs),
        }
    )


def _auth_mode(inputs: Inputs) -> dict[str, str]:
    return {"auth_mode": inputs.auth_mode} if inputs.auth_mode else {}


def _placement(inputs: Inputs) -> dict[str, object]:
    """The names of placement that are given."""
    given = {name: value for name, value in asdict(inputs.placement).items() if value}
    choice = inputs.runtime_choice
    return {
        **({"placement": given} if given else {}),
        **({} if choice is None else {"runtime_choice": choice.given()}),
    }


_ARITHMETIC: dict[str, Callable[[Inputs], str]] = {"v1": _v1}


def fingerprint(inputs: Inputs) -> str:
    """`version:hex` by the current arithmetic."""
    return f"{VERSION}:{_ARITHMETIC[VERSION](inputs)}"


def fingerprint_by(version: str, inputs: Inputs) -> str | None:
    """The same by an older arithmetic; None for a version that this controller does not know."""
    arithmetic = _ARITHMETIC.get(version)
    return None if arithmetic is None else f"{version}:{arithmetic(inputs)}"


# What an application carries that was adopted as it was: no arithmetic gives it, so it is outdated
# under every version.
ADOPTED = f"{VERSION}:adopted"


def is_adopted(mark: str) -> bool:
    """True if the spec that the application was configured from is unknown."""
    return mark.partition(":")[2] == "adopted"


def version_of(mark: str) -> str:
    return mark.partition(":")[0]


def agreement(inputs: Inputs) -> str:
    """Hash of what all nodes of a cluster must share to join: Ray, Python, and authentication.

    Ray compares its own version exactly, and Python's to the patch or minor level.  The minor
    version of a runtime's Python is read from its identifier where that tells (`...python3.11...`);
    otherwise the whole identifier counts.  No identifier tells the patch version: a worker with
    another one waits, and says so.  An environment built by raycml was checked to have both, so
    its other packages do not count.
    """
    if inputs.built_python:
        return "v1:" + _digest(
            [inputs.ray_version, inputs.built_python, *_auth_mode(inputs).values()]
        )
    return "v1:" + _digest(
        {
            "ray_version": inputs.ray_version,
            "python": inputs.python,
            "runtime": _python_of(inputs),
            **_auth_mode(inputs),
        }
    )


def _python_of(inputs: Inputs) -> str:
    if inputs.runtime_choice is not None:
        return inputs.runtime_choice.python
    python = re.search(r"python\d+\.\d+", inputs.runtime)
    return python.group() if python else inputs.runtime
