"""List parameters: `search_filter`, `sort`, `page_size`, `page_token`.

Tokens are opaque offsets (so a list that changes between two list pages is inconsistent, as in
a real workspace), and valid only with the same parameters.
"""

import base64
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Generic, TypeVar

from controller.emulator.api.errors import invalid

DEFAULT_PAGE_SIZE = 10
Item = TypeVar("Item")
PERSON = ("creator.email", "creator.name", "creator.username")
Key = Callable[[Item], object]
"""Reads one column of an item: text, a number, a time or None."""


@dataclass(frozen=True, slots=True)
class Query:
    """The raw parameters of a list."""

    search_filter: str = ""
    sort: str = ""
    page_size: str = ""
    page_token: str = ""


@dataclass(frozen=True, slots=True)
class Columns(Generic[Item]):
    """Columns for filters and sort orders."""

    filters: Mapping[str, Key[Item]]
    sorts: Mapping[str, Key[Item]]


def attributes(*paths: str, **renamed: str) -> dict[str, Callable[[Any], object]]:
    """Columns that read an attribute each, by its path; `renamed` by another name."""
    return {name: attrgetter(path) for name, path in {**{p: p for p in paths}, **renamed}.items()}


def json_object(text: str, name: str) -> dict[str, object]:
    """The JSON object in a query parameter; refuses other values."""
    try:
        value = json.loads(text)
    except ValueError:
        raise invalid(f"{name} is not valid JSON") from None
    if not isinstance(value, dict):
        raise invalid(f"{name} must be a JSON object")
    return value


def filtered(items: Sequence[Item], text: str, columns: Mapping[str, Key[Item]]) -> Sequence[Item]:
    """Items whose columns contain all filter texts: case-sensitive, anywhere in the value.

    A filter that is no JSON is a word to look for in the name, or in all columns without one.
    """
    if not text:
        return items
    if not text.lstrip().startswith(("{", "[", '"')):
        keys = [columns["name"]] if "name" in columns else [*columns.values()]
        return [item for item in items if any(text in str(key(item)) for key in keys)]
    conditions: list[tuple[Key[Item], str]] = []
    for name, value in json_object(text, "search_filter").items():
        if name not in columns:
            raise invalid(f"search_filter: unknown key {name!r}")
        if not isinstance(value, str):
            raise invalid(f"search_filter: the value of {name!r} must be a string")
        conditions.append((columns[name], value))
    return [item for item in items if all(part in str(key(item)) for key, part in conditions)]


def ordered(items: Sequence[Item], text: str, columns: Mapping[str, Key[Item]]) -> Sequence[Item]:
    """Items, sorted by comma-separated columns, `-` for descending, the first column first."""
    for term in reversed([part.strip() for part in text.split(",") if part.strip()]):
        name = term.removeprefix("+").removeprefix("-").strip()
        if name not in columns:
            raise invalid(f"sort: unknown key {name!r}")
        items = sorted(items, key=_comparable(columns[name]), reverse=term.startswith("-"))
    return items


def _comparable(key: Key[Item]) -> Callable[[Item], tuple[bool, object]]:
    def read(item: Item) -> tuple[bool, object]:
        value = key(item)
        return (value is not None, value if value is not None else 0)

    return read


def select(
    items: Sequence[Item], query: Query, columns: Columns[Item], scope: str
) -> tuple[Sequence[Item], str]:
    """A filtered and sorted list page, and the token of the next one, empty at the end."""
    rows = ordered(filtered(items, query.search_filter, columns.filters), query.sort, columns.sorts)
    size = _size(query.page_size)
    offset = _offset(query, scope) if query.page_token else 0
    end = offset + size
    return rows[offset:end], _token(query, scope, end) if end < len(rows) else ""


def _size(text: str) -> int:
    try:
        size = int(text or 0)
    except ValueError:
        raise invalid(f'type mismatch, parameter: page_size, error: parsing "{text}"') from None
    if size < 0:
        raise invalid("page_size must not be negative")
    return size or DEFAULT_PAGE_SIZE


def _digest(query: Query, scope: str) -> str:
    text = json.dumps([scope, query.search_filter, query.sort, _size(query.page_size)])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _token(query: Query, scope: str, offset: int) -> str:
    return base64.urlsafe_b64encode(f"{offset}:{_digest(query, scope)}".encode()).decode()


def _offset(query: Query, scope: str) -> int:
    try:
        text, _, digest = base64.urlsafe_b64decode(query.page_token).decode().partition(":")
        offset = int(text)
    except ValueError:
        raise invalid("invalid page_token") from None
    if digest != _digest(query, scope) or offset < 0:
        raise invalid("page_token does not belong to these parameters")
    return offset
