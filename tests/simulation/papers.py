"""What a launcher says about itself, read from its text alone.

Knows the format from the manual (one JSON literal of settings, then the program) and shares nothing
with the code that writes launchers.
"""

import json
from functools import lru_cache
from typing import TypedDict


class Settings(TypedDict):
    """The settings of a launcher.  Memory in GiB."""

    cluster: str
    group: str
    fingerprint: str
    launcher: str
    python: str
    ray_version: str
    cpu: float
    memory_gib: float
    gpu: int
    ray_start_params: dict[str, str]


@lru_cache(maxsize=4096)
def settings_of(text: bytes | None) -> Settings | None:
    """The settings, or None for what is no launcher, or only the first part of one."""
    if text is None or not text.rstrip().endswith(b".start(SETTINGS)"):
        return None
    _, _, tail = text.partition(b'SETTINGS = json.loads(\n    r"""')
    literal, closing, _ = tail.partition(b'"""')
    if not closing:
        return None
    found: Settings = json.loads(literal)
    return found
