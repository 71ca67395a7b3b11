"""The private folder where commits are kept between readings: nothing in it is ever needed.

One process at a time uses it.  Left-overs of a process that was killed are swept away before the
next use, and a repository that is damaged is thrown away and fetched again.
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
_UNFINISHED = ("tmp_", "tmp-", "incoming-")  # names of files that git is still writing


@dataclass(frozen=True, slots=True)
class Repository:
    """A bare repository in the cache, for ids of one length; `lock` keeps others out of it."""

    folder: Path
    digits: int
    lock: int

    def settle(self) -> None:
        """Make it whole: the bare frame of a repository, our configuration, no left-overs.

        A fetch that leaves files out notes in the configuration where to get them.  Without that
        note git never fetches by itself what it misses, and says that it is missing.
        """
        for name in ("objects/pack", "refs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for file in _files(self.folder):
            if file.name.endswith(".lock") or file.name.startswith(_UNFINISHED):
                file.unlink(missing_ok=True)
        (self.folder / "HEAD").write_text("ref: refs/heads/none\n")
        config = _SHA256 if self.digits == _SHA256_DIGITS else _PLAIN
        (self.folder / "config").write_text(config)

    def wipe(self) -> None:
        """Start again from nothing."""
        if self.folder.is_dir() and not self.folder.is_symlink():
            shutil.rmtree(self.folder)
        else:
            self.folder.unlink(missing_ok=True)
        self.settle()

    def is_shallow(self) -> bool:
        """True where the history of some commit in it is cut off."""
        file = self.folder / "shallow"
        return file.is_file() and file.stat().st_size > 0

    def size(self) -> int:
        total = 0
        for file in _files(self.folder / "objects"):
            with suppress(OSError):  # git moves its files as it ends
                total += file.stat().st_size
        return total

    def exceeds(self, limits: Limits) -> bool:
        packs = sum(1 for _ in (self.folder / "objects" / "pack").glob("*.pack"))
        return packs > limits.cache_packs or self.size() > limits.cache_bytes


def _files(folder: Path) -> Iterator[Path]:
    for top, _, names in os.walk(folder):
        yield from (Path(top, name) for name in names)


@dataclass(frozen=True, slots=True)
class Cache:
    """The folder; other sources and other processes may use the same one."""

    folder: Path
    limits: Limits

    def prepare(self) -> None:
        """Create the folder, private to this user.  SourceError if that fails."""
        with self._errors():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            status = self.folder.stat()
            if status.st_uid != os.geteuid():
                raise self._error("it belongs to another user")
            if stat.S_IMODE(status.st_mode) & 0o077:
                self.folder.chmod(0o700)

    @contextmanager
    def locked(self, purpose: str, digits: int) -> Iterator[Repository]:
        """The repository for a purpose, whole, and closed to other processes and threads."""
        self.prepare()
        with self._errors():
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            lock = os.open(self.folder / "lock", flags, 0o600)
            try:
                self._take(lock)
                repository = Repository(self.folder / f"{purpose}-{digits * 4}.git", digits, lock)
                try:
                    repository.settle()
                    if repository.exceeds(self.limits):
                        repository.wipe()
                except OSError:
                    repository.wipe()
                yield repository
            finally:
                os.close(lock)

    def _take(self, lock: int) -> None:
        """Git inherits the lock, so that it outlives a controller that is killed."""
        never = threading.Event()
        for _ in range(max(1, round(self.limits.lock_s / _POLL_S))):
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                never.wait(_POLL_S)
            except OSError as error:
                raise self._error(f"{error.strerror}; the file system has no locks") from None
            else:
                return
        raise SourceError(
            f"another process has been using the git cache {self.folder} "
            f"for {self.limits.lock_s:g} s; wait for it, or XDG_CACHE_HOME=FOLDER"
        )

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(error.strerror or type(error).__name__) from error

    def _error(self, why: str) -> SourceError:
        return SourceError(
            f"the git cache {self.folder}: {why}; XDG_CACHE_HOME=FOLDER names another one"
        )
