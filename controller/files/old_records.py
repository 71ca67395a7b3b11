"""Removal of records of sources that an installation no longer follows.

A record is over if it belongs to this installation and another source, and was not written for a
month: by the times of its files, and for a day as observed by one process; by observation alone,
for the whole month, where the files API hides the times.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from controller.core.model.other_clocks import age_s
from controller.core.model.record import Record
from controller.files.leftovers import MOST, SEEN_S
from controller.files.port import ProjectFiles, StoredFile
from controller.files.records import RecordFile, record_folder, record_folders

KEPT_S = 30 * 86400.0
_STATE = re.compile(r"[0-9]{9}\.json")


@dataclass(slots=True)
class OldRecords:
    """Folders of records, with the time since which each has not changed, on the monotonic clock.

    Every method raises FilesError if the files cannot be read.
    """

    _since: dict[str, tuple[str, float]] = field(default_factory=dict)

    def look(
        self, files: ProjectFiles, owner: str, origin: str, now: datetime, monotonic: float
    ) -> Iterator[tuple[str, Record | None]]:
        """The folders that may be removed, each with its record; None for one without any state.

        A writer or a removal that was killed leaves parts without a state.
        """
        folders = [one for one in record_folders(files) if one != record_folder(owner, origin)]
        self._since = {folder: self._since[folder] for folder in folders if folder in self._since}
        for folder in folders[:MOST]:
            stored = files.listing(folder)
            if self._is_due(folder, stored, now, monotonic):
                record = RecordFile(files, folder).read()
                if not any(_STATE.fullmatch(one.name) for one in stored):
                    yield folder, None
                elif record.revision and record_folder(owner, record.origin) == folder:
                    yield folder, record

    def _is_due(
        self, folder: str, stored: tuple[StoredFile, ...], now: datetime, monotonic: float
    ) -> bool:
        stamp = _stamp(stored)
        before = self._since.get(folder)
        if before is None or before[0] != stamp:
            self._since[folder] = before = (stamp, monotonic)
        ages = [age_s(one.modified_at, now) for one in stored]
        unknown = _hides_times(stored)
        if not unknown and any(age is None or age < KEPT_S for age in ages):
            return False
        return monotonic - before[1] >= (KEPT_S if unknown else SEEN_S)

    def remove(self, files: ProjectFiles, folder: str) -> bool:
        """Remove a folder; False if it was written since it was seen.

        States are removed first, the newest last, so that no older one takes effect.
        """
        stored = files.listing(folder)
        if _stamp(stored) != self._since[folder][0]:
            return False
        for one in sorted(stored, key=lambda each: each.path):
            if _STATE.fullmatch(one.name):
                files.remove(one.path)
        files.remove_tree(folder)
        return True


def _hides_times(stored: tuple[StoredFile, ...]) -> bool:
    return any(one.modified_at is None for one in stored)


def _stamp(stored: tuple[StoredFile, ...]) -> str:
    rows = [(one.path, one.size, str(one.modified_at)) for one in stored]
    return hashlib.sha256(repr(sorted(rows)).encode()).hexdigest()
