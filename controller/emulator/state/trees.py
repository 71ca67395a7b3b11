"""The files of a project: a tree, and one in a folder of this machine.

A tree takes paths as tuples of names and knows no rules of CML; those are in `files.py`.  A folder
tree never reads or changes anything outside its folder, whatever links lie in it.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

Parts = tuple[str, ...]


class Tree(Protocol):
    """A home folder.  Callers ask `is_dir` or `is_file` before they act."""

    @property
    def home(self) -> Path: ...
    def is_dir(self, at: Parts) -> bool: ...
    def is_file(self, at: Parts) -> bool: ...
    def exists(self, at: Parts) -> bool:
        """Whether the name is taken, were it by a link that leads nowhere."""

    def names(self, at: Parts) -> list[str]: ...
    def size(self, at: Parts) -> int: ...
    def read(self, at: Parts) -> bytes: ...
    def write(self, at: Parts, data: bytes) -> None:
        """A new file, with the folders above it."""

    def move(self, at: Parts, to: Parts) -> None: ...
    def remove(self, at: Parts) -> None:
        """A file, a link, or a folder with all it holds."""

    def destroy(self) -> None:
        """The whole tree goes."""


class OutsideError(Exception):
    """The path leads out of the home folder."""


@dataclass(frozen=True, slots=True)
class FolderTree:
    """Files in `home`, which exists."""

    home: Path

    def _inside(self, at: Parts, *, follow: bool) -> Path:
        """The place on disk.  With `follow` a link at the end counts as what it leads to."""
        path = self.home.joinpath(*at)
        real = path.resolve() if follow or not at else path.parent.resolve() / path.name
        if not real.is_relative_to(self.home.resolve()):
            raise OutsideError
        return path

    def is_dir(self, at: Parts) -> bool:
        return self._inside(at, follow=True).is_dir()

    def is_file(self, at: Parts) -> bool:
        return self._inside(at, follow=True).is_file()

    def exists(self, at: Parts) -> bool:
        path = self._inside(at, follow=False)
        return path.is_symlink() or path.exists()

    def names(self, at: Parts) -> list[str]:
        return sorted(entry.name for entry in self._inside(at, follow=True).iterdir())

    def size(self, at: Parts) -> int:
        return self._inside(at, follow=True).stat().st_size

    def read(self, at: Parts) -> bytes:
        return self._inside(at, follow=True).read_bytes()

    def write(self, at: Parts, data: bytes) -> None:
        path = self._inside(at, follow=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def move(self, at: Parts, to: Parts) -> None:
        target = self._inside(to, follow=True)
        target.parent.mkdir(parents=True, exist_ok=True)
        self._inside(at, follow=False).rename(target)

    def remove(self, at: Parts) -> None:
        path = self._inside(at, follow=False)
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()

    def destroy(self) -> None:
        shutil.rmtree(self.home, ignore_errors=True)
