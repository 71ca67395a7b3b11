"""The private folder where commits are kept between readings: nothing in it is ever needed.

One process at a time uses it.  Whatever a killed process left half done is swept away before the
next use, and what cannot be mended is thrown away and fetched again.
"""

import fcntl
import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from controller.source.directory import SourceError
from controller.source.git.limits import Limits

_POLL_S = 0.1
_SHA256_DIGITS = 64
_PLAIN = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_SHA256 = (
    "[core]\n\trepositoryformatversion = 1\n\tbare = true\n[extensions]\n\tobjectformat = sha256\n"
)
_LEFT_OVER = ("tmp_", "tmp-", "incoming-")  # how git calls what it has not finished


@dataclass(frozen=True, slots=True)
class Repository:
    """A bare repository in the cache, for ids of one length; `hold` keeps others out of it."""

    folder: Path
    digits: int
    hold: tuple[int, ...]

    def settle(self) -> None:
        """Make it whole: the bare frame of a repository, our configuration, no left-overs.

        A fetch that leaves files out notes in the configuration where to get them.  Without that
        note git never fetches by itself what it misses, and says that it is missing.
        """
        for name in ("objects/pack", "refs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for found in _left_over(self.folder):
            found.unlink(missing_ok=True)
        _write(self.folder / "HEAD", "ref: refs/heads/none\n")
        _write(self.folder / "config", _SHA256 if self.digits == _SHA256_DIGITS else _PLAIN)

    def wipe(self) -> None:
        """Start again from nothing."""
        if self.folder.is_dir() and not self.folder.is_symlink():
            shutil.rmtree(self.folder)
        else:
            self.folder.unlink(missing_ok=True)
        self.settle()

    def is_empty(self) -> bool:
        return not any((self.folder / "objects" / "pack").iterdir())

    def is_shallow(self) -> bool:
        """Whether the history of some commit in it is cut off."""
        file = self.folder / "shallow"
        return file.is_file() and file.stat().st_size > 0

    def size(self) -> int:
        return sum(_sizes(self.folder / "objects"))

    def packs(self) -> int:
        return sum(1 for each in (self.folder / "objects" / "pack").glob("*.pack"))


def _left_over(folder: Path) -> Iterator[Path]:
    """Locks of processes that are gone, and files that git was writing."""
    for top, _, names in os.walk(folder):
        for name in names:
            if name.endswith(".lock") or name.startswith(_LEFT_OVER):
                yield Path(top, name)


def _sizes(folder: Path) -> Iterator[int]:
    for top, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):  # git moves its files as it ends
                yield Path(top, name).stat().st_size


def _write(file: Path, text: str) -> None:
    new = file.with_name(f"tmp_{file.name}")
    new.write_text(text)
    os.replace(new, file)


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder; other sources and other processes may use the same one."""

    folder: Path
    limits: Limits

    def prepare(self) -> None:
        """There, ours, and closed to others.  SourceError where it cannot be so."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.folder.stat()
            if found.st_uid != os.geteuid():
                raise SourceError(f"the git cache {self.folder} belongs to somebody else; {_OTHER}")
            if stat.S_IMODE(found.st_mode) & 0o077:
                self.folder.chmod(0o700)
        except OSError as error:
            raise SourceError(f"the git cache {self.folder}: {error.strerror}; {_OTHER}") from None

    @contextmanager
    def held(self, purpose: str, digits: int) -> Iterator[Repository]:
        """The repository for a purpose, whole, and nobody else's meanwhile."""
        self.prepare()
        with self._lock() as hold:
            repository = Repository(self.folder / f"{purpose}-{digits * 4}.git", digits, (hold,))
            try:
                self._settled(repository)
                try:
                    yield repository
                finally:
                    repository.settle()
            except OSError as error:
                why = error.strerror or type(error).__name__
                raise SourceError(f"the git cache {self.folder}: {why}; {_OTHER}") from error

    def _settled(self, repository: Repository) -> None:
        try:
            repository.settle()
            full = repository.size() > self.limits.cache_bytes
            if full or repository.packs() > self.limits.cache_packs:
                repository.wipe()
        except OSError:
            repository.wipe()

    @contextmanager
    def _lock(self) -> Iterator[int]:
        """One at a time.  Git inherits the lock, so that it outlives us when we are killed."""
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            handle = os.open(self.folder / "lock", flags, 0o600)
        except OSError as error:
            raise SourceError(f"the git cache {self.folder}: {error.strerror}; {_OTHER}") from None
        try:
            self._wait_for(handle)
            yield handle
        finally:
            os.close(handle)

    def _wait_for(self, handle: int) -> None:
        never = threading.Event()
        for _ in range(max(1, round(self.limits.lock_s / _POLL_S))):
            with suppress(BlockingIOError):
                self._take(handle)
                return
            never.wait(_POLL_S)
        raise SourceError(
            f"another process has been using the git cache {self.folder} "
            f"for {self.limits.lock_s:g} s; wait for it, or XDG_CACHE_HOME=FOLDER"
        )

    def _take(self, handle: int) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise
        except OSError as error:
            why = f"{error.strerror}; the file system has no locks"
            raise SourceError(f"the git cache {self.folder}: {why}; {_OTHER}") from None


_OTHER = "XDG_CACHE_HOME=FOLDER names another one"
