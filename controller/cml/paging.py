"""Reading a list to its end, and knowing whether it was all of it.

CML's pages are offset-like: they may shift, repeat or tear while the workspace changes.  A list
is complete only if nothing about it was odd.  A page that fails raises; nothing is made up for it.
One page that can never be read ends the list there.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import BaseModel, ValidationError

PAGE_SIZE = 100  # CML's default is 10; nobody has met a ceiling
PAGE_LIMIT = 1_000

Item = TypeVar("Item", bound=BaseModel)
T = TypeVar("T")
# By token; None for a page that cannot be read, after which the rest of the list is unknown.
FetchPage = Callable[[str], Mapping[str, object] | None]


class NotAPageError(Exception):
    """The body is not a page of the list that was asked for; the message says why."""


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """What a list held; `complete` is False when something may be missing from it.

    `problem` says what is missing, where that is known.
    """

    items: tuple[T, ...]
    complete: bool
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page: raw items and the token of the next (empty: there is none)."""

    items: tuple[object, ...]
    token: str


def read_page(body: Mapping[str, object], key: str) -> ListPage:
    """NotAPageError when the body is no page of such a list.  Absent and null are empty."""
    if key not in body and ("error" in body or "message" in body):
        raise NotAPageError("an error came as an answer")
    items = body.get(key)
    token = body.get("next_page_token")
    if not isinstance(items, list | None) or not isinstance(token, str | None):
        raise NotAPageError(f"`{key}` or its token has the wrong type")
    return ListPage(tuple(items or ()), token or "")


def read_items(raw: tuple[object, ...], model: type[Item]) -> Listing[Item]:
    """Each item by itself: one that cannot be read makes the list incomplete, not empty."""
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
    """Every page, items once each by identity, the first reading first."""
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
    """Pages in order; a last None when one cannot be read, or the tokens circle or do not end."""
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
