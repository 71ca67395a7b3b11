"""Bounds on the cost of reading a git repository, each with its reason.

All of them hold while git runs: a run that passes one is ended with all its children.
"""

from dataclasses import dataclass

from controller.source.directory import MAX_FILES, MAX_TOTAL_BYTES

REFS_BYTES = 64 * 1024  # a handful of refs; a server that answers with more is not sane
LISTING_BYTES = 64 * 1024 * 1024  # `Limits.entries` with names of several hundred bytes
STDERR_BYTES = 16 * 1024  # the end of git's messages, whose last line is the one that counts


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one source."""

    listing_s: float = 30.0  # asks for a few refs: one round trip, two with a slow sign-in
    fetch_s: float = 180.0  # a snapshot of the largest repository allowed, over some 12 Mbit/s
    local_s: float = 60.0  # git on the cache: milliseconds, or a shared file system in trouble
    lock_s: float = 300.0  # another process at a whole reading: two fetches and some local work
    fetch_bytes: int = 256 * 1024 * 1024  # specs are some MiB; this leaves room for neighbours
    cache_bytes: int = 512 * 1024 * 1024  # beyond it, one fetch of the newest commit is cheaper
    cache_packs: int = 200  # every fetch leaves a pack, and git looks into each
    entries: int = 100_000  # files below the path, of any name: ten times a large repository
    files: int = MAX_FILES
    total_bytes: int = MAX_TOTAL_BYTES
    history: tuple[int, ...] = (64, 10_000)  # commits searched for an older one, first and last
