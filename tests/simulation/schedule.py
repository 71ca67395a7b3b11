"""Seeded histories.  A schedule is one history of one world: from a prepared state, through some
moves of which at least one is a fault, to proven convergence and stability.
"""

import random
from dataclasses import dataclass
from functools import lru_cache

from controller.emulator.options import Options
from tests.simulation.calm import calm, settled
from tests.simulation.documents import Document, document
from tests.simulation.moves import MOVES, Move, placed
from tests.simulation.simulation import Prepared, Simulation, silent, the_simulation

DEFINITION = (
    "a schedule is one seeded history of one workspace with three projects, which in half of all "
    "cases differs from the documented one: a prepared state, a process of `raycml run` that "
    "follows the specs, something to do, up to {more} more moves "
    "(edits, people, commands, platform, lies, weather, time, kills, a second process) and one "
    "fault at one call to one of the projects; then calm turns until a pass has nothing to do and "
    "the oracle finds that all projects match, and {still} more that may write nothing"
)
MOVES_MAX = 3
WHOLE_EACH = 25
_NAMES = tuple(MOVES)
_WEIGHTS = tuple(each.weight for each in MOVES.values())
USUAL = "as documented"
WITHOUT_JOBS = "jobs of the API are skipped"  # matters only where something is built
# Differences between workspaces; half of all histories happen in one that does as documented.
WORKSPACES: dict[str, dict[str, object]] = {
    USUAL: {},
    "a put honors the path": {"post_upload_in_root": True},
    "a put alone is served": {"uploads": "put"},
    "what failed is stopped first": {"restart_of_failed": False},
    "a restart needs a live run": {"restart_needs_live_run": True},
    WITHOUT_JOBS: {"api_jobs_skipped": True},
    "all at once": {
        "post_upload_in_root": True,
        "restart_needs_live_run": True,
        "restart_while_stopping": True,
        "stop_of_stopped": True,
        "malformed_key_status": 401,
        "creation_status": "",
        "run_shows_project_environment": True,
        "slug_with_owner": True,
    },
}
# What gives the controller something to do, so that a fault has something to strike.
_CAUSES = ("edit",) * 6 + ("deed",) * 4 + ("second_group", "remove", "remove", "move", "command")
# Most faults need one or two projects; what three cost is paid in the larger part.
_WORLDS = {"three": 8, "one": 16, "environment": 1}


@dataclass(frozen=True, slots=True)
class Chosen:
    """One move with its arguments."""

    name: str
    arguments: dict[str, object]

    def do(self, sim: Simulation) -> None:
        sim.visits[f"move: {self.name}"] += 1
        MOVES[self.name].do(sim, **self.arguments)

    def __str__(self) -> str:
        return f"{self.name}({', '.join(f'{k}={v!r}' for k, v in self.arguments.items())})"


_OTHER_RAY = Chosen("edit", {"cluster": "b", "change": ("rayVersion", "2.59.0")})  # is built


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a seed stands for."""

    seed: int
    world: str
    moves: tuple[Chosen, ...]
    workspace: str = USUAL

    def __str__(self) -> str:
        moves = "\n".join(f"  {move}" for move in self.moves)
        return f"seed {self.seed}: from {self.world!r}, {self.workspace}\n{moves}"


def _of(name: str, rng: random.Random) -> Chosen:
    return Chosen(name, _arguments(MOVES[name], rng))


def _arguments(move: Move, rng: random.Random) -> dict[str, object]:
    return {name: rng.choice(values) for name, values in move.options.items()}


def schedule(seed: int, workspace: str | None = None) -> Schedule:
    """The same seed always gives the same schedule; `workspace` instead of the seed's own."""
    rng = random.Random(seed)
    moves = [_of(rng.choice(_CAUSES), rng)]
    more = rng.choices(_NAMES, _WEIGHTS, k=rng.choice((0, 0, 1, 1, 2, MOVES_MAX)))
    moves += [_of(name, rng) for name in more]
    moves.insert(rng.randint(0, len(moves)), _of("strike", rng))
    world = rng.choices(tuple(_WORLDS), tuple(_WORLDS.values()))[0]
    workspace = workspace or _workspace(seed)
    if workspace == WITHOUT_JOBS:
        world, moves = "environment", [_OTHER_RAY, *moves]
    return Schedule(seed, world, tuple(moves), workspace)


def _workspace(seed: int) -> str:
    """Drawn apart, so that the moves of a seed stay what they were."""
    others = [name for name in WORKSPACES if name != USUAL]
    rng = random.Random(f"workspace {seed}")
    return rng.choice((USUAL, rng.choice(others)))


def story(
    *moves: tuple[str, dict[str, object]], world: str = "three", workspace: str = USUAL
) -> Schedule:
    """A history that a person wrote down."""
    chosen = tuple(Chosen(name, arguments) for name, arguments in moves)
    return Schedule(0, world, chosen, workspace)


@lru_cache(maxsize=16)
def prepared(name: str) -> Prepared:
    """A world by its name."""
    with silent():
        return settled(the_simulation(), _documents(name))


def _documents(name: str) -> dict[str, Document]:
    sim = the_simulation()
    found = {cluster: placed(sim, cluster) for cluster in "abc"}
    if name == "one":
        return {"a": document("a")}
    if name == "nothing":
        return {}
    if name == "environment":
        wants = {"python": "3.11", "packages": ["ray[default]", "polars"]}
        found["b"]["spec"]["pythonEnvironment"] = wants
    return found


def differ(sim: Simulation, workspace: str) -> None:
    """The world behaves as this workspace until its next history."""
    sim.world.differ(Options(**WORKSPACES[workspace]))  # type: ignore[arg-type]  # as in the table
    sim.visits[f"workspace: {workspace}"] += 1


def play(sim: Simulation, chosen: Schedule, source: str = "") -> int:
    """The number of calm turns that it took; an AssertionError where anything is wrong.

    In one of so many schedules the specs are in a real folder, and all of httpx is in the way of a
    call; else they are in memory, or in git if asked.
    """
    whole = chosen.seed % WHOLE_EACH == 0
    sim.begin(prepared(chosen.world), chosen.seed)
    differ(sim, chosen.workspace)
    sim.whole_http = whole
    if source == "git":
        sim.repository.begin()
    sim.launch("a", chosen.seed, source or ("folder" if whole else "memory"))
    with silent():
        sim.pass_time(0.0)
        for move in chosen.moves:
            move.do(sim)
            sim.next_turn()
        return calm(sim)
