"""Files and folders to one revision.

A file that cannot be read, or changes while it is read, is a problem of the revision and never an
empty answer: an absence of unknown cause must not look like a deletion.  Nothing outside the named
paths is read, and nothing is written.
"""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controller.core.spec.revision import Problem, Revision, SpecDocument, assemble
from controller.printable import one_line
from controller.source.attachments import ReadFile, UnreadableError, resolve
from controller.source.ignore import IGNORE_FILE, IgnoreRules, IgnoreRulesError, ignore_rules
from controller.source.yaml.parser import MAX_BYTES, parse
from controller.source.yaml.schema import FILE_NAME

MAX_FILES = 1000
MAX_TOTAL_BYTES = 64 * 1024 * 1024
MAX_FOLDER_DEPTH = 32
SUFFIXES = (".yaml", ".yml")


class SourceError(Exception):
    """The source as a whole cannot be read; the message ends in a remedy."""


class NotInSourceError(SourceError):
    """The repository was asked, and has no such branch, tag, commit or folder."""


class EmptySourceError(SourceError):
    """The folders are there, and hold no spec file at all."""


def read(
    paths: Sequence[Path],
    *,
    root: Path | None = None,
    origin: str | None = None,
    commit: str | None = None,
) -> Revision:
    """Every `*.yaml` and `*.yml` of the paths, hidden ones left out, in sorted order.

    A path that is named twice, or lies in a folder that is named too, counts once.  `root` is left
    off the names of files in problems; `origin` and `commit` are carried into the revision.  What
    the `.raycmlignore` of a named folder lists is left out, unless the file itself is named.
    Raises SourceError where no path is given, a path is missing, no folder holds a spec file, a
    `.raycmlignore` cannot be used, or there are more than 1,000 files or 64 MiB.
    """
    if not paths:
        raise SourceError("no path to read specs from; name a file or a folder")
    reader = _FolderReader(root)
    for path in paths:
        reader.add(path)
    if not reader.files and not reader.problems:
        message = f"no *.yaml or *.yml in {listed(paths)}; write one with `raycml init`"
        if reader.ignored:
            message = f"every spec file is ignored by {IGNORE_FILE} in {listed(paths)}; correct it"
        raise EmptySourceError(message)
    reader.read_all()
    return assemble(
        reader.documents,
        reader.problems,
        origin=origin if origin is not None else listed(paths),
        commit=commit,
        empty_folders=reader.empty_folders(),
    )


def listed(paths: Sequence[Path]) -> str:
    return one_line(", ".join(map(str, paths)))


@dataclass(slots=True)
class _FolderReader:
    """The specs and problems read so far; `files` maps a real path to its name in messages."""

    root: Path | None
    files: dict[Path, str] = field(default_factory=dict)
    folders: list[Path] = field(default_factory=list)
    documents: list[SpecDocument] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    rules: IgnoreRules = field(default_factory=IgnoreRules)
    ignored: int = 0

    def add(self, path: Path) -> None:
        try:
            is_folder = stat.S_ISDIR(path.stat().st_mode)
        except FileNotFoundError:
            raise SourceError(f"{one_line(str(path))} does not exist; correct the path") from None
        except (OSError, ValueError) as error:
            raise SourceError(f"{one_line(str(path))} cannot be read: {_why(error)}") from None
        if is_folder:
            self.rules = _rules_of(path, self._name(path / IGNORE_FILE))
            self._walk(path, path.resolve(), "")
        else:
            self._take(path)

    def _walk(self, folder: Path, home: Path, below: str) -> None:
        """`below` is the path of the folder from the named one, with `/` at its end."""
        if below.count("/") > MAX_FOLDER_DEPTH:
            self._note(folder, f"more than {MAX_FOLDER_DEPTH} folders deep; move the specs up")
            return
        try:
            entries = sorted(folder.iterdir())
        except OSError as error:
            self._note(folder, f"cannot be listed: {_why(error)}; correct its permissions")
            return
        self.folders.append(folder)
        for entry in entries:
            if entry.name.startswith(".") or self._ignores(entry, f"{below}{entry.name}"):
                continue
            if entry.is_symlink() and self._leaves(entry, home):
                continue
            if not entry.is_dir():
                if entry.suffix in SUFFIXES:
                    self._take(entry)
            elif not entry.is_symlink():
                # A linked folder is read where it is, so links cannot lead in circles.
                self._walk(entry, home, f"{below}{entry.name}/")

    def _ignores(self, entry: Path, path: str) -> bool:
        if entry.is_dir() and not entry.is_symlink():
            return self.rules.ignores_folder(path)
        is_ignored = self.rules.ignores(path)
        self.ignored += is_ignored and entry.suffix in SUFFIXES
        return is_ignored

    def _leaves(self, link: Path, home: Path) -> bool:
        """True for a link to something outside; it is a problem where it stands for specs."""
        try:
            if link.resolve(strict=True).is_relative_to(home):
                return False
            message = "leads out of the folder; put the file itself here"
        except (OSError, RuntimeError):
            message = "is a link that leads nowhere; correct or remove it"
        if link.suffix in SUFFIXES or link.is_dir():
            self._note(link, message)
        return True

    def empty_folders(self) -> tuple[str, ...]:
        """Folders without a spec file in them or below: emptied, or not mounted."""
        full = {parent for file in self.files for parent in file.parents}
        return tuple(sorted(self._name(f) for f in self.folders if f.resolve() not in full))

    def _take(self, path: Path) -> None:
        if path.name == FILE_NAME:  # `raycml init` writes it there, and `folder/*` names it
            return
        self.files.setdefault(path.resolve(), self._name(path))
        if len(self.files) > MAX_FILES:
            raise SourceError(f"more than {MAX_FILES} spec files; name a smaller folder")

    def read_all(self) -> None:
        total = 0
        for path, name in sorted(self.files.items()):
            try:
                data = _stable_bytes(path)
            except UnreadableError as error:
                self.problems.append(Problem(name, 0, 0, str(error)))
                continue
            total += len(data)
            if total > MAX_TOTAL_BYTES:
                raise SourceError("more than 64 MiB of spec files; name a smaller folder")
            documents, problems = parse(name, data)
            whole, more = resolve(documents, _reader_beside(path))
            self.documents += whole
            self.problems += (*problems, *more)

    def _note(self, path: Path, message: str) -> None:
        self.problems.append(Problem(self._name(path), 0, 0, message))

    def _name(self, path: Path) -> str:
        if self.root is not None and path.is_relative_to(self.root):
            path = path.relative_to(self.root)
        return one_line(str(path))


