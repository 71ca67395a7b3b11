"""What people have in their folder of specs, and the source that a controller follows there.

`Folder` keeps the files in memory and writes them to a real folder for who needs one.  Its source
reads by the production parser, and a test holds it to what the production source of a real folder
says of the same files.
"""

import shutil
import subprocess
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from controller.core.spec.revision import Problem, Revision, SpecDocument, assemble
from controller.source.attachments import UnreadableError, resolve
from controller.source.directory import SourceError
from controller.source.yaml.parser import parse

SPECS = "specs"


@lru_cache(maxsize=4096)
def _read(name: str, data: bytes) -> tuple[tuple[SpecDocument, ...], tuple[Problem, ...]]:
    holders, problems = parse(name, data)
    whole, more = resolve(holders, _nothing_beside)
    return whole, (*problems, *more)


def _nothing_beside(_: SpecDocument, path: str) -> bytes:
    raise UnreadableError("is not beside the spec; add the file, or correct the path")


class Folder:
    """Files by name.  `away`: the folder is not mounted.  `changes` counts what people did."""

    def __init__(self, place: Path) -> None:
        self.place = place / SPECS
        self.files: dict[str, bytes] = {}
        self.away = False
        self.changes = 0
        self._written: tuple[int, bool] = (-1, False)

    def reset(self, files: dict[str, bytes]) -> None:
        self.files, self.away = dict(files), False
        self.changes += 1

    def put(self, name: str, data: bytes | None) -> None:
        """Write a file, or remove it."""
        if data is None:
            self.files.pop(name, None)
        else:
            self.files[name] = data
        self.changes += 1

    def mount(self, *, away: bool) -> None:
        self.away = away
        self.changes += 1

    def on_disk(self) -> Path:
        """The real folder, with these files in it."""
        if self._written != (self.changes, self.away):
            shutil.rmtree(self.place, ignore_errors=True)
            if not self.away:
                self.place.mkdir(parents=True)
                for name, data in self.files.items():
                    (self.place / name).write_bytes(data)
            self._written = (self.changes, self.away)
        return self.place


class Repository:
    """The same files as a git repository, a commit for each change; the same history has the same
    commits.  It cannot be read while the folder is away.
    """

    def __init__(self, folder: Folder, git: Mapping[str, str]) -> None:
        self._folder = folder
        self._environ = git
        self.place = folder.place.parent
        self._committed = -1

    def begin(self) -> None:
        """A new repository."""
        for left in (".git", ".away"):
            shutil.rmtree(self.place / left, ignore_errors=True)
        self.place.mkdir(parents=True, exist_ok=True)
        self._git("init", "-q", "-b", "main")
        self._committed = -1

    def commit(self) -> None:
        """What people changed since the last commit."""
        folder = self._folder
        if self._committed == folder.changes:
            return
        self._committed = folder.changes
        there, away = self.place / ".git", self.place / ".away"
        if folder.away:
            there.rename(away)
            return
        if away.exists():
            away.rename(there)
        folder.on_disk()
        self._git("add", "-A", SPECS)
        self._git("commit", "-q", "--allow-empty", "-m", "change")

    def _git(self, *arguments: str) -> None:
        command = ["git", "-C", str(self.place), *arguments]
        subprocess.run(command, env=dict(self._environ), check=True, capture_output=True)


class MemorySource:
    """A folder as a source that is followed; every look at it is settled."""

    def __init__(self, folder: Folder, pause: Callable[[float], None]) -> None:
        self._folder = folder
        self._pause = pause

    @property
    def origin(self) -> str:
        return str(self._folder.place)

    def tip(self) -> str:
        return ""

    def read(self, tip: str) -> Revision:
        if self._folder.away:
            raise SourceError(f"{self.origin} does not exist; correct the path")
        self._pause(0.5)
        holders: list[SpecDocument] = []
        problems: list[Problem] = []
        for name, data in sorted(self._folder.files.items()):
            found, wrong = _read(f"{self.origin}/{name}", data)
            holders += found
            problems += wrong
        return assemble(holders, problems, origin=self.origin)

    def follows(self, old: str, new: str) -> bool:
        return True
