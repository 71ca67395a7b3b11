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
    """Reader of reports; keeps the previous report of each cluster, to see changes."""

    def __init__(self, files: Callable[[str], ProjectFiles], clock: Clock) -> None:
        self._files = files
        self._clock = clock
        self._clocks: dict[tuple[str, str], HeadClock] = {}

    def take(self, project: str, cluster: str) -> HeadReport | None:
        """The report of a cluster; an unreadable one counts as missing."""
        report = read_report(self._files(project), cluster)
        if report is None:
            return None
        place = (project, cluster)
        now, monotonic = self._clock.now(), self._clock.monotonic()
        clock = compare(self._clocks.get(place), report, now, monotonic)
        self._clocks.pop(place, None)
        self._clocks[place] = clock
        if len(self._clocks) > MOST:
            del self._clocks[next(iter(self._clocks))]
        return replace(in_this_clock(clock, report), read_at=now)