def _rules_of(folder: Path, name: str) -> IgnoreRules:
    """The rules at the root of a source.  SourceError where they cannot be used.

    To go on without them would declare what they leave out, so nothing of the source counts.
    """
    file = folder / IGNORE_FILE
    if not os.path.lexists(file):
        return IgnoreRules()
    try:
        leaves = not file.resolve(strict=True).is_relative_to(folder.resolve())
    except (OSError, RuntimeError) as error:
        raise SourceError(f"{name} cannot be read: {_why(error)}; correct or remove it") from None
    if leaves:
        raise SourceError(f"{name} leads out of the folder; put the file itself here")
    try:
        return ignore_rules(name, _stable_bytes(file))
    except IgnoreRulesError as error:
        raise SourceError(one_line(str(error))) from None
    except UnreadableError as error:
        raise SourceError(f"{name} {error}") from None


def _reader_beside(spec: Path) -> ReadFile:
    """Reads files in the folder of a spec file, or below it; a link may not lead out of there."""

    def read_file(_: SpecDocument, path: str) -> bytes:
        try:
            real = (spec.parent / path).resolve(strict=True)
        except FileNotFoundError:
            raise UnreadableError(
                "is not beside the spec; add the file, or correct the path"
            ) from None
        except (OSError, RuntimeError) as error:
            raise UnreadableError(f"cannot be read: {_why(error)}") from None
        if not real.is_relative_to(spec.parent):
            raise UnreadableError("leads out of its folder; put the file itself there")
        if any(map(_is_hidden, real.relative_to(spec.parent).parts)):
            raise UnreadableError("leads to a hidden file, which is not read; rename that")
        return _stable_bytes(real)

    return read_file


def _is_hidden(name: str) -> bool:
    """Two dots begin the folders in which Kubernetes keeps mounted files; they count as shown."""
    return name.startswith(".") and not name.startswith("..")


def _stable_bytes(path: Path) -> bytes:
    """The content, known not to be half of an edit; one byte past the bound at most.

    UnreadableError where it cannot be read, changed meanwhile, or is not a regular file.
    """
    try:
        # Without O_NONBLOCK a named pipe would block forever.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            before = os.fstat(descriptor)
            if not stat.S_ISREG(before.st_mode):
                raise UnreadableError("is not a regular file; remove it from here")
            data = file.read(MAX_BYTES + 1)
        after = path.stat()
    except OSError as error:
        raise UnreadableError(f"cannot be read: {_why(error)}") from None
    if _version(before) != _version(after) or len(data) != min(after.st_size, MAX_BYTES + 1):
        raise UnreadableError("changed while it was read; it is read again in the next pass")
    return data


def _version(status: os.stat_result) -> tuple[int, int, int, int]:
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def _why(error: Exception) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
