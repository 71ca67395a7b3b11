"""Paging through lists, with a check for completeness.

CML's list pages work like offsets: they may shift or repeat items while the workspace changes.  A
list is complete only without any inconsistency.  A failed list page raises.  A list page that can
never be read ends the list there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

PAGE_SIZE = 100  # CML's default is 10; no maximum is known
PAGE_LIMIT = 1_000

Item = TypeVar("Item", bound=BaseModel)
T = TypeVar("T")
# By token; None for an unreadable list page, after which the rest of the list is unknown.
FetchPage = Callable[[str], Mapping[str, object] | None]


class NotAPageError(Exception):
    """The body is not a page of this list; the message contains the reason."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Items of a list; `complete` is False if items may be missing.

    `problem` names the missing items, if known.
    """

    items: tuple[T, ...]
    complete: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ListPage:
    """A list page: raw items, and the token of the next list page (empty at the end)."""

    items: tuple[object, ...]
    token: str


def read_page(body: Mapping[str, object], key: str) -> ListPage:
    """Parse a list page; NotAPageError for another body.  Absent and null lists are empty."""
    if key not in body and ("error" in body or "message" in body):
        raise NotAPageError("the answer is an error")
    items = body.get(key)
    token = body.get("next_page_token")
    if not isinstance(items, list | None) or not isinstance(token, str | None):
        raise NotAPageError(f"`{key}` or its token has the wrong type")
    return ListPage(tuple(items or ()), token or "")


def read_items(raw: tuple[object, ...], model: type[Item]) -> Listing[Item]:
    """Parse each item separately: an unreadable item makes the list incomplete, not empty."""
    read = [_item(one, model) for one in raw]
    return Listing(tuple(one for one in read if one is not None), None not in read)


def _item(raw: object, model: type[Item]) -> Item | None:
    try:
        return model.model_validate(raw)
    except (ValidationError, RecursionError):
        return None


def read_all(
    fetch: FetchPage, field: str, model: type[Item], identity: Callable[[Item], str]
) -> Listing[Item]:
    """Read all list pages, with each item once, in the order of the first occurrence."""
    found: dict[str, Item] = {}
    complete = True
    for page in _pages(fetch, field):
        if page is None:
            complete = False
            break
        items = read_items(page.items, model)
        fresh = {identity(item): item for item in items.items}
        repeated = len(fresh) < len(items.items) or not found.keys().isdisjoint(fresh)
        complete = complete and items.complete and not repeated
        found |= {key: item for key, item in fresh.items() if key not in found}
    return Listing(tuple(found.values()), complete)


def _pages(fetch: FetchPage, key: str) -> Iterator[ListPage | None]:
    """List pages in order; a final None for an unreadable one, or for tokens without an end."""
    token, seen = "", set[str]()
    for _ in range(PAGE_LIMIT):
        body = fetch(token)
        if body is None:
            break
        page = read_page(body, key)
        yield page
        token = page.token
        if not token:
            return
        if token in seen:
            break
        seen.add(token)
    yield None
