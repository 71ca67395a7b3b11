"""A record as JSON, and as the parts in which a large one is stored.

A text that several specs share, such as a requirements file with hashes, is written once.  A record
that does not fit into one file is compressed and split.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from typing import Any

from controller.core.model.json_object import fields_of, text
from controller.core.model.record import Record
from controller.core.spec.fields import RECORDED
from controller.files.document import json_fields, read

SCHEMA = "raycml.source/v2"
_SCHEMA_1 = "raycml.source/v1"
WHOLE_MAX = 2 * 1024 * 1024  # bytes of a record in one readable file
PART_BYTES = 4 * 1024 * 1024
UNPACKED_MAX = 1024 * 1024 * 1024
_SHARED_MIN = 1024  # characters of a text that is written once
_SHARED = "$text"
_SHARED_LINES = "$lines"


def render_record(record: Record) -> bytes:
    """The record as JSON, however large."""
    texts: dict[str, str] = {}
    body = fields_of(record)
    body["clusters"] = [_row(holder, texts) for holder in body["clusters"]]
    body["departed"] = [
        {**_row(departed.pop("holder"), texts), **departed} for departed in body["departed"]
    ]
    body["texts"] = texts
    return (json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _row(holder: dict[str, Any], texts: dict[str, str]) -> dict[str, object]:
    spec = _shared(holder["cluster"], texts)
    return {"file": holder["file"], "line": holder["line"], "spec": spec}


def _shared(value: object, texts: dict[str, str]) -> object:
    """The value with a reference in the place of each long text."""
    if isinstance(value, dict):
        return {key: _shared(each, texts) for key, each in value.items()}
    if isinstance(value, list):
        joined = _joined(value)
        if joined is not None:
            return {_SHARED_LINES: _named(joined, texts)}
        return [_shared(each, texts) for each in value]
    if isinstance(value, str) and len(value) >= _SHARED_MIN:
        return {_SHARED: _named(value, texts)}
    return value


def _named(text: str, texts: dict[str, str]) -> str:
    name = hashlib.sha256(text.encode()).hexdigest()[:32]
    texts[name] = text
    return name


def _joined(items: Sequence[object]) -> str | None:
    """A list of many lines as one text, so that it is shared as a whole; None for other lists."""
    lines = [item for item in items if isinstance(item, str) and "\n" not in item]
    if len(lines) < len(items) or sum(map(len, lines)) + len(lines) < _SHARED_MIN:
        return None
    return "\n".join(lines)


def _whole(value: object, texts: Mapping[str, object]) -> object:
    """The reverse of `_shared`; None in the place of a text that is missing."""
    if isinstance(value, dict):
        if set(value) == {_SHARED}:
            return texts.get(str(value[_SHARED]))
        if set(value) == {_SHARED_LINES}:
            text = texts.get(str(value[_SHARED_LINES]))
            return text.split("\n") if isinstance(text, str) else None
        return {key: _whole(each, texts) for key, each in value.items()}
    return [_whole(each, texts) for each in value] if isinstance(value, list) else value


def packed(body: bytes) -> tuple[bytes, ...]:
    """The parts of a record that is too large for one file."""
    data = zlib.compress(body, 6)
    return tuple(data[at : at + PART_BYTES] for at in range(0, len(data), PART_BYTES))


def unpacked(parts: Sequence[bytes]) -> bytes | None:
    """The record that was packed; None for other data, and for more than a source can hold."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(b"".join(parts), UNPACKED_MAX)
    except zlib.error:
        return None
    return body if unpacker.eof else None


def parse_record(data: bytes, origin: str | None) -> Record | None:
    """The record of this source (None: of any); None for anything else.  Raises nothing.

    A record with an unreadable spec is ignored as a whole: a part of it would look as if clusters
    had left.
    """
    body = json_fields(data, UNPACKED_MAX)
    if isinstance(body, str) or body.get("schema") not in (SCHEMA, _SCHEMA_1):
        return None
    texts = body.get("texts")
    texts = texts if isinstance(texts, dict) else {}
    try:
        body["clusters"] = [_holder(row, texts) for row in _rows(body.get("clusters"))]
        body["departed"] = [
            {**row, "holder": _holder(row, texts)} for row in _rows(body.get("departed"))
        ]
    except RecursionError:
        return None
    record = read(Record, {**body, "schema": SCHEMA}, RECORDED)
    return record if record is not None and origin in (None, record.origin) else None


def _holder(row: Mapping[str, object], texts: Mapping[str, object]) -> dict[str, object]:
    spec = _whole(row.get("spec"), texts)
    return {"cluster": spec, "file": text(row.get("file")), "line": row.get("line")}


def _rows(value: object) -> list[dict[str, object]]:
    """A missing list, and a row of another type, become a row without a spec, which is refused."""
    rows = value if isinstance(value, list) else [None]
    return [row if isinstance(row, dict) else {} for row in rows]
