"""A converged pass of `raycml run`, timed without the embedded CML's own work.

`python -m tests.benchmarks.idle [CLUSTERSxMEMBERS]` prints processor seconds and calls of a pass,
for 100x3 where nothing else is asked for.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import httpx

sys.path.insert(0, str(Path(__file__).parents[1] / "cli"))  # the stage of the commands' tests

from controlled import controlled
from stage import KEY, Stage

from tests.simulation.direct import Direct

PASSES = 10


class Aside(httpx.BaseTransport):
    """Another transport, with the processor seconds that it took, and its calls."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner
        self.seconds = 0.0
        self.calls = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        before = time.process_time()
        try:
            return self.inner.handle_request(request)
        finally:
            self.seconds += time.process_time() - before
            self.calls += 1


def main() -> None:
    size = sys.argv[1] if len(sys.argv) > 1 else "100x3"
    clusters, members = (int(number) for number in size.split("x"))
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        stage = Stage(None, Path(folder))  # type: ignore[arg-type]  # nothing is captured here
        for number in range(clusters):
            stage.spec(f"c{number}", replicas=members - 1)
        direct = Direct(stage.workspace, stage.wire.inner, KEY, stage.user)
        aside = stage.wire.inner = Aside(direct)
        with controlled(stage, "specs") as controller:
            controller.settle(400)
            stage.clock.passing.clear()
            stage.report()
            aside.seconds, aside.calls, spent = 0.0, 0, 0.0
            for _ in range(PASSES):
                stage.report()
                stage.wire.calls.clear()
                direct.forget()
                before = time.process_time()
                controller.loop.turn()
                spent += time.process_time() - before
                stage.clock.wait(30)
            assert not controller.snapshot.plan.steps
            own = (spent - aside.seconds) / PASSES
            print(f"{size}: {own:.3f} s a pass, {aside.calls / PASSES:.0f} calls")
        os.chdir("/")


if __name__ == "__main__":
    main()
