"""Parsing of answers: strict about bodies, lenient about fields.

An unreadable body is an error of the call.
"""

from collections.abc import Callable
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from controller.cml.classify import parse_json, unreadable
from controller.cml.errors import CmlError, NotFound, Unauthorized, Unknown
from controller.cml.operations import Operation, Request, Response

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
        # Locations only, that is field names of CML, never values.
        names = (str(e["loc"][0]) for e in error.errors()[:5] if e["loc"])
        why = f"unusable: {', '.join(names)}"
    raise unreadable(request.operation, why, answer.status)


def confirmed(operation: Operation, read: Callable[[], T]) -> T:
    """The result of `read` after a completed write; Unknown if it cannot be read."""
    try:
        return read()
    except (Unauthorized, NotFound):
        raise
    except CmlError as error:
        message, status = f"{operation}: done, but not confirmed: {error}", error.status
    raise Unknown(message, status=status, operation=operation.name)


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
