"""JSON that another process wrote and that may be incomplete, old, or hostile.  Raises nothing."""

import json
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from controller.core.model.json_object import JsonObject, adapter, fields_of, names_of

T = TypeVar("T", bound=JsonObject)


def json_fields(data: bytes | None, limit: int) -> dict[str, Any] | str:
    """The fields of the object, or the reason that there is none; `data` is None for no file."""
    if data is None:
        return "missing"
    if len(data) > limit:
        return f"larger than {limit} bytes"
    try:
        value: object = json.loads(data)
    except RecursionError:
        return "nested too deeply"
    except ValueError:
        return "not JSON"
    return value if isinstance(value, dict) else "not a JSON object"


def read(of: type[T], body: object, context: Mapping[str, object] | None = None) -> T | None:
    """The object; None for anything else.  A field that is left out is read as null."""
    if not isinstance(body, dict):
        return None
    fields = {name: body.get(name) for name in names_of(of)}
    try:
        value: T = adapter(of).validate_python(fields, context=context)
    except (ValidationError, RecursionError):
        return None
    return value


def parse(of: type[T], data: bytes | None, limit: int) -> T | None:
    """The object in these bytes; None for anything else, and for no file."""
    return read(of, json_fields(data, limit))


def render(value: JsonObject) -> bytes:
    """The file of the object, which people can read too."""
    return (json.dumps(fields_of(value), indent=2) + "\n").encode()
