"""Revisions that wait for a person, and the approvals of them, in the project's files.

The controller publishes the revision that waits beside the record of its source, and removes it
when it no longer waits.  An approval is a file of its own for one source and revision; the
controller removes it when the next revision comes into force.
"""

import json
import re
from datetime import datetime

from controller.core.model.approval import Approval, Held
from controller.files import decode
from controller.files.port import READ_LIMIT, ProjectFiles
from controller.files.records import record_folders

SCHEMA = "raycml.approval/v2"
HELD_SCHEMA = "raycml.held/v1"
FOLDER = ".raycml/approvals"
REVISION = re.compile(r"[0-9a-f]{7,64}")  # a commit, the id of a folder's content, or their start
_FILE = re.compile(r"(?:([0-9a-f]{16})-)?[0-9a-f]{7,64}\.json")
_HELD = "held.json"
_REMOVED_MAX = 1000


def approval_path(source: str, revision: str) -> str:
    """`source` is the id of its record."""
    return f"{FOLDER}/{source}-{revision}.json"


def render_approval(approval: Approval) -> bytes:
    body = {
        "schema": SCHEMA,
        "base": approval.base,
        "revision": approval.revision,
        "number": approval.number,
        "by": approval.by,
        "at": approval.at.isoformat(timespec="seconds"),
    }
    return (json.dumps(body, indent=2) + "\n").encode()


def parse_approval(data: bytes) -> Approval | None:
    """The approval; None for anything else.  Raises nothing."""
    body = decode.json_object(data, READ_LIMIT)
    if isinstance(body, str) or body.get("schema") != SCHEMA:
        return None
    revision, number = decode.text(body.get("revision")), _number(body.get("number"))
    at = decode.instant(body.get("at"))
    if not revision or number is None or at is None:
        return None
    return Approval(
        decode.text(body.get("base")), revision, number, decode.text(body.get("by")), at
    )


def render_held(held: Held) -> bytes:
    body = {
        "schema": HELD_SCHEMA,
        "origin": held.origin,
        "base": held.base,
        "revision": held.revision,
        "number": held.number,
        "reason": held.reason,
        "message": held.message,
        "since": held.since.isoformat(),
        "removes": list(held.removes[:_REMOVED_MAX]),
    }
    return (json.dumps(body, indent=2, ensure_ascii=False) + "\n").encode()


def parse_held(data: bytes) -> Held | None:
    """The revision that waits; None for anything else.  Raises nothing."""
    body = decode.json_object(data, READ_LIMIT)
    if isinstance(body, str) or body.get("schema") != HELD_SCHEMA:
        return None
    revision, number = decode.text(body.get("revision")), _number(body.get("number"))
    since: datetime | None = decode.instant(body.get("since"))
    removes = body.get("removes")
    if REVISION.fullmatch(revision) is None or number is None or since is None:
        return None
    return Held(
        revision,
        decode.text(body.get("reason")),
        decode.text(body.get("message")),
        since,
        base=decode.text(body.get("base")),
        number=number,
        removes=tuple(map(decode.text, removes)) if isinstance(removes, list) else (),
        origin=decode.text(body.get("origin")),
    )


def _number(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def all_held(files: ProjectFiles) -> tuple[tuple[str, Held], ...]:
    """Ids of sources, each with the revision of it that waits.  FilesError."""
    found = ((f, HoldFile(files, f).published()) for f in record_folders(files))
    return tuple((folder.rsplit("/", 1)[-1], held) for folder, held in found if held is not None)


def approve(files: ProjectFiles, source: str, approval: Approval) -> None:
    """Write an approval down.  FilesError."""
    files.replace(approval_path(source, approval.revision), render_approval(approval))


class HoldFile:
    """What waits of one source, and its approvals.  Every method raises FilesError and no other."""

    def __init__(self, files: ProjectFiles, folder: str) -> None:
        self._files = files
        self._path = f"{folder}/{_HELD}"
        self._source = folder.rsplit("/", 1)[-1]

    def published(self) -> Held | None:
        data = self._files.read(self._path)
        return None if data is None else parse_held(data)

    def publish(self, held: Held | None) -> None:
        if held is None:
            self._files.remove(self._path)
        else:
            self._files.replace(self._path, render_held(held))

    def approval(self, held: Held) -> Approval | None:
        data = self._files.read(approval_path(self._source, held.revision))
        return None if data is None else parse_approval(data)

    def use_up(self) -> None:
        """Remove the approvals of this source, and those of older raycmls, which name no source."""
        for stored in self._files.listing(FOLDER):
            named = _FILE.fullmatch(stored.name)
            if named is not None and named.group(1) in (None, self._source):
                self._files.remove(stored.path)
