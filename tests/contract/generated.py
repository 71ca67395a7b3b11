"""A client generated from a server's own `swagger.json`, in the way of the OpenAPI generator.

One method for each operation, named after its id in snake case; parameters of the path and the body
in their order, query parameters by keyword.  Answers are objects of the types of the specification:
a field that is not in it is dropped, a value of another type is an error, 64-bit numbers are text.
`_preload_content=False` gives the raw answer.  A body goes with each POST, PATCH, PUT and DELETE.
Nothing here is of the product.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import httpx

SCALARS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict}


class ApiError(Exception):
    """A refusal: `status` and the text `body`."""

    def __init__(self, answer: httpx.Response) -> None:
        super().__init__(f"({answer.status_code}) {answer.text}")
        self.status = answer.status_code
        self.body = answer.text


class Model:
    """An object of a type of the specification, with all of its fields, None where absent."""

    def __init__(self, kind: str, fields: Mapping[str, object]) -> None:
        self.kind = kind
        self.__dict__.update(fields)

    def to_dict(self) -> dict[str, object]:
        return {key: value for key, value in vars(self).items() if key != "kind"}


@dataclass(frozen=True)
class Operation:
    """An operation, with the names of its parameters in Python."""

    method: str
    path: str
    places: Mapping[str, str]
    query: tuple[str, ...]
    has_body: bool
    has_file: bool
    answer: Mapping[str, Any] | None


def snake(name: str) -> str:
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name.replace(".", "_"))
    return re.sub(r"([a-z0-9])([A-Z])", r"\1_\2", name).lower()


def camel(name: str) -> str:
    head, *rest = name.split("_")
    return head + "".join(map(str.capitalize, rest))


class GeneratedClient:
    """The client of the server behind `http`, whose base is the server's address."""

    def __init__(self, http: httpx.Client, *, camel_case: bool = False) -> None:
        self._http = http
        self._document = http.get("/api/v2/swagger.json").raise_for_status().json()
        self._spelling = camel if camel_case else str
        self.operations = {
            snake(entry["operationId"]): self._operation(method, path, entry)
            for path, methods in self._document["paths"].items()
            for method, entry in methods.items()
        }
        self.called: set[str] = set()

    def _operation(self, method: str, path: str, entry: Mapping[str, Any]) -> Operation:
        kinds = [(one["in"], one["name"]) for one in entry["parameters"]]
        return Operation(
            method.upper(),
            path,
            {snake(name): name for kind, name in kinds if kind == "path"},
            tuple(name for kind, name in kinds if kind == "query"),
            ("body", "body") in kinds,
            any(kind == "formData" for kind, _ in kinds),
            entry["responses"]["200"].get("schema"),
        )

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.operations:
            raise AttributeError(name)
        return partial(self._call, name)

    def _call(self, name: str, *values: object, **options: object) -> Any:
        operation = self.operations[name]
        wanted = [*operation.places, *(["body"] if operation.has_body else [])]
        raw = not options.pop("_preload_content", True)
        files = options.pop("files", None)
        if len(values) != len(wanted) or options.keys() - set(operation.query):
            raise TypeError(f"{name}({', '.join(wanted)}, {operation.query})")
        given = dict(zip(wanted, values, strict=True))
        request: dict[str, object] = {}
        if files is not None:
            assert operation.has_file
            request["files"] = files
        elif operation.method != "GET":
            request["json"] = given.pop("body", {})
        query = {self._spelling(key): _text(value) for key, value in options.items()}
        path = operation.path
        for place, original in operation.places.items():
            path = path.replace("{" + original + "}", str(given[place]))
        answer = self._http.request(operation.method, path, params=query, **request)  # type: ignore[arg-type]
        self.called.add(name)
        if answer.is_error:
            raise ApiError(answer)
        if raw or operation.answer is None or operation.answer.get("type") == "file":
            return answer
        return self._value(operation.answer, answer.json(), name)

    def _value(self, schema: Mapping[str, Any], value: Any, where: str) -> Any:
        if "$ref" in schema:
            return self._model(schema["$ref"].rpartition("/")[2], value, where)
        kind = schema.get("type", "object")
        if kind == "array":
            assert isinstance(value, list), where
            return [self._value(schema["items"], one, where) for one in value]
        assert isinstance(value, SCALARS[kind]), f"{where} is {value!r}, not a {kind}"
        assert kind == "boolean" or not isinstance(value, bool), f"{where} is {value!r}"
        if schema.get("format") == "date-time":
            return datetime.fromisoformat(value)
        if schema.get("format") == "int64":
            assert re.fullmatch(r"-?\d+", value), f"{where} is {value!r}, not a number in text"
        return value

    def _model(self, kind: str, value: Any, where: str) -> Any:
        definition = self._document["definitions"][kind]
        if "enum" in definition:
            assert value in definition["enum"], f"{where} is {value!r}"
            return value
        assert isinstance(value, dict), f"{where} is {value!r}, not a {kind}"
        fields = {}
        for name, schema in definition.get("properties", {}).items():
            content = value.get(name)
            place = f"{where}.{name}"
            fields[name] = None if content is None else self._value(schema, content, place)
        return Model(kind, fields)


def _text(value: object) -> object:
    """A query parameter: JSON for an object, a list as it is."""
    return json.dumps(value) if isinstance(value, dict) else value
