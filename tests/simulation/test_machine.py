"""A random walk over everything that may happen, chosen and shrunk by Hypothesis.

Laws are judged at every request on the way; at its end every walk must converge and stay still.
"""

from typing import Any  # the strategies of one rule draw different things

import pytest
from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from tests.simulation.cores import spread
from tests.simulation.moves import MOVES
from tests.simulation.schedule import Chosen
from tests.simulation.stage import STILL_PASSES, WORLDS, Stage, prepared, the_stage

RUNS = 500
STEPS = 60
PARTS = 4  # run side by side


class AnyHistory(RuleBasedStateMachine):
    """One world; its moves are added below, one rule for each of them."""

    def __init__(self) -> None:
        super().__init__()
        self.stage: Stage = the_stage()
        self.begun = False

    @initialize(world=st.sampled_from(sorted(WORLDS)), seed=st.integers(0, 2**16))
    def begin(self, world: str, seed: int) -> None:
        self.stage.begin(prepared(world), seed)
        self.begun = True

    def teardown(self) -> None:
        if self.begun:
            self.stage.calm(STILL_PASSES)


def _add(name: str, copy: int) -> None:
    """Rules are drawn evenly, so a common move is there several times."""

    def move(self: AnyHistory, **arguments: object) -> None:
        Chosen(name, arguments).do(self.stage)

    move.__name__ = name if not copy else f"{name}_{copy}"
    options = MOVES[name].options.items()
    drawn: dict[str, Any] = {key: st.sampled_from(list(values)) for key, values in options}
    decorate: Any = rule(**drawn)
    setattr(AnyHistory, move.__name__, decorate(move))


for _name, _move in MOVES.items():
    for _copy in range(_move.weight):
        _add(_name, _copy)


def walk(part: int) -> None:
    """A part of the runs; a seed of its own makes it the same again."""
    run_state_machine_as_test(
        seed(part)(type(f"AnyHistory{part}", (AnyHistory,), {})),
        settings=settings(
            max_examples=RUNS // PARTS,
            stateful_step_count=STEPS,
            deadline=None,
            database=None,
            # A history as it failed, at once, is worth more than a shorter one after many minutes.
            phases=(Phase.generate,),
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_history_keeps_the_laws_and_ends_in_the_world_that_the_specs_describe() -> None:
    spread(walk, range(PARTS))
