"""Parsing of request bodies, as by CML's Go server.

Unknown fields are ignored, both spellings of a name are accepted, `null` is absent, and a value of
the wrong type is refused with the message of Go's JSON decoder.
"""

import json
from collections.abc import Callable, Mapping
from typing import NoReturn

from controller.emulator.api.errors import invalid
from controller.emulator.api.listing import json_object

Reader = Callable[[object], object]
INT32 = 2**31


def _refuse(value: object, go_type: str) -> NoReturn:
    kinds = {str: "string", bool: "bool", dict: "object", list: "array"}
    kind = kinds.get(type(value), f"number {value}" if go_type.startswith("int") else "number")
    raise invalid(f"json: cannot unmarshal {kind} into Go value of type {go_type}")


def _unquoted(value: object, kind: Callable[[str], object]) -> object:
    """The number in a text; anything else as it is."""
    try:
        return kind(value) if isinstance(value, str) and value.strip() == value else value
    except ValueError:
        return value


def text(value: object) -> str:
    return value if isinstance(value, str) else _refuse(value, "string")


def flag(value: object) -> bool:
    return value if isinstance(value, bool) else _refuse(value, "bool")


def number(value: object) -> float:
    """A number, which may be quoted, as in all JSON of protocol buffers."""
    value = _unquoted(value, float)
    if isinstance(value, bool) or not isinstance(value, int | float):
        _refuse(value, "float64")
    return value


def int32(value: object) -> int:
    value = _unquoted(value, int)
    if isinstance(value, bool) or not isinstance(value, int) or not -INT32 <= value < INT32:
        _refuse(value, "int32")
    return value


def int64(value: object) -> str:
    """A 64-bit number, which is text; plain numbers are accepted too."""
    if isinstance(value, str) and value.removeprefix("-").isdigit():
        return value
    if isinstance(value, bool) or not isinstance(value, int):
        _refuse(value, "int64")
    return str(value)


def texts(value: object) -> list[str]:
    return [text(item) for item in value] if isinstance(value, list) else _refuse(value, "[]string")


def text_map(value: object) -> dict[str, str]:
    if not isinstance(value, dict):
        _refuse(value, "map[string]string")
    return {str(key): text(item) for key, item in value.items()}


def text_map_in_text(value: object) -> dict[str, str]:
    """Variables as in a PATCH: JSON inside a JSON string."""
    content = text(value)
    return text_map(json_object(content, "environment")) if content else {}


def map_in_text(value: object) -> dict[str, object]:
    """The same with values of any type."""
    content = text(value)
    return json_object(content, "environment") if content else {}


def body(data: bytes) -> dict[str, object]:
    """The JSON object of a request; an empty body is an empty object."""
    if not data.strip():
        return {}
    try:
        value = json.loads(data)
    except ValueError as error:
        raise invalid(f"invalid request body: {error}") from None
    return value if isinstance(value, dict) else _refuse(value, "object")


def read(raw: Mapping[str, object], readers: Mapping[str, Reader]) -> dict[str, object]:
    """The present known fields, by their snake_case names."""
    values: dict[str, object] = {}
    for name, reader in readers.items():
        value = raw.get(name, raw.get(camel(name)))
        if value is not None:
            values[name] = reader(value)
    return values


def recipients(value: object) -> list[dict[str, object]]:
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise invalid("json: cannot unmarshal value into Go value of type []JobRecipient")
    return [read(item, _RECIPIENT) for item in value]


_TYPES: dict[str, Reader] = {
    name: reader
    for reader, names in (
        (number, "cpu memory"),
        (int32, "nvidia_gpu run_as resource_group_id resource_profile_id timeout"),
        (int32, "shared_memory_limit ephemeral_storage_request ephemeral_storage_limit"),
        (int64, "accelerator_label_id"),
        (flag, "bypass_authentication cdv_app kill_on_timeout paused retry_enabled"),
        (flag, "notify_on_success notify_on_failure notify_on_timeout notify_on_stop"),
        (texts, "runtime_addon_identifiers attachments"),
        (text_map, "environment"),
        (recipients, "recipients"),
    )
    for name in names.split()
}
"""Types of the contract's fields; all others are text."""


def types(names: str, **others: Reader) -> dict[str, Reader]:
    """The types of these fields; of several invalid ones, the first is refused.

    `others` have another type in this request than in most.
    """
    return {**{name: _TYPES.get(name, text) for name in names.split()}, **others}


_RECIPIENT = types("email notify_on_success notify_on_failure notify_on_timeout notify_on_stop")


def assign(row: object, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(row, name, value)


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(part.capitalize() for part in rest)
