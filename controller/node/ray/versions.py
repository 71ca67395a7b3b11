"""Differences between versions of Ray, measured on installs of them.

`make matrix` measures them again and writes docs/reference/ray-versions.md.  In all versions of the
range the dashboard has `/api/gcs_healthz` (up to 2.50 it answers 500 to a request without a
`User-Agent`), and the GCS reports node states with idle times, resources in use and the instance ID
of each node, drains a node on request, and refuses to end an idle node that has become busy.  A
second request to end an idle node that drains already is refused up to 2.49, accepted since 2.52.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

OLDEST = (2, 10)
NEWEST = (2, 60)
MATCH_LEVEL = "RAY_DEFAULT_PYTHON_VERSION_MATCH_LEVEL"  # `patch` (default) or `minor`
# The first version with each habit.
SINCE = {
    # `--labels=key=value,...`; a JSON object before.
    "label_pairs": (2, 45),
    # A worker's `--temp-dir` counts; before, each node takes the path of the head's folder.
    "own_temp_dir": (2, 55),
    # `ray start --block` drains its node at a SIGTERM.
    "drains_at_term": (2, 57),
    # Ray reads MATCH_LEVEL.
    "match_level": (2, 51),
    # RAY_AUTH_MODE.
    "tokens": (2, 52),
    # RAY_gcs_storage=rocksdb.
    "rocksdb": (2, 57),
}


@dataclass(frozen=True)
class Habits:
    """Habits of a version; see `SINCE` for each."""

    label_pairs: bool
    own_temp_dir: bool
    drains_at_term: bool
    match_level: bool
    tokens: bool
    rocksdb: bool


def habits(version: str) -> Habits:
    """Those of `2.44.1` and the like; a text of another form counts as the newest version."""
    parsed = re.match(r"(\d+)\.(\d+)", version)
    numbers = (int(parsed.group(1)), int(parsed.group(2))) if parsed else NEWEST
    return Habits(**{name: numbers >= first for name, first in SINCE.items()})


def python_level(version: str, environ: Mapping[str, str]) -> str:
    """The level to which Ray compares Python's versions of two nodes: `patch` or `minor`."""
    minor = habits(version).match_level and environ.get(MATCH_LEVEL) == "minor"
    return "minor" if minor else "patch"


def python_agrees(mine: str, other: str, level: str) -> bool:
    """True if Ray lets nodes with these versions of Python join."""
    if level == "minor":
        return mine.split(".")[:2] == other.split(".")[:2]
    return mine == other
