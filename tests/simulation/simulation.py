"""One world, its people and the processes of the controller, on one clock.

Whatever happens in the simulation happens through here.  Time passes where something waits; then
every process whose turn has come takes it, so several live side by side and deterministically.
"""

import contextlib
import io
import os
import random
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from multiprocessing.util import Finalize
from pathlib import Path

from controller.core.model.faults import Result
from controller.emulator.options import Options
from controller.terminal.exit_codes import Exit
from tests.simulation.asked import Ask, Asked
from tests.simulation.commands import one_shot
from tests.simulation.documents import Document, text_of
from tests.simulation.judge import Declared, Judge
from tests.simulation.ledger import Ledger
from tests.simulation.people import People
from tests.simulation.processes import Beat, Process
from tests.simulation.sky import Sky
from tests.simulation.specs import Folder, Repository
from tests.simulation.weather import Fault
from tests.simulation.wire import Rule, Sent, Wire
from tests.simulation.world import KEY, Site, Snapshot, World

HOME, BY_NAME, BY_ID = "home", "second", "third"
FILES = frozenset({Ask.FILES, Ask.DOWNLOAD, Ask.UPLOAD, Ask.REMOVE})
LEASE_S = 55.0  # a controller that has written leads for so long at least
OWN_TURNS = 5
GRACE_S = 20.0  # a fifteenth of the default, so that histories are short
POLL_S = 2.0  # after which a change of the specs has been seen, and wakes the controller
IDLE_MAX = 12  # passes that come to nothing before the controller has to say so


