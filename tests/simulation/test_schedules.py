"""Seeded histories: a part of what `soak` runs for as long as asked, long ones, and the seeds that
failed; and that the interesting states were all really visited on the way."""

from collections import Counter
from collections.abc import Iterable

import pytest

from tests.simulation import soak
from tests.simulation.cores import spread
from tests.simulation.schedule import STORIES, Schedule, long_schedule, play, schedule
from tests.simulation.sometimes import EXPECTED
from tests.simulation.stage import STILL_PASSES, the_stage

SCHEDULES = 2_000
LONG = 200


def shown(failures: list[tuple[int, str]]) -> str:
    return "\n".join(f"{schedule(seed)}\n{said}" for seed, said in failures[:3])


def all_of(histories: Iterable[Schedule]) -> Counter[str]:
    """What was visited; the first history that fails is shown."""
    stage = the_stage()
    stage.sometimes.visits.clear()
    for history in histories:
        try:
            play(stage, history, STILL_PASSES)
        except AssertionError as error:
            error.add_note(str(history))
            raise
    return stage.sometimes.visits


def long(first: int) -> Counter[str]:
    return all_of(long_schedule(seed) for seed in range(first, first + 20))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_seeded_histories_converge_and_visit_every_interesting_state() -> None:
    starts = range(0, SCHEDULES, soak.BATCH)
    tallies = spread(soak.batch, [range(at, at + soak.BATCH) for at in starts])
    failures = [failure for tally in tallies for failure in tally.failures]
    assert not failures, shown(failures)
    visited = all_of(STORIES)
    for tally in tallies:
        visited += tally.visits
    for visits in spread(long, range(0, LONG, 20)):
        visited += visits
    unvisited = sorted(EXPECTED - visited.keys())
    assert not unvisited, f"no history visited: {unvisited}"


@pytest.mark.parametrize("number", range(len(STORIES)))
def test_a_story_of_slow_or_broken_platforms_ends_well(number: int) -> None:
    all_of([STORIES[number]])


@pytest.mark.parametrize("kept", soak.kept(), ids=lambda kept: f"{kept.world} {kept.seed}")
def test_a_history_that_failed_once_converges(kept: Schedule) -> None:
    all_of([kept])


def test_a_seed_stands_for_one_history() -> None:
    assert schedule(7) == schedule(7)
    assert schedule(7) != schedule(8)
    assert soak.batch([7, 8]).visits == soak.batch([7, 8]).visits


def test_a_schedule_has_a_fault_in_it() -> None:
    for seed in range(200):
        assert any(move.name.startswith("faulty_") for move in schedule(seed).moves)
