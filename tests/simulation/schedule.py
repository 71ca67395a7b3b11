"""Seeded histories.  A schedule is one history of one world: from a prepared state, through some
moves of which at least one is a fault, to proven convergence and stability.
"""

import random
from dataclasses import dataclass

from tests.simulation.moves import MOVES, Move
from tests.simulation.stage import Stage, prepared

DEFINITION = (
    "a schedule is one seeded history of one world: a prepared state, something to do, up to "
    "{more} more moves (edits, people, platform, sky, time, passes, a second controller) and one "
    "pass with a fault, then calm passes until one has nothing to do and the oracle finds "
    "that the world matches, and {still} more, later, that may write nothing"
)
MOVES_MAX = 4
STILL = 1
_NAMES = tuple(MOVES)
_WEIGHTS = tuple(move.weight for move in MOVES.values())
# What gives the controller something to do, so that a fault has something to strike.
_CAUSES = ("edit", "edit", "edit", "deed", "deed", "second_group", "remove", "restore", "order")
# Most bugs need no large world; those that do are in the smaller part.
_WORLDS = {
    "a cluster": 20,
    "no workers": 14,
    "three workers": 2,
    "two clusters": 2,
    "three clusters": 1,
    "nothing": 2,
}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One move with its arguments."""

    name: str
    arguments: dict[str, object]

    def do(self, stage: Stage) -> None:
        MOVES[self.name].do(stage, **self.arguments)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a seed stands for."""

    seed: int
    world: str
    moves: tuple[Chosen, ...]

    def __str__(self) -> str:
        moves = "\n".join(f"  {move}" for move in self.moves)
        return f"seed {self.seed}: from {self.world!r}\n{moves}"


def _any(rng: random.Random) -> Chosen:
    return _of(rng.choices(_NAMES, _WEIGHTS)[0], rng)


def _of(name: str, rng: random.Random) -> Chosen:
    return Chosen(name, _arguments(MOVES[name], rng))


def _arguments(move: Move, rng: random.Random) -> dict[str, object]:
    return {name: rng.choice(values) for name, values in move.options.items()}


def schedule(seed: int) -> Schedule:
    """The same seed always gives the same schedule."""
    rng = random.Random(seed)
    moves = [_of(rng.choice(_CAUSES), rng)]
    moves += [_any(rng) for _ in range(rng.randint(0, MOVES_MAX - 1))]
    struck = rng.choice(("faulty_pass", "faulty_write"))
    moves.insert(rng.randint(1, len(moves)), _of(struck, rng))
    return Schedule(seed, rng.choices(tuple(_WORLDS), tuple(_WORLDS.values()))[0], tuple(moves))


def long_schedule(seed: int, steps: int = 60) -> Schedule:
    """As many moves as a run of the state machine has; for the states that need a long way."""
    rng = random.Random(f"long {seed}")
    return Schedule(seed, rng.choice(tuple(_WORLDS)), tuple(_any(rng) for _ in range(steps)))


def _story(*moves: tuple[str, dict[str, object]], world: str = "a cluster") -> Schedule:
    return Schedule(0, world, tuple(Chosen(name, arguments) for name, arguments in moves))


def _edit(path: str, value: object) -> tuple[str, dict[str, object]]:
    return "edit", {"cluster": "a", "change": (path, value)}


_PASS: tuple[str, dict[str, object]] = ("pass_and_wait", {"name": "a"})


def _after(seconds: float) -> tuple[tuple[str, dict[str, object]], ...]:
    return ("wait", {"seconds": seconds}), _PASS


_W = "ray-a-w-0"
# States that chance comes to once in thousands of histories, each by its shortest way.
STORIES = (
    _story(  # never starts
        ("story", {"kind": "never"}),
        ("restore", {"cluster": "b"}),
        _PASS,
        *_after(610.0) * 3,
    ),
    _story(  # never stops: first a suspend, then a delete
        ("story", {"kind": "and never stop"}),
        ("deed", {"kind": "restart", "name": _W}),
        _PASS,
        _edit("suspend", True),
        _PASS,
        *_after(310.0) * 3,
    ),
    _story(
        ("story", {"kind": "and never stop"}),
        ("deed", {"kind": "restart", "name": _W}),
        _PASS,
        _edit("workerGroupSpecs.0.replicas", 0),
        _PASS,
        *_after(31.0),
        *_after(310.0),
    ),
    _story(  # falls again and again
        ("story", {"kind": "and fall at once"}),
        ("deed", {"kind": "crash", "name": _W}),
        _PASS,
        *_after(31.0) * 12,
        *_after(130.0) * 6,
    ),
    _story(  # runs, and never joins
        ("lose_node", {"name": _W}), _PASS, *_after(310.0), *_after(310.0), *_after(31.0)
    ),
    _story(  # a field that is never taken
        ("ignore", {"field": "cpu"}),
        _edit("workerGroupSpecs.0.resources.cpu", 2),
        *_after(5.0) * 8,
        *_after(31.0) * 6,
    ),
    _story(  # loses nothing
        _edit("protect", True),
        _edit("workerGroupSpecs.0.replicas", 0),
        _edit("headGroupSpec.resources.cpu", 2),
        *_after(5.0) * 2,
    ),
    _story(  # runs what it is not configured for
        _edit("workerGroupSpecs.0.resources.cpu", 2),
        *_after(5.0) * 3,
        ("deed", {"kind": "copy settings", "name": "ray-a-w-2"}),
        *_after(5.0) * 6,
        world="three workers",
    ),
)


def play(stage: Stage, chosen: Schedule, still: int = STILL) -> int:
    """The number of calm passes that it took; an AssertionError where a law was broken."""
    stage.begin(prepared(chosen.world), chosen.seed)
    for move in chosen.moves:
        move.do(stage)
    return stage.calm(still)
