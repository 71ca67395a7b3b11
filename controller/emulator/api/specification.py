"""The published specification: names of all operations, and the part that the emulator serves.

`specification.json` holds facts of version 26.06.13 alone: method, path and name of each operation;
for those of use here also the query parameters and the types of request and answer.
"""

import json
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

BASE = "/api/v2"
UPLOAD, DOWNLOAD = "UploadFile", "DownloadProjectFile"
_PLACE = re.compile(r"<(?:\w+:)?\w+>|\{[\w.]+\}")


@dataclass(frozen=True, slots=True)
class Published:
    """An operation; `path` is below `/api/v2`, `request` and `response` are types, or empty."""

    method: str
    path: str
    name: str
    query: tuple[str, ...] = ()
    request: str = ""
    response: str = ""

    @property
    def shape(self) -> str:
        """Method and path, without the names in it."""
        return shape(f"{self.method} {BASE}{self.path}")


@cache
def _facts() -> Mapping[str, Any]:
    path = Path(__file__).with_suffix(".json")
    facts: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return facts


@cache
def published() -> tuple[Published, ...]:
    """All operations, in the order of the specification."""
    return tuple(
        Published(method, path, name, *((tuple(more[0]), *more[1:]) if more else ()))
        for method, path, name, *more in _facts()["operations"]
    )


def version() -> str:
    return str(_facts()["version"])


def shape(name: str) -> str:
    """`METHOD path` without the names of its parameters, by which two spellings compare."""
    return _PLACE.sub("{}", name)


def served(names: Collection[str]) -> list[Published]:
    """The published operations among these rules."""
    shapes = set(map(shape, names))
    return [operation for operation in published() if operation.shape in shapes]


def find(method: str, path: str) -> Published | None:
    """The published operation at this address, served or not; one without parameters first."""
    fitting = [
        operation
        for operation in published()
        if operation.method == method and _fits(BASE + operation.path, path)
    ]
    return min(fitting, key=lambda operation: operation.path.count("{"), default=None)


def _fits(template: str, path: str) -> bool:
    wanted, given = template.split("/"), path.split("/")
    return len(wanted) == len(given) and all(map(_same, wanted, given))


def _same(template: str, text: str) -> bool:
    """True for a part of a path; one with a parameter ends with the same verb, if any."""
    if not template.startswith("{"):
        return template == text
    value, *verb = text.split(":")
    return bool(value) and verb == template.split(":")[1:]


def document(names: Collection[str]) -> dict[str, object]:
    """The specification (Swagger 2.0) of the published operations among these rules."""
    paths: dict[str, dict[str, object]] = {}
    types: set[str] = {"runtimeError"}
    for operation in served(names):
        paths.setdefault(BASE + operation.path, {})[operation.method.lower()] = _entry(operation)
        types |= {operation.request, operation.response}
    return {
        "swagger": "2.0",
        "info": {"title": "mlapiv2/api.proto", "version": version()},
        "consumes": ["application/json"],
        "produces": ["application/json"],
        "paths": paths,
        "definitions": dict(_definitions(types - {""})),
    }


def _entry(operation: Published) -> dict[str, object]:
    answer: dict[str, object] = {"description": "A successful response."}
    if operation.response:
        answer["schema"] = _schema(operation.response)
    elif operation.name == DOWNLOAD:
        answer["schema"] = {"type": "file"}
    error = {"description": "An error.", "schema": _schema("runtimeError")}
    return {
        "operationId": operation.name,
        "tags": ["CMLService"],
        "parameters": list(_parameters(operation)),
        "responses": {"200": answer, "default": error},
    }


def _parameters(operation: Published) -> Iterator[dict[str, object]]:
    for name in re.findall(r"\{([\w.]+)\}", operation.path):
        yield {"name": name, "in": "path", "required": True, "type": "string"}
    for name in operation.query:
        many: dict[str, object] = {
            "type": "array",
            "items": {"type": "string"},
            "collectionFormat": "multi",
        }
        kinds = {"page_size": _schema("integer:int32"), "project_ids": many}
        yield {"name": name, "in": "query", "required": False, **kinds.get(name, _schema("string"))}
    if operation.request:
        yield {"name": "body", "in": "body", "required": True, "schema": _schema(operation.request)}
    if operation.name == UPLOAD:
        yield {"name": "file", "in": "formData", "required": True, "type": "file"}


_ERROR = {"error": "string", "code": "integer:int32", "message": "string", "details": ["object"]}


def _definitions(names: set[str]) -> Iterator[tuple[str, dict[str, object]]]:
    """These types, and all that they refer to, by name."""
    types = {**_facts()["types"], "runtimeError": _ERROR}
    waiting, done = sorted(names), set(names)
    while waiting:
        name = waiting.pop(0)
        fields = types[name]
        if "enum" in fields:
            yield name, {"type": "string", "enum": fields["enum"]}
            continue
        properties = {field: _schema(kind) for field, kind in fields.items()}
        yield name, {"type": "object", "properties": properties}
        inner = {_named(kind) for kind in fields.values()} - done - {""}
        waiting += sorted(inner)
        done |= inner


def _named(kind: Any) -> str:
    """The type that a field refers to, if any."""
    if isinstance(kind, list):
        return _named(kind[0])
    if isinstance(kind, dict):
        return _named(kind["*"])
    return kind if kind in _facts()["types"] else ""


def _schema(kind: Any) -> dict[str, object]:
    """The schema of a type in the notation of the facts."""
    if isinstance(kind, list):
        return {"type": "array", "items": _schema(kind[0])}
    if isinstance(kind, dict):
        return {"type": "object", "additionalProperties": _schema(kind["*"])}
    name, _, form = kind.partition(":")
    if name in {"string", "number", "integer", "boolean", "object"}:
        return {"type": name, **({"format": form} if form else {})}
    return {"$ref": f"#/definitions/{name}"}
