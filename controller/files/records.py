"""The record of a source in the project's files: one file for each state, the newest one counts.

A state is written under a new number before the older ones are removed, so that neither a crash nor
an API without overwriting can lose a deletion that is under way.
"""

import hashlib
import json
import re
from collections.abc import Iterable

from pydantic import ValidationError

from controller.core.fields import RECORDED
from controller.core.record import Departed, Record
from controller.core.revision import Holder
from controller.core.spec import RayCluster
from controller.files import decode
from controller.files.port import READ_LIMIT, ProjectFiles

SCHEMA = "raycml.source/v1"
FOLDER = ".raycml/sources"
_STATE = re.compile(r"([0-9]{9})\.json")


def record_folder(owner: str, origin: str) -> str:
    """One folder for each installation and source."""
    named = f"{owner}\x00{origin}".encode()
    return f"{FOLDER}/{hashlib.sha256(named).hexdigest()[:16]}"


def render_record(record: Record) -> bytes:
    body = {
        "schema": SCHEMA,
        "origin": record.origin,
        "revision": record.revision,
        "clusters": [_holder_json(holder) for holder in record.clusters],
        "departed": [
            {**_holder_json(d.holder), "removed_by": d.removed_by} for d in record.departed
        ],
    }
    return (json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def _holder_json(holder: Holder) -> dict[str, object]:
    spec = holder.cluster.model_dump(mode="json", by_alias=True)
    return {"file": holder.file, "line": holder.line, "spec": spec}


def parse_record(data: bytes, origin: str | None) -> Record | None:
    """The record of this source (None: of any); None for anything else.  Raises nothing.

    A record of which one spec cannot be read is none at all: half of it would look as if clusters
    had left.
    """
    body = decode.json_object(data, READ_LIMIT)
    if isinstance(body, str) or body.get("schema") != SCHEMA:
        return None
    named = decode.text(body.get("origin"))
    if not named or origin not in (None, named):
        return None
    clusters, departed = _holders(body.get("clusters")), _holders(body.get("departed"))
    removers = _removers(body.get("departed"))
    revision = decode.text(body.get("revision"))
    if clusters is None or departed is None or not revision:
        return None
    return Record(
        named,
        revision,
        tuple(clusters),
        tuple(Departed(holder, by) for holder, by in zip(departed, removers, strict=True)),
    )


def _holders(value: object) -> list[Holder] | None:
    if not isinstance(value, list):
        return None
    found = [_holder(decode.mapping(each)) for each in value]
    whole = [holder for holder in found if holder is not None]
    return whole if len(whole) == len(found) else None


def _holder(fields: object) -> Holder | None:
    if not isinstance(fields, dict):
        return None
    line = fields.get("line")
    if isinstance(line, bool) or not isinstance(line, int):
        return None
    try:
        cluster = RayCluster.model_validate(fields.get("spec"), context=RECORDED)
    except (ValidationError, RecursionError):
        return None
    return Holder(cluster, decode.text(fields.get("file")), line)


def _removers(value: object) -> list[str]:
    rows = value if isinstance(value, list) else []
    return [decode.text(r.get("removed_by")) if isinstance(r, dict) else "" for r in rows]


def all_records(files: ProjectFiles) -> tuple[Record, ...]:
    """The records of every source that any controller of the project follows.  FilesError."""
    folders = [stored.path for stored in files.listing(FOLDER) if stored.is_dir]
    found = [RecordFile(files, folder).read() for folder in folders]
    return tuple(record for record in found if record.revision)


def records_of(files: ProjectFiles, owner: str) -> tuple[Record, ...]:
    """The records of every source that controllers of one installation follow.  FilesError."""
    folders = {stored.path for stored in files.listing(FOLDER) if stored.is_dir}
    found = [(folder, RecordFile(files, folder).read()) for folder in sorted(folders)]
    return tuple(r for at, r in found if r.revision and at == record_folder(owner, r.origin))


class RecordFile:
    """The record in one folder: of `origin`, or None of whichever it is.

    Every method raises FilesError and nothing else.
    """

    def __init__(self, files: ProjectFiles, folder: str, origin: str | None = None) -> None:
        self._files = files
        self._folder = folder
        self._origin = origin

    def read(self) -> Record:
        """The newest state that can be read as one; an empty record where there is none."""
        for number in reversed(self._numbers()):
            data = self._files.read(self._path(number))
            found = None if data is None else parse_record(data, self._origin)
            if found is not None:
                return found
        return Record(self._origin or "")

    def write(self, record: Record) -> None:
        before = self._numbers()
        latest = max(before, default=0) + 1
        self._files.write_new(self._path(latest), render_record(record))
        self._sweep(before)

    def _sweep(self, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._files.remove(self._path(number))

    def _numbers(self) -> list[int]:
        names = [stored.name for stored in self._files.listing(self._folder) if not stored.is_dir]
        return sorted(int(m.group(1)) for m in map(_STATE.fullmatch, names) if m)

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:09}.json"
