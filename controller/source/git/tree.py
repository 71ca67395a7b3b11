"""The files of a commit below a folder: its specs, and what only looks like one.

Names in a commit are bytes of unknown origin.  None of them ever becomes a path on disk.
"""

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from controller.core.spec.revision import Problem, SpecDocument
from controller.printable import one_line
from controller.source.attachments import ReadFile, UnreadableError, attachment
from controller.source.directory import MAX_FOLDER_DEPTH, SUFFIXES
from controller.source.git.program import DamagedError
from controller.source.ignore import IgnoreRules

NO_RULES = IgnoreRules()
_IMPOSSIBLE = {"", ".", ".."}


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A file, link or submodule; `path` is relative to the folder and may hold anything."""

    path: str
    mode: str
    id: str
    name: str  # for messages: from the top of the repository, in one line

    def problem(self, message: str) -> Problem:
        return Problem(self.name, 0, 0, message)

    @property
    def is_odd(self) -> bool:
        return not _IMPOSSIBLE.isdisjoint(self.path.split("/"))

    @property
    def is_hidden(self) -> bool:
        return any(part.startswith(".") for part in self.path.split("/"))

    @property
    def refusal(self) -> str | None:
        """The reason not to read it, with a remedy."""
        if self.is_odd:
            return "its name leads elsewhere; rename it"
        if self.path.count("/") > MAX_FOLDER_DEPTH:
            return f"more than {MAX_FOLDER_DEPTH} folders deep; move the specs up"
        if self.mode == "120000":
            return "is a symbolic link, and links are not followed; put the file itself here"
        if self.mode == "160000":
            return "is a submodule, and submodules are not read; put the file itself here"
        if not self.mode.startswith("100"):
            return "is not a regular file; remove it from here"
        return None


def parse_listing(listing: bytes, folder: str) -> Iterator[Entry]:
    """The output of `ls-tree -r -z` about a folder; one of an empty path is the folder itself."""
    for line in listing.split(b"\0")[:-1]:
        head, tab, name = line.decode("utf-8", "surrogateescape").partition("\t")
        parts = head.split(" ")
        if not tab or len(parts) != 3:
            raise DamagedError("git lists a folder in an unknown way; install a newer git")
        path = name.removeprefix(folder).removeprefix("/") if folder else name
        yield Entry(path, parts[0], parts[2], one_line(name))


def specs(
    entries: Iterable[Entry], rules: IgnoreRules = NO_RULES
) -> tuple[list[Entry], set[Problem]]:
    """Every `*.yaml` and `*.yml` but the hidden and the ignored ones, and a problem for each that
    is no file.
    """
    named = sorted(entry for entry in entries if entry.path.endswith(SUFFIXES))
    named = [entry for entry in named if entry.is_odd or not entry.is_hidden]
    named = [entry for entry in named if not rules.ignores(entry.path)]
    times = Counter(entry.path for entry in named)
    files: list[Entry] = []
    problems: set[Problem] = set()
    for entry in named:
        refusal = entry.refusal
        if times[entry.path] > 1 and not entry.is_odd:
            refusal = "stands twice in its folder; rewrite the commit"
        if refusal is None:
            files.append(entry)
        else:
            problems.add(entry.problem(refusal))
    return files, problems


def attachments(documents: Iterable[SpecDocument], entries: Iterable[Entry]) -> dict[str, Entry]:
    """The plain files that specs name, by their names from the top of the repository."""
    names = {_beside(each, path) for each in documents if (path := attachment(each)) is not None}
    plain = (entry for entry in entries if entry.name in names and entry.refusal is None)
    return {entry.name: entry for entry in plain}


def _beside(document: SpecDocument, path: str) -> str:
    return posixpath.join(posixpath.dirname(document.file), path)


def reader(contents: Mapping[str, bytes]) -> ReadFile:
    """Reads attachments by their names; links and submodules are none of them."""

    def read_file(document: SpecDocument, path: str) -> bytes:
        try:
            return contents[_beside(document, path)]
        except KeyError:
            raise UnreadableError(
                "is no file beside the spec; commit the file itself, or correct the path"
            ) from None

    return read_file


def sizes(listing: bytes) -> dict[str, int]:
    """The output of `cat-file --batch-check`: the size of each file that is there, by its id."""
    sizes_by_id: dict[str, int] = {}
    for line in listing.decode("ascii", "replace").splitlines():
        parts = line.split()
        if len(parts) == 3 and parts[1] == "blob" and parts[2].isdigit():
            sizes_by_id[parts[0]] = int(parts[2])
        elif parts[1:] != ["missing"]:
            raise DamagedError("a file of the commit is not a file in the git cache")
    return sizes_by_id


def contents(batch: bytes, files: Mapping[str, int]) -> dict[str, bytes]:
    """The output of `cat-file --batch`, each file compared with its id.  DamagedError."""
    files_by_id: dict[str, bytes] = {}
    at = 0
    for name, size in files.items():
        head = f"{name} blob {size}\n".encode()
        data = batch[at + len(head) : at + len(head) + size]
        if batch[at : at + len(head)] != head or id_of(data, len(name)) != name:
            raise DamagedError("the git cache holds something else than the commit")
        files_by_id[name] = data
        at += len(head) + size + 1
    return files_by_id


def id_of(data: bytes, digits: int) -> str:
    """The id that git gives to a file with this content."""
    text = b"blob %d\0" % len(data) + data
    if digits == 64:
        return hashlib.sha256(text).hexdigest()
    return hashlib.sha1(text, usedforsecurity=False).hexdigest()
