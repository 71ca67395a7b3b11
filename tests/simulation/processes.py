"""Processes of the controller, put together by the very functions that the commands call.

A process lives on the simulated clock: a turn is a look at the source, where there is something
new, and one pass.  One that is killed sends nothing any more and gives nothing back.
"""

import random
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from controller.cli.commands.run import _loop, _running
from controller.core.model.faults import Fault
from controller.core.status.events import Kind
from controller.files.port import FilesError
from controller.process.system import System
from controller.run.controller import Controller
from controller.run.follow import NoRevisionError, Poller, Source
from controller.run.loop import Loop
from controller.run.options import Flags, RunOptions, resolve
from controller.run.sources import open_source
from controller.source.directory import SourceError
from controller.telemetry import INFO
from controller.terminal.common import CommonOptions
from controller.terminal.errors import explained
from controller.terminal.screen import Screen
from controller.web.health import unready
from controller.web.metrics import Metrics
from controller.workspace.session import Session, open_session
from tests.simulation.clocks import SimulatedClock
from tests.simulation.light import LightClient
from tests.simulation.specs import MemorySource
from tests.simulation.weather import Killed
from tests.simulation.wire import Wire

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

RECENT_S = 900.0  # a warning that is older says nothing of the present
BEAT_S = 20.0
POLL_S = 20.0
HURRIED_MAX = 40  # a cluster of this size needs a few
AGAIN_S = 20.0  # after which a supervisor starts a process anew


class ProcessClock(SimulatedClock):
    """While this process waits, the world and all others go on."""

    def __init__(self, simulation: "Simulation", wire: Wire) -> None:
        super().__init__(simulation.world.time)
        self._simulation = simulation
        self._wire = wire

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        if self._wire.cut:
            raise Killed
        self._simulation.pass_time(max(seconds, 0.0))
        return wake is not None and wake.is_set()


@dataclass
class Beat:
    """Work of a second thread of a process, such as the renewal of its lease.

    `then`: what waits for the end of the work at hand.
    """

    work: Callable[[], None]
    wire: Wire
    every_s: float
    due: float
    busy: bool = False
    then: list[Callable[[], None]] = field(default_factory=list)

    def run(self, now: float) -> None:
        self.due = now + self.every_s
        self.busy = True
        try:
            if not self.wire.cut:
                self.work()
        except Killed:
            self.wire.cut = True
        finally:
            self.busy = False
            while self.then:
                self.then.pop()()


def machine_of(sim: "Simulation", wire: Wire, clock: ProcessClock, rng: random.Random) -> System:
    """The machine of one process, which no other process can look into."""

    @contextmanager
    def repeat(work: Callable[[], None], every_s: float) -> Iterator[None]:
        # What is due every twenty seconds is asked for so often; the product asks more often.
        beat = Beat(work, wire, max(every_s, BEAT_S), sim.now + BEAT_S)
        sim.beats.append(beat)
        try:
            yield
        finally:
            sim.beats.remove(beat)

    place = f"{wire.process} {sim.calls} 1 1"
    network = wire if sim.whole_http else LightClient(wire, sim.environ["CML_HOST"])
    return System(sim.environ, clock, rng, network, repeat=repeat, place=lambda: place)


