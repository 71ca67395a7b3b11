"""`raycml run`: the long-running controller, with status page, API, metrics and health."""

import math
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated
from urllib.parse import urlsplit

import typer

from controller import __version__
from controller.cml.errors import CmlError, Unauthorized
from controller.cml.operations import OPERATIONS, CallRecord
from controller.cml.transport import OnCall
from controller.core.spec.text import spoken
from controller.files.approvals import HoldFile
from controller.files.events import EventFile
from controller.files.port import FilesError
from controller.files.records import RecordFile, record_folder
from controller.process.ending import WITHIN_S
from controller.process.interrupts import STOPS, end_calls, handling
from controller.process.system import System
from controller.run.controller import Controller
from controller.run.follow import Follower, Poller
from controller.run.loop import Loop
from controller.run.options import Flags, RunOptions, resolve
from controller.run.orders.page_orders import PageOrders
from controller.run.orders.wake_ups import EVERY_S, WakeUps
from controller.run.preflight import check, is_needed
from controller.run.schedule import Schedule
from controller.run.sources import open_source
from controller.source.directory import SourceError
from controller.telemetry import INFO
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import option
from controller.terminal.screen import Screen
from controller.web.app import create_app
from controller.web.metrics import Metrics
from controller.web.orders import WebOptions
from controller.web.server import Server, serve
from controller.workspace.session import Session, open_session

Source = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE", help="Folder, repository on disk, or git URL.  Default: $RAYCML_SOURCE"
    ),
]
Ref = Annotated[
    str | None, typer.Option("--ref", help="Branch, tag or commit.", show_default="HEAD")
]
Inside = Annotated[
    str | None, option("--path", "DIR", "Folder of the specs in the repository.", default="specs")
]
Poll = Annotated[
    str | None,
    option(
        "--poll",
        "DURATION",
        "Interval for polling the source.",
        default="60s for git, 2s for a folder",
    ),
]
Interval = Annotated[
    str | None,
    option(
        "--interval", "DURATION", "Interval between passes while nothing is pending.", default="30s"
    ),
]
NoPrune = Annotated[
    bool,
    typer.Option(
        "--no-prune", help="Report clusters whose spec was removed instead of deleting them."
    ),
]
AllowPrune = Annotated[
    int | None,
    option("--allow-prune", "N", "Allow a revision to remove up to N clusters without approval."),
]
VerifyKey = Annotated[
    Path | None,
    option("--verify-key", "FILE", "File with the public keys that are allowed to sign commits."),
]
Port = Annotated[
    int | None,
    typer.Option(
        "--port",
        help="Port of the status page on 127.0.0.1.",
        show_default="$CDSW_APP_PORT, or 8100",
    ),
]


@with_common_options
def run(  # noqa: PLR0913 - the options of one command
    common: CommonOptions,
    source: Source = None,
    *,
    ref: Ref = None,
    path: Inside = None,
    poll: Poll = None,
    interval: Interval = None,
    no_prune: NoPrune = False,
    allow_prune: AllowPrune = None,
    verify_key: VerifyKey = None,
    port: Port = None,
) -> Exit:
    """Example: raycml run https://git.example.com/team/clusters.git --ref main

    Keep clusters in sync with their specs, with a status page.
    """
    screen = common.screen
    system = screen.system
    flags = Flags(source, ref, path, poll, interval, no_prune, allow_prune, verify_key, port)
    options = resolve(flags, system.environ)
    followed, poll_s = open_source(options, system)
    system.redaction.add(urlsplit(options.source).password or "")
    poller = Poller(followed, SourceError, system.clock)
    metrics = Metrics(__version__, ((each.name, each.method) for each in OPERATIONS))
    with open_session(common, on_call=_counted(metrics), level=INFO) as session:
        _check_key(session)
        running = _running(screen, session, poller, metrics, options)
        running.restore()
        if is_needed(options, running.follower):
            _poll(running)
            check(options, followed, poller.look())
        return _serve(screen, running, options, poll_s)


def _check_key(session: Session) -> None:
    """Unauthorized if the key can never be accepted; any other fault may pass while it runs."""
    limit = session.client.limit
    limit.until(session.clock.monotonic() + _KEY_CHECK_S)
    try:
        session.client.projects.get(session.home)
    except CmlError as error:
        if isinstance(error, Unauthorized) and error.malformed:
            raise
        session.log.warning("CML does not answer as it should yet", error=str(error))
    finally:
        limit.until(math.inf)


_KEY_CHECK_S = 5.0  # the page must answer soon, whatever CML does


def _counted(metrics: Metrics) -> OnCall:
    def on_call(call: CallRecord) -> None:
        metrics.called(call.operation, call.method, call.status, call.error or "", call.seconds)

    return on_call


def _running(
    screen: Screen, session: Session, poller: Poller, metrics: Metrics, options: RunOptions
) -> Controller:
    files = session.files(session.project)
    folder = record_folder(session.owner, poller.origin)
    follower = Follower(
        poller,
        RecordFile(files, folder, poller.origin),
        HoldFile(files, folder),
        FilesError,
        session.clock,
        options.allow_prune,
        session.settings.prune_grace_s if options.prune else None,
    )
    return Controller(
        session=session,
        follower=follower,
        event_file=EventFile(files, session.owner, screen.system.redaction),
        metrics=metrics,
        redaction=screen.system.redaction,
        run_id=f"{screen.system.rng.getrandbits(24):06x}",
        prune=options.prune,
    )


