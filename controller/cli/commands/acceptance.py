"""`raycml acceptance`: whether a workspace does what raycml needs of it, tried on a test cluster.

The cluster has a name of its own, and whatever ends the test, it is deleted by that name and our
mark; nothing else in the project is touched.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import httpx
import typer

from controller.acceptance.context import Trial
from controller.acceptance.jobs import HeadPage
from controller.acceptance.report import Exchange, Report, cluster_name
from controller.acceptance.report_text import document, short, text
from controller.acceptance.run import Run
from controller.acceptance.spec import LARGE, SMALL, Shape, check, sizes
from controller.cml.connection import parse_address, trust
from controller.cml.operations import CallRecord
from controller.cml.transport import open_http
from controller.core.model.member import THE_HEAD, application_name
from controller.process.interrupts import Interrupts
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import CaCert, Form, Local, NoColor, Output, Verbose, duration
from controller.terminal.progress import showing
from controller.terminal.screen import Screen
from controller.workspace.connection import locate
from controller.workspace.session import Session, open_session


def _size(name: str, what: str) -> object:
    option, metavar = f"--{name.replace('_', '-')}", "CPU" if name.endswith("cpu") else "MEMORY"
    usual = f"Default: {LARGE[name]}, with --local {SMALL[name]}"
    return typer.Option(
        option, metavar=metavar, show_default=False, help=f"{what} of {_whose(name)}.  {usual}"
    )


def _whose(name: str) -> str:
    return "the head" if name.startswith("head_") else "each worker"


Workers = Annotated[int, typer.Option("--workers", min=1, max=100, help="How many workers.")]
Cpu = Annotated[str | None, _size("cpu", "Cores")]
Memory = Annotated[str | None, _size("memory", "Memory, such as 16 (GiB) or 1536Mi,")]
HeadCpu = Annotated[str | None, _size("head_cpu", "Cores")]
HeadMemory = Annotated[str | None, _size("head_memory", "Memory")]
Gpu = Annotated[int, typer.Option("--gpu", min=0, max=64, help="GPUs of each worker.")]
RayVersion = Annotated[str, typer.Option("--ray-version", help="The Ray that --python has.")]
Runtime = Annotated[
    str | None,
    typer.Option(
        "--runtime",
        metavar="ID",
        show_default=False,
        help="Image of all members.  Default: the newest of the workspace that fits",
    ),
]
Python = Annotated[
    str,
    typer.Option("--python", metavar="PATH", help="The Python that has Ray, in the project."),
]
NoCleanup = Annotated[
    bool, typer.Option("--no-cleanup", help="Leave the test cluster, for a look at it.")
]
WaitSeconds = Annotated[
    float,
    typer.Option("--wait-seconds", min=0, max=86400, help="How long it must stay ready."),
]
Timeout = Annotated[
    float,
    typer.Option(
        "--timeout",
        metavar="DURATION",
        parser=duration,
        help="For all but the cleaning.",
    ),
]
ReportDir = Annotated[
    Path | None,
    typer.Option(
        "--report",
        metavar="DIR",
        show_default=False,
        help="Folder for the report, as JSON and as text.",
    ),
]


def acceptance(  # noqa: PLR0913 - the options of one command
    ctx: typer.Context,
    *,
    workers: Workers = 1,
    cpu: Cpu = None,
    memory: Memory = None,
    gpu: Gpu = 0,
    head_cpu: HeadCpu = None,
    head_memory: HeadMemory = None,
    ray_version: RayVersion = "2.60.0",
    runtime: Runtime = None,
    python: Python = ".venv/bin/python",
    no_cleanup: NoCleanup = False,
    wait_seconds: WaitSeconds = 30.0,
    timeout: Timeout = "15m",  # type: ignore[assignment]  # its parser makes it seconds
    report: ReportDir = None,
    output: Output = Form.TEXT,
    local: Local = False,
    ca_cert: CaCert = None,
    no_color: NoColor = False,
    verbose: Verbose = False,
) -> Exit:
    """Example: raycml acceptance --report reports/

    Try on a test cluster whether a workspace does all that is needed, and delete it again.
    """
    screen = Screen(ctx.obj, plain=no_color, verbose=verbose)
    given = {"cpu": cpu, "memory": memory, "head_cpu": head_cpu, "head_memory": head_memory}
    chosen = sizes(given, local=local)
    shape = Shape(
        workers=workers, gpu=gpu, ray_version=ray_version, python=python, runtime=runtime, **chosen
    )
    check(shape)
    folder = None if report is None else _usable(report)
    small = [f"--{n.replace('_', '-')} {size}" for n, size in chosen.items() if not given[n]]
    if local and small:
        screen.say(f"sizes that fit a laptop, as --local was given: {', '.join(small)}")
    where = Place(local=local, ca_cert=ca_cert)
    with _trial(screen, shape, where, wait_s=wait_seconds, timeout_s=timeout) as trial:
        done = _carry_out(screen, trial, cleanup=not no_cleanup)
    if folder is not None:
        _write(screen, folder, done)
    screen.document(document(done)) if output is Form.JSON else screen.data(short(done))
    return next(code for code in Exit if code == done.exit_code)


def _usable(folder: Path) -> Path:
    """The folder, made where it is not there.  CommandError where nothing can be written to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(folder, os.W_OK | os.X_OK) else "it is not writable"
    except OSError as error:
        why = error.strerror or type(error).__name__
    if why:
        raise CommandError(
            f"--report: {folder} cannot be used: {why}", Exit.USAGE, "name another folder"
        )
    return folder


