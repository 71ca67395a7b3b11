"""The grace of clusters whose spec is gone: the time until their deletion.  Pure; in seconds.

Within one process the grace runs on a clock that never jumps.  Across restarts it goes on from the
time on record, and whatever the clock of the machine says, it is never longer than a whole one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.core.model.record import Departed, Record

PRUNE_GRACE_S = 300.0


@dataclass(frozen=True, slots=True)
class Countdown:
    """The grace of one cluster: `left_s` at the monotonic time `begun_s`."""

    since: datetime | None
    begun_s: float
    left_s: float

    @property
    def ends_s(self) -> float:
        return self.begun_s + self.left_s


def countdowns(
    departed: Iterable[Departed],
    before: Mapping[str, Countdown],
    now: datetime,
    monotonic_s: float,
    grace_s: float,
) -> dict[str, Countdown]:
    """A countdown for each departed cluster; one that runs goes on."""
    by_name: dict[str, Countdown] = {}
    for each in departed:
        name = each.holder.cluster.name
        running = before.get(name)
        if running is not None and running.since == each.since:
            by_name[name] = running
        else:
            passed = 0.0 if each.since is None else (now - each.since).total_seconds()
            by_name[name] = Countdown(
                each.since, monotonic_s, grace_s - min(max(passed, 0.0), grace_s)
            )
    return by_name


def grace_ends(records: Iterable[Record]) -> dict[str, datetime]:
    """Ends of the grace of departed clusters, by the times on record.

    How long it is belongs to the controller: where one deletes nothing, no grace runs.
    """
    return {
        departed.holder.cluster.name: departed.since + timedelta(seconds=record.grace_s)
        for record in records
        if record.grace_s is not None
        for departed in record.departed
        if departed.since is not None
    }
