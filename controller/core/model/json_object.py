"""JSON objects: dataclasses that are written as JSON, read from it, and described by a JSON Schema.

Files are written by other processes and by people: what is read may be incomplete, old or hostile.
The types here bound it, and give a field that cannot be read its empty value.
"""

import json
import math
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import Field, fields, is_dataclass
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, ClassVar, TypeVar, cast

from pydantic import BeforeValidator, ConfigDict, PlainSerializer, TypeAdapter, WithJsonSchema
from pydantic.fields import FieldInfo
from pydantic_core import PydanticSerializationError

T = TypeVar("T")
TEXT_LIMIT = 500  # characters
ITEMS_LIMIT = 10_000
_NUMBER_MAX = 2**62


class JsonObject:
    """A dataclass whose fields and docstrings are those of a JSON object."""

    __slots__ = ()
    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        json_schema_serialization_defaults_required=True,
        use_attribute_docstrings=True,
    )


def text(value: object) -> str:
    """Printable and bounded; empty for anything that is not text."""
    if not isinstance(value, str):
        return ""
    bounded = value[:TEXT_LIMIT]
    if not bounded.isprintable():
        bounded = "".join(c if c.isprintable() else " " for c in bounded)
    return bounded.strip()


def some_text(value: object) -> str:
    """The same; ValueError if it is empty."""
    if bounded := text(value):
        return bounded
    raise ValueError("empty")


def person(value: object) -> str:
    """The name of a person or a process; `unknown` if it is empty."""
    return text(value) or "unknown"


def moment_or_null(value: object) -> datetime | None:
    """RFC 3339 with an offset, in UTC; None for anything else."""
    if isinstance(value, datetime):
        return value
    if not isinstance(value, str) or len(value) > 64:
        return None
    try:
        when = datetime.fromisoformat(value)
        return when.astimezone(UTC) if when.tzinfo else None
    except (ValueError, OverflowError):
        return None


def moment(value: object) -> datetime:
    """The same; ValueError for anything else."""
    if when := moment_or_null(value):
        return when
    raise ValueError("not a time")


