"""The clock of a head, as its reports show it.  Pure.

A report is dated by the clock of its pod.  Where that differs from this controller's, the report
would look old, or of the future, although the head writes every few seconds.  A report that was
seen to change between two looks is of a head that lives, and its newest report can be no older than
the time between them: so the two clocks are compared, and its time is put into this clock's.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from controller.core.model.ray.report import HeadReport

IN_STEP_S = 3.0  # clocks that lie no further apart are taken to agree
_JITTER_S = 5.0


@dataclass(frozen=True, slots=True)
class HeadClock:
    """State between two reads of a head's report.

    `behind_s`: how far the head's clock is behind this one, at most; None until a change was seen.
    """

    incarnation: str
    written: datetime
    looked_at: float
    least_s: float
    behind_s: float | None = None


def compare(
    before: HeadClock | None, report: HeadReport, now: datetime, monotonic: float
) -> HeadClock:
    """The clock after one more look; `now` and `monotonic` are the times of the look."""
    sample = (now - report.observed_at).total_seconds()
    if before is None or before.incarnation != report.incarnation:
        return HeadClock(report.incarnation, report.observed_at, monotonic, sample)
    after = replace(before, written=report.observed_at, looked_at=monotonic)
    if report.observed_at <= before.written:
        return replace(after, least_s=min(sample, before.least_s))
    # It was written since the last look; where it seems older, one of the clocks was set.
    apart_s = monotonic - before.looked_at + _JITTER_S
    least = before.least_s if sample - before.least_s <= apart_s else sample
    return replace(after, least_s=min(sample, least), behind_s=min(sample, least))


def in_this_clock(clock: HeadClock, report: HeadReport) -> HeadReport:
    """The report with its time in this controller's clock, where the two are known to differ."""
    behind_s = clock.behind_s
    if behind_s is None or abs(behind_s) <= IN_STEP_S:
        return report
    return replace(report, observed_at=report.observed_at + timedelta(seconds=behind_s))
