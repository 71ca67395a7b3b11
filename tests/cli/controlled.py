"""A long-running controller on the stage, turned by hand: each turn is one look and one pass."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from stage import Stage

from controller.cli.commands.run import _loop, _running
from controller.core.status.snapshot import ControllerSnapshot, SourceState
from controller.run.controller import Controller
from controller.run.follow import Poller
from controller.run.loop import Loop
from controller.run.options import Flags, resolve
from controller.run.sources import open_source
from controller.source.directory import SourceError
from controller.telemetry import INFO
from controller.terminal.common import CommonOptions
from controller.terminal.screen import Screen
from controller.web.metrics import Metrics
from controller.workspace.session import open_session


@dataclass
class Controlled:
    """One process of `raycml run`, without its threads."""

    stage: Stage
    running: Controller
    loop: Loop

    def turn(self, times: int = 1) -> "Controlled":
        """So many times: look at the source, pass, and wait as long as the loop would."""
        for _ in range(times):
            self.running.follower.poller.poll()
            pause_s = self.loop.turn()
            self.stage.clock.wait(pause_s)
        return self

    def settle(self, most: int = 60) -> "Controlled":
        """Until four passes in a row were followed by the long pause: grace and all is over."""
        calm = 0
        for _ in range(most):
            self.turn()
            calm = calm + 1 if self.loop.state.pause_s > 20 and not self.loop.state.error else 0
            if calm == 4:
                return self
        raise AssertionError(f"no rest after {most} passes: {self.loop.state}")

    @property
    def snapshot(self) -> ControllerSnapshot:
        return self.running.snapshot

    @property
    def source(self) -> SourceState:
        return self.running.follower.state()

    def events(self) -> list[str]:
        return [f"{event.reason} {event.object}" for event in reversed(self.snapshot.events)]


@contextmanager
def controlled(
    stage: Stage, source: Path | str | None, dice: int = 7, **flags: object
) -> Iterator[Controlled]:
    machine = stage.machine(dice)
    screen = Screen(machine, plain=True, verbose=False)
    typed = None if source is None else str(source)
    options = resolve(Flags(typed, **flags), machine.environ)  # type: ignore[arg-type]
    followed, _ = open_source(options, machine)
    poller = Poller(followed, SourceError, stage.clock)
    with open_session(CommonOptions(screen, local=False, ca_cert=None), level=INFO) as session:
        running = _running(screen, session, poller, Metrics(), options)
        running.restore()
        loop = _loop(machine, running, options, threading.Event(), threading.Event())
        yield Controlled(stage, running, loop)
