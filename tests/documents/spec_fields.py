"""The fields of a spec, from its JSON Schema."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from controller.source.yaml.schema import json_schema

Schema = Mapping[str, Any]
HEAD = ("field", "type", "default", "a change", "meaning")
# The parts that have a table of their own; the first is the document itself.
PARTS = (
    "",
    "spec",
    "spec.pythonEnvironment",
    "spec.upgradeStrategy",
    "spec.headGroupSpec",
    "spec.workerGroupSpecs[]",
)


def spec_fields(part: str) -> tuple[Sequence[str], list[Sequence[str]]]:
    """Head and rows of the table of one part."""
    rows = [(path, row) for path, row in all_fields() if _part_of(path) == part]
    return HEAD, [(f"`{path.removeprefix(part).lstrip('.')}`", *row) for path, row in rows]


def all_fields() -> Iterator[tuple[str, Sequence[str]]]:
    """Each field by its whole path, with its cells."""
    root = json_schema()
    yield from _fields(root, root, "")


def _part_of(path: str) -> str:
    return max((p for p in PARTS if not p or path.startswith(f"{p}.")), key=len)


def _fields(schema: Schema, root: Schema, path: str) -> Iterator[tuple[str, Sequence[str]]]:
    for name, field in schema.get("properties", {}).items():
        place = f"{path}{name}"
        inner = _inside(field, root)
        if inner is None or "items" in field or "anyOf" in field:
            yield place, _row(field, root, required=name in schema.get("required", ()))
        if inner is not None:
            yield from _fields(inner, root, f"{place}[]." if "items" in field else f"{place}.")


def _inside(field: Schema, root: Schema) -> Schema | None:
    """The object in a field: the field itself, an item of its list, or what may be null."""
    for each in (field, field.get("items", {}), *field.get("anyOf", ())):
        if "properties" in (resolved := _resolved(each, root)):
            return resolved
    return None


def _resolved(schema: Schema, root: Schema) -> Schema:
    schema = schema["allOf"][0] if "allOf" in schema else schema
    if "$ref" not in schema:
        return schema
    found: Schema = root["definitions"][schema["$ref"].rpartition("/")[2]]
    return found


def _row(field: Schema, root: Schema, *, required: bool) -> Sequence[str]:
    default = field.get("default")
    shown = "" if default in ("", None, {}, []) else f"`{json.dumps(default)}`"
    meaning = str(field.get("description", "")).partition(" A change ")[0]
    change = str(field.get("x-raycml-change", ""))
    return _type(field, root), "required" if required else shown, change, meaning


def _type(field: Schema, root: Schema) -> str:
    if "const" in field or "enum" in field:
        return ", ".join(f"`{value}`" for value in field.get("enum", [field.get("const")]))
    if "anyOf" in field:
        kinds = [_type(each, root) for each in field["anyOf"] if each.get("type") != "null"]
        return " or ".join(dict.fromkeys(kinds))
    resolved = _resolved(field, root)
    kind = str(resolved.get("type", "object"))
    if kind == "array":
        return f"list of {_type(resolved['items'], root)}s"
    return {"object": "mapping", "string": "text", "boolean": "true or false"}.get(kind, kind)
