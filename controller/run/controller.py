"""The running controller: passes, their log and events, and the snapshot for the web."""

import math
import threading
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from structlog.typing import FilteringBoundLogger

from controller.core.model.faults import Fault, FaultKind, Result
from controller.core.model.history import History
from controller.core.model.plan import Outcome
from controller.core.model.record import in_force
from controller.core.status.event_diff import PassSnapshot, event_diff
from controller.core.status.event_reasons import EventReason
from controller.core.status.events import Event, EventLog, note, restored
from controller.core.status.snapshot import ControllerSnapshot, LoopState
from controller.core.status.timeline import Timelines, extend
from controller.execute import Execution
from controller.files.events import EventFile
from controller.files.port import FilesError
from controller.reconcile import Pass, look_and_plan, reconcile
from controller.run.clean_up import CleanUp
from controller.run.follow import Follower, NoRevisionError
from controller.run.orders.leader import StandingOrders
from controller.run.places import sightings
from controller.telemetry import Redaction, pass_line, step_line
from controller.terminal.specs import NO_SPECS
from controller.web.metrics import Metrics
from controller.workspace.session import Session

# Time of a pass after its last new step; shorter than the limit of the health check.
_CALLS_S = 30.0  # for calls in progress
_EVENTS_S = 20.0  # for writing its events
_FILES_S = 600.0  # between reads of launchers and folders while nothing else is pending
_STANDS_BY = frozenset({FaultKind.LEASE_HELD, FaultKind.LEASE_TAKEN})


