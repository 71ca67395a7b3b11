"""The options of `raycml bootstrap`, checked, and turned into files and names.

Every file is named after its content, so another raycml, another Python or another package is
another file beside the old one, and whatever runs goes on as it was begun.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from controller.bootstrap.desired import HASH_DIGITS, SCRIPTS, WHEELS, DesiredSetup
from controller.bootstrap.wheel import Wheel, own_wheel, pins
from controller.core.spec.fingerprint import canonical
from controller.core.spec.python_environment import environment_folder
from controller.node.builder import render as builder
from controller.node.run_controller import render as keeper
from controller.process.system import SECRET_VARIABLES
from controller.settings import RUN_VARIABLES, Settings, SettingsError, read_settings, variable
from controller.source.git.address import parse_address
from controller.source.git.source import GitOptions, GitSource
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit

SECRET = frozenset(
    {"RAYCML_WEB_TOKEN", "RAYCML_HOOK_SECRET", "RAYCML_GIT_TOKEN", *SECRET_VARIABLES}
)
# What bootstrap sets itself, or what only means something on the machine of the one who asks.
_OWN = frozenset({"RAYCML_SOURCE", "RAYCML_REF", "RAYCML_PATH", "RAYCML_PORT", "RAYCML_VERIFY_KEY"})
_ARITHMETIC = "v1"
_VERSION = re.compile(r"3\.(1[1-9]|[2-9][0-9])")  # what raycml itself runs on
_NAME_MOST = 100


@dataclass(frozen=True, slots=True)
class BootstrapOptions:
    """The options of the command; None where one was not given."""

    project: str
    git_url: str | None = field(default=None, repr=False)
    git_ref: str | None = None
    path: str | None = None
    runtime: str | None = None
    python: str = "3.11"
    shared_memory_mb: int = 4096
    cpu: float = 1.0
    memory: float = 2.0
    packages: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()


def check_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > _NAME_MOST or "/" in name:
        message = "--project-name: a name of up to 100 printable characters, without a slash"
        raise CommandError(message, Exit.USAGE, "`raycml bootstrap --help`")


def check(asked: BootstrapOptions) -> None:
    """CommandError, exit 64, for what cannot be used; nothing was asked of CML yet."""
    check_name(asked.project)
    if not _VERSION.fullmatch(asked.python):
        message = f"--python {asked.python[:20]}: raycml runs on Python 3.11 and newer"
        raise CommandError(message, Exit.USAGE, "`--python 3.11`")
    if not 0 < asked.cpu < 1000 or not 0 < asked.memory < 10_000:
        raise CommandError("--cpu and --memory are greater than zero", Exit.USAGE)
    if asked.git_ref and not asked.git_url:
        raise CommandError("--git-ref is of a repository", Exit.USAGE, "add --git-url")
    _check_source(asked)
    _requirements(asked.packages)
    settings(asked.settings)


def _check_source(asked: BootstrapOptions) -> None:
    """As the controller will, so that it cannot be the first one to refuse it."""
    try:
        url = plain_address(asked.git_url) if asked.git_url else "https://host/any"
        git_source(url, asked.git_ref, asked.path or "", Path(), {})
    except ValueError as error:
        raise CommandError(str(error), Exit.USAGE, "`raycml bootstrap --help`") from None


def plain_address(url: str) -> str:
    """As git and CML may be given it.  ValueError for what none may be given."""
    address = parse_address(url)
    if address.password or (address.takes_token and address.user):
        raise ValueError(
            "--git-url holds credentials, and whoever may see the application could read them; "
            "leave them out (the manual says what to do for a private repository)"
        )
    return address.url


def git_source(
    url: str, ref: str | None, path: str, cache: Path, environ: Mapping[str, str]
) -> GitSource:
    """ValueError for what git may not be given."""
    token = environ.get("RAYCML_GIT_TOKEN") or None
    inside = "" if path in {".", "./"} else path
    return GitSource(GitOptions(url, ref or None, cache, inside, token), environ)


def settings(given: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE`, each a setting of `raycml run` that is no secret.  CommandError."""
    found: dict[str, str] = {}
    allowed = {*RUN_VARIABLES, *map(variable, Settings.model_fields)} - SECRET - _OWN
    for text in given:
        name, equals, value = text.partition("=")
        if name in SECRET:
            message = f"--set {name}: whoever may see an application may read its environment"
            raise CommandError(message, Exit.USAGE, "see the manual on secrets of the controller")
        if not equals or name not in allowed:
            message = f"--set {name[:40]}: not a setting that the controller takes"
            raise CommandError(message, Exit.USAGE, "`--set RAYCML_POLL=30s`")
        found[name] = value
    try:
        read_settings(found)
    except SettingsError as error:
        raise CommandError(f"--set: {error}", Exit.USAGE, "correct it") from None
    return found


def _requirements(given: Iterable[str]) -> dict[str, str]:
    """By name.  CommandError for what is none, and for addresses and paths."""
    found: dict[str, str] = {}
    for text in given:
        try:
            wants = Requirement(text)
        except InvalidRequirement:
            wants = None
        if wants is None or wants.url is not None or not text.isprintable():
            message = f"--package {text[:60]!r} is not a name with a version"
            raise CommandError(message, Exit.USAGE, '`--package "pandas==2.2.3"`')
        found[canonicalize_name(wants.name)] = str(wants)
    return found


def desired_setup(asked: BootstrapOptions, runtime: str, owner: str) -> DesiredSetup:
    """The whole of it, with every file.  A package that was asked for wins over ours."""
    wheel = own_wheel()
    lines = _lines(wheel, asked.packages)
    digest = _digest([_ARITHMETIC, asked.python, runtime, *lines], HASH_DIGITS)
    keep = keeper.keeper({"environment": environment_folder(digest)}).encode()
    build_path = f"{SCRIPTS}/build-{digest}-{builder.edition()}.py"
    keep_path = f"{SCRIPTS}/run-{_digest(keep.decode(), 16)}.py"
    return DesiredSetup(
        project=asked.project,
        git_url=plain_address(asked.git_url) if asked.git_url else "",
        git_ref=asked.git_ref or "",
        path=(asked.path or "specs").strip("/"),
        shared_memory_mb=asked.shared_memory_mb,
        runtime=runtime,
        cpu=asked.cpu,
        memory=asked.memory,
        owner=owner,
        environment=digest,
        build=canonical({"hash": digest, "python": asked.python, "packages": lines}),
        builder=build_path,
        keeper=keep_path,
        files={_wheel_path(wheel): wheel.data, keep_path: keep},
        settings=settings(asked.settings),
    )


def _lines(wheel: Wheel, packages: Iterable[str]) -> list[str]:
    """Installers put the project's home, which differs from pod to pod, in the variable's place."""
    chosen = _requirements(packages)
    ours = [pin for pin in pins() if pin.partition("==")[0] not in chosen]
    return [f"raycml @ file://${{HOME}}/{_wheel_path(wheel)}", *ours, *sorted(chosen.values())]


def _wheel_path(wheel: Wheel) -> str:
    return f"{WHEELS}/raycml-{wheel.version}-{wheel.digest}/{wheel.name}"


def _digest(value: object, digits: int) -> str:
    return hashlib.sha256(canonical(value).encode()).hexdigest()[:digits]
