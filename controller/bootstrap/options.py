"""The options of `raycml bootstrap`, checked, and turned into files and names.

Every file is named after its content, so another raycml, another Python or another package is
another file beside the old one, and a running controller keeps its own.
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
from controller.core.spec.python_environment import BuildBy, environment_folder
from controller.node.builder import render as builder
from controller.node.run_controller import render as run_controller
from controller.process.system import SECRET_VARIABLES
from controller.settings import RUN_VARIABLES, Settings, SettingsError, read_settings, variable
from controller.source.git.address import parse_address
from controller.source.git.source import GitOptions, GitSource
from controller.terminal.errors import CommandError, checking_options
from controller.terminal.exit_codes import Exit

KEYS = frozenset({"CML_API_KEY", "CDSW_APIV2_KEY"})
SECRET = frozenset(
    {"RAYCML_WEB_TOKEN", "RAYCML_HOOK_SECRET", "RAYCML_GIT_TOKEN", *SECRET_VARIABLES}
)
# Set by bootstrap itself, or meaningful only on the operator's machine.
_OWN = frozenset({"RAYCML_SOURCE", "RAYCML_REF", "RAYCML_PATH", "RAYCML_PORT", "RAYCML_VERIFY_KEY"})
_ARITHMETIC = "v1"
_VERSION = re.compile(r"3\.(1[1-9]|[2-9][0-9])")  # what raycml itself runs on
_NAME_MOST = 100


@dataclass(frozen=True, slots=True)
class BootstrapOptions:
    """The options of the command; None for one that was left out."""

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
    builder: BuildBy = "auto"


def check_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > _NAME_MOST or "/" in name:
        message = "--project-name: a name of up to 100 printable characters, without a slash"
        raise CommandError(message, Exit.USAGE, "`raycml bootstrap --help`")


def check(options: BootstrapOptions) -> None:
    """CommandError, exit 64, for options that cannot be used; CML has not been called yet."""
    check_name(options.project)
    if not _VERSION.fullmatch(options.python):
        message = f"--python {options.python[:20]}: raycml runs on Python 3.11 and newer"
        raise CommandError(message, Exit.USAGE, "`--python 3.11`")
    if not 0 < options.cpu < 1000 or not 0 < options.memory < 10_000:
        raise CommandError("--cpu and --memory must be greater than zero", Exit.USAGE)
    if options.git_ref and not options.git_url:
        raise CommandError("--git-ref needs a repository", Exit.USAGE, "add --git-url")
    # The controller's own checks, so that it does not refuse the source later.
    with checking_options("`raycml bootstrap --help`"):
        url = plain_address(options.git_url) if options.git_url else "https://host/any"
        git_source(url, options.git_ref, options.path or "", Path(), {})
    _requirements(options.packages)
    settings(options.settings)


def plain_address(url: str) -> str:
    """The address for git and CML.  ValueError for one that neither may get."""
    address = parse_address(url)
    if address.password or (address.takes_token and address.user):
        raise ValueError(
            "--git-url holds credentials, which everyone who can see the application could read: "
            "remove them (the manual describes private repositories)"
        )
    return address.url


def git_source(
    url: str, ref: str | None, path: str, cache: Path, environ: Mapping[str, str]
) -> GitSource:
    """ValueError for what git may not get."""
    token = environ.get("RAYCML_GIT_TOKEN") or None
    inside = "" if path in {".", "./"} else path
    return GitSource(GitOptions(url, ref or None, cache, inside, token), environ)


def settings(texts: Sequence[str]) -> dict[str, str]:
    """`NAME=VALUE`, each a setting of `raycml run` that is no secret.  CommandError."""
    values: dict[str, str] = {}
    allowed = {*RUN_VARIABLES, *map(variable, Settings.model_fields)} - SECRET - _OWN
    for text in texts:
        name, equals, value = text.partition("=")
        if name in KEYS:
            message = (
                f"--set {name}: everyone who can see an application can read its environment, and "
                "the key of a pod ends with that pod"
            )
            remedy = "leave it out: the controller uses the key that CML gives to its own pod"
            raise CommandError(message, Exit.USAGE, remedy)
        if name in SECRET:
            message = f"--set {name}: everyone who can see an application can read its environment"
            raise CommandError(message, Exit.USAGE, "see the manual on secrets of the controller")
        if not equals or name not in allowed:
            message = f"--set {name[:40]}: not a setting of the controller"
            raise CommandError(message, Exit.USAGE, "`--set RAYCML_POLL=30s`")
        values[name] = value
    try:
        read_settings(values)
    except SettingsError as error:
        raise CommandError(f"--set: {error}", Exit.USAGE, "correct it") from None
    return values


def _requirements(texts: Iterable[str]) -> dict[str, str]:
    """By name.  CommandError for anything else, addresses and paths included."""
    values: dict[str, str] = {}
    for text in texts:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            requirement = None
        if requirement is None or requirement.url is not None or not text.isprintable():
            message = f"--package {text[:60]!r} is not a name with a version"
            raise CommandError(message, Exit.USAGE, '`--package "pandas==2.2.3"`')
        values[canonicalize_name(requirement.name)] = str(requirement)
    return values


def desired_setup(options: BootstrapOptions, runtime: str, owner: str) -> DesiredSetup:
    """The setup with every file.  A package that is named replaces a dependency of raycml."""
    wheel = own_wheel()
    lines = _lines(wheel, options.packages)
    digest = _digest([_ARITHMETIC, options.python, runtime, *lines], HASH_DIGITS)
    run_script = run_controller.script({"environment": environment_folder(digest)}).encode()
    build_path = f"{SCRIPTS}/build-{digest}-{builder.edition()}.py"
    run_path = f"{SCRIPTS}/run-{_digest(run_script.decode(), 16)}.py"
    return DesiredSetup(
        project=options.project,
        git_url=plain_address(options.git_url) if options.git_url else "",
        git_ref=options.git_ref or "",
        path=(options.path or "specs").strip("/"),
        shared_memory_mb=options.shared_memory_mb,
        runtime=runtime,
        cpu=options.cpu,
        memory=options.memory,
        owner=owner,
        environment=digest,
        build=canonical({"hash": digest, "python": options.python, "packages": lines}),
        build_script=build_path,
        run_script=run_path,
        files={_wheel_path(wheel): wheel.data, run_path: run_script},
        settings=settings(options.settings),
        build_by=options.builder,
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
