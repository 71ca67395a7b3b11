"""The page of JSON formats: fields from the code's schemas, examples from commands that ran."""

import json
import re
from collections.abc import Iterator, Mapping

from controller.cli.output.json_schemas import document_schemas
from controller.core.model.reasons import Reason
from tests.documents.reference import page
from tests.documents.spec_fields import Schema

_ITEMS = 2
_EDITION = re.compile(r"-[0-9a-f]{10}\.py$")


FORMATS = {
    "raycml.status/v1": (
        "`raycml status -o json` and `raycml reconcile -o json`; without the last two fields, "
        "`GET /api/v1/status`."
    ),
    "raycml.plan/v1": "`raycml plan -o json`, and `GET /api/v1/plan`.",
    "raycml.events/v1": (
        "`raycml events -o json`, oldest first, and `GET /api/v1/events`, latest first."
    ),
    "raycml.convert/v1": "`raycml convert MANIFEST -o json`.",
    "raycml.validation/v1": "`raycml validate -o json`.",
    "raycml.render/v1": "`raycml render -o json`.",
    "raycml.doctor/v1": "`raycml doctor -o json`.",
    "raycml.runtimes/v1": "`raycml doctor --runtimes -o json`.",
    "raycml.orphans/v1": "`raycml orphans -o json`.",
    "raycml.adopt/v1": "`raycml adopt NAME -o json`.",
    "raycml.acceptance/v1": "`raycml acceptance -o json`.",
    "raycml.emulator/v1": "`raycml emulator status -o json`.",
}


def json_formats(examples: Mapping[str, object]) -> str:
    """The page; `examples` holds a document for each format."""

    def shown(schema: str) -> str:
        return json.dumps(shortened(examples[schema]), indent=2, ensure_ascii=False)

    return page("json", formats=FORMATS, shown=shown, json_fields=fields)


def shortened(value: object) -> object:
    """With short lists, and one edition of launchers, so that a new one changes no page."""
    if isinstance(value, list):
        return [shortened(each) for each in value[:_ITEMS]]
    if isinstance(value, dict):
        return {key: shortened(each) for key, each in value.items()}
    return _EDITION.sub("-5c1e90f3ab.py", value) if isinstance(value, str) else value


def fields(schema: str) -> list[tuple[str, str, str]]:
    """Place, type and meaning of each field."""
    root = document_schemas()[schema]
    return list(_fields(root, root, ""))


def _fields(schema: Schema, root: Schema, path: str) -> Iterator[tuple[str, str, str]]:
    for name, found in schema.get("properties", {}).items():
        inner = _resolved(found, root)
        meaning = found.get("description") or inner["description"]
        yield f"`{path}{name}`", _kind(found, root), meaning
        inner = _resolved(inner.get("items", inner), root)
        mapped = inner.get("additionalProperties")
        start = f"{path}{name}[]." if "items" in _resolved(found, root) else f"{path}{name}."
        if isinstance(mapped, Mapping):
            inner, start = _resolved(mapped, root), f"{path}{name}.*."
        yield from _fields(inner, root, start)


def _resolved(found: Schema, root: Schema) -> Schema:
    """The schema that is meant, where it is named or may be null."""
    for each in found.get("anyOf", ()):
        if each.get("type") != "null":
            found = each
    reference = str(found.get("$ref", ""))
    return root["$defs"][reference.rpartition("/")[2]] if reference else found


def _kind(found: Schema, root: Schema) -> str:
    maybe = " or null" if any(e.get("type") == "null" for e in found.get("anyOf", ())) else ""
    inner = _resolved(found, root)
    if "const" in inner:
        return f"`{inner['const']}`"
    if "enum" in inner:
        listed = ", ".join(f"`{value}`" for value in inner["enum"])
        reasons = [reason.title for reason in Reason]
        return ("a [reason](conditions.md)" if inner["enum"] == reasons else listed) + maybe
    kind = str(inner.get("format", inner.get("type", "object")))
    return {"array": "list", "string": "text", "date-time": "time"}.get(kind, kind) + maybe
