"""Several faults in one field, each with its own place.

A validator of pydantic reports one fault at the place of its field.  Where a field holds many
things (parameters, groups) each fault belongs at its own, and none may hide another.
"""

from collections.abc import Iterable

from pydantic import ValidationError
from pydantic_core import InitErrorDetails, PydanticCustomError

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