def amount_or_null(value: object) -> float | None:
    """A finite number, zero or more; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def seconds(value: object) -> float:
    """The same; ValueError for anything else."""
    if (finite := amount_or_null(value)) is not None:
        return finite
    raise ValueError("not a number of seconds")


def count_or_zero(value: object) -> int:
    """A whole number above zero; zero for anything else."""
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def number(value: object) -> int:
    """A whole number from zero up; ValueError for anything else."""
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _NUMBER_MAX:
        return value
    raise ValueError("not a whole number")


def texts(value: object) -> tuple[str, ...]:
    """The texts of a list; empty for anything else."""
    return tuple(map(text, value[:ITEMS_LIMIT])) if isinstance(value, list) else ()


def _written(value: datetime | None) -> str | None:
    return None if value is None else value.isoformat()


def _or_null(value: str) -> str | None:
    return value or None


_MAYBE_TEXT = {"anyOf": [{"type": "string"}, {"type": "null"}]}
_TIME = {"type": "string", "format": "date-time"}
_MAYBE_TIME = {"anyOf": [_TIME, {"type": "null"}]}

Text = Annotated[str, BeforeValidator(text)]
TextOrNull = Annotated[str, PlainSerializer(_or_null), WithJsonSchema(_MAYBE_TEXT)]
SomeText = Annotated[str, BeforeValidator(some_text)]
Person = Annotated[str, BeforeValidator(person)]
Texts = Annotated[tuple[str, ...], BeforeValidator(texts)]
Flag = Annotated[bool, BeforeValidator(lambda value: value is True)]
Count = Annotated[
    int, BeforeValidator(count_or_zero), WithJsonSchema({"type": "integer", "minimum": 0})
]
Number = Annotated[int, BeforeValidator(number), WithJsonSchema({"type": "integer", "minimum": 0})]
Seconds = Annotated[
    float, BeforeValidator(seconds), WithJsonSchema({"type": "number", "minimum": 0})
]
SecondsOrNull = Annotated[float | None, BeforeValidator(amount_or_null)]
Moment = Annotated[
    datetime, BeforeValidator(moment), PlainSerializer(_written), WithJsonSchema(_TIME)
]
MomentOrNull = Annotated[
    datetime | None,
    BeforeValidator(moment_or_null),
    PlainSerializer(_written),
    WithJsonSchema(_MAYBE_TIME),
]


def adapter(of: type[Any]) -> TypeAdapter[Any]:
    """Made when it is first needed, so that a command pays for no document but its own."""
    return _adapter(cast("Hashable", of))


_adapter: Callable[[Hashable], TypeAdapter[Any]] = cache(TypeAdapter)


def names_of(of: type[Any]) -> tuple[str, ...]:
    """The names of the fields as JSON has them."""
    return _names(cast("Hashable", of))


@cache
def _names(of: Any) -> tuple[str, ...]:
    return tuple(_alias(each) or each.name for each in fields(of))


def _alias(of: Field[Any]) -> str | None:
    extra = getattr(of.type, "__metadata__", ())
    return next((each.alias for each in extra if isinstance(each, FieldInfo)), None)


def extended(to: type[T], base: JsonObject, **more: object) -> T:
    """An object with all fields of another one, and more."""
    assert is_dataclass(base)  # noqa: S101 - every JsonObject is one
    return to(**{each.name: getattr(base, each.name) for each in fields(base)}, **more)


def fields_of(value: JsonObject) -> dict[str, Any]:
    """The fields as plain values."""
    of = adapter(type(value))
    return of.dump_python(value, mode="json", by_alias=True)  # type: ignore[no-any-return]


def json_of(value: JsonObject) -> bytes:
    try:
        return adapter(type(value)).dump_json(value, by_alias=True)
    except PydanticSerializationError:  # half a character, which UTF-8 has no bytes for
        return json.dumps(fields_of(value)).encode()


def json_schema(of: type[Any]) -> dict[str, Any]:
    """The JSON Schema of a document; a later version may have further fields."""
    parts = json_schemas([of], "#/$defs/{model}")
    whole = parts.pop(_name(of.__name__))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **whole, "$defs": parts}


def json_schemas(
    of: Iterable[type[Any]], reference: str, *, closed: bool = False
) -> dict[str, dict[str, Any]]:
    """The schemas of these types and of those in them, by name; `reference` has `{model}` in it.

    Closed schemas allow no other fields.
    """
    types = tuple(of)
    inputs = [(each.__name__, "serialization", adapter(each)) for each in types]
    _, document = TypeAdapter.json_schemas(inputs, ref_template=reference)  # type: ignore[arg-type]
    for each in types:
        _inherit(each, document["$defs"][each.__name__]["properties"])
    return {
        _name(name): _plain(schema, closed=closed) for name, schema in document["$defs"].items()
    }


def _inherit(of: type[Any], properties: dict[str, dict[str, Any]]) -> None:
    """Fill in the docstrings of inherited fields, which pydantic does not collect."""
    for base in filter(is_dataclass, of.__mro__[1:]):
        for name, field in adapter(base).json_schema(mode="serialization")["properties"].items():
            if "description" in field:
                properties[name].setdefault("description", field["description"])


def _name(name: str) -> str:
    return name.removesuffix("Json")


def _plain(schema: Any, *, closed: bool) -> Any:
    """Without titles and defaults, which say nothing about a document."""
    if isinstance(schema, list):
        return [_plain(each, closed=closed) for each in schema]
    if not isinstance(schema, Mapping):
        return schema
    plain = {
        key: _plain(value, closed=closed)
        for key, value in schema.items()
        if key not in ("title", "default") or isinstance(value, Mapping)
    }
    if isinstance(reference := plain.get("$ref"), str):
        plain["$ref"] = _name(reference)
    if isinstance(description := plain.get("description"), str):
        plain["description"] = " ".join(description.split())
    return {**plain, "additionalProperties": False} if closed and "properties" in plain else plain
