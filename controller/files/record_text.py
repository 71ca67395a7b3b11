"""A record as JSON, and as the parts in which a large one is stored.

Texts that several specs share, as a requirements file with its hashes, are written once.  What does
not fit into one file is compressed and split, so that every source within its limits has a record.
"""

import hashlib
import json
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime

from pydantic import ValidationError

from controller.core.model.record import Departed, Record
from controller.core.spec.fields import RECORDED
from controller.core.spec.revision import SpecDocument
from controller.core.spec.spec import RayCluster
from controller.files import decode

SCHEMA = "raycml.source/v2"
_SCHEMA_1 = "raycml.source/v1"
WHOLE_MAX = 2 * 1024 * 1024  # bytes of a record that stays one readable file
PART_BYTES = 4 * 1024 * 1024
UNPACKED_MAX = 1024 * 1024 * 1024
_SHARED_MIN = 1024  # characters of a text that is written once
_SHARED = "$text"
_SHARED_LINES = "$lines"


def render_record(record: Record) -> bytes:
    """The record as JSON, however large."""
    texts: dict[str, str] = {}
    body = {
        "schema": SCHEMA,
        "origin": record.origin,
        "revision": record.revision,
        "number": record.number,
        "places": {name: list(projects) for name, projects in sorted(record.places.items())},
        "kept": dict(sorted(record.kept.items())),
        "grace_s": record.grace_s,
        "clusters": [_holder_json(holder, texts) for holder in record.clusters],
        "departed": [
            {
                **_holder_json(d.holder, texts),
                "removed_by": d.removed_by,
                "since": None if d.since is None else d.since.isoformat(),
                "agreed": d.agreed,
            }
            for d in record.departed
        ],
        "texts": texts,
    }
    return (json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _holder_json(holder: SpecDocument, texts: dict[str, str]) -> dict[str, object]:
    spec = holder.cluster.model_dump(mode="json", by_alias=True)
    return {"file": holder.file, "line": holder.line, "spec": _shared(spec, texts)}


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
    """The reverse of `_shared`; what has no text is not a spec any more."""
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
    """The record that was packed; None for anything else, or more than a source can hold."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(b"".join(parts), UNPACKED_MAX)
    except zlib.error:
        return None
    return body if unpacker.eof else None


def parse_record(data: bytes, origin: str | None) -> Record | None:
    """The record of this source (None: of any); None for anything else.  Raises nothing.

    A record of which one spec cannot be read is none at all: half of it would look as if clusters
    had left.
    """
    body = decode.json_object(data, UNPACKED_MAX)
    if isinstance(body, str) or body.get("schema") not in (SCHEMA, _SCHEMA_1):
        return None
    named = decode.text(body.get("origin"))
    if not named or origin not in (None, named):
        return None
    texts = decode.mapping(body.get("texts")) or {}
    clusters = _holders(body.get("clusters"), texts)
    departed = _departed(body.get("departed"), texts)
    revision = decode.text(body.get("revision"))
    if clusters is None or departed is None or not revision:
        return None
    return Record(
        named,
        revision,
        tuple(clusters),
        tuple(departed),
        number=_number(body.get("number")),
        places=_places(body.get("places")),
        kept=_kept(body.get("kept")),
        grace_s=decode.seconds(body.get("grace_s")),
    )


def _number(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


def _places(value: object) -> dict[str, tuple[str, ...]]:
    rows = decode.mapping(value) or {}
    return {
        name: tuple(decode.text(project) for project in projects)
        for name, projects in rows.items()
        if isinstance(projects, list) and projects
    }


def _kept(value: object) -> dict[str, str]:
    return {name: decode.text(by) for name, by in (decode.mapping(value) or {}).items()}


def _holders(value: object, texts: Mapping[str, object]) -> list[SpecDocument] | None:
    if not isinstance(value, list):
        return None
    found = [_holder(decode.mapping(each), texts) for each in value]
    whole = [holder for holder in found if holder is not None]
    return whole if len(whole) == len(found) else None


def _holder(fields: object, texts: Mapping[str, object]) -> SpecDocument | None:
    if not isinstance(fields, dict):
        return None
    line = fields.get("line")
    if isinstance(line, bool) or not isinstance(line, int):
        return None
    try:
        cluster = RayCluster.model_validate(_whole(fields.get("spec"), texts), context=RECORDED)
    except (ValidationError, RecursionError):
        return None
    return SpecDocument(cluster, decode.text(fields.get("file")), line)


def _departed(value: object, texts: Mapping[str, object]) -> list[Departed] | None:
    holders = _holders(value, texts)
    if holders is None or not isinstance(value, list):
        return None
    return [_with_removal(h, row) for h, row in zip(holders, value, strict=True)]


def _with_removal(holder: SpecDocument, row: Mapping[str, object]) -> Departed:
    since: datetime | None = decode.instant(row.get("since"))
    by = decode.text(row.get("removed_by"))
    return Departed(holder, by, since, agreed=row.get("agreed") is True)
