"""Checks of an environment by its own interpreter."""

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
    """The contents of the environment.  BuildError if they differ from the order."""
    reported = json.loads(programs.output([str(python), "-I", "-c", _LIST]))
    packages = {str(k): str(v) for k, v in sorted(reported["packages"].items())}
    version = str(reported["python"])
    if version.rsplit(".", 1)[0] != order.python:
        raise BuildError(f"the environment has Python {version}, not {order.python}")
    ray = _ray(order, python, programs) if order.ray_version else packages.get("ray", "")
    return Contents(version, ray, packages)


def _ray(order: Order, python: Path, programs: Programs) -> str:
    """Ray's version, by an import, since an installed Ray may be broken."""
    programs.log.write("importing Ray")
    try:
        version = programs.output([str(python), "-I", "-c", _RAY]).strip()
    except BuildError as error:
        raise BuildError(
            f"Ray cannot be imported ({error}); add "
            f"ray[default]=={order.ray_version} to the packages"
        ) from None
    if version != order.ray_version:
        raise BuildError(
            f"the packages contain Ray {version}, but rayVersion is {order.ray_version}; "
            "use the same version"
        )
    return version
