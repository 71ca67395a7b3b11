"""Options as text: `NAME=VALUE` for each field of `Options`, kept in the state folder.

A field of a dataclass within is named with a dot, as in `capacity.cpu`.  A value set once holds for
every later start with the same state folder, since it describes the workspace in it; `default` as
the value ends that.
"""

import difflib
import json
import math
import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from pathlib import Path
from typing import Any

from controller.emulator.options import Options

FILE = "options.json"
DEFAULT = "default"
NONE = "none"


class OptionError(ValueError):
    """An unknown name or a wrong value, with the names or values that exist."""


@dataclass(frozen=True, slots=True)
class OptionField:
    """A field of `Options` that is set by text: its full name, type, and default in `Options`."""

    name: str
    kind: Any
    default: object

    @property
    def values(self) -> str:
        """The accepted values, in words."""
        return _values(self.kind)

    def parse(self, text: str) -> object:
        """The value that `text` means; OptionError if none."""
        try:
            return _parse(self.kind, text)
        except ValueError:
            raise OptionError(f"{self.name} is {self.values}, not {text!r}") from None


def option_fields(kind: type = Options, prefix: str = "") -> Iterator[OptionField]:
    """All fields in the order of their definition."""
    hints = typing.get_type_hints(kind)
    for field in fields(kind):
        name, hint = prefix + field.name, hints[field.name]
        if is_dataclass(hint) and isinstance(hint, type):
            yield from option_fields(hint, f"{name}.")
        else:
            yield OptionField(name, hint, field.default)


FIELDS = {field.name: field for field in option_fields()}


def parse(settings: Iterable[str]) -> dict[str, str]:
    """Checked texts by name, of `NAME=VALUE` each; the last one of a name counts."""
    texts: dict[str, str] = {}
    for setting in settings:
        name, equals, text = (part.strip() for part in setting.partition("="))
        if not equals:
            raise OptionError(f"{setting!r} is not NAME=VALUE")
        if name not in FIELDS:
            raise OptionError(_unknown(name))
        if text != DEFAULT:
            _check(name, text)
        texts[name] = text
    return texts


def _check(name: str, text: str) -> None:
    """OptionError for a text of the wrong type, or one that the options themselves refuse."""
    try:
        apply(Options(), {name: text})
    except OptionError:
        raise
    except ValueError as error:
        raise OptionError(f"{name}: {error}") from None


def _unknown(name: str) -> str:
    folded = {field.replace("_", "-"): field for field in FIELDS}
    near = difflib.get_close_matches(name.lower().replace("_", "-")[:80], folded, n=3, cutoff=0.6)
    if near:
        hint = f"did you mean {' or '.join(folded[match] for match in near)}?"
    else:
        hint = f"it has {', '.join(FIELDS)}"
    return f"the CML emulator has no option {name!r}; {hint}"


def apply(base: Options, texts: Mapping[str, str]) -> Options:
    """`base` with these values; the texts are checked ones."""
    options: Any = base
    for name, text in texts.items():
        options = _with(options, name.split("."), FIELDS[name].parse(text))
    return typing.cast("Options", options)


def _with(row: Any, path: list[str], value: object) -> Any:
    head, *rest = path
    return replace(row, **{head: _with(getattr(row, head), rest, value) if rest else value})


def load(state: Path) -> dict[str, str]:
    """The kept texts.  Those of another version of the emulator, and a broken file, are ignored."""
    try:
        raw = json.loads((state / FILE).read_text(encoding="utf-8"))
        pairs = {str(name): str(text) for name, text in raw.items()}
    except (OSError, ValueError, AttributeError):
        return {}
    return {name: text for name, text in pairs.items() if _is_valid(name, text)}


def _is_valid(name: str, text: str) -> bool:
    try:
        return bool(parse([f"{name}={text}"]))
    except OptionError:
        return False


def merged(kept: Mapping[str, str], texts: Mapping[str, str]) -> dict[str, str]:
    """The kept texts, changed by new ones, in the order of the fields."""
    both = {**kept, **texts}
    return {name: both[name] for name in FIELDS if both.get(name, DEFAULT) != DEFAULT}


# the types of fields


def _members(kind: Any) -> tuple[Any, ...]:
    """The types of a union, else the type itself."""
    union = typing.get_origin(kind) in {typing.Union, types.UnionType}
    return typing.get_args(kind) if union else (kind,)


def _words(kind: Any) -> dict[str, object] | None:
    """Value by word, for a type with a few; None for an open one."""
    if kind is bool:
        return {"true": True, "false": False}
    if kind is types.NoneType:
        return {NONE: None}
    if typing.get_origin(kind) is typing.Literal:
        return {str(value): value for value in typing.get_args(kind)}
    if isinstance(kind, type) and issubclass(kind, Enum):
        return {str(member.value): member for member in kind}
    return None


_OPEN = {
    int: "a whole number of at least 0",
    float: "a number of at least 0",
    str: "text",
    tuple[str, ...]: "words separated by commas",
}


def _values(kind: Any) -> str:
    parts = [
        _OPEN[member] if (words := _words(member)) is None else _listed(words)
        for member in _members(kind)
    ]
    *first, last = ", ".join(parts).split(", ")
    return f"{', '.join(first)} or {last}" if first else last


def _listed(words: Iterable[str]) -> str:
    return ", ".join(word or "(empty)" for word in words)


def _parse(kind: Any, text: str) -> object:
    for member in _members(kind):
        words = _words(member)
        if words is not None and text.lower() in {word.lower() for word in words}:
            return next(value for word, value in words.items() if word.lower() == text.lower())
    (member,) = [member for member in _members(kind) if _words(member) is None] or [None]
    if member is str:
        return text
    if member == tuple[str, ...]:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if member not in {int, float}:
        raise ValueError(text)
    number = int(text) if member is int else float(text)
    if not 0 <= number < math.inf:
        raise ValueError(text)
    return number
