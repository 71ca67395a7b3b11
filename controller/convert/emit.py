"""A spec as YAML text with comments; readers of YAML agree about every value in it."""

import re
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from controller.printable import json_text
from controller.source.yaml.scalars import resolve

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/@+-]*(?::[A-Za-z0-9._/@+-]+)*")
_WIDTH = 100

Scalar = str | int | bool


@dataclass(frozen=True, slots=True)
class Raw:
    """A number, or a quantity such as 16Gi, that stands without quotes."""

    text: str


@dataclass(frozen=True, slots=True)
class SpecEntry:
    """A field of the spec, with the comments above it."""

    key: str
    value: "Scalar | Raw | Mapping[str, Scalar | Raw] | Sections"
    comments: tuple[str, ...] = ()


Sections = Sequence[SpecEntry] | Sequence[Sequence[SpecEntry]]


def emit(entries: Sequence[SpecEntry], indent: str = "") -> Iterator[str]:
    """The lines of a mapping.  Plain mappings stand on one line where they fit."""
    for entry in entries:
        for comment in entry.comments:
            yield from _comment(comment, indent)
        yield from _entry(entry, indent)


def _comment(text: str, indent: str) -> Iterator[str]:
    for line in textwrap.wrap(text, _WIDTH - len(indent) - 2, break_on_hyphens=False):
        yield f"{indent}# {line}"


def _entry(entry: SpecEntry, indent: str) -> Iterator[str]:
    key, value = f"{indent}{_text(entry.key)}:", entry.value
    if isinstance(value, str | int | Raw):
        yield f"{key} {_scalar(value)}"
    elif isinstance(value, Mapping):
        pairs = [f"{_text(name)}: {_scalar(each)}" for name, each in value.items()]
        line = f"{key} {{{', '.join(pairs)}}}"
        if len(line) <= _WIDTH:
            yield line
        else:
            yield key
            yield from (f"{indent}  {pair}" for pair in pairs)
    elif value and isinstance(value[0], SpecEntry):
        yield key
        yield from emit(value, f"{indent}  ")  # type: ignore[arg-type]
    else:
        yield key
        for item in value:
            yield from _item(item, f"{indent}  ")  # type: ignore[arg-type]


def _item(entries: Sequence[SpecEntry], indent: str) -> Iterator[str]:
    """An entry of a list; the comments of its first field stand above the dash."""
    first, *rest = entries
    for comment in first.comments:
        yield from _comment(comment, indent)
    lines = [*_entry(first, f"{indent}  "), *emit(rest, f"{indent}  ")]
    yield f"{indent}- {lines[0].lstrip()}"
    yield from lines[1:]


def _scalar(value: Scalar | Raw) -> str:
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int) else _text(value)


def _text(text: str) -> str:
    """Text that every reader takes for text: plain where that is certain, else in quotes."""
    if _PLAIN.fullmatch(text) and resolve(text) == text:
        return text
    return json_text(f'"{"".join(map(_escaped, text))}"')  # no command for a CI host either


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character.isprintable():
        return character
    code = ord(character)
    return (
        f"\\x{code:02x}"
        if code < 0x100
        else f"\\u{code:04x}"
        if code < 0x10000
        else f"\\U{code:08x}"
    )