@dataclass(slots=True)
class Controller:
    """Passes of the controller; used only by the loop's thread, except for `snapshot`.

    `run_id` is the first half of the ID of every pass.  `aborted` is set when the process has to
    stop, and ends the current pass between two calls; no pass sets it.  `outdated` is set when a
    pause starts or ends, and ends the current pass before its next step.
    """

    session: Session
    follower: Follower
    event_file: EventFile
    metrics: Metrics
    redaction: Redaction
    run_id: str
    prune: bool
    aborted: threading.Event = field(default_factory=threading.Event)
    outdated: threading.Event = field(default_factory=threading.Event)
    number: int = 0
    epoch: int = 0
    leads: bool = False
    event_log: EventLog = field(default_factory=EventLog)
    timelines: Timelines = field(default_factory=dict)
    last: Pass | None = None
    pass_snapshot: PassSnapshot | None = None
    snapshot: ControllerSnapshot = field(init=False)
    orders: StandingOrders = field(init=False)
    clean_up: CleanUp = field(init=False)
    projects: tuple[str, ...] = field(init=False)
    _files_due_at: float = -math.inf

    def __post_init__(self) -> None:
        self.follower.permission = self.permission
        self.orders = StandingOrders(self.session)
        self.clean_up = CleanUp(self.session, self.permission)
        self.projects = (self.session.project,)
        self.snapshot = ControllerSnapshot(
            self.session.clock.now(), self.follower.state(), LoopState()
        )

    @property
    def pass_id(self) -> str:
        return f"{self.run_id}-{self.number}"

    @property
    def log(self) -> FilteringBoundLogger:
        record = self.follower.record
        revision = "" if record is None else record.revision[:12]
        bound: FilteringBoundLogger = self.session.log.bind(pass_id=self.pass_id, revision=revision)
        return bound

    def restore(self) -> None:
        """Continue from the files of previous controllers, if they can be read."""
        try:
            self.follower.recall()
            self.event_log = restored(self.event_file.read())
        except FilesError as error:
            self.session.log.warning("previous records cannot be read yet", error=str(error))

    # A pass

    def one_pass(self, history: History) -> Pass:
        """A pass in bounded time, even if CML answers no call."""
        self.number += 1
        limit, clock = self.session.client.limit, self.session.clock
        limit.until(clock.monotonic() + self.session.settings.pass_budget_s + _CALLS_S)
        try:
            return self._pass(history)
        finally:
            limit.until(math.inf)

    def _pass(self, history: History) -> Pass:
        session, clock = self.session, self.session.clock
        started = clock.monotonic()
        self.outdated.clear()
        self._lead(history)
        run = self._execution(started + session.settings.pass_budget_s)
        try:
            revision = self.follower.advance()
        except NoRevisionError:
            self.orders.carry_out(self.projects, NO_SPECS, run)
            raise
        revision = self.orders.carry_out(self.projects, revision, run)
        policy = replace(
            session.policy,
            gone=self.follower.gone() if self.prune else frozenset(),
            grace=self.follower.leaving() if self.prune else {},
            allow_prune=self.follower.allow_prune,
            look_at_pauses=True,
            look_at_files=started >= self._files_due_at,
        )
        policy = self.orders.obeying(policy)
        done = reconcile(revision, session.world, run, history, policy)
        self.follower.note(sightings(done.desired, done.observed, session.owner))
        if done.observed.files is not None:
            self._files_due_at = started + _FILES_S
        self.projects = tuple(sorted({session.project, *done.observed.projects}))
        self.orders.concluded(done)
        done = self.orders.shown_in(done)
        self.clean_up.sweep(self.projects, self.follower.poller.origin, done)
        took_s = clock.monotonic() - started
        changed = any(outcome.result is not Result.SKIPPED for outcome in done.outcomes)
        line = self.log.info if changed or self.last is None else self.log.debug
        line("pass", **{**pass_line(done, took_s), "revision": revision.commit})
        return done

    def _execution(self, ends: float) -> Execution:
        return replace(
            self.session.execution(self._on_outcome),
            permission=self.permission,
            expired=lambda: self.outdated.is_set() or self.session.clock.monotonic() >= ends,
            stopped=self.aborted,
        )

    def permission(self) -> None:
        """Hold the lease; Fault if another controller has it, or had it meanwhile."""
        try:
            self.session.permit()
        except Fault:
            self.leads = False
            self.follower.record = None  # the leader may change it
            raise
        self.leads = True
        before, self.epoch = self.epoch, self.session.lease.epoch
        if before not in (0, self.epoch):
            self.follower.record = None
            raise Fault(
                "another controller had the lease meanwhile; starting a new pass",
                kind=FaultKind.LEASE_TAKEN,
            )

    def _lead(self, history: History) -> None:
        """Hold the lease from the start of the pass, so that a second controller stands by."""
        try:
            self.permission()
        except Fault as fault:
            if fault.kind == FaultKind.LEASE_TAKEN:
                return  # nothing was read yet
            self._watch(history)
            raise

    def _watch(self, history: History) -> None:
        """A read-only pass of a controller in standby, for its status page."""
        try:
            revision = in_force(self.follower.recall(), None)
            policy = replace(self.session.policy, look_at_pauses=True)
            self.last = look_and_plan(revision, self.session.world, history, policy)
        except (Fault, FilesError) as error:
            self.log.info("standby cannot read the state", error=str(error))

    def standby(self, error: Exception) -> str | None:
        """The controller that leads; empty if the first revision needs approval, else None."""
        if isinstance(error, Fault) and error.kind in _STANDS_BY:
            return str(error)
        waits = isinstance(error, NoRevisionError) and self.follower.held is not None
        return "" if waits else None

    def _on_outcome(self, outcome: Outcome) -> None:
        self.log.info("step", **step_line(outcome))

    # Log, events, metrics and snapshot

    def publish(self, state: LoopState, done: Pass | None, error: Exception | None) -> None:
        """Publish the start and the end of each pass: log, events, metrics and a new snapshot."""
        try:
            self._publish(state, done, error)
        except Exception as failure:
            trace = self.redaction.traceback(failure)
            self.log.error("publishing failed", traceback=trace)  # noqa: TRY400 - redacted
            raise

    def _publish(self, state: LoopState, done: Pass | None, error: Exception | None) -> None:
        if error is not None:
            self._record_error(state, error)
        if done is not None:
            self._remember(done)
            self.metrics.acted(done.outcomes)
        if done is not None or error is not None:
            self.metrics.passed(_result(state, done), state.took_s)
        self.snapshot = self._snapshot(replace(state, leads=self.leads and not state.holder))

    def _record_error(self, state: LoopState, error: Exception) -> None:
        message = self.redaction(str(error) or type(error).__name__)
        if not state.failures:
            waits = isinstance(error, NoRevisionError)
            (self.log.warning if waits else self.log.info)("standing by", why=message)
            return
        expected = isinstance(error, Fault | FilesError | NoRevisionError)
        trace = {} if expected else {"traceback": self.redaction.traceback(error)}
        cause = getattr(error, "kind", type(error).__name__)
        self.log.error("pass failed", error=message, cause=cause, failures=state.failures, **trace)
        self._record([EventReason.PASS_FAILED.event(message)])

    def _remember(self, done: Pass) -> None:
        pass_snapshot = PassSnapshot(done.status, done.plan, done.outcomes, self.follower.state())
        self._log_problems(pass_snapshot)
        events = event_diff(self.pass_snapshot, pass_snapshot)
        self.last, self.pass_snapshot = done, pass_snapshot
        self.timelines = extend(self.timelines, done.status)
        self._record(events)

    def _log_problems(self, now: PassSnapshot) -> None:
        """Log each new problem of the specs once."""
        previous = () if self.pass_snapshot is None else self.pass_snapshot.source.problems
        for problem in now.source.problems:
            if problem not in previous:
                self.log.warning("invalid spec", problem=problem)

    def _record(self, events: Iterable[Event]) -> None:
        """Add events to memory, and if this controller leads to the files, so that each is once."""
        record = self.follower.record
        revision = "" if record is None else record.revision
        now = self.session.clock.now()
        clean = (replace(event, message=self.redaction(event.message)) for event in events)
        self.event_log, news = note(self.event_log, clean, now, self.pass_id, revision)
        if not news:
            return
        limit = self.session.client.limit
        limit.until(self.session.clock.monotonic() + _EVENTS_S)
        try:
            self.permission()
            self.event_file.append(news)
        except (Fault, FilesError) as error:
            self.log.warning("events not written", error=str(error))
        finally:
            limit.until(math.inf)

    def _snapshot(self, state: LoopState) -> ControllerSnapshot:
        snapshot = ControllerSnapshot(
            as_of=self.session.clock.now(),
            source=self.follower.state(),
            loop=state,
            events=self.event_log.events,
            timelines=self.timelines,
        )
        done = self.last
        if done is None:
            return snapshot
        pauses = {
            cluster.name: pause
            for cluster in done.status.clusters
            if (pause := done.observed.pause(cluster.project, cluster.name))
        }
        urls = self._urls(done)
        return replace(snapshot, status=done.status, plan=done.plan, urls=urls, pauses=pauses)

    def _urls(self, done: Pass) -> dict[str, str]:
        url = self.session.client.application_url
        members = (m for cluster in done.status.clusters for m in cluster.members)
        return {m.application: url(m.subdomain) for m in members if m.application_id}

    def host_suffix(self) -> str:
        """The domain of the host names of the workspace's applications."""
        host = urlsplit(self.session.client.application_url("x")).hostname or ""
        return host.removeprefix("x")


def _result(state: LoopState, done: Pass | None) -> str:
    if done is not None:
        return "refused" if done.plan.refusals else "done"
    return "failed" if state.failures else "standby"
