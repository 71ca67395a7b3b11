"""Parsing of answers: single objects, folders and lists.

Lenient about items, strict about answers: an unreadable body is an error of the call, and an
unreadable item makes a list incomplete.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from controller.cml import wire
from controller.cml.classify import parse_json, unreadable
from controller.cml.errors import CmlError, NotFound, TooLarge, Unauthorized, Unknown
from controller.cml.operations import Operation, Request, Response
from controller.cml.paging import (
    PAGE_SIZE,
    Item,
    Listing,
    NotAPageError,
    read_all,
    read_items,
    read_page,
)
from controller.core.model.observed import Listed, ObservedApplication, ObservedProject

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")
Send = Callable[[Request], Response]


def read_one(send: Send, request: Request, model: type[Model]) -> Model:
    """An object of the contract."""
    answer = send(request)
    body = read_object(request.operation, answer)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        # Locations only, that is field names of raycml's models, never values.
        names = (str(e["loc"][0]) for e in error.errors()[:5] if e["loc"])
        why = f"unusable: {', '.join(names)}"
    raise unreadable(request.operation, why, answer.status)


def read_once(send: Send, request: Request, field: str, model: type[Item]) -> tuple[Item, ...]:
    """A list without paging, all of whose items must be readable."""
    answer = send(request)
    body = read_object(request.operation, answer)
    try:
        listing = read_items(read_page(body, field).items, model)
    except NotAPageError as error:
        why = str(error)
    else:
        if listing.complete:
            return listing.items
        why = f"an item of `{field}` is unusable"
    raise unreadable(request.operation, why, answer.status)


def read_list(
    send: Send, request: Request, field: str, model: type[Item], *, sort: str
) -> Listing[Item]:
    """A whole list.  If a list page is too large, it is read again with half the items per page.

    An item that is too large by itself makes the list incomplete.  With a `sort`, the list is then
    read from its other end as well, so that a single such item hides no other.
    """
    size = PAGE_SIZE
    while size > 1:
        try:
            return _read_pages(send, request, field, model, (size, sort))
        except TooLarge:
            size //= 2
    found = _read_pages(send, request, field, model, (1, sort))
    if found.problem and sort:
        others = _read_pages(send, request, field, model, (1, f"-{sort}"))
        known = {_identity(one) for one in found.items}
        more = [one for one in reversed(others.items) if _identity(one) not in known]
        return Listing((*found.items, *more), complete=False, problem=found.problem)
    return found


def _read_pages(
    send: Send, request: Request, field: str, model: type[Item], shape: tuple[int, str]
) -> Listing[Item]:
    """All list pages, with the same parameters, as CML's tokens require.

    `shape` is the page size and the order.  TooLarge for a list page of more than one item.
    """
    size, sort = shape
    usual = (("page_size", str(size)), *((("sort", sort),) if sort else ()))
    problem = ""

    def fetch(token: str) -> Mapping[str, object] | None:
        nonlocal problem
        more = (("page_token", token),) if token else ()
        query = (*request.query, *usual, *more)
        page = Request(request.operation, request.path, request.project, query=query)
        try:
            return read_object(request.operation, send(page))
        except TooLarge as error:
            if size > 1:
                raise
            problem = f"one of the `{field}` cannot be read: {error}"
            return None

    try:
        found = read_all(fetch, field, model, _identity)
    except NotAPageError as error:
        why = str(error)
    else:
        return replace(found, problem=problem)
    raise unreadable(request.operation, why)


def confirmed(operation: Operation, read: Callable[[], T]) -> T:
    """The result of `read` after a completed write; Unknown if it cannot be read."""
    try:
        return read()
    except (Unauthorized, NotFound):
        raise
    except CmlError as error:
        said, status = str(error), error.status
    raise Unknown(
        f"{operation}: done, but not confirmed: {said}", status=status, operation=operation.name
    )


def read_object(operation: Operation, answer: Response) -> dict[str, object]:
    try:
        value = parse_json(answer.body)
    except ValueError as error:
        why = str(error)
    else:
        if isinstance(value, dict):
            return value
        why = "not a JSON object"
    raise unreadable(operation, why, answer.status)


def _identity(item: BaseModel) -> str:
    match item:
        case wire.Runtime():
            return item.image_identifier
        case wire.Application() | wire.Project() | wire.Job() | wire.JobRun():
            return item.id
        case _:
            raise TypeError(f"{type(item).__name__} is not listed in pages")


def observed_project(
    project: str, applications: tuple[ObservedApplication, ...], found: Listing[T]
) -> ObservedProject:
    """A project with the applications in its list."""
    if found.problem:
        return ObservedProject(project, applications, Listed.FAILED, found.problem)
    listed = Listed.WHOLE if found.complete else Listed.TORN
    return ObservedProject(project, applications, listed)
