"""A wheel of raycml, made from its own files, for workspaces whose package index does not have it.

The same files always give the same bytes: nothing is compressed, and nothing carries a time.  It
works from whatever was installed, an editable installation included.
"""

import base64
import hashlib
import io
import re
import tomllib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import controller
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit

PACKAGE = "raycml"
_TOP = Path(controller.__file__).parent
SUFFIXES = frozenset({".py", ".typed", ".html", ".css", ".js", ".yaml"})
_OLD = (1980, 1, 1, 0, 0, 0)  # no archive knows of anything earlier
_MODE = 0o644 << 16
_DIGITS = 16
_PLAIN = re.compile(r"[0-9]+(\.[0-9a-z]+)*")  # a version that an index may have


_WHEEL = """\
Wheel-Version: 1.0
Generator: raycml
Root-Is-Purelib: true
Tag: py3-none-any
"""


@dataclass(frozen=True, slots=True)
class Wheel:
    """`name` is the file's, `digest` that of its content."""

    version: str
    name: str
    digest: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _About:
    """Metadata for an installer.  `requires` is without those of extras."""

    version: str
    python: str
    requires: tuple[str, ...]
    script: str


@cache
def own_wheel() -> Wheel:
    """The wheel of the package that runs.  CommandError if its requirements are not known."""
    own = _about()
    about = f"{PACKAGE}-{own.version}.dist-info"
    files = dict(_package())
    files |= {f"{about}/{name}": text.encode() for name, text in _texts(own).items()}
    files[f"{about}/RECORD"] = _record(files, f"{about}/RECORD")
    data = _packed(files)
    digest = hashlib.sha256(data).hexdigest()[:_DIGITS]
    return Wheel(own.version, f"{PACKAGE}-{own.version}-py3-none-any.whl", digest, data)


def _about() -> _About:
    """From the sources if they run directly: installed metadata may be older."""
    sources = _TOP.parent / "pyproject.toml"
    if sources.is_file():
        project = tomllib.loads(sources.read_text("utf-8")).get("project", {})
        if project.get("name") == PACKAGE:
            return _About(
                project["version"],
                project.get("requires-python", ""),
                tuple(sorted(project["dependencies"])),
                project["scripts"][PACKAGE],
            )
    return _installed()


def _installed() -> _About:
    try:
        own = distribution(PACKAGE)
    except PackageNotFoundError:
        raise CommandError(
            f"{PACKAGE} runs from files that were never installed, so what it needs is not known",
            Exit.USAGE,
            "install it with pip, then the same command from there",
        ) from None
    return _About(
        own.version,
        next(iter(own.metadata.get_all("Requires-Python") or ()), ""),
        tuple(sorted(line for line in own.requires or [] if "extra ==" not in line)),
        next(e.value for e in own.entry_points if e.name == PACKAGE),
    )


def _package() -> Iterator[tuple[str, bytes]]:
    for path in sorted(_TOP.rglob("*")):
        inside = path.relative_to(_TOP.parent)
        hidden = any(part.startswith((".", "__pycache__")) for part in inside.parts)
        if path.is_file() and path.suffix in SUFFIXES and not hidden:
            yield inside.as_posix(), path.read_bytes()


def _texts(own: _About) -> dict[str, str]:
    """Without the README, whose text changes no program."""
    metadata = [
        "Metadata-Version: 2.1",
        f"Name: {PACKAGE}",
        f"Version: {own.version}",
        *([f"Requires-Python: {own.python}"] if own.python else []),
        *(f"Requires-Dist: {line}" for line in own.requires),
    ]
    return {
        "METADATA": "\n".join(metadata) + "\n",
        "WHEEL": _WHEEL,
        "entry_points.txt": f"[console_scripts]\n{PACKAGE} = {own.script}\n",
        "top_level.txt": "controller\n",
    }


def _record(files: Mapping[str, bytes], itself: str) -> bytes:
    lines = [f"{name},{_hash(data)},{len(data)}" for name, data in files.items()]
    return "".join(f"{line}\n" for line in (*lines, f"{itself},,")).encode()


def _hash(data: bytes) -> str:
    digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=")
    return f"sha256={digest.decode()}"


def _packed(files: Mapping[str, bytes]) -> bytes:
    """Not compressed, since compressors differ between machines."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, data in files.items():
            entry = zipfile.ZipInfo(name, _OLD)
            entry.create_system = 3  # as on Unix, for the mode to count
            entry.external_attr = _MODE
            archive.writestr(entry, data)
    return packed.getvalue()


@cache
def pins() -> tuple[str, ...]:
    """Dependencies of raycml in the versions that run here, as requirements; sorted.

    What is not from an index (a local version, a folder, a repository) is left to the wheel's own
    bounds.
    """
    versions: dict[str, str] = {}
    pending = list(_wants(_about().requires, frozenset()))
    visited = set(pending)
    while pending:
        name, extras = pending.pop()
        if version := _version(name):
            versions[name] = f"{name}=={version}"
        more = set(_wants(_requires(name), extras)) - visited
        visited |= more
        pending += more
    return tuple(versions[name] for name in sorted(versions))


def _requires(name: str) -> Sequence[str]:
    try:
        return distribution(name).requires or ()
    except PackageNotFoundError:
        return ()  # not needed on this machine


def _wants(lines: Sequence[str], extras: frozenset[str]) -> Iterator[tuple[str, frozenset[str]]]:
    """Names with the extras that are required, of lines whose marker applies here."""
    for line in lines:
        requirement = Requirement(line)
        marker, chosen = requirement.marker, [{"extra": extra} for extra in ("", *sorted(extras))]
        if marker is None or any(map(marker.evaluate, chosen)):
            yield canonicalize_name(requirement.name), frozenset(requirement.extras)


def _version(name: str) -> str:
    try:
        package = distribution(name)
    except PackageNotFoundError:
        return ""
    is_local = package.read_text("direct_url.json") is not None
    return package.version if _PLAIN.fullmatch(package.version) and not is_local else ""