def _serve(screen: Screen, running: Controller, options: RunOptions, poll_s: float) -> Exit:
    """Start everything; at TERM or Ctrl-C stop everything, in reverse order."""
    stop, wake, look = threading.Event(), threading.Event(), threading.Event()
    loop = _loop(screen.system, running, options, stop, wake)
    looked = threading.Event()
    orders = PageOrders(running.session, lambda: running.snapshot, _Both(wake, look))
    page = _page(running, orders, options)
    with _terminated(screen.system, running, stop, wake, look) as ended:
        watched = (running, loop, poll_s, look, looked)
        watcher = threading.Thread(target=_watch, args=watched, name="raycml-source", daemon=True)
        try:
            screen.say(*_greeting(running, options, page, poll_s))
            watcher.start()
            screen.system.clock.wait(_FIRST_LOOK_S, looked)
            with screen.system.repeat(WakeUps(running, wake).look, EVERY_S):
                loop.run()
        finally:
            stop.set()
            look.set()
            running.session.give_back()
            page.close()
    watcher.join(_PATIENCE_S)
    screen.say("raycml: stopped; clusters keep running")
    return Exit.INTERRUPTED if signal.SIGINT in ended else Exit.DONE


_FIRST_LOOK_S = 10.0  # longest delay of the first pass by a slow source
_PATIENCE_S = 2.0  # for a poll in progress; ending it loses nothing


class _Both(threading.Event):
    """Event that wakes both the loop and the poll of the source."""

    def __init__(self, *others: threading.Event) -> None:
        super().__init__()
        self._others = others

    def set(self) -> None:
        for other in self._others:
            other.set()


def _loop(
    system: System,
    running: Controller,
    options: RunOptions,
    stop: threading.Event,
    wake: threading.Event,
) -> Loop:
    fast_s = min(running.session.settings.pass_pause_s, options.interval_s)
    return Loop(
        one_pass=running.one_pass,
        schedule=Schedule(fast_s=fast_s, slow_s=options.interval_s),
        clock=system.clock,
        random=system.rng.random,
        stop=stop,
        wake=wake,
        publish=running.publish,
        standby=running.standby,
    )


def _watch(
    running: Controller, loop: Loop, poll_s: float, look: threading.Event, looked: threading.Event
) -> None:
    """Poll the source; a new revision wakes the loop."""
    poller, clock = running.follower.poller, running.session.clock
    while not loop.stop.is_set():
        look.clear()
        news = _poll(running)
        running.metrics.fetched("failed" if poller.look().failure else "done")
        looked.set()
        if news:
            loop.wake.set()
        clock.wait(poll_s * (0.9 + 0.2 * loop.random()), look)


def _poll(running: Controller) -> bool:
    """True for a new revision.  An internal error is logged, and polling continues."""
    try:
        return running.follower.poller.poll()
    except Exception as error:  # noqa: BLE001 - a dead thread would go unnoticed
        trace = running.redaction.traceback(error)
        running.session.log.error("poll failed", traceback=trace)  # noqa: TRY400 - redacted
        running.follower.poller.failed(f"internal error: {type(error).__name__}; see the log")
        return False


def _page(running: Controller, orders: PageOrders, options: RunOptions) -> Server:
    log, redaction = running.session.log, running.redaction
    web_options = WebOptions(
        token=options.web_token,
        hook_secret=options.hook_secret,
        stall_s=max(3 * options.interval_s, running.session.settings.pass_budget_s) + 60.0,
        version=__version__,
        allowed_hosts=(running.host_suffix(),),
        on_error=lambda error: log.error("page failed", traceback=redaction.traceback(error)),
    )
    app = create_app(
        lambda: running.snapshot, orders, running.metrics, web_options, running.session.clock
    )
    try:
        return serve(app, "127.0.0.1", options.port)
    except OSError as error:
        raise CommandError(
            f"port {options.port} cannot be used: {error.strerror or error}",
            Exit.USAGE,
            "`--port 0` for any free one",
        ) from None


def _greeting(
    running: Controller, options: RunOptions, page: Server, poll_s: float
) -> tuple[str, ...]:
    grace_s = running.follower.grace_s
    prune = "off" if grace_s is None else f"on, {spoken(grace_s)} after a spec is removed"
    origin = f"{running.follower.poller.origin}, polled every {spoken(poll_s)}"
    return (
        f"raycml {__version__} follows {origin}",
        f"page      http://127.0.0.1:{page.port}/",
        f"actions   {'enabled' if options.web_token else 'disabled (set RAYCML_WEB_TOKEN)'}",
        f"prune     {prune}",
        "stop      Ctrl-C or TERM; clusters keep running",
    )


@contextmanager
def _terminated(
    system: System, running: Controller, *events: threading.Event
) -> Iterator[set[int]]:
    """Set the events at TERM and Ctrl-C, and end all calls; yields the received signals.

    A second signal ends the process immediately; a process that hangs is ended in bounded time.
    """
    received: set[int] = set()

    def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 - a handler
        code = Exit.INTERRUPTED if number == signal.SIGINT else Exit.DONE
        if received:
            system.ending.now(code)
        received.add(number)
        running.aborted.set()
        for event in events:
            event.set()
        system.ending.within(WITHIN_S, code)
        end_calls(running.session.client.limit)

    with handling(STOPS, handle):
        yield received
