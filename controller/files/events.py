"""Events as lines of JSON in the project's files: appended, rotated, bounded, read with suspicion.

`.raycml/events/000001.jsonl` and so on; the highest number is written to.  Every chunk begins with
a line end, so that a line which a killed writer left half costs itself and no other.  A matter has
several lines, one for each time that its count was written; the last one counts.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

from controller.core.model.json_object import fields_of, text
from controller.core.status.events import Event, latest_first
from controller.files.document import json_fields, read
from controller.files.port import FilesError, ProjectFiles, StoredFile

FOLDER = ".raycml/events"
FILE_LIMIT = 256 * 1024  # bytes of one file
FILES_KEPT = 4
LINE_LIMIT = 16 * 1024  # bytes; what we write stays below a quarter of it
PENDING_KEPT = 500  # events that could not be written yet

_NAME = re.compile(r"([0-9]{6})\.jsonl")
_LAST = 999_999


def render_event(event: Event, owner: str = "") -> bytes:
    """One line, with its end."""
    body = {**fields_of(replace(event, message=text(event.message))), "owner": owner}
    return (json.dumps(body, ensure_ascii=False, separators=(",", ":")) + "\n").encode()


def parse_events(data: bytes, owner: str | None = None) -> list[Event]:
    """The events in these bytes, as they stand; all owners' where none is named.

    Whatever is no line of ours is left out by itself.  Of a file that is larger than any of ours
    only the end is read.  Raises nothing.
    """
    lines = data[-FILE_LIMIT:].split(b"\n")
    bodies = (json_fields(line, LINE_LIMIT) for line in lines if line.strip())
    events = (read(Event, b) for b in bodies if isinstance(b, dict) and _is_of(b, owner))
    return [event for event in events if event and event.first_at and event.last_at]


def _is_of(body: Mapping[str, object], owner: str | None) -> bool:
    return owner in (None, body.get("owner"))


def merged(events: Iterable[Event]) -> tuple[Event, ...]:
    """Each matter once, as its last line has it; latest first."""
    found: dict[object, Event] = {}
    for event in events:
        found[event.matter, event.first_at] = event
    return latest_first(reversed(found.values()))


class EventFile:
    """The events of one project.  `owner`: whose are written, and read; all where it is None.

    What could not be written is kept, bounded, and goes with the next append.  `redact` is applied
    to every message on its way out.
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
        """Write these and what is pending.  FilesError: what is not written yet stays pending."""
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
        """Where to write on, and for how many bytes there is room.  Makes room where there is none.

        A number that cannot be followed is not one of ours: then all begins anew.
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
        """Our files, oldest first."""
        found = self._files.listing(FOLDER)
        return [one for one in found if not one.is_dir and _NAME.fullmatch(one.name)]

    def read(self) -> tuple[Event, ...]:
        """Every matter once, latest first.  FilesError only where nothing at all can be read."""
        found: list[Event] = []
        failed: list[FilesError] = []
        stored = self._stored()[-FILES_KEPT:]
        for one in stored:
            try:
                found += parse_events(self._files.read(one.path) or b"", self._owner)
            except FilesError as error:
                failed.append(error)
        if failed and len(failed) == len(stored):
            raise failed[-1]
        return merged(found)


def _number(stored: StoredFile) -> int:
    return int(stored.name.partition(".")[0])


def _fitting(lines: Sequence[bytes], room: int) -> Sequence[bytes]:
    """As many as there is room for, and one in any case."""
    taken, size = 1, len(lines[0])
    while taken < len(lines) and size + len(lines[taken]) < room:
        size += len(lines[taken])
        taken += 1
    return lines[:taken]