@dataclass(frozen=True, slots=True)
class Place:
    """Which workspace, and whom to trust there."""

    local: bool
    ca_cert: Path | None


@contextmanager
def _trial(
    screen: Screen, shape: Shape, where: Place, *, wait_s: float, timeout_s: float
) -> Iterator[Trial]:
    """A run on the workspace that the environment names, with the way to the head's page."""
    machine, exchanges = screen.machine, list[Exchange]()
    local, ca_cert = where.local, where.ca_cert

    def heard(call: CallRecord) -> None:
        answer = str(call.status or call.error)
        exchanges.append(Exchange(call.method, call.operation, answer, call.seconds))

    key = locate(machine, local=local).api_key
    with (
        open_session(screen, local=local, ca_cert=ca_cert, on_call=heard) as session,
        _http(screen, session, ca_cert) as http,
        showing(screen, machine.clock) as progress,
    ):

        def page(name: str) -> HeadPage:
            url = session.client.application_url(application_name(name, THE_HEAD))
            return HeadPage(url, key, http, machine.clock, exchanges.append)

        yield Trial(
            session=session,
            name=cluster_name(machine.rng.getrandbits(32)),
            shape=shape,
            wait_s=wait_s,
            deadline=machine.clock.monotonic() + timeout_s,
            interrupts=Interrupts(),
            progress=progress,
            page=page,
            exchanges=exchanges,
            local=local,
        )


def _http(screen: Screen, session: Session, ca_cert: Path | None) -> httpx.Client:
    """For pages of applications, with the trust of the client."""
    transport = screen.machine.transport
    address = parse_address(session.client.application_url("any"))
    return open_http(address, transport, verify=True if transport else trust(ca_cert))


def _carry_out(screen: Screen, trial: Trial, *, cleanup: bool) -> Report:
    session, clock = trial.session, trial.session.clock
    started, started_at = clock.monotonic(), clock.now()
    trial.progress.note(f"acceptance test {trial.name} on {session.client.address.url}")
    run = Run(trial, screen, cleanup=cleanup)
    run.go()
    return Report(
        cluster=trial.name,
        workspace=session.client.address.url,
        project=session.project,
        started_at=started_at,
        seconds=clock.monotonic() - started,
        exit_code=int(run.code),
        options={**trial.shape.options(), "runtime": trial.runtime or trial.shape.runtime},
        findings=tuple(run.findings),
        left=run.left,
        versions=trial.versions,
    )


def _write(screen: Screen, folder: Path, done: Report) -> None:
    """A report that cannot be written is said; the exit code stays that of the test."""
    clean = screen.machine.redaction
    for name, content in (
        (f"{done.cluster}.json", json.dumps(document(done), indent=2, ensure_ascii=False)),
        (f"{done.cluster}.txt", text(done)),
    ):
        path = folder / name
        try:
            path.write_text(clean(content) + "\n", encoding="utf-8")
        except OSError as error:
            screen.say(f"raycml: {path} cannot be written: {error.strerror or error}")
        else:
            screen.say(f"report: {path}")
