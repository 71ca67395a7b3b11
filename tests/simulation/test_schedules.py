"""Seeded histories of the production composition: a part of what `soak` runs for as long as asked,
the seeds that failed, and each cluster beside a neighbour in trouble."""

from collections.abc import Sequence

import pytest

from tests.simulation import soak
from tests.simulation.cores import spread
from tests.simulation.isolation import case, check
from tests.simulation.schedule import Schedule, play, schedule
from tests.simulation.simulation import the_simulation

SCHEDULES = 250
QUICK = 8
CASES = 24


def shown(failures: list[tuple[int, str]]) -> str:
    return "\n".join(f"{schedule(seed)}\n{said}" for seed, said in failures[:3])


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_seeded_histories_converge() -> None:
    starts = range(0, SCHEDULES, soak.BATCH)
    tallies = spread(soak.batch, [range(at, at + soak.BATCH) for at in starts])
    failures = [failure for tally in tallies for failure in tally.failures]
    assert not failures, shown(failures)


def test_a_few_histories_converge() -> None:
    tally = soak.batch(range(7_000, 7_000 + QUICK))
    assert not tally.failures, shown(tally.failures)


@pytest.mark.parametrize("kept", soak.kept(), ids=lambda kept: f"{kept.seed}")
def test_a_history_that_failed_once_converges(kept: Schedule) -> None:
    play(the_simulation(), kept)


def isolated(seeds: Sequence[int]) -> list[str]:
    """What is wrong, if anything."""
    found = []
    for seed in seeds:
        try:
            check(the_simulation(), case(seed))
        except AssertionError as error:
            found.append(f"{case(seed)}\n{error}")
    return found


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_no_trouble_of_a_neighbour_changes_the_life_of_a_cluster() -> None:
    batches = [range(at, at + 6) for at in range(0, CASES, 6)]
    found = [line for lines in spread(isolated, batches) for line in lines]
    assert not found, "\n".join(found[:3])


@pytest.mark.parametrize("seed", range(9_000, 9_004))
def test_a_history_converges_from_a_git_repository(seed: int) -> None:
    play(the_simulation(), schedule(seed), "git")


def test_a_seed_stands_for_one_history() -> None:
    assert schedule(7) == schedule(7)
    assert schedule(7) != schedule(8)
    assert case(7) == case(7)


def test_a_schedule_has_a_fault_in_it() -> None:
    for seed in range(200):
        assert any(move.name == "strike" for move in schedule(seed).moves)
