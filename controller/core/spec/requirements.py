"""Requirements: what may stand in `packages` and in a requirements file, and one way to write each.

Only names, versions, extras and markers (PEP 508), and hashes in a file: nothing that is an option
to an installer, an address or a path, so that a spec cannot have an installer do anything but
install from the package index that the workspace is set to.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

MAX_LINE = 500  # characters, without hashes
MAX_LINES = 2000
MAX_HASHES = 100  # of one requirement
MAX_FILE_BYTES = 256 * 1024
_HASH = re.compile(r"--hash=(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})")
_WORD = re.compile(r"\S+")
_MISREAD = re.compile(r"\s[-#]|\\|\$\{")  # inside the quotes of a marker, where pip looks as well
_COMMENT = re.compile(r"(^|\s)#.*")


@dataclass(frozen=True, slots=True)
class LineFault:
    """A problem in a line of a requirements file, counted from 1."""

    line: int
    message: str


def normal_line(text: str) -> str:
    """One way to write a requirement and its hashes.

    ValueError, in one sentence that ends in a remedy, for anything else.
    """
    written, *marks = _pieces(text.strip())
    for mark in marks:
        if not _HASH.fullmatch(mark):
            raise ValueError(
                f"`{_excerpt(mark)}` is an option, and only --hash is allowed; remove it"
            )
    if len(marks) > MAX_HASHES:
        raise ValueError(f"more than {MAX_HASHES} hashes of one requirement; keep those in use")
    hashes = sorted(set(marks))
    return " ".join([normal_requirement(written), *hashes])


def _pieces(text: str) -> Iterator[str]:
    """The requirement, and each of its options with all that is written up to the next one."""
    start = 0
    for word in _WORD.finditer(text):
        if word.start() > start and word[0].startswith("--"):
            yield text[start : word.start()].rstrip()
            start = word.start()
    yield text[start:]


def normal_requirement(text: str) -> str:
    """One way to write a requirement.  ValueError as `normal_line`."""
    if text.lstrip().startswith("-"):
        raise ValueError(f"`{_excerpt(text)}` is an option and no package; remove it")
    if len(text) > MAX_LINE or not text.isprintable():
        raise ValueError(
            f"a requirement is one line of up to {MAX_LINE} printable characters; shorten it"
        )
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise ValueError(
            f"`{_excerpt(text)}` is not a requirement; write a name and a version such as "
            "`pandas==2.2.3`, or a name with extras such as `ray[default]`"
        ) from None
    if requirement.url is not None:
        raise ValueError(
            f"`{requirement.name}` is taken from an address; put it into the workspace's package "
            "index, or build the environment yourself and name it with `python`"
        )
    if requirement.marker is not None and _MISREAD.search(str(requirement.marker)):
        raise ValueError(
            f"`{_excerpt(text)}` has a marker that pip reads as an option, a comment or a "
            "variable; compare with a plain value"
        )
    requirement.name = canonicalize_name(requirement.name)
    requirement.extras = {canonicalize_name(extra) for extra in requirement.extras}
    return str(requirement)


def excludes(line: str, name: str, version: str) -> bool:
    """True if a valid requirement asks for another version of the package, wherever it applies."""
    if not line.lstrip().lower().startswith(name):  # most lines, at no cost
        return False
    requirement = Requirement(next(_pieces(line.strip())))
    if canonicalize_name(requirement.name) != name or requirement.marker is not None:
        return False
    return not requirement.specifier.contains(version, prereleases=True)


def _excerpt(text: str) -> str:
    printable = "".join(c if c.isprintable() else "?" for c in text.strip())
    return re.sub(r"//[^/@\s]*@", "//***@", printable)[:60]


@lru_cache(maxsize=16)  # many specs may name one file
def read_requirements(data: bytes) -> tuple[tuple[str, ...], tuple[LineFault, ...]]:
    """The requirements of a file in its order, and all that is wrong with it."""
    if len(data) > MAX_FILE_BYTES:
        return (), (LineFault(1, "the file has more than 256 KiB; split off what is not needed"),)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        return (), (LineFault(line, "not UTF-8 here; save the file as UTF-8"),)
    requirements: list[str] = []
    faults: list[LineFault] = []
    for number, written in _lines(text):
        if len(requirements) + len(faults) > MAX_LINES:
            break
        try:
            normal_line(written)
            requirements.append(written)
        except ValueError as error:
            faults.append(LineFault(number, str(error)))
    if len(requirements) > MAX_LINES:
        return (), (LineFault(1, f"more than {MAX_LINES} requirements; split off some"),)
    return tuple(requirements), tuple(faults)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Logical lines with the number of their first: continued ones joined, comments left out."""
    start, parts = 0, list[str]()
    for number, line in enumerate(text.split("\n"), start=1):
        start = start if parts else number
        content = line.rstrip("\r")
        bare = content.lstrip()
        if bare.startswith("#") and parts:
            continue  # pip leaves out a comment between continued lines
        parts.append(_COMMENT.sub("", content).removesuffix("\\"))
        if not content.endswith("\\") or bare.startswith("#"):
            yield from _logical(start, parts)
            parts = []
    yield from _logical(start, parts)


def _logical(number: int, parts: Sequence[str]) -> Iterator[tuple[int, str]]:
    whole = " ".join(part.strip() for part in parts).strip()
    if whole:
        yield number, whole