@dataclass
class Process:
    """What `raycml run` is made of, without its threads.  `due`: when its next turn is.

    `idle` counts passes in a row that had steps and came to nothing, `hurried` those that the next
    one followed at once.
    """

    name: str
    simulation: "Simulation"
    seed: int
    source: str = "memory"
    due: float = 0.0
    busy: bool = False
    turns: int = 0
    idle: int = 0
    hurried: int = 0
    skew: float = 0.0
    wire: Wire = field(init=False)
    clock: ProcessClock = field(init=False)
    running: Controller | None = None
    loop: Loop | None = None
    _session: AbstractContextManager[Session] | None = None
    _polled: tuple[int, str] = (-1, "")
    _polled_at: float = 0.0

    def __post_init__(self) -> None:
        self._anew()

    def _anew(self) -> None:
        self.wire = Wire(self.simulation, self.name)
        self.clock = ProcessClock(self.simulation, self.wire)
        self.clock.skew = self.skew

    def set_skew(self, seconds: float) -> None:
        """The wall clock of its machine is set; its monotonic time goes on."""
        self.skew = self.clock.skew = seconds

    # life

    def start(self) -> None:
        """As the command does until its loop begins.  What fails there is tried again later."""
        self._anew()
        self.hurried = 0
        clock = self.clock
        rng = random.Random(f"{self.seed} {self.name} {self.turns}")
        machine = machine_of(self.simulation, self.wire, clock, rng)
        screen = Screen(machine, plain=True, verbose=False)
        options = resolve(Flags(str(self._followed())), machine.environ)
        poller = Poller(self._source(options, machine), SourceError, clock)
        session = open_session(CommonOptions(screen, local=False, ca_cert=None), level=INFO)
        opened = session.__enter__()
        self._session = session
        self.running = _running(screen, opened, poller, _metrics(), options)
        self.running.restore()
        stop, wake = threading.Event(), threading.Event()
        loop = _loop(machine, self.running, options, stop, wake)
        standby = loop.standby
        loop.standby = lambda error: self._heard(error) or standby(error)
        self.loop = loop
        self._polled = (-1, "")

    def _heard(self, error: Exception) -> None:
        """Whatever nobody foresaw is a fault of the controller, though its loop goes on."""
        if not isinstance(error, Fault | FilesError | NoRevisionError):
            trace = "".join(traceback.format_exception(error, limit=-4))
            self.simulation.violated(AssertionError(f"an unforeseen error: {trace}"))

    def _followed(self) -> Path:
        """The folder, or the repository that it is in."""
        if self.source == "git":
            self.simulation.repository.commit()
            return self.simulation.repository.place
        return self.simulation.folder.place

    def _source(self, options: RunOptions, machine: System) -> Source:
        if self.source == "memory":
            return MemorySource(self.simulation.folder, machine.clock.wait)
        if self.source == "folder":
            self.simulation.folder.on_disk()
        return open_source(options, machine)[0]

    def turn(self) -> None:
        """One look and one pass, or a start; whatever happens in it stays in this process."""
        self.busy = True
        try:
            if self.loop is None:
                self.start()
            self._turn()
        except Killed:
            self.die()
        except Exception as error:
            if explained(error) is None:
                raise
            self.close()
            self.due = self.simulation.now + AGAIN_S
        finally:
            self.busy = False

    def _turn(self) -> None:
        assert self.loop is not None
        assert self.running is not None
        self.turns += 1
        if self.loop.stop.is_set():  # it came while a second thread was at a call
            self._end()
            return
        self._poll(self.running)
        pause = self.loop.turn()
        self.due = self.simulation.now + pause
        self.hurried = 0 if pause else self.hurried + 1
        if self.hurried > HURRIED_MAX:
            said = f"{self.hurried} passes followed each other without a pause"
            self.simulation.violated(AssertionError(said))
        if self.loop.stop.is_set():
            self._end()
            return
        self.simulation.turned(self)

    def _end(self) -> None:
        self.close()
        self.due = float("inf")

    def _poll(self, running: Controller) -> None:
        """The source is looked at every two seconds; here where that may say something new, and
        before each pass that comes long after the last look."""
        record = running.follower.record
        state = (self.simulation.folder.changes, "" if record is None else record.revision)
        old = self.simulation.now - self._polled_at > POLL_S
        if state != self._polled or old or running.follower.poller.look().failure:
            self._polled_at = self.simulation.now
            if self.source == "folder":
                self.simulation.folder.on_disk()
            if self.source == "git":
                self.simulation.repository.commit()
            running.follower.poller.poll()
            self._polled = state

    def close(self) -> None:
        """The end of the command: the session is closed, and gives back what it holds."""
        session, running = self._session, self.running
        self._session, self.loop, self.running = None, None, None
        if running is not None:
            running.session.give_back()
        if session is not None:
            session.__exit__(None, None, None)
        self.wire.closed = True

    def stop(self) -> None:
        """TERM: its turn in hand ends, and then the process."""
        if self.loop is not None and self.running is not None:
            for event in (self.loop.stop, self.loop.wake, self.running.aborted):
                event.set()
        if self.loop is None:
            self.due = float("inf")
        elif not self.busy:
            self.due = self.simulation.now
            if self.simulation.beat_of(self.wire) is None:
                self.turn()

    @property
    def goes_on(self) -> bool:
        """Whether nobody has told it to end."""
        return self.due < float("inf") and (self.loop is None or not self.loop.stop.is_set())

    def die(self) -> None:
        """Nothing is given back; a supervisor starts it anew."""
        self.wire.cut = True
        session, self._session, self.loop, self.running = self._session, None, None, None
        beat = self.simulation.beat_of(self.wire)
        if session is not None and beat is not None:
            beat.then.append(lambda: _leave(session))
        elif session is not None:
            _leave(session)
        self.idle = 0
        self.due = self.simulation.now + AGAIN_S

    @property
    def is_behind(self) -> bool:
        """Whether people have changed the specs since it looked."""
        return self.loop is not None and self._polled[0] != self.simulation.folder.changes

    # what it says

    def complains(self) -> bool:
        """Whether a person can see that something is wrong: on the readiness page, in the status
        of a cluster, or by a warning of the last minutes."""
        if self.running is None or self.unready():
            return True
        board = self.running.snapshot
        clusters = () if board.status is None else board.status.clusters
        recent = self.clock.now() - timedelta(seconds=RECENT_S)
        warned = any(
            e.kind is Kind.WARNING and e.last_at is not None and e.last_at >= recent
            for e in board.events
        )
        return warned or any(cluster.word == "Stalled" for cluster in clusters)

    def unready(self) -> list[str]:
        """What the readiness page answers."""
        return ["it does not run"] if self.running is None else unready(self.running.snapshot)


def _leave(session: AbstractContextManager[Session]) -> None:
    with suppress(Killed):
        session.__exit__(Killed, Killed(), None)


@lru_cache(maxsize=1)
def _metrics() -> Metrics:
    return Metrics("0", ())
