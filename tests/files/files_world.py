"""A project's files behind an API with CML's habits: no overwriting, no empty files, no folders
in a listing but by name."""

from dataclasses import dataclass, field


class RemoteError(Exception):
    """Any refusal."""


class MissingError(RemoteError):
    """Not there."""


class LostError(RemoteError):
    """Sent, and no answer came."""


class UnservedError(RemoteError):
    """The server has no such call."""


@dataclass
class Entry:
    name: str
    is_dir: bool
    size: int


@dataclass
class Remote:
    """`fail` holds the exceptions that the next calls by name end in, after their effect.

    `refuse` holds those of the next calls that have no effect.  An upload of `torn` stores no more
    than that share of its data, once.  From the call with the number `cut` on no call has an effect
    or an answer, as for a process that was killed; that call itself has one if `last_effect`.
    `in_root`: a POST stores its file in the home; `methods` are those of uploads that are served.
    """

    stored: dict[str, bytes] = field(default_factory=dict)
    fail: dict[str, Exception] = field(default_factory=dict)
    refuse: dict[str, Exception] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    torn: float | None = None
    cut: int | None = None
    last_effect: bool = False
    in_root: bool = False
    methods: tuple[str, ...] = ("POST", "PUT")

    # One project is all there is, so nobody asks which.

    def list_files(self, _project: str, path: str) -> tuple[Entry, ...]:
        self._begins("list_files")
        self._called("list_files")
        prefix = f"{path}/" if path else ""
        below = [(p[len(prefix) :], d) for p, d in self.stored.items() if p.startswith(prefix)]
        if not below:
            raise MissingError(path)
        folders = sorted({p.split("/")[0] for p, _ in below if "/" in p})
        files = [Entry(p, False, len(d)) for p, d in below if "/" not in p]
        return (*files, *(Entry(f, True, 0) for f in folders))

    def download(self, _project: str, path: str) -> bytes:
        self._begins("download")
        self._called("download")
        if path not in self.stored:
            raise MissingError(path)
        return self.stored[path]

    def upload(self, _project: str, path: str, data: bytes, *, put: bool = False) -> None:
        method = "PUT" if put else "POST"
        self._begins("upload" if method == "POST" else "put")
        assert data, "CML answers EOF"
        if method not in self.methods:
            raise UnservedError(f"{method} is not served")
        if self.in_root and not put:
            path = path.rsplit("/", 1)[-1]
        if self.torn is not None:
            data, self.torn = data[: int(len(data) * self.torn)], None
        stem, dot, ending = path.rpartition(".")
        name, n = path, 0
        while name in self.stored:
            n += 1
            name = f"{stem}({n}){dot}{ending}"
        self.stored[name] = data
        self._called("upload")

    def delete_file(self, _project: str, path: str) -> None:
        """A file, or a folder with all below it."""
        self._begins("delete_file")
        gone = [one for one in self.stored if one == path or one.startswith(f"{path}/")]
        for one in gone:
            del self.stored[one]
        self._called("delete_file")
        if not gone:
            raise MissingError(path)

    def _begins(self, name: str) -> None:
        self.calls.append(name)
        over = self.cut is not None and len(self.calls) - self.last_effect > self.cut
        if over:
            raise LostError("the process was killed")
        if name in self.refuse:
            raise self.refuse.pop(name)

    def _called(self, name: str) -> None:
        if name in self.fail:
            raise self.fail.pop(name)
        if self.cut is not None and len(self.calls) > self.cut:
            raise LostError("the process was killed")

    def revive(self) -> None:
        """Every call is answered again."""
        self.fail, self.refuse, self.torn, self.cut = {}, {}, None, None
