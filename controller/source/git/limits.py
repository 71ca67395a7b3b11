"""What reading a git repository may cost at most, each bound with its reason.

All of them hold while git runs: whatever passes one is ended with all its children.
"""

from dataclasses import dataclass

from controller.source.directory import MAX_FILES, MAX_TOTAL_BYTES

LISTING_S = 30.0  # asks for a few refs: one round trip, two with a slow sign-in
FETCH_S = 180.0  # a snapshot of the largest repository allowed, over some 12 Mbit/s
LOCAL_S = 60.0  # git on the cache: milliseconds, or a shared file system in trouble
FETCH_BYTES = 256 * 1024 * 1024  # a snapshot of specs is some MiB; this leaves room for neighbours
CACHE_BYTES = 512 * 1024 * 1024  # beyond it, one fetch of what is there now is cheaper than care
CACHE_PACKS = 200  # every fetch leaves a pack, and git looks into each
ENTRIES = 100_000  # files below the path, whatever their names: ten times a large repository
LISTING_BYTES = 64 * 1024 * 1024  # such a list of files, with names of several hundred bytes
REFS_BYTES = 64 * 1024  # a handful of refs; a server that answers with more is not sane
STDERR_BYTES = 16 * 1024  # the end of what git says; its last line is the one that counts
HISTORY = (64, 10_000)  # commits looked at between two readings: at first, and before giving up
LOCK_S = 300.0  # another process may be at a whole reading: two fetches and some local work


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one source; the defaults are those above."""

    listing_s: float = LISTING_S
    fetch_s: float = FETCH_S
    local_s: float = LOCAL_S
    lock_s: float = LOCK_S
    fetch_bytes: int = FETCH_BYTES
    cache_bytes: int = CACHE_BYTES
    cache_packs: int = CACHE_PACKS
    entries: int = ENTRIES
    files: int = MAX_FILES
    total_bytes: int = MAX_TOTAL_BYTES
    history: tuple[int, ...] = HISTORY
