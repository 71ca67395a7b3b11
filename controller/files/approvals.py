"""Revisions that wait for approval, and the approvals, in the project's files.

The controller publishes the revision that waits beside the record of its source, and removes it
when it no longer waits.  An approval is a file of its own for one source and revision; the
controller removes it when the next revision comes into force.
"""

import re
from dataclasses import replace

from controller.core.model.approval import Approval, Held
from controller.files.document import parse, render
from controller.files.port import READ_LIMIT, ProjectFiles
from controller.files.records import record_folders

FOLDER = ".raycml/approvals"
_FILE = re.compile(r"(?:([0-9a-f]{16})-)?[0-9a-f]{7,64}\.json")
_HELD = "held.json"
_REMOVED_MAX = 1000


def approval_path(source: str, revision: str) -> str:
    """`source` is the id of its record."""
    return f"{FOLDER}/{source}-{revision}.json"


def parse_approval(data: bytes | None) -> Approval | None:
    """The approval; None for anything else.  Raises nothing."""
    return parse(Approval, data, READ_LIMIT)


def all_held(files: ProjectFiles) -> tuple[tuple[str, Held], ...]:
    """Ids of sources, each with the revision of it that waits.  FilesError."""
    holds = ((f, HoldFile(files, f).published()) for f in record_folders(files))
    return tuple((folder.rsplit("/", 1)[-1], held) for folder, held in holds if held is not None)


def approve(files: ProjectFiles, source: str, approval: Approval) -> None:
    """Write an approval.  FilesError."""
    files.replace(approval_path(source, approval.revision), render(approval))


class HoldFile:
    """The held revision of one source, and its approvals.  Every method raises FilesError only."""

    def __init__(self, files: ProjectFiles, folder: str) -> None:
        self._files = files
        self._path = f"{folder}/{_HELD}"
        self._source = folder.rsplit("/", 1)[-1]

    def published(self) -> Held | None:
        return parse(Held, self._files.read(self._path), READ_LIMIT)

    def publish(self, held: Held | None) -> None:
        if held is None:
            self._files.remove(self._path)
        else:
            bounded = replace(held, removes=held.removes[:_REMOVED_MAX])
            self._files.replace(self._path, render(bounded))

    def approval(self, held: Held) -> Approval | None:
        return parse_approval(self._files.read(approval_path(self._source, held.revision)))

    def use_up(self) -> None:
        """Remove the approvals of this source, and those that name no source."""
        for stored in self._files.listing(FOLDER):
            named = _FILE.fullmatch(stored.name)
            if named is not None and named.group(1) in (None, self._source):
                self._files.remove(stored.path)
