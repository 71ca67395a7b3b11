"""Fresh seeds for as long as asked, on all cores.

    python -m tests.simulation.soak --seconds 600 --seed 1

Prints schedules per second, and for a failure what happened and the command that shows it again.
Writes nothing: a seed that failed is added to `seeds.txt` by hand, with the mending of its cause.
"""

import argparse
import multiprocessing
import os
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.calm import STILL_TURNS
from tests.simulation.cores import spread
from tests.simulation.schedule import DEFINITION, MOVES_MAX, USUAL, Schedule, play, schedule
from tests.simulation.scopes import LARGER, search
from tests.simulation.simulation import the_simulation
from tests.simulation.sweep import HISTORIES, Strike, run, strike, strikes

SEEDS = Path(__file__).with_name("seeds.txt")
FAILURES_SHOWN = 5
BATCH = 10
# Seeds of different runs must not overlap by accident: each run has a range of its own.
RANGE = 10_000_000


@dataclass
class Tally:
    """What came of some schedules.  `failures` are seeds with what they said."""

    schedules: int = 0
    cpu_s: float = 0.0
    passes: Counter[int] = field(default_factory=Counter)
    visits: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        self.schedules += other.schedules
        self.cpu_s += other.cpu_s
        self.passes += other.passes
        self.visits += other.visits
        self.failures += other.failures


def kept() -> list[Schedule]:
    """Histories that failed once, by their seeds, perhaps with a workspace; a line may end in
    `# remark`."""
    lines = (line.partition("#")[0].split(maxsplit=1) for line in SEEDS.read_text().splitlines())
    return [
        schedule(int(words[0]), " ".join(words[1:]).strip() or USUAL) for words in lines if words
    ]


def one(seed: int, tally: Tally) -> None:
    """Any exception is a failure: the controller may not fall over, and nor may the lab."""
    tally.schedules += 1
    try:
        tally.passes[play(the_simulation(), schedule(seed))] += 1
    except Exception as error:  # noqa: BLE001  whatever it is, its seed has to be told
        at = "".join(traceback.format_exception(error, limit=-4))
        tally.failures.append((seed, at))


def batch(seeds: Sequence[int]) -> Tally:
    started = time.process_time()
    sim, tally = the_simulation(), Tally()
    sim.visits.clear()
    for seed in seeds:
        one(seed, tally)
    tally.visits.update(sim.visits)
    tally.cpu_s = time.process_time() - started
    return tally


def soak(seconds: float, seed: int, cores: int) -> Tally:
    """Batches on all cores until the time is up or too much has failed."""
    ends = time.monotonic() + seconds
    total = Tally()

    def batches() -> Iterator[range]:
        start = seed * RANGE
        while time.monotonic() < ends and len(total.failures) < FAILURES_SHOWN:
            yield range(start, start + BATCH)
            start += BATCH

    context = multiprocessing.get_context("fork")
    with context.Pool(cores) as pool:
        pending = []
        for seeds in batches():
            pending.append(pool.apply_async(batch, (seeds,)))
            while len(pending) > 2 * cores:
                total.add(pending.pop(0).get())
        for left in pending:
            total.add(left.get())
        pool.close()
        pool.join()
    return total


def _struck(chosen: Strike) -> str:
    """What went wrong, if anything."""
    try:
        strike(the_simulation(), chosen)
    except Exception as error:  # noqa: BLE001  as in `one`
        return f"{chosen}: {error}"
    return ""


def swept(cores: int) -> Tally:
    """Each fault at each call of each short history; what failed is told at once."""
    sim, total = the_simulation(), Tally()
    chosen = [each for name in HISTORIES for each in strikes(name, run(sim, name))]
    with multiprocessing.get_context("fork").Pool(cores) as pool:
        for said in pool.imap_unordered(_struck, chosen, chunksize=BATCH):
            total.schedules += 1
            if said:
                total.failures.append((0, said))
                sys.stdout.write(f"{said}\n")
        pool.close()
        pool.join()
    return total


def tell(total: Tally, seconds: float) -> None:
    count, rate = total.schedules, total.schedules / seconds
    cost_ms = 1000 * total.cpu_s / max(count, 1)
    lines = [
        DEFINITION.format(more=MOVES_MAX, still=STILL_TURNS),
        f"{count} schedules in {seconds:.0f} s: {rate:.0f} a second, {cost_ms:.1f} ms of CPU each",
        f"at most {max(total.passes, default=0)} calm turns; {len(total.failures)} failed",
    ]
    for seed, said in total.failures[:FAILURES_SHOWN]:
        again = f"again: python -m tests.simulation.soak --replay {seed}"
        lines += ["", str(schedule(seed)), said, again]
    sys.stdout.write("\n".join(lines) + "\n")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.soak", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=1, help="which range of seeds")
    parser.add_argument("--cores", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--replay", type=int, nargs="+", help="only these very seeds")
    parser.add_argument("--sweep", action="store_true", help="every fault at every call instead")
    parser.add_argument("--interleavings", action="store_true", help="of two controllers instead")
    asked = parser.parse_args(arguments)
    if asked.interleavings:
        states = sum(spread(search, LARGER))
        sys.stdout.write(f"{states} states of two controllers, and no law broken\n")
        return 0
    started = time.monotonic()
    if asked.sweep:
        total = swept(asked.cores)
    elif asked.replay is not None:
        total = batch(asked.replay)
    else:
        total = soak(asked.seconds, asked.seed, asked.cores)
    tell(total, max(time.monotonic() - started, 0.001))
    return 1 if total.failures else 0


if __name__ == "__main__":
    sys.exit(main())
