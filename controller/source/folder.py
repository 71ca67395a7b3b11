"""A folder (or single files) as a source that is followed: only settled snapshots count."""

from collections.abc import Callable, Sequence
from pathlib import Path

from controller.core.spec.revision import Revision, content_id
from controller.printable import one_line
from controller.source.directory import EmptySourceError, SourceError, listed, read

SETTLE_S = 0.5
_TRIES = 20


class FolderSource:
    """Specs on disk.  `pause` waits for so many seconds between two looks that must agree."""

    def __init__(self, paths: Sequence[Path], pause: Callable[[float], object]) -> None:
        self._paths = tuple(paths)
        self._pause = pause

    @property
    def origin(self) -> str:
        return listed(self._paths)

    def tip(self) -> str:
        """Empty: only reading tells what a folder holds."""
        return ""

    def read(self, tip: str) -> Revision:  # noqa: ARG002 - a folder has no history to read from
        """Two equal looks in a row, so that no half of an edit of several files is taken.

        A folder without any spec file is a revision without clusters: whether they may go is for
        others to judge.  SourceError where it cannot be read, or never settles.
        """
        before = self._look()
        for _ in range(_TRIES):
            self._pause(SETTLE_S)
            now = self._look()
            if content_id(now) == content_id(before):
                return now
            before = now
        raise SourceError(f"{self.origin} goes on changing; it is read again when it settles")

    def _look(self) -> Revision:
        try:
            return read(self._paths, origin=self.origin)
        except EmptySourceError:
            empty = tuple(one_line(str(path)) for path in self._paths)
            return Revision((), (), None, self.origin, empty_folders=empty)

    def follows(self, old: str, new: str) -> bool:  # noqa: ARG002 - a folder has no history
        return True
