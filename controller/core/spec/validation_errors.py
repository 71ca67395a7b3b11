"""Several faults in one field, each with its own place.

A validator of pydantic reports one fault at the place of its field.  Where a field holds many
things (parameters, groups) each fault belongs at its own, and none may hide another.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

T = TypeVar("T")
FAULT = "raycml"


def refusal(
    field: str,
    faults: Iterable[tuple[tuple[int | str, ...], str]],
    others: ValidationError | None = None,
) -> ValidationError:
    """An error that pydantic merges into its own: (path below the field, message) pairs.

    `others` are faults that pydantic reported for the same field before; they stay.
    """
    details = [*_details(others)] if others is not None else []
    details += [
        InitErrorDetails(
            type=PydanticCustomError(FAULT, "{message}", {"message": message}),
            loc=path,
            input=None,
        )
        for path, message in faults
    ]
    return ValidationError.from_exception_data(field, details)


def checked(
    field: str,
    faults: Sequence[tuple[tuple[int | str, ...], str]],
    check: Callable[[Any], T],
    written: object,
) -> T:
    """The value that pydantic's own check makes; an error has its faults and these."""
    try:
        value = check(written)
    except ValidationError as error:
        raise refusal(field, faults, error) if faults else error from None
    if faults:
        raise refusal(field, faults)
    return value


def _details(error: ValidationError) -> list[InitErrorDetails]:
    return [
        InitErrorDetails(
            type=_kind(fault["type"], fault["msg"]),
            loc=fault["loc"],
            input=fault["input"],
            ctx=fault.get("ctx", {}),
        )
        for fault in error.errors(include_url=False)
    ]


def _kind(kind: str, message: str) -> str | PydanticCustomError:
    # Only pydantic's own kinds may be named by a string; this package's kind is built again.
    if kind != FAULT:
        return kind
    return PydanticCustomError(FAULT, "{message}", {"message": message})
