"""What a commit holds below a path: which files are specs, and which only look like it.

Names are bytes that somebody chose.  None of them ever becomes a path on disk.
"""

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from controller.core.spec.revision import Problem, SpecDocument
from controller.printable import one_line
from controller.source.attachments import AttachmentError, ReadFile, wanted
from controller.source.directory import MAX_FOLDER_DEPTH, SUFFIXES
from controller.source.git.program import DamagedError

_IMPOSSIBLE = {"", ".", ".."}


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """One thing in a tree; `path` is relative to the listed folder and may hold anything."""

    path: str
    mode: str
    kind: str
    id: str


@dataclass(frozen=True, slots=True)
class Specs:
    """The files to read, in order, and what stands in a spec's place but is none."""

    files: tuple[Entry, ...]
    problems: tuple[Problem, ...]


def entries(listing: bytes) -> Iterator[Entry]:
    """What `ls-tree -z` printed.  DamagedError for anything else."""
    for line in listing.split(b"\0")[:-1]:
        head, tab, path = line.partition(b"\t")
        parts = head.decode("ascii", "replace").split()
        if not tab or len(parts) != 3:
            raise DamagedError("git lists a folder in an unknown way; install a newer git")
        mode, kind, name = parts
        yield Entry(path.decode("utf-8", "surrogateescape"), mode, kind, name)


def specs(found: Iterable[Entry], folder: str) -> Specs:
    """Every `*.yaml` and `*.yml` but the hidden ones; `folder` stands before names in problems."""
    named = sorted(entry for entry in found if entry.path.endswith(SUFFIXES))
    odd = [entry for entry in named if _is_odd(entry)]
    plain = [entry for entry in named if not _is_odd(entry) and not _is_hidden(entry)]
    twice = {path for path, times in Counter(entry.path for entry in plain).items() if times > 1}
    files: list[Entry] = []
    problems = {_problem(entry, folder, "its name leads elsewhere; rename it") for entry in odd}
    for entry in plain:
        why = "stands twice in its folder; write the commit anew" if entry.path in twice else None
        why = why or _refusal(entry)
        if why is None:
            files.append(entry)
        else:
            problems.add(_problem(entry, folder, why))
    return Specs(tuple(files), tuple(sorted(problems)))


def attached(
    holders: Iterable[SpecDocument], everything: Iterable[Entry], folder: str
) -> dict[str, Entry]:
    """The plain files that the specs of a folder name, by their names from the repository's top."""
    names = {_beside(holder, path) for holder in holders if (path := wanted(holder)) is not None}
    if not names:
        return {}
    plain = (entry for entry in everything if _refusal(entry) is None and not _is_odd(entry))
    return {name: entry for entry in plain if (name := name_of(entry, folder)) in names}


def _beside(holder: SpecDocument, path: str) -> str:
    return posixpath.join(posixpath.dirname(holder.file), path)


def reader(files: Mapping[str, Entry], contents: Mapping[str, bytes]) -> ReadFile:
    """What reads those files; links and submodules are none of them."""

    def read_file(holder: SpecDocument, path: str) -> bytes:
        entry = files.get(_beside(holder, path))
        if entry is None:
            raise AttachmentError(
                "is no file beside the spec; commit the file itself, or correct the path"
            )
        return contents[entry.id]

    return read_file


def name_of(entry: Entry, folder: str) -> str:
    """The name in messages: from the top of the repository, one_line."""
    return one_line(f"{folder}/{entry.path}" if folder else entry.path)


def _problem(entry: Entry, folder: str, message: str) -> Problem:
    return Problem(name_of(entry, folder), 0, 0, message)


def _is_odd(entry: Entry) -> bool:
    return not _IMPOSSIBLE.isdisjoint(entry.path.split("/"))


def _is_hidden(entry: Entry) -> bool:
    return any(part.startswith(".") for part in entry.path.split("/"))


def _refusal(entry: Entry) -> str | None:
    if entry.path.count("/") > MAX_FOLDER_DEPTH:
        return f"more than {MAX_FOLDER_DEPTH} folders deep; move the specs up"
    if entry.mode == "120000":
        return "is a symbolic link, and links are not followed; put the file itself here"
    if entry.kind == "commit":
        return "is a submodule, and submodules are not read; put the file itself here"
    if entry.kind != "blob" or not entry.mode.startswith("100"):
        return "is not a regular file; remove it from here"
    return None


def sizes(listing: bytes) -> dict[str, int | None]:
    """What `cat-file --batch-check` printed: the size by id, None for what is not there."""
    found: dict[str, int | None] = {}
    for line in listing.decode("ascii", "replace").splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1] == "blob" and parts[2].isdigit():
            found[parts[0]] = int(parts[2])
        elif len(parts) == 2:
            found[parts[0]] = None
        else:
            raise DamagedError("a file of the commit is not a file in the git cache")
    return found


def contents(batch: bytes, wanted: Mapping[str, int]) -> dict[str, bytes]:
    """What `cat-file --batch` printed, each checked to be what its id says.  DamagedError."""
    found: dict[str, bytes] = {}
    at = 0
    for name, size in wanted.items():
        head = f"{name} blob {size}\n".encode()
        data = batch[at + len(head) : at + len(head) + size]
        if batch[at : at + len(head)] != head or id_of(data, len(name)) != name:
            raise DamagedError("the git cache holds something else than the commit")
        found[name] = data
        at += len(head) + size + 1
    return found


def id_of(data: bytes, digits: int) -> str:
    """The id that git gives to a file with this content."""
    text = b"blob %d\0" % len(data) + data
    if digits == 64:
        return hashlib.sha256(text).hexdigest()
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()
