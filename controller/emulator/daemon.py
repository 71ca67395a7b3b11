"""Background server of the emulator: start, find and stop.

The only module of the emulator that the rest of raycml calls.  It reads `connection.json` and
checks that the process is running, wrote the file, and answers.
"""

import contextlib
import fcntl
import http.client
import os
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import controller
from controller.clock import SystemClock
from controller.emulator import option_text
from controller.emulator.pods.supervisor import started_at
from controller.emulator.server import prepare, read_connection

START_S = 30.0
STOP_S = 30.0
POLL_S = 0.05
LAST_LINES = 15
CLOCK = SystemClock()


class EmulatorError(Exception):
    """A failed start or stop; the message contains the end of the log."""


class OptionsInUseError(EmulatorError):
    """Options that a running emulator does not have, and cannot take while it runs."""


class StateFolderError(EmulatorError):
    """The state folder cannot be used."""


@dataclass(frozen=True, slots=True)
class Connection:
    """Address of a running emulator.  `url` has no path; `domain` is `name:port`."""

    url: str
    api_key: str = field(repr=False)
    project_id: str
    domain: str
    pid: int
    state_dir: Path
    options: Mapping[str, str] = field(default_factory=dict, compare=False)
    """The options that were set, by name; see `option_text`."""
    pods: str = field(default="", compare=False)
    """State of its pods: IPython and `/home/cdsw`, for people."""
    ca_cert: Path | None = field(default=None, compare=False)
    """The authority of its certificate (PEM), with TLS."""

    @property
    def page(self) -> str:
        """The address of its web page, without a path."""
        return f"{self.url.partition(':')[0]}://{self.domain}"


def start(state_dir: Path, port: int = 0, settings: Iterable[str] = ()) -> Connection:
    """A healthy emulator for `state_dir`: the running one, or a new one.

    Concurrent callers get the same one.  `port` 0 is the previous port if free.  `settings` are
    `NAME=VALUE` each, kept for later starts: OptionError for a wrong one, OptionsInUseError if the
    running emulator has another value.  EmulatorError if it is not healthy within 30 seconds.
    """
    texts = option_text.parse(settings)
    state_dir = state_dir.resolve()
    with _state_folder_errors(state_dir):
        prepare(state_dir)
    with _exclusive(state_dir):
        running = status(state_dir)
        if running is None:
            return _launch(state_dir, port, texts)
        if option_text.merged(running.options, texts) != running.options:
            raise OptionsInUseError("options cannot change while the CML emulator runs")
        return running


def stop(state_dir: Path) -> bool:
    """Stop the emulator and its pods.  False if it was not running; EmulatorError on failure."""
    state_dir = state_dir.resolve()
    if not state_dir.is_dir():
        return False
    with _exclusive(state_dir):
        pid = _pid(state_dir)
        if pid is None:
            return False
        os.kill(pid, signal.SIGTERM)
        deadline = CLOCK.monotonic() + STOP_S
        while _pid(state_dir) is not None:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, os.WNOHANG)  # reap it if this process started it
            if CLOCK.monotonic() > deadline:
                raise EmulatorError(f"process {pid} did not end within {STOP_S:g} s")
            CLOCK.wait(POLL_S)
        return True


def status(state_dir: Path) -> Connection | None:
    """The running emulator of `state_dir`, or None."""
    state_dir = state_dir.resolve()
    pid = _pid(state_dir)
    raw = read_connection(state_dir)
    if pid is None or not _answers(raw):
        return None
    return Connection(
        url=raw["url"],
        api_key=raw["api_key"],
        project_id=raw["project_id"],
        domain=raw["domain"],
        pid=pid,
        state_dir=state_dir,
        options=option_text.load(state_dir),
        pods=raw.get("pods", ""),
        ca_cert=Path(raw["ca_cert"]) if raw.get("ca_cert") else None,
    )


def _pid(state_dir: Path) -> int | None:
    """The process that wrote the file, if it is running; a reused process ID does not count."""
    raw = read_connection(state_dir)
    if not raw.get("pid", "").isdigit():
        return None
    pid = int(raw["pid"])
    return pid if started_at(pid) == raw.get("started") else None


def _answers(raw: dict[str, str]) -> bool:
    """True if it answers for the project with the key."""
    path = f"/api/v2/projects/{raw['project_id']}"
    with (
        contextlib.suppress(OSError, http.client.HTTPException),
        contextlib.closing(_link(raw)) as link,
    ):
        link.request("GET", path, headers={"Authorization": f"Bearer {raw['api_key']}"})
        return link.getresponse().status == 200
    return False


def _link(raw: dict[str, str]) -> http.client.HTTPConnection:
    port = int(raw["port"])
    if not raw.get("ca_cert"):
        return http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    context = ssl.create_default_context(cafile=raw["ca_cert"])
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=5, context=context)


@contextlib.contextmanager
def _exclusive(state_dir: Path) -> Iterator[None]:
    """A single start or stop at a time for a folder."""
    with _state_folder_errors(state_dir):
        file = (state_dir / "start.lock").open("w", encoding="utf-8")
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _state_folder_errors(state_dir: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or type(error).__name__
        raise StateFolderError(
            f"the state folder {state_dir} cannot be used: {why}; "
            "choose another one with RAYCML_EMULATOR_DIR"
        ) from None


def _launch(state_dir: Path, port: int, texts: Mapping[str, str]) -> Connection:
    log = state_dir / "emulator.log"
    with _state_folder_errors(state_dir):
        process = _spawn(state_dir, port, texts, log)
    deadline = CLOCK.monotonic() + START_S
    while process.poll() is None and CLOCK.monotonic() < deadline:
        connection = status(state_dir)
        if connection is not None:
            process.returncode = 0  # prevents a warning about a running child
            return connection
        CLOCK.wait(POLL_S)
    if process.poll() is None:
        process.terminate()
        process.wait()
    raise EmulatorError(f"the emulator did not start; {log} ends with:\n{_last_lines(log)}")


def _spawn(
    state_dir: Path, port: int, texts: Mapping[str, str], log: Path
) -> subprocess.Popen[bytes]:
    """Start in a separate session, which outlives the terminal, with this package."""
    root = str(Path(controller.__file__).resolve().parent.parent)
    search = os.pathsep.join(part for part in (root, os.environ.get("PYTHONPATH", "")) if part)
    command = [sys.executable, "-m", "controller.emulator"]
    command += ["--state", str(state_dir), "--port", str(port)]
    command += [f"--set={name}={text}" for name, text in texts.items()]
    with log.open("wb") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",
            env={**os.environ, "PYTHONPATH": search},
        )


def _last_lines(log: Path) -> str:
    with contextlib.suppress(OSError):
        return "\n".join(log.read_text(errors="replace").splitlines()[-LAST_LINES:])
    return ""
