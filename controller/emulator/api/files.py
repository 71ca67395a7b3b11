"""Files API of a project, with CML's behavior for paths, uploads and names.

Listings are flat with base names; an upload never overwrites but stores `name(1).ext`; an empty
upload fails.  Paths outside the home folder (`..`, absolute paths, links) are refused.
"""

from controller.emulator.api.errors import ApiError, Code, invalid, not_found
from controller.emulator.state.file_tree import Parts, Tree

LONGEST_NAME = 240
"""Bytes; file systems take 255, and `(1)` has to fit too."""


def parts(path: str) -> Parts:
    """The components of `path`.  The root has several spellings: empty, `.`, `/`."""
    names = tuple(name for name in path.split("/") if name not in ("", "."))
    if ".." in names or "\0" in path or any(_bytes(name) > LONGEST_NAME for name in names):
        raise invalid(f"invalid path {path!r}")
    return names


def _bytes(name: str) -> int:
    """The length of a name on disk; too long for a name without an encoding."""
    try:
        return len(name.encode())
    except UnicodeEncodeError:
        return LONGEST_NAME + 1


class ProjectFiles:
    """Calls about the files of a project."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree

    def has_script(self, script: str) -> bool:
        """True if `script` is a file; a leading `/home/cdsw/` is the home folder."""
        try:
            return self.tree.is_file(parts(script.removeprefix("/home/cdsw/")))
        except ApiError:
            return False

    def listing(self, path: str) -> list[dict[str, object]]:
        at = parts(path)
        if not self.tree.is_dir(at):
            if self.tree.is_file(at):
                return [self._info(at)]
            raise not_found(f"path {path!r}")
        return [self._info((*at, name)) for name in self.tree.names(at)]

    def _info(self, at: Parts) -> dict[str, object]:
        try:
            folder, file = self.tree.is_dir(at), self.tree.is_file(at)
            size = self.tree.size(at) if file else 0
        except ApiError:
            folder, size = False, 0
        return {"path": at[-1], "is_dir": folder, "file_size": str(size)}

    def download(self, path: str) -> bytes:
        at = parts(path)
        if not self.tree.is_file(at):
            raise not_found(f"file {path!r}")
        return self.tree.read(at)

    def upload(self, path: str, data: bytes) -> None:
        at = self._new_name(path)
        if not data:
            raise ApiError(Code.UNKNOWN, "failed to upload file: EOF")
        self.tree.write(self._free(at), data)

    def _new_name(self, path: str) -> Parts:
        """The path of a new file: inside, with a name, and in folders only."""
        at = parts(path)
        if not at or path.startswith("/"):
            raise invalid(f"invalid path {path!r}")
        for depth in range(1, len(at)):
            above = at[:depth]
            if self.tree.exists(above) and not self.tree.is_dir(above):
                raise invalid(f"{'/'.join(above)!r} is not a folder")
        return at

    def _free(self, at: Parts) -> Parts:
        """`at`, or the first free one of `name(1).ext`, `name(2).ext`."""
        stem, dot, extension = at[-1].rpartition(".")
        if not stem:
            stem, dot, extension = at[-1], "", ""
        free, count = at, 0
        while self.tree.exists(free):
            count += 1
            free = (*at[:-1], f"{stem}({count}){dot}{extension}")
        return free

    def rename(self, path: str, to: str) -> dict[str, object]:
        at = parts(path)
        if not at or not self.tree.exists(at):
            raise not_found(f"path {path!r}")
        target = self._new_name(to)
        if target[: len(at)] == at and target != at:
            raise invalid("a folder cannot be moved into itself")
        if self.tree.exists(target):
            raise ApiError(Code.ALREADY_EXISTS, f"path {to!r} already exists")
        self.tree.move(at, target)
        return {**self._info(target), "path": "/".join(target)}

    def delete(self, path: str) -> None:
        at = parts(path)
        if not at:
            raise invalid("the home folder cannot be deleted")
        if not self.tree.exists(at):
            raise not_found(f"path {path!r}")
        self.tree.remove(at)