_DATE = "2026-03-01T12:00:00Z"
_GIT = {
    **{f"GIT_{who}_NAME": "jdoe" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_EMAIL": "jdoe@example.com" for who in ("AUTHOR", "COMMITTER")},
    **{f"GIT_{who}_DATE": _DATE for who in ("AUTHOR", "COMMITTER")},
}


class ViolationError(AssertionError):
    """The simulation saw what may not be."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A world in which the documents are settled."""

    docs: Mapping[str, Document]
    kept: Snapshot


class Simulation:
    """The world `world` has the projects HOME (the connection's), BY_NAME and BY_ID."""

    def __init__(self, place: Path) -> None:
        self.world = World(names=(HOME, BY_NAME, BY_ID))
        self.owner = self.world.sites[HOME].project
        self.whole_http = False  # instead of a client that only sends
        self.environ = {
            "CML_HOST": "http://127.0.0.1",
            "CML_API_KEY": KEY,
            "CML_PROJECT_ID": self.owner,
            "HADOOP_USER_NAME": "jdoe",
            "RAYCML_POOL_THREADS": "1",
            "RAYCML_PRUNE_GRACE_S": str(GRACE_S),
            "HOME": str(place),
            "PATH": os.environ.get("PATH", ""),
        }
        self.visits: Counter[str] = Counter()
        self.folder = Folder(place / "work")
        self.repository = Repository(self.folder, {**self.environ, **_GIT})
        self.docs: dict[str, Document] = {}
        self.declared = Declared()
        sites = self.world.sites
        self.skies = {n: Sky(s, random.Random(0), self.saw) for n, s in sites.items()}
        self.people = {name: People(site, self.owner) for name, site in sites.items()}
        self.judges = {n: Judge(s, self.owner, self.declared) for n, s in sites.items()}
        self.processes: dict[str, Process] = {}
        self.beats: list[Beat] = []
        self.writer: tuple[Wire, float] | None = None
        self.lease_trouble = False
        self.rules: list[Rule] = []
        self.interrupts: dict[int, Callable[[], None]] = {}
        self.hook: Callable[[Asked], bool] | None = None
        self.sent: list[Sent] = []
        self.violations: list[AssertionError] = []
        self.agreed: set[str] = set()
        self.calls = 0
        self.deeds = 0
        self.empty = self.world.snapshot()

    @property
    def now(self) -> float:
        return self.world.time.passed

    def saw(self, name: str) -> None:
        self.visits[name] += 1

    def begin(self, prepared: Prepared, seed: int) -> None:
        """Another history, from a prepared world, with no process yet."""
        for process in self.processes.values():
            process.die()
        self.world.differ(Options())
        self.world.rng.seed(f"ids {seed}")
        self.world.restore(prepared.kept)
        self.processes.clear()
        self.declared = Declared()
        for number, name in enumerate(self.world.sites):
            self.skies[name].rng.seed(f"{seed} {number}")
            self.skies[name].reset()
            self.people[name].reset()
            self.judges[name].begin(self.declared)
            self.skies[name].note()
        self.beats.clear()
        self.whole_http = False
        self.hook = None
        self.writer, self.lease_trouble = None, False
        self.rules.clear()
        self.interrupts.clear()
        self.sent.clear()
        self.violations.clear()
        self.agreed.clear()
        self.calls = self.deeds = 0
        self.docs = {}
        self.folder.reset({})
        for cluster, doc in prepared.docs.items():
            self.write(cluster, doc)

    # specs

    def site_name(self, doc: Document) -> str:
        """The project of a document."""
        named = doc["spec"].get("project")
        site = self.world.sites[HOME] if named is None else self.world.site(named)
        return "" if site is None else site.name

    def write(self, cluster: str, doc: Document) -> None:
        """A person writes the spec of a cluster."""
        before = self.docs.get(cluster)
        if before is not None and self.site_name(before) != self.site_name(doc):
            self.declared.withdraw(self.site_name(before), cluster)
        self.docs[cluster] = doc
        self.declared.declare(self.site_name(doc), cluster, doc)
        self.folder.put(f"{cluster}.yaml", text_of(doc))

    def remove(self, cluster: str) -> None:
        """A person removes the spec's file."""
        doc = self.docs.pop(cluster, None)
        if doc is not None:
            self.declared.withdraw(self.site_name(doc), cluster)
            self.folder.put(f"{cluster}.yaml", None)

    def spoil(self, cluster: str, data: bytes) -> None:
        """The file holds something else for a while; what people want is unchanged."""
        if cluster in self.docs:
            self.folder.put(f"{cluster}.yaml", data)

    def mend_files(self) -> None:
        """All files are as people want them."""
        self.folder.mount(away=False)
        for cluster, doc in self.docs.items():
            data = text_of(doc)
            if self.folder.files.get(f"{cluster}.yaml") != data:
                self.folder.put(f"{cluster}.yaml", data)

    def docs_of(self, site: str) -> dict[str, Document]:
        return {name: doc for name, doc in self.docs.items() if self.site_name(doc) == site}

    def keeps(self, site: str, cluster: str) -> bool:
        """Whether the last document of a cluster that left says that it loses nothing."""
        said = self.declared.versions.get((site, cluster), [])
        return bool(said and (said[-1]["spec"].get("protect") or said[-1]["spec"].get("paused")))

    # processes and time

    def launch(self, name: str, seed: int, source: str = "memory") -> Process:
        process = Process(name, self, seed, source, due=self.now)
        self.processes[name] = process
        return process

    def command(self, name: str, *arguments: str) -> Exit:
        """A one-shot command, from its beginning to its end."""
        return one_shot(self, name, *arguments)

    def pass_time(self, seconds: float) -> None:
        """Time passes, and every process whose turn comes meanwhile takes it."""
        ends = self.now + seconds
        for process in self.processes.values():
            if process.is_behind:
                process.due = min(process.due, self.now + POLL_S)
        while (due := self._due(ends)) is not None:
            self._advance(due.due)
            if isinstance(due, Beat):
                due.run(self.now)
            else:
                due.turn()
            if self.violations:
                raise self.violations[0]
        self._advance(ends)

    def _due(self, ends: float) -> Process | Beat | None:
        """Whose turn comes first until then.  A process goes on beside calls that hang, but for
        its own: where its second thread is at one, its turn waits."""
        free = [each for each in self.processes.values() if self.beat_of(each.wire) is None]
        due = [each for each in (*free, *self.beats) if not each.busy and each.due <= ends]
        return min(due, key=lambda each: each.due, default=None)

    def beat_of(self, wire: Wire) -> Beat | None:
        """The work that a second thread of this process is at."""
        return next((beat for beat in self.beats if beat.busy and beat.wire is wire), None)

    def while_away(self, seconds: float) -> None:
        """A long time passes: so many turns at the controller's own pace, and one at the end."""
        ends = self.now + seconds
        for _ in range(OWN_TURNS):
            if min((p.due for p in self.processes.values()), default=ends) >= ends:
                break
            self.next_turn()
        for process in self.processes.values():
            process.due = max(process.due, ends)
        self.pass_time(max(ends - self.now, 0.0))

    def next_turn(self) -> None:
        """Time passes until a process has taken its turn."""
        ahead = min((p.due for p in self.processes.values() if not p.busy), default=self.now)
        if any(process.is_behind for process in self.processes.values()):
            ahead = min(ahead, self.now + POLL_S)
        if ahead < float("inf"):
            self.pass_time(max(ahead - self.now, 0.0))

    def _advance(self, to: float) -> None:
        self.world.time.passed = max(self.now, to)
        if self.world.builds:
            self.world.build()

    def turned(self, process: Process) -> None:
        """After each pass: a controller that comes to nothing has to say so."""
        assert process.running is not None
        done, loop = process.running.last, process.loop
        if done is None or loop is None or loop.state.error or loop.state.holder:
            process.idle = 0
            return
        if done.plan.refusals:
            raise ViolationError(f"the audit refused the plan: {done.plan.refusals}")
        wrote = any(outcome.result is Result.DONE for outcome in done.outcomes)
        process.idle = process.idle + 1 if done.plan.steps and not wrote else 0
        if process.idle >= IDLE_MAX and not process.complains():
            words = [f"{o.step.name} {o.step.member}: {o.message}" for o in done.outcomes]
            raise ViolationError(
                f"{process.idle} passes came to nothing, and all is green: {words}"
            )

    # the wire

    def before(self, what: Asked) -> None:
        """What happens just before a call: by its number, or the first one that `hook` accepts."""
        act = self.interrupts.pop(self.calls, None)
        if self.hook is not None and self.hook(what):
            self.hook = None
        self.calls += 1
        if act is not None:
            self.deeds += 1
            act()

    def fault(self, process: str, site: str, what: Asked) -> Fault | None:
        """What strikes this call, if anything."""
        for rule in self.rules:
            if rule.strikes(process, site, what, self.now):
                return rule.fault
        return None

    def struck(self, fault: Fault, what: Asked, site: Site | None) -> None:
        if what.ask in FILES and site is not None and site.name == HOME:
            self.lease_trouble = True
        self.visits[f"{fault.name}: {what.ask.value}"] += 1

    def leads(self, wire: Wire) -> None:
        """A controller writes to an application: no other one that lives did so a moment ago, or
        is in the middle of a pass in which it wrote."""
        before, self.writer = self.writer, (wire, self.now)
        if before is None or before[0] is wire or before[0].cut:
            return
        if self.lease_trouble or self.skies[HOME].unsure:
            return
        within = any(p.busy and p.wire is before[0] for p in self.processes.values())
        if (within or self.now - before[1] < LEASE_S) and not before[0].closed:
            self.violated(ViolationError(f"{before[0].process} and {wire.process} both lead"))

    def site_of(self, what: Asked) -> Site | None:
        """The project that a call is about; a look-up by name is about the project of that name."""
        for site in self.world.sites.values():
            if what.project == site.project or f'"{site.name}"' in what.project:
                return site
        return None

    def ledger(self, process: str, site: Site) -> Ledger:
        sky = self.skies[site.name]
        clear = not (sky.lag or sky.page_size or sky.odd) and not self.rules
        alone = len(self.processes) <= 1 and not self.interrupts
        paused = self.people[site.name].paused()
        return Ledger(process, {}, paused=paused, clear=clear, alone=alone)

    def violated(self, error: AssertionError) -> None:
        """Noted here, since no error ends the loop of a controller."""
        self.violations.append(error)


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """What processes say goes nowhere."""
    out, err = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Sink(), _Sink()
    try:
        yield
    finally:
        sys.stdout, sys.stderr = out, err


class _Sink(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


@lru_cache(maxsize=1)
def the_simulation() -> Simulation:
    """One for each process of the tests; histories follow each other on it."""
    shm = Path("/dev/shm")
    place = tempfile.mkdtemp(prefix="simulation-", dir=shm if shm.is_dir() else None)
    # Workers of a pool end without `atexit`.
    Finalize(None, shutil.rmtree, (place, True), exitpriority=1)
    return Simulation(Path(place))
