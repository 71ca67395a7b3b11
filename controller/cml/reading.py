"""From answers to models: one thing, one folder, or a whole list in pages.

Liberal about what an item holds, strict about what an answer is: a body that cannot be read is an
error of the operation, and one that an item hides in makes a list incomplete.
"""

from collections.abc import Callable, Mapping
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from controller.cml import wire
from controller.cml.classify import parse_json, unreadable
from controller.cml.errors import CmlError, NotFound, Unauthorized, Unknown
from controller.cml.operations import Answer, Operation, Request
from controller.cml.paging import (
    PAGE_SIZE,
    Item,
    Listing,
    NotAPageError,
    read_all,
    read_items,
    read_page,
)

Model = TypeVar("Model", bound=BaseModel)
T = TypeVar("T")
Send = Callable[[Request], Answer]


def read_one(send: Send, request: Request, model: type[Model]) -> Model:
    """One object of the contract."""
    answer = send(request)
    body = read_object(request.operation, answer)
    try:
        return model.model_validate(body)
    except ValidationError as error:
        # Locations only: our own models' field names, never what stood there.
        names = (str(e["loc"][0]) for e in error.errors()[:5] if e["loc"])
        why = f"unusable: {', '.join(names)}"
    raise unreadable(request.operation, why, answer.status)


def read_once(send: Send, request: Request, field: str, model: type[Item]) -> tuple[Item, ...]:
    """A list that CML does not page, every item of it readable."""
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
    """Every page, with the same parameters each time, as CML's tokens demand."""
    usual = (("page_size", str(PAGE_SIZE)), *((("sort", sort),) if sort else ()))

    def fetch(token: str) -> Mapping[str, object]:
        more = (("page_token", token),) if token else ()
        query = (*request.query, *usual, *more)
        page = Request(request.operation, request.path, request.project, query=query)
        return read_object(request.operation, send(page))

    try:
        return read_all(fetch, field, model, _identity)
    except NotAPageError as error:
        why = str(error)
    raise unreadable(request.operation, why)


def confirmed(operation: Operation, read: Callable[[], T]) -> T:
    """What `read` finds after a write that is done: what keeps it from us leaves that unknown."""
    try:
        return read()
    except (Unauthorized, NotFound):
        raise
    except CmlError as error:
        said, status = str(error), error.status
    raise Unknown(
        f"{operation}: done, but not confirmed: {said}", status=status, operation=operation.name
    )


def read_object(operation: Operation, answer: Answer) -> dict[str, object]:
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
