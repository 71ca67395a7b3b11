"""A virtual environment as a part of the spec, named by a hash of its requirements.

Clusters with equal requirements share one environment; other requirements mean another environment
beside it.  So an existing environment never changes, and nodes that use it keep running.
"""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator, WithJsonSchema, field_validator

from controller.core.spec.fields import SpecModel, about
from controller.core.spec.fingerprint import canonical
from controller.core.spec.requirements import MAX_LINE, MAX_LINES, normal_line, normal_requirement
from controller.core.spec.validation_errors import refusal

BuildBy = Literal["job", "application", "auto"]
ENVIRONMENTS = ".raycml/envs"
READY_FILE = "ready.json"
JOB_PREFIX = "raycml-env-"
MAX_PACKAGES = 200
MAX_FILE_NAME = 255
VERSION_PATTERN = r"^3\.(9|[1-9][0-9])$"
_VERSION = re.compile(VERSION_PATTERN)
_FILE = re.compile(r"[A-Za-z0-9._+@-]+(/[A-Za-z0-9._+@-]+)*")
_HEX = 16
_ARITHMETIC = "v1"  # in the hash: another version means other environments, and changes none


def check_version(version: str) -> str:
    if _VERSION.fullmatch(version) is None:
        raise ValueError(
            f'`{version[:20]}` is not a version of Python; write it in quotes as "3.11", which '
            "the runtime must have"
        )
    return version


def check_file(path: str) -> str:
    """A path below the folder of the spec file."""
    if len(path) > MAX_FILE_NAME or _FILE.fullmatch(path) is None or ".." in path.split("/"):
        raise ValueError(
            "a requirements file lies beside the spec or in a folder below it: write its path "
            "from there, with letters, digits and `._+@-/` only, such as requirements.txt"
        )
    if any(part.startswith(".") for part in path.split("/")):
        raise ValueError(
            f"`{path}` is hidden; hidden files, such as those of git, are not read: rename it"
        )
    return path


def _check_requirements(value: object) -> object:
    """The name of a file, or its requirements once it was read."""
    if isinstance(value, str):
        return check_file(value)
    if isinstance(value, list | tuple) and all(isinstance(line, str) for line in value):
        return tuple(value)
    raise ValueError("`requirements` is the path of a file, or a list of requirements; correct it")


_PACKAGE = {"type": "string", "minLength": 1, "maxLength": MAX_LINE}


class PythonEnvironment(SpecModel):
    """Content of a virtual environment that raycml builds in the project."""

    python: Annotated[
        Annotated[
            str,
            AfterValidator(check_version),
            WithJsonSchema({"type": "string", "pattern": VERSION_PATTERN}),
        ],
        about("Python", "restarts", "3.11"),
    ]
    """Version of Python; the runtime must have it."""
    packages: Annotated[
        Annotated[
            tuple[str, ...],
            WithJsonSchema({"type": "array", "items": _PACKAGE, "maxItems": MAX_PACKAGES}),
        ],
        about("Packages", "restarts", ["ray[default]", "pandas==2.2.3"]),
    ] = ()
    """Requirements such as `pandas==2.2.3` or `ray[default]`; Ray's version is `rayVersion`. pip
    installs them from the package index that the workspace is configured for.
    """
    requirements: Annotated[
        Annotated[
            str | tuple[str, ...] | None,
            WithJsonSchema(
                {
                    "anyOf": [
                        {"type": "string", "minLength": 1, "maxLength": MAX_FILE_NAME},
                        {"type": "array", "items": {"type": "string"}, "maxItems": MAX_LINES},
                        {"type": "null"},
                    ]
                }
            ),
        ],
        about("Requirements", "restarts", "requirements.txt"),
    ] = None
    """A requirements file beside the spec, or its lines; hashes are allowed, options are not."""
    builder: Annotated[BuildBy, about("Builder", "guides", "application")] = "auto"
    """The kind of workload that builds it: a job, or an application that is deleted afterwards, for
    workspaces that skip jobs of the API. auto: a job, and an application where CML skips that.
    """

    @field_validator("packages", mode="before")
    @classmethod
    def _packages(cls, value: object) -> object:
        return _checked("packages", value, MAX_PACKAGES, hashes=False)

    @field_validator("requirements", mode="before")
    @classmethod
    def _requirements(cls, value: object) -> object:
        if value is None:
            return None
        lines = _check_requirements(value)
        return lines if isinstance(lines, str) else _checked("requirements", lines, MAX_LINES)

    @property
    def file(self) -> str | None:
        """The requirements file that is still to be read."""
        return self.requirements if isinstance(self.requirements, str) else None

    @property
    def lines(self) -> tuple[str, ...]:
        """The requirements of the file that was read."""
        return self.requirements if isinstance(self.requirements, tuple) else ()


