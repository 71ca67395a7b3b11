"""`raycml acceptance`: an end-to-end test on a temporary cluster in a workspace.

The cluster has a unique name.  It is deleted by that name and its owner mark, whatever ends the
test; nothing else in the project is changed.
"""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from controller.acceptance.context import AcceptanceContext, AcceptanceOptions
from controller.acceptance.jobs import JobClient
from controller.acceptance.report import AcceptanceReport, full_text, short_text
from controller.acceptance.run import AcceptanceRun
from controller.acceptance.spec import LARGE, SMALL, Shape, check, cluster_name, sizes
from controller.cml.operations import CallRecord
from controller.core.model.json_object import fields_of
from controller.core.model.member import THE_HEAD, application_name
from controller.files.tokens import read_token
from controller.process.interrupts import Interrupts
from controller.process.system import System
from controller.terminal.common import CommonOptions, with_common_options
from controller.terminal.errors import CommandError
from controller.terminal.exit_codes import Exit
from controller.terminal.options import Form, Output, option, timeout_option
from controller.terminal.progress import showing
from controller.terminal.screen import Screen
from controller.workspace.applications import applications_http
from controller.workspace.connection import locate
from controller.workspace.session import Session, open_session


def _size(name: str, text: str) -> object:
    metavar = "CPU" if name.endswith("cpu") else "MEMORY"
    default = f"Default: {LARGE[name]}, with --local {SMALL[name]}"
    return option(_option(name), metavar, f"{text}.  {default}")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


Workers = Annotated[int, typer.Option("--workers", min=1, max=100, help="Number of workers.")]
Cpu = Annotated[str | None, _size("cpu", "CPU cores of each worker")]
Memory = Annotated[str | None, _size("memory", "Memory of each worker, such as 16 (GiB) or 1536Mi")]
HeadCpu = Annotated[str | None, _size("head_cpu", "CPU cores of the head")]
HeadMemory = Annotated[str | None, _size("head_memory", "Memory of the head")]
Gpu = Annotated[int, typer.Option("--gpu", min=0, max=64, help="GPUs of each worker.")]
RayVersion = Annotated[str, typer.Option("--ray-version", help="Ray version of --python.")]
Runtime = Annotated[
    str | None,
    option(
        "--runtime",
        "ID",
        "Runtime of all members.  Default: the newest suitable one of the workspace",
    ),
]
Python = Annotated[str, option("--python", "PATH", "Python in the project that has Ray.")]
NoCleanup = Annotated[bool, typer.Option("--no-cleanup", help="Keep the test cluster.")]
WaitSeconds = Annotated[
    float,
    typer.Option(
        "--wait-seconds", min=0, max=86400, help="Seconds that the cluster must stay ready."
    ),
]
Timeout = Annotated[float, timeout_option("Timeout, excluding cleanup.")]
ReportDir = Annotated[
    Path | None, option("--report", "DIR", "Folder for the report as JSON and as text.")
]


@with_common_options
def acceptance(  # noqa: PLR0913 - the options of one command
    common: CommonOptions,
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
) -> Exit:
    """Example: raycml acceptance --report reports/

    Run an end-to-end test on a temporary cluster in the workspace.

    Creates the cluster, runs a task on each node, kills a worker, scales up and down, and deletes
    the cluster.
    """
    screen = common.screen
    own = {"cpu": cpu, "memory": memory, "head_cpu": head_cpu, "head_memory": head_memory}
    chosen = sizes(own, local=common.local)
    shape = Shape(
        workers=workers, gpu=gpu, ray_version=ray_version, python=python, runtime=runtime, **chosen
    )
    check(shape)
    options = AcceptanceOptions(common.local, wait_seconds, timeout, cleanup=not no_cleanup)
    folder = None if report is None else _writable(report)
    defaults = [f"{_option(n)} {size}" for n, size in chosen.items() if not own[n]]
    if common.local and defaults:
        screen.say(f"sizes for a laptop, because of --local: {', '.join(defaults)}")
    with _context(common, shape, options) as context:
        run = AcceptanceRun(context, screen)
        result = run.run()
    if folder is not None:
        _write(screen, folder, result)
    screen.document(result) if output is Form.JSON else screen.data(short_text(result))
    return run.code


def _writable(folder: Path) -> Path:
    """The folder, created if it does not exist.  CommandError if it is not writable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        why = "" if os.access(folder, os.W_OK | os.X_OK) else "it is not writable"
    except OSError as error:
        why = error.strerror or type(error).__name__
    if why:
        message = f"--report: {folder} cannot be used: {why}"
        raise CommandError(message, Exit.USAGE, "choose another folder")
    return folder


@contextmanager
def _context(
    common: CommonOptions, shape: Shape, options: AcceptanceOptions
) -> Iterator[AcceptanceContext]:
    """A run on the workspace that the environment names, with access to the head's job API."""
    system, calls = common.screen.system, list[CallRecord]()
    where = locate(system, local=common.local)
    key = where.api_key
    with (
        open_session(common, on_call=calls.append) as session,
        applications_http(system, session.client, common.ca_cert or where.ca_cert) as http,
        showing(common.screen, system.clock) as progress,
    ):
        name = cluster_name(system.rng.getrandbits(32))
        url = session.client.application_url(application_name(name, THE_HEAD))
        yield AcceptanceContext(
            session=session,
            name=name,
            shape=shape,
            options=options,
            deadline=system.clock.monotonic() + options.timeout_s,
            interrupts=Interrupts(),
            progress=progress,
            jobs=JobClient(
                url, key, http, system.clock, calls.append, lambda: _token(session, system, name)
            ),
            calls=calls,
        )


def _token(session: Session, system: System, cluster: str) -> str:
    """The token of the test cluster, which no output shows."""
    token = read_token(session.files(session.project), cluster)
    system.redaction.add(token)
    return token


def _write(screen: Screen, folder: Path, report: AcceptanceReport) -> None:
    """Write both forms.  A failure is only reported: the exit code stays that of the test."""
    redact = screen.system.redaction
    for name, content in (
        (f"{report.cluster}.json", json.dumps(fields_of(report), indent=2, ensure_ascii=False)),
        (f"{report.cluster}.txt", full_text(report)),
    ):
        path = folder / name
        try:
            path.write_text(redact(content) + "\n", encoding="utf-8")
        except OSError as error:
            screen.say(f"raycml: {path} cannot be written: {error.strerror or error}")
        else:
            screen.say(f"report: {path}")
