"""Planning and judging of a converged workspace, timed.

`python -m tests.benchmarks.planning 1000x10 1x10000` prints, for so many clusters of so many
members each, the processor seconds of matching, remembering, planning, auditing and assessing.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace

from controller.core.audit.laws import audit
from controller.core.model.desired import DesiredCluster, DesiredState
from controller.core.model.history import History
from controller.core.model.observed import ObservedApplication, ObservedProject, ObservedState
from controller.core.model.ray.report import HeadReport, MemberReport
from controller.core.planner.memory import remember
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.status.assess import assess
from tests.worlds import NOW, POLICY, PROJECT, application_of, desired, named


def converged(clusters: int, members: int) -> tuple[DesiredState, ObservedState]:
    """So many clusters of so many members each, all up and in Ray."""
    wanted = desired(*(named(f"c{n}") for n in range(clusters)))
    wanted = replace(wanted, clusters=tuple(_scaled(c, members) for c in wanted.clusters))
    apps: list[ObservedApplication] = []
    reports: dict[str, HeadReport] = {}
    for cluster in wanted.clusters:
        rows = {}
        for group in cluster.groups:
            for ordinal in range(group.replicas):
                apps.append(application_of(group, group.member(ordinal)))
                member = str(group.member(ordinal))
                rows[member] = MemberReport(alive=True, fingerprint=group.fingerprint)
        reports[cluster.name] = HeadReport("a:1", "i", NOW, "2.60.0", "3.11.9", cluster.name, rows)
    return wanted, ObservedState(NOW, {PROJECT: ObservedProject(PROJECT, tuple(apps))}, reports)


def _scaled(cluster: DesiredCluster, members: int) -> DesiredCluster:
    """With so many members, beyond what a spec may ask for too."""
    head, workers = cluster.groups
    return replace(cluster, groups=(head, replace(workers, replicas=members - 1)))


def judge(
    wanted: DesiredState,
    seen: ObservedState,
    history: History,
    timed: Callable[[str], None] = lambda _: None,
) -> History:
    """All that the core does in one pass that changes nothing; its history for the next."""
    situation = situate(wanted, seen, history, POLICY)
    timed("situate")
    situation = remember(situation)
    timed("remember")
    decided = plan(situation)
    timed("plan")
    broken = audit(situation, decided)
    timed("audit")
    assess(situation, decided)
    timed("assess")
    assert not decided.steps
    assert not broken
    return situation.history


class Laps:
    """Processor seconds between calls, by name."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._before = time.process_time()

    def __call__(self, name: str) -> None:
        now = time.process_time()
        self.seconds[name], self._before = now - self._before, now


def main() -> None:
    for size in sys.argv[1:]:
        clusters, members = (int(number) for number in size.split("x"))
        wanted, seen = converged(clusters, members)
        history = judge(wanted, seen, History())
        laps = Laps()
        judge(wanted, seen, history, laps)
        parts = ", ".join(f"{name} {seconds:.2f}" for name, seconds in laps.seconds.items())
        print(f"{size}: {sum(laps.seconds.values()):.2f} s ({parts})")


if __name__ == "__main__":
    main()
