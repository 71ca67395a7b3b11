"""The record of a source in the project's files: one file for each state; the newest one counts.

A state is written under a new number before the older ones are removed, so that neither a crash nor
an API that cannot overwrite loses a pending deletion.  The parts of a large state are written
before the file that names them.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import Field

from controller.core.model.json_object import JsonObject, Text
from controller.core.model.record import Record
from controller.files.document import json_fields, read, render
from controller.files.port import READ_LIMIT, ProjectFiles
from controller.files.record_text import (
    PART_BYTES,
    UNPACKED_MAX,
    WHOLE_MAX,
    packed,
    parse_record,
    render_record,
    unpacked,
)

SPLIT = "raycml.source-parts/v1"
FOLDER = ".raycml/sources"
_STATE = re.compile(r"([0-9]{9})\.json")
_PART = re.compile(r"([0-9]{9})-[0-9]{4}\.part")
_PARTS_MAX = UNPACKED_MAX // PART_BYTES


@dataclass(frozen=True, slots=True)
class PartIndex(JsonObject):
    """The file that names the parts of a large record."""

    schema: Literal["raycml.source-parts/v1"] = field(
        default="raycml.source-parts/v1", kw_only=True, repr=False
    )
    """Name and version of the format."""
    origin: Text
    """The source."""
    parts: Annotated[int, Field(strict=True, gt=0, le=_PARTS_MAX)]
    """Number of parts."""
    sha256: Text
    """Digest of the whole record."""


def record_id(owner: str, origin: str) -> str:
    """A name for one installation and source."""
    return hashlib.sha256(f"{owner}\x00{origin}".encode()).hexdigest()[:16]


def record_folder(owner: str, origin: str) -> str:
    """One folder for each installation and source."""
    return f"{FOLDER}/{record_id(owner, origin)}"


def record_folders(files: ProjectFiles) -> tuple[str, ...]:
    """The folders of every source that any controller of the project follows.  FilesError."""
    return tuple(stored.path for stored in files.listing(FOLDER) if stored.is_dir)


def stored_records(files: ProjectFiles) -> list[tuple[str, Record]]:
    """The folders and records of all these sources; empty records too.  FilesError."""
    return [(folder, RecordFile(files, folder).read()) for folder in record_folders(files)]


def all_records(files: ProjectFiles) -> tuple[Record, ...]:
    """The records of every source that any controller of the project follows.  FilesError."""
    return tuple(record for _, record in stored_records(files) if record.revision)


def records_of(files: ProjectFiles, owner: str) -> tuple[Record, ...]:
    """The records of every source that controllers of one installation follow.  FilesError."""
    records = stored_records(files)
    return tuple(r for at, r in records if r.revision and at == record_folder(owner, r.origin))


class RecordFile:
    """The record in one folder: of `origin`, or of any source if that is None.

    Every method raises FilesError and nothing else.
    """

    def __init__(self, files: ProjectFiles, folder: str, origin: str | None = None) -> None:
        self._files = files
        self._folder = folder
        self._origin = origin

    def read(self) -> Record:
        """The newest readable state; an empty record if there is none."""
        for number in reversed(self._numbers(_STATE)):
            body = self._body(number)
            record = None if body is None else parse_record(body, self._origin)
            if record is not None:
                return record
        return Record(self._origin or "")

    def _body(self, number: int) -> bytes | None:
        data = self._files.read(self._path(number))
        fields = json_fields(data, READ_LIMIT)
        if isinstance(fields, str) or fields.get("schema") != SPLIT:
            return data
        index = read(PartIndex, fields)
        if index is None:
            return None
        parts = [self._files.read(self._part(number, at)) for at in range(index.parts)]
        present = [part for part in parts if part is not None]
        body = unpacked(present) if len(present) == index.parts else None
        digest = None if body is None else hashlib.sha256(body).hexdigest()
        return body if digest == index.sha256 else None

    def write(self, record: Record) -> None:
        before = self._numbers(_STATE)
        latest = max((*before, *self._numbers(_PART)), default=0) + 1
        body = render_record(record)
        if len(body) > WHOLE_MAX:
            parts = packed(body)
            for at, part in enumerate(parts):
                self._files.write_new(self._part(latest, at), part)
            digest = hashlib.sha256(body).hexdigest()
            body = render(PartIndex(record.origin, len(parts), digest))
        self._files.write_new(self._path(latest), body)
        self._sweep(before, latest)

    def _sweep(self, numbers: Iterable[int], latest: int) -> None:
        """Remove the older states first, then their parts."""
        for number in numbers:
            self._files.remove(self._path(number))
        for name in self._names():
            part = _PART.fullmatch(name)
            if part is not None and int(part.group(1)) != latest:
                self._files.remove(f"{self._folder}/{name}")

    def _names(self) -> list[str]:
        return [s.name for s in self._files.listing(self._folder) if not s.is_dir]

    def _numbers(self, pattern: re.Pattern[str]) -> list[int]:
        return sorted(int(m.group(1)) for m in map(pattern.fullmatch, self._names()) if m)

    def _path(self, number: int) -> str:
        return f"{self._folder}/{number:09}.json"

    def _part(self, number: int, at: int) -> str:
        return f"{self._folder}/{number:09}-{at:04}.part"
