"""The judge: whether a body is of a type of the contract, field by field.

Independent of client and emulator: it knows `cml-contract.json` and JSON, nothing else.  A server
may leave fields out (a client may too); it may not add any, nor give one another type.  Null stands
only for a time or a message that is not set.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

CONTRACT = json.loads((Path(__file__).parent / "cml-contract.json").read_text())
TYPES: Mapping[str, Mapping[str, object]] = CONTRACT["types"]


def judge(type_name: str, body: object) -> None:
    """AssertionError with every fault found; `type_name` is one of the contract's types."""
    faults = _faults(type_name, body, type_name)
    assert not faults, "; ".join(faults)


def _faults(kind: object, value: object, where: str) -> list[str]:
    match kind:
        case [item]:
            return _list(item, value, where)
        case {"map": item}:
            return _map(item, value, where)
        case {"type": inner}:
            return _faults(inner, value, where)
        case str() if kind in TYPES:
            return _named(TYPES[kind], value, where)
        case str():
            return _scalar(kind, value, where)
        case _:
            raise TypeError(f"the contract has a type that the judge does not know: {kind}")


def _list(item: object, value: object, where: str) -> list[str]:
    if not isinstance(value, list):
        return [f"{where} is not a list"]
    return [f for n, one in enumerate(value) for f in _faults(item, one, f"{where}[{n}]")]


def _map(item: object, value: object, where: str) -> list[str]:
    if not isinstance(value, dict):
        return [f"{where} is not an object"]
    return [f for key, one in value.items() for f in _faults(item, one, f"{where}[{key!r}]")]


def _named(definition: Mapping[str, object], value: object, where: str) -> list[str]:
    if "enum" in definition:
        known = definition["enum"]
        assert isinstance(known, list)
        return [] if value in known else [f"{where} is {value!r}, not one of {known}"]
    fields = definition["fields"]
    assert isinstance(fields, dict)
    if value is None and "." in where:
        return []
    if not isinstance(value, dict):
        return [f"{where} is not an object"]
    strange = [f"{where}.{name} is not in the contract" for name in value if name not in fields]
    known_fields = [(name, one) for name, one in value.items() if name in fields]
    found = [f for name, one in known_fields for f in _faults(fields[name], one, f"{where}.{name}")]
    return strange + found


def _scalar(kind: str, value: object, where: str) -> list[str]:
    base, _, form = kind.partition(":")
    if form == "date-time":
        return [] if value is None or _is_time(value) else [f"{where} is no time: {value!r}"]
    if form == "int64" and base == "string":
        return [] if _is_int64_text(value) else [f"{where} is no int64 as text: {value!r}"]
    kinds = _SCALARS.get(base)
    if kinds is None:
        raise TypeError(f"the contract has a scalar that the judge does not know: {kind}")
    # In Python a bool is an int; in JSON it is not.
    right = isinstance(value, kinds) and isinstance(value, bool) == (base == "boolean")
    return [] if right else [f"{where} is no {base}: {value!r}"]


_SCALARS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "number": (int, float),
}


def _is_int64_text(value: object) -> bool:
    return isinstance(value, str) and value.removeprefix("-").isdigit() and abs(int(value)) < 2**63


def _is_time(value: object) -> bool:
    if not isinstance(value, str) or not value.endswith("Z"):
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True
