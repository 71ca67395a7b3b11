"""Lists, with a check for completeness.

CML's list pages work like offsets: they may shift or repeat items while the workspace changes.  A
list is complete only without any inconsistency.  A failed list page raises.  A list page that can
never be read ends the list there, and an unreadable item makes the list incomplete, not empty.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from controller.cml import wire
from controller.cml.classify import unreadable
from controller.cml.errors import TooLarge
from controller.cml.operations import Operation, Request, Response
from controller.cml.reading import Model, Send, read_object

PAGE_SIZE = 100  # CML's default is 10; no maximum is known
PAGE_LIMIT = 1_000

Item = TypeVar("Item", bound=wire.Entity)
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Listing(Generic[T]):
    """Items of a list; `complete` is False if items may be missing.

    `problem` names the missing items, if known.
    """

    items: tuple[T, ...]
    complete: bool
    problem: str = ""


def read_once(send: Send, request: Request, field: str, model: type[Model]) -> list[Model]:
    """A list without paging, all of whose items must be readable."""
    answer = send(request)
    rows, _ = _read_page(request.operation, answer, field)
    items = _readable(rows, model)
    if len(items) < len(rows):
        raise unreadable(request.operation, f"an item of `{field}` is unusable", answer.status)
    return items


def read_list(
    send: Send, request: Request, field: str, model: type[Item], *, sort: str
) -> Listing[Item]:
    """A whole list, with each item once, in the order of the first occurrence.

    If a list page is too large, the list is read again with half the items per page.  An item that
    is too large by itself makes the list incomplete.  With a `sort`, the list is then read from its
    other end as well, so that a single such item hides no other.
    """
    size = PAGE_SIZE
    while size > 1:
        try:
            return _read_pages(send, request, field, model, (size, sort))
        except TooLarge:
            size //= 2
    listing = _read_pages(send, request, field, model, (1, sort))
    if listing.problem and sort:
        others = _read_pages(send, request, field, model, (1, f"-{sort}"))
        ids = {item.id for item in listing.items}
        more = [item for item in reversed(others.items) if item.id not in ids]
        return Listing((*listing.items, *more), complete=False, problem=listing.problem)
    return listing


def _read_pages(
    send: Send, request: Request, field: str, model: type[Item], shape: tuple[int, str]
) -> Listing[Item]:
    """All list pages, with the same parameters, as CML's tokens require.

    `shape` is the page size and the order.  TooLarge for a list page of more than one item.
    """
    size, sort = shape
    query = (*request.query, ("page_size", str(size)), *((("sort", sort),) if sort else ()))
    items: dict[str, Item] = {}
    complete, token, tokens = True, "", set[str]()
    for _ in range(PAGE_LIMIT):
        more = (("page_token", token),) if token else ()
        page = Request(request.operation, request.path, request.project, query=(*query, *more))
        try:
            answer = send(page)
        except TooLarge as error:
            if size > 1:
                raise
            problem = f"one of the `{field}` cannot be read: {error}"
            return Listing(tuple(items.values()), complete=False, problem=problem)
        rows, token = _read_page(request.operation, answer, field)
        fresh = {item.id: item for item in _readable(rows, model)}
        complete = complete and len(fresh) == len(rows) and items.keys().isdisjoint(fresh)
        items |= {key: item for key, item in fresh.items() if key not in items}
        if not token:
            return Listing(tuple(items.values()), complete)
        if token in tokens:
            break
        tokens.add(token)
    return Listing(tuple(items.values()), complete=False)


def _read_page(operation: Operation, answer: Response, field: str) -> tuple[Sequence[object], str]:
    """Raw items, and the token of the next list page.  Absent and null lists are empty."""
    body: Mapping[str, object] = read_object(operation, answer)
    items, token = body.get(field), body.get("next_page_token")
    if field not in body and ("error" in body or "message" in body):
        raise unreadable(operation, "the answer is an error", answer.status)
    if not isinstance(items, list | None) or not isinstance(token, str | None):
        raise unreadable(operation, f"`{field}` or its token has the wrong type", answer.status)
    return items or (), token or ""


def _readable(rows: Sequence[object], model: type[Model]) -> list[Model]:
    items: list[Model] = []
    for row in rows:
        with suppress(ValidationError, RecursionError):
            items.append(model.model_validate(row))
    return items
