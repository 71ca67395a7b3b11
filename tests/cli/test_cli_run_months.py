"""A controller that runs for months holds on to nothing: memory and files after 4,000 passes.

The embedded CML answers without its web framework, which would take most of the time.
"""

import gc
import os
from pathlib import Path

import pytest
from controlled import Controlled, controlled
from stage import KEY, Stage

from tests.simulation.direct import Direct

PASSES = 4_000
WARM_UP = 1_000
GROWTH_MAX = 1536 * 1024  # bytes; a leak of one kilobyte a pass would be twice as much


def resident() -> int:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def handles() -> int:
    return len(os.listdir("/proc/self/fd"))


def turn(controller: Controlled, direct: Direct, times: int) -> None:
    """Passes; now and then the source is looked at, and a spec is edited."""
    for number in range(times):
        if number % 500 == 0:
            controller.stage.spec("one", replicas=1 + number // 500 % 2)
        if number % 50 == 0:
            controller.running.follower.poller.poll()
            controller.stage.wire.calls.clear()  # the stage's own memory
            direct.forget()
        controller.stage.clock.wait(controller.loop.turn())


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_memory_and_files_stay_flat_over_thousands_of_passes(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    direct = Direct(stage.workspace, stage.wire.inner, KEY, stage.user)
    stage.wire.inner = direct
    with controlled(stage, "specs") as controller:
        turn(controller, direct, WARM_UP)
        memory, files = resident(), handles()
        turn(controller, direct, PASSES - WARM_UP)
        grown = resident() - memory
        assert controller.loop.state.passes == PASSES
        assert handles() == files
        assert grown < GROWTH_MAX, f"{grown / 1024:.0f} KiB"