def _checked(field: str, value: object, most: int, *, hashes: bool = True) -> object:
    """Each line is checked, and each fault has its own place."""
    if not isinstance(value, list | tuple) or not all(isinstance(line, str) for line in value):
        raise ValueError(f"`{field}` is a list of texts; write each in quotes")
    if len(value) > most:
        raise ValueError(f"more than {most} requirements; put them into a requirements file")
    faults: list[tuple[tuple[int | str, ...], str]] = []
    read = normal_line if hashes else normal_requirement
    for place, line in enumerate(value):
        try:
            read(line)
        except ValueError as error:
            faults.append(((place,), str(error)))
    if faults:
        raise refusal(field, faults)
    return tuple(value)


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment that a spec asks for, normalised."""

    python: str
    ray_version: str
    packages: tuple[str, ...]
    requirements: tuple[str, ...]

    @property
    def hash(self) -> str:
        """Comments, order and spelling of requirements do not change it."""
        return _digest(self)

    @property
    def interpreter(self) -> str:
        return f"{environment_folder(self.hash)}/bin/python"

    @property
    def settings(self) -> str:
        """The settings of its builder as canonical JSON: a function of the hash alone."""
        return canonical(
            {
                "hash": self.hash,
                "python": self.python,
                "ray_version": self.ray_version,
                "packages": self.packages,
                "requirements": self.requirements,
            }
        )


@lru_cache(maxsize=256)  # computed many times in each pass
def _digest(of: Environment) -> str:
    whole = [_ARITHMETIC, of.python, of.ray_version, of.packages, of.requirements]
    return hashlib.sha256(canonical(whole).encode()).hexdigest()[:_HEX]


def environment_of(spec: PythonEnvironment, ray_version: str) -> Environment:
    return Environment(spec.python, ray_version, _normal(spec.packages), _normal(spec.lines))


@lru_cache(maxsize=256)
def _normal(lines: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({normal_line(line) for line in lines}))


def environment_folder(digest: str) -> str:
    return f"{ENVIRONMENTS}/{digest}"


def builder_path(digest: str, edition: str) -> str:
    return f"{ENVIRONMENTS}/build-{digest}-{edition}.py"


def log_path(digest: str) -> str:
    return f"{ENVIRONMENTS}/{digest}.log"


def job_name(digest: str) -> str:
    return f"{JOB_PREFIX}{digest}"


def builder_name(project: str, owner: str, digest: str) -> str:
    """Name and subdomain of the application that builds an environment.

    A subdomain is unique in its workspace, so the name says the project and the owner too.
    """
    place = hashlib.sha256(canonical([project, owner]).encode()).hexdigest()[:8]
    return f"{JOB_PREFIX}{digest}-{place}"


_OF_HASH = re.compile(r"(?:build-)?([0-9a-f]{16})(?:[.-][A-Za-z0-9._-]*)?")


def hash_of(path: str) -> str:
    """The hash of the environment that a path belongs to; empty for none."""
    head, _, name = path.rpartition("/")
    match = _OF_HASH.fullmatch(name) if head == ENVIRONMENTS else None
    return "" if match is None else match.group(1)
