"""Counts over the last hours."""

from dataclasses import replace
from datetime import timedelta

from controller.core.model.history import History
from controller.core.model.plan import Plan
from controller.core.situation.situation import situate
from controller.core.status.assess import assess
from controller.core.status.status import Status
from controller.core.status.timeline import KEPT, SAMPLES_MAX, Timelines, extend
from tests.worlds import NOW, POLICY, converged, desired, spec

STATUS = assess(situate(desired(spec()), converged(spec()), History(), POLICY), Plan())


def look(seconds: float, ready: int) -> Status:
    [cluster] = STATUS.clusters
    changed = replace(cluster, ready=ready)
    return replace(STATUS, as_of=NOW + timedelta(seconds=seconds), clusters=(changed,))


def counts(timelines: Timelines) -> list[int]:
    return [sample.ready for sample in timelines.get("analytics", ())]


def test_a_change_is_kept_at_once_and_what_stays_only_now_and_then() -> None:
    kept: Timelines = {}
    for seconds, ready in ((0, 3), (2, 3), (4, 2), (6, 2), (304, 2)):
        kept = extend(kept, look(seconds, ready))
    assert counts(kept) == [3, 2, 2]


def test_what_is_older_goes_but_for_the_one_that_says_how_it_began() -> None:
    kept = extend(extend({}, look(0, 1)), look(60, 2))
    kept = extend(kept, look(KEPT.total_seconds() + 120, 3))
    assert counts(kept) == [2, 3]


def test_there_are_never_more_than_so_many_however_it_flaps() -> None:
    kept: Timelines = {}
    for second in range(SAMPLES_MAX + 50):
        kept = extend(kept, look(second, second % 2))
    assert len(kept["analytics"]) <= SAMPLES_MAX + 1


def test_a_cluster_that_is_gone_is_forgotten_with_its_last_sample() -> None:
    kept = extend({}, look(0, 3))
    nothing = replace(STATUS, clusters=())
    soon = extend(kept, replace(nothing, as_of=NOW + timedelta(hours=5)))
    assert counts(soon) == [3]
    assert extend(soon, replace(nothing, as_of=NOW + timedelta(hours=7))) == {}
