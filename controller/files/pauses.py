"""Pauses of clusters, one file each.

Every doubt pauses: with an unreadable file the cluster *is* paused, until the file is replaced or
removed.
"""

import re
from dataclasses import replace
from datetime import datetime

from controller.core.model.json_object import moment_or_null, text
from controller.core.model.observed import Pause
from controller.files.document import json_fields, read
from controller.files.port import FilesError, ProjectFiles, StoredFile

FOLDER = ".raycml/pauses"
SIZE_LIMIT = 64 * 1024  # bytes

_CLUSTER = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


def pause_path(cluster: str) -> str:
    return f"{FOLDER}/{cluster}.json"


def parse_pause(data: bytes, cluster: str, seen_at: datetime) -> Pause:
    """The pause of the cluster that the file is named after; `seen_at` replaces a missing start."""
    body = json_fields(data, SIZE_LIMIT)
    if isinstance(body, str):
        return _doubtful(cluster, body, seen_at)
    since = moment_or_null(body.get("since")) or seen_at
    pause = read(Pause, {**body, "since": since})
    if pause is None or pause.cluster != cluster:
        return _doubtful(cluster, "it has another schema, or is another cluster's", seen_at)
    if pause.until is None and body.get("until") is not None:
        return replace(pause, reason=f"{pause.reason} (its end cannot be read)".strip())
    return pause


def read_pauses(files: ProjectFiles, seen_at: datetime) -> dict[str, Pause]:
    """Every pause of the project, by cluster.  FilesError if the folder cannot be read."""
    pauses = (_read(files, one, seen_at) for one in files.listing(FOLDER))
    return {pause.cluster: pause for pause in pauses if pause is not None}


def _read(files: ProjectFiles, stored: StoredFile, seen_at: datetime) -> Pause | None:
    """None for other files, and for a pause that was just removed."""
    cluster = stored.name.removesuffix(".json")
    if stored.is_dir or cluster == stored.name or not _CLUSTER.fullmatch(cluster):
        return None
    try:
        data = files.read(stored.path)
    except FilesError as error:
        return _doubtful(cluster, text(str(error)), seen_at)
    return None if data is None else parse_pause(data, cluster, seen_at)


def _doubtful(cluster: str, why: str, seen_at: datetime) -> Pause:
    return Pause(cluster, f"the pause file cannot be read: {why}", "unknown", seen_at)
