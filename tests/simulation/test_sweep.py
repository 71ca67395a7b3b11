"""Faults at every call of short histories, in every project; see `sweep.py`."""

import pytest

from tests.simulation.cores import spread
from tests.simulation.schedule import prepared
from tests.simulation.simulation import the_simulation
from tests.simulation.sweep import FAULTS, HISTORIES, Strike, run, strike

EACH = 1  # of the faults at each call here; `soak --sweep` takes all of them
STRIKES_MIN = 400


def swept(history: str) -> tuple[int, list[str]]:
    """How many faults struck, and what went wrong."""
    sim = the_simulation()
    calls = run(sim, history)
    count, wrong = 0, []
    for call in range(calls):
        for number in range(EACH):
            chosen = Strike(history, call, FAULTS[(call * EACH + number) % len(FAULTS)])
            try:
                count += strike(sim, chosen)
            except AssertionError as error:
                wrong.append(f"{chosen}: {error}")
    return count, wrong


@pytest.mark.parametrize("history", HISTORIES)
def test_a_short_history_without_a_fault_ends_well(history: str) -> None:
    prepared(HISTORIES[history].world)
    assert run(the_simulation(), history) > 20


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_fault_at_any_call_of_a_short_history_ends_well() -> None:
    found = spread(swept, HISTORIES)
    wrong = [line for _, lines in found for line in lines]
    assert not wrong, "\n".join(wrong[:10])
    assert sum(count for count, _ in found) >= STRIKES_MIN
