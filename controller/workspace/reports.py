"""Head reports of the clusters of a workspace, with times by this process's clock."""

from collections.abc import Callable
from dataclasses import replace

from controller.clock import Clock
from controller.core.model.ray.report import HeadReport
from controller.files.port import ProjectFiles
from controller.files.reports import read_report
from controller.workspace.head_clock import HeadClock, compare, in_this_clock

MOST = 10_000


class LookAtReports:
    """Reader of reports; keeps the previous report of each cluster, to see changes.

    A report that cannot be read for a moment makes no node dead: the last one counts, and ages.
    """

    def __init__(self, files: Callable[[str], ProjectFiles], clock: Clock) -> None:
        self._files = files
        self._clock = clock
        self._last: dict[tuple[str, str], tuple[HeadClock, HeadReport]] = {}

    def take(self, project: str, cluster: str) -> HeadReport | None:
        """The last report of a cluster that could be read; None if none ever could."""
        place = (project, cluster)
        before = self._last.pop(place, None)
        report = read_report(self._files(project), cluster)
        now, monotonic = self._clock.now(), self._clock.monotonic()
        if report is not None:
            clock = compare(before[0] if before else None, report, now, monotonic)
            before = clock, in_this_clock(clock, report)
        if before is None:
            return None
        self._last[place] = before
        if len(self._last) > MOST:
            del self._last[next(iter(self._last))]
        return replace(before[1], read_at=now)
