"""The builder, top to bottom: claim, create, install, check, move, report.

Runs in the kernel of a job or an application, without `__file__`, where `SystemExit` is an ordinary
exception, and does its work in child processes.  CML's API does not return the output, so all of it
is also in the log beside the environment.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path

# By the full name of each module: the script has no package.
from controller.node.builder.checking import check
from controller.node.builder.claim import Claim
from controller.node.builder.installing import install
from controller.node.builder.moving import clear, publish, sweep
from controller.node.builder.order import FOLDER, READY, Order, Site, read_order
from controller.node.builder.page import LINGER_S, app_port, is_application, page
from controller.node.builder.programs import BuildError, Programs
from controller.node.clock import Clock, stamp
from controller.node.log import Log

SCHEMA = "raycml.environment/v1"
FAILED = "FAILED: "  # start of the log's last line, after the time
_LOG_LIMIT = 256 * 1024
_LOOK_S = 1.0
_VERSION = "import sys; print('%d.%d' % sys.version_info[:2])"


def start(values: Mapping[str, object]) -> None:
    """Entry point of the script.  Raises SystemExit unless the environment is complete."""
    order, home, clock = read_order(values), Path.cwd(), Clock()
    do = build_and_answer if is_application(os.environ) else build
    code = do(order, home, clock)
    if code != 0:
        raise SystemExit(code)


def build_and_answer(order: Order, home: Path, clock: Clock) -> int:
    """Build in an application: its page answers meanwhile, and afterwards until it is deleted.

    If the build fails the script ends at once, so that CML reports it.
    """
    log = home / FOLDER / f"{order.hash}.log"
    title = f"Python environment {order.hash}"
    try:
        with page(app_port(os.environ), title, log):
            code = build(order, home, clock)
            if code == 0:
                clock.wait(LINGER_S, threading.Event())
    except OSError as error:
        Log(log, clock, _LOG_LIMIT).write(f"{FAILED}{error.strerror}")
        return 1
    return code


def build(order: Order, home: Path, clock: Clock) -> int:
    """Build the environment, if it is missing; 0, or 1 with the reason in the log."""
    engine = re.sub(r"[^A-Za-z0-9]", "", os.environ.get("CDSW_ENGINE_ID", ""))
    site = Site(home / FOLDER, order.hash, engine or secrets.token_hex(8))
    site.folder.mkdir(parents=True, exist_ok=True)
    log = Log(site.log, clock, _LOG_LIMIT)
    try:
        with _scratch() as folder:
            _ensure(order, site, Programs(folder, log, clock, order.deadline_s), clock)
    except BuildError as error:
        log.write(f"{FAILED}{error}")
        return 1
    except OSError as error:
        log.write(f"{FAILED}{error.strerror or error}: {error.filename or site.folder}")
        return 1
    return 0


@contextlib.contextmanager
def _scratch() -> Iterator[Path]:
    """A temporary folder on the pod's disk, for tools and lists."""
    folder = Path(tempfile.mkdtemp(prefix="raycml-build-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _ensure(order: Order, site: Site, programs: Programs, clock: Clock) -> None:
    claim = Claim(site.claim, site.engine, order.stale_s)
    if _wait_for_turn(order, site, claim, programs, clock):
        return
    with claim.hold():
        if site.ready.exists():
            programs.log.write(f"the environment {site.hash} is complete")
            return
        sweep(site)
        try:
            _make(order, site, programs, clock)
        finally:
            clear(site)


def _wait_for_turn(
    order: Order, site: Site, claim: Claim, programs: Programs, clock: Clock
) -> bool:
    """Wait for the claim; True if the environment was completed meanwhile."""
    deadline = clock.monotonic() + order.deadline_s
    announced = False
    while not site.ready.exists():
        if claim.take():
            return False
        if not announced:
            programs.log.write("another run builds this environment; waiting for it")
            announced = True
        if clock.monotonic() > deadline:
            raise BuildError("another run is still building it")
        clock.wait(_LOOK_S, threading.Event())
    programs.log.write(f"the environment {site.hash} is complete")
    return True


def _make(order: Order, site: Site, programs: Programs, clock: Clock) -> None:
    started = clock.monotonic()
    write = programs.log.write
    write(f"building {site.hash}: Python {order.python}, {len(order.lines)} requirements")
    base = find_python(order.python, programs)
    if programs.run([base, "-m", "venv", str(site.building)]) != 0:
        raise BuildError(f"{base} cannot create a virtual environment")
    python = site.building / "bin" / "python"
    installer = install(order, python, programs)
    contents = check(order, python, programs)
    seconds = round(clock.monotonic() - started, 1)
    document = {
        "schema": SCHEMA,
        "hash": order.hash,
        **vars(contents),
        "built_at": stamp(clock.now()),
        "installer": installer,
        "seconds": seconds,
    }
    text = json.dumps(document, indent=1, sort_keys=True) + "\n"
    (site.building / READY).write_text(text, encoding="utf-8")
    first = publish(site)
    write(f"ready in {seconds:g} s, by {installer}" if first else "another run completed it first")


def find_python(version: str, programs: Programs) -> str:
    """An interpreter of this pod with the version, such as 3.11.  BuildError without one."""
    name = f"python{version}"
    tried = (sys.executable, shutil.which(name), f"/usr/local/bin/{name}", f"/usr/bin/{name}")
    for python in filter(None, tried):
        with contextlib.suppress(BuildError):
            if programs.output([python, "-I", "-c", _VERSION]).strip() == version:
                return python
    own = f"{sys.version_info[0]}.{sys.version_info[1]}"
    raise BuildError(
        f"the runtime has Python {own}, not {version}; choose a runtime with it, or change `python`"
    )


__all__ = ["FAILED", "SCHEMA", "build", "build_and_answer", "find_python", "start"]
