"""The files of a project: a tree, and one in a folder of this machine.

Paths are tuples of names.  CML's rules are in `files.py`.  A folder tree never reads or changes
anything outside its folder, also through links.
"""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from controller.emulator.api.errors import invalid

Parts = tuple[str, ...]


class Tree(Protocol):
    """A home folder.  Callers check `is_dir` or `is_file` first."""

    @property
    def home(self) -> Path: ...
    def is_dir(self, at: Parts) -> bool: ...
    def is_file(self, at: Parts) -> bool: ...
    def exists(self, at: Parts) -> bool:
        """True if the name exists, also as a broken link."""

    def names(self, at: Parts) -> list[str]: ...
    def size(self, at: Parts) -> int: ...
    def read(self, at: Parts) -> bytes: ...
    def write(self, at: Parts, data: bytes) -> None:
        """Write a new file, with its parent folders."""

    def move(self, at: Parts, to: Parts) -> None: ...
    def remove(self, at: Parts) -> None:
        """Remove a file, a link, or a folder with its content."""

    def destroy(self) -> None:
        """Remove the whole tree."""


@dataclass(frozen=True, slots=True)
class FolderTree:
    """Files in `home`, an existing folder."""

    home: Path

    def _inside(self, at: Parts, *, follow: bool) -> Path:
        """The path on disk.  With `follow`, a final link is resolved."""
        path = self.home.joinpath(*at)
        real = path.resolve() if follow or not at else path.parent.resolve() / path.name
        if not real.is_relative_to(self.home.resolve()):
            raise invalid(f"path {'/'.join(at)!r} leads out of the project")
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
