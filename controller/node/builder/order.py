"""Order of a build, and its paths, all in a folder of the project.

An environment is complete if its folder contains a `ready.json`: it is built under another name and
renamed at the end.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

FOLDER = ".raycml/envs"
READY = "ready.json"
STALE_S = 120.0  # shared file systems show a change to other pods within a minute
DEADLINE_S = 3600.0
_HASH = re.compile(r"[0-9a-f]{8,64}")
_PYTHON = re.compile(r"3\.[0-9]{1,2}")


class OrderError(Exception):
    """Invalid settings of an environment."""


@dataclass(frozen=True)
class Order:
    """An environment to build.  `ray_version` is empty without Ray.

    `packages` and `requirements` are requirements, one each; those of a requirements file may have
    hashes.  A builder without an update of its claim for `stale_s` counts as dead.
    """

    hash: str
    python: str
    ray_version: str = ""
    packages: tuple[str, ...] = ()
    requirements: tuple[str, ...] = ()
    stale_s: float = STALE_S
    deadline_s: float = DEADLINE_S

    @property
    def lines(self) -> tuple[str, ...]:
        return (*self.packages, *self.requirements)

    @property
    def is_hashed(self) -> bool:
        return any("--hash=" in line for line in self.lines)


def read_order(values: Mapping[str, object]) -> Order:
    """The order in a script's settings.  Raises OrderError."""
    try:
        order = Order(
            hash=str(values["hash"]),
            python=str(values["python"]),
            ray_version=str(values.get("ray_version", "")),
            packages=_texts(values.get("packages")),
            requirements=_texts(values.get("requirements")),
            stale_s=float(str(values.get("stale_s", STALE_S))),
            deadline_s=float(str(values.get("deadline_s", DEADLINE_S))),
        )
    except (KeyError, ValueError) as error:
        raise OrderError(f"invalid settings of an environment: {error}") from None
    if not _HASH.fullmatch(order.hash) or not _PYTHON.fullmatch(order.python):
        raise OrderError("invalid settings of an environment: hash or Python version")
    if any(line.startswith("-") or not line.isprintable() for line in order.lines):
        raise OrderError("a requirement must not be an option, or contain control characters")
    return order


def _texts(values: object) -> tuple[str, ...]:
    return tuple(str(value) for value in values) if isinstance(values, list) else ()


@dataclass(frozen=True)
class Site:
    """The folder of all environments, and the paths of one.  `engine` identifies this run."""

    folder: Path
    hash: str
    engine: str

    @property
    def final(self) -> Path:
        return self.folder / self.hash

    @property
    def ready(self) -> Path:
        return self.final / READY

    @property
    def building(self) -> Path:
        return self.folder / f"{self.hash}.building-{self.engine}"

    @property
    def replaced(self) -> Path:
        return self.folder / f"{self.hash}.gone-{self.engine}"

    @property
    def claim(self) -> Path:
        return self.folder / f"{self.hash}.claim"

    @property
    def log(self) -> Path:
        return self.folder / f"{self.hash}.log"
