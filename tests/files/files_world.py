"""A project's files behind an API with CML's habits: no overwriting, no empty files, no folders
in a listing but by name."""

from dataclasses import dataclass, field


class RemoteError(Exception):
    """Any refusal."""


class MissingError(RemoteError):
    """Not there."""


class LostError(RemoteError):
    """Sent, and no answer came."""


@dataclass
class Entry:
    name: str
    is_dir: bool
    size: int


@dataclass
class Remote:
    """`fail` holds the exceptions that the next calls by name end in, after their effect."""

    stored: dict[str, bytes] = field(default_factory=dict)
    fail: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)

    # One project is all there is, so nobody asks which.

    def list_files(self, _project: str, path: str) -> tuple[Entry, ...]:
        self._called("list_files")
        prefix = f"{path}/" if path else ""
        below = [(p[len(prefix) :], d) for p, d in self.stored.items() if p.startswith(prefix)]
        if not below:
            raise MissingError(path)
        folders = sorted({p.split("/")[0] for p, _ in below if "/" in p})
        files = [Entry(p, False, len(d)) for p, d in below if "/" not in p]
        return (*files, *(Entry(f, True, 0) for f in folders))

    def download(self, _project: str, path: str) -> bytes:
        self._called("download")
        if path not in self.stored:
            raise MissingError(path)
        return self.stored[path]

    def upload(self, _project: str, path: str, data: bytes) -> None:
        assert data, "CML answers EOF"
        stem, dot, ending = path.rpartition(".")
        name, n = path, 0
        while name in self.stored:
            n += 1
            name = f"{stem}({n}){dot}{ending}"
        self.stored[name] = data
        self._called("upload")

    def delete_file(self, _project: str, path: str) -> None:
        """A file, or a folder with all below it."""
        self._called("delete_file")
        gone = [one for one in self.stored if one == path or one.startswith(f"{path}/")]
        for one in gone:
            del self.stored[one]
        if not gone:
            raise MissingError(path)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if name in self.fail:
            raise self.fail.pop(name)
