"""Events as lines of JSON in the project's files: appended, rotated, bounded, read with suspicion.

`.raycml/events/000001.jsonl` and so on; the file with the highest number is appended to.  Every
chunk begins with a line end, so that a line that a killed writer left incomplete spoils no other.
An event has several lines, one for each time that its count was written; the last one counts.
"""

import json
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from controller.core.model.json_object import fields_of, text
from controller.core.status.events import Event, latest_first
from controller.files.document import json_fields, read
from controller.files.port import FilesError, ProjectFiles, StoredFile

FOLDER = ".raycml/events"
FILE_LIMIT = 256 * 1024  # bytes of one file
FILES_KEPT = 4
LINE_LIMIT = 16 * 1024  # bytes; written lines stay below a quarter of it
PENDING_KEPT = 500  # events that could not be written yet

_NAME = re.compile(r"([0-9]{6})\.jsonl")
_LAST = 999_999


def render_event(event: Event, owner: str = "") -> bytes:
    """One line, with its end."""
    body = {**fields_of(replace(event, message=text(event.message))), "owner": owner}
    return (json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def parse_events(data: bytes, owner: str | None = None) -> list[Event]:
    """The events in these bytes, in their order; of all owners if none is named.

    A line that is no event is skipped.  Only the end of a file that is larger than FILE_LIMIT is
    read.  Raises nothing.
    """
    lines = data[-FILE_LIMIT:].split(b"\n")
    bodies = (json_fields(line, LINE_LIMIT) for line in lines if line.strip())
    objects = (body for body in bodies if isinstance(body, dict))
    events = (read(Event, body) for body in objects if owner in (None, body.get("owner")))
    return [event for event in events if event and event.first_at and event.last_at]


def merged(events: Iterable[Event]) -> tuple[Event, ...]:
    """Each event once, as in its last line; the latest first."""
    by_identity = {(event.identity, event.first_at): event for event in events}
    return latest_first(reversed(by_identity.values()))


class EventFile:
    """The events of one project and owner; of all owners if `owner` is None.

    Events that could not be written are written by the next append, up to PENDING_KEPT.  `redact`
    is applied to every line that is written.
    """

    def __init__(
        self,
        files: ProjectFiles,
        owner: str | None = None,
        redact: Callable[[str], str] = lambda text: text,
    ) -> None:
        self._files = files
        self._owner = owner
        self._redact = redact
        self._pending: list[bytes] = []

    def append(self, events: Iterable[Event]) -> None:
        """Write these and all pending events.  FilesError: events not yet written stay pending."""
        self._pending += [self._line(event) for event in events]
        del self._pending[:-PENDING_KEPT]
        while self._pending:
            path, room = self._place()
            fitting = _fitting(self._pending, room)
            self._files.append(path, b"\n" + b"".join(fitting))
            del self._pending[: len(fitting)]

    def _line(self, event: Event) -> bytes:
        return self._redact(render_event(event, self._owner or "").decode()).encode()

    def _place(self) -> tuple[str, int]:
        """The file to append to, and its room in bytes; removes old files for a new one.

        No file written by raycml has the highest possible number: then numbers start again.
        """
        stored = self._stored()
        latest = _number(stored[-1]) if stored else 0
        if stored and stored[-1].size <= FILE_LIMIT - LINE_LIMIT:
            return stored[-1].path, FILE_LIMIT - stored[-1].size
        stale, number = (stored[: 1 - FILES_KEPT], latest + 1) if latest < _LAST else (stored, 1)
        for one in stale:
            self._files.remove(one.path)
        return f"{FOLDER}/{number:06}.jsonl", FILE_LIMIT

    def _stored(self) -> Sequence[StoredFile]:
        """The event files, oldest first."""
        stored = self._files.listing(FOLDER)
        return [one for one in stored if not one.is_dir and _NAME.fullmatch(one.name)]

    def read(self) -> tuple[Event, ...]:
        """Every event once, the latest first.  FilesError only if no file can be read."""
        events: list[Event] = []
        failed: list[FilesError] = []
        stored = self._stored()[-FILES_KEPT:]
        for one in stored:
            try:
                events += parse_events(self._files.read(one.path) or b"", self._owner)
            except FilesError as error:
                failed.append(error)
        if failed and len(failed) == len(stored):
            raise failed[-1]
        return merged(events)


def _number(stored: StoredFile) -> int:
    return int(stored.name.partition(".")[0])


def _fitting(lines: Sequence[bytes], room: int) -> Sequence[bytes]:
    """As many lines as there is room for, and at least one."""
    taken, size = 1, len(lines[0])
    while taken < len(lines) and size + len(lines[taken]) < room:
        size += len(lines[taken])
        taken += 1
    return lines[:taken]
