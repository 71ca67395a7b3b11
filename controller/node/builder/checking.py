"""Whether an environment is what was ordered, asked of its own interpreter."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from controller.node.builder.order import Order
from controller.node.builder.programs import BuildError, Programs

_LIST = """
import importlib.metadata, json, platform
found = {d.metadata["Name"]: d.version for d in importlib.metadata.distributions()}
print(json.dumps({"python": platform.python_version(), "packages": found}))
"""
_RAY = "import ray; print(ray.__version__)"


@dataclass(frozen=True)
class Contents:
    """Versions of Python, of Ray (empty without one), and of every package."""

    python: str
    ray: str
    packages: Mapping[str, str]


def check(order: Order, python: Path, programs: Programs) -> Contents:
    """What is in the environment.  BuildError where it is not what was ordered."""
    told = json.loads(programs.output([str(python), "-I", "-c", _LIST]))
    packages = {str(k): str(v) for k, v in sorted(told["packages"].items())}
    version = str(told["python"])
    if version.rsplit(".", 1)[0] != order.python:
        raise BuildError(f"the environment has Python {version}, not {order.python}")
    ray = _ray(order, python, programs) if order.ray_version else packages.get("ray", "")
    return Contents(version, ray, packages)


def _ray(order: Order, python: Path, programs: Programs) -> str:
    """Ray's version, by importing it: that it is installed does not mean that it works."""
    programs.journal.say("importing Ray")
    try:
        version = programs.output([str(python), "-I", "-c", _RAY]).strip()
    except BuildError as error:
        raise BuildError(
            f"Ray cannot be imported ({error}); have the packages bring "
            f"ray[default]=={order.ray_version}"
        ) from None
    if version != order.ray_version:
        raise BuildError(
            f"the packages bring Ray {version}, but rayVersion is {order.ray_version}; "
            "make the two agree"
        )
    return version
