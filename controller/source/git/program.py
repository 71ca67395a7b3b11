"""Starts git, and ends it when it passes a bound.

The environment is made from nothing but what is listed here, so no configuration of the user or
the machine, no hook, helper, prompt or trace changes what git does.  Keys and known hosts of ssh
are still found, for ssh looks for them in the home that the system knows.
"""

import hashlib
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from controller.source.directory import SourceError
from controller.source.git.address import Address
from controller.source.git.credentials import Credentials
from controller.source.git.limits import STDERR_BYTES

OLDEST = (2, 31)  # takes configuration by environment, and wants from stdin
POLL_S = 0.1
_JOIN_S = 5.0
_CHUNK = 64 * 1024
_PASSED = (
    "PATH", "TMPDIR", "SSH_AUTH_SOCK", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE",
    "SSL_CERT_DIR", "CURL_CA_BUNDLE", "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy",
    "ALL_PROXY", "no_proxy", "NO_PROXY",
)  # fmt: skip
# No question, no agent that stays behind and holds our pipes, and an end to a silent connection.
_SSH = (
    "ssh -oBatchMode=yes -oConnectTimeout=20 -oServerAliveInterval=15 -oServerAliveCountMax=3 "
    "-oControlMaster=no -oControlPath=none -oClearAllForwardings=yes -oForwardAgent=no "
    "-oPermitLocalCommand=no"
)
# `uploadpack` and `safe` count in git's other half, when the repository is a folder on this disk:
# they let that half leave out what we do not read, and take a repository that a person named.
_CONFIG = """\
[core]
	hooksPath = /dev/null
	attributesFile = /dev/null
	fsmonitor = false
	bigFileThreshold = 1m
[http]
	followRedirects = false
	lowSpeedLimit = 1000
	lowSpeedTime = 30
[protocol]
	version = 2
[fetch]
	unpackLimit = 1
	recurseSubmodules = false
	writeCommitGraph = false
[gc]
	auto = 0
[maintenance]
	auto = false
[pack]
	threads = 1
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
"""


class LimitError(SourceError):
    """A bound was passed, and git was ended."""


class DamagedError(SourceError):
    """Git failed where only the cache can be at fault, or for a reason that nobody knows."""


@dataclass(frozen=True, slots=True)
class Ran:
    """How git ended; `err` is the end of what it said, without credentials."""

    code: int
    out: bytes
    err: str


@dataclass(frozen=True, slots=True)
class Call:
    """One run of git.  `grown` says how many bytes it has brought so far, `most` how many it may.

    `remote` lets it talk to the address, with the credentials; otherwise no transport is allowed.
    """

    arguments: Sequence[str]
    seconds: float
    out_bytes: int
    given: bytes = b""
    repository: Path | None = None
    remote: bool = False
    grown: Callable[[], int] = lambda: 0
    most: int = 0
    hold: tuple[int, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Git:
    """The program, for one address; `folder` is private and holds its settings."""

    folder: Path
    address: Address
    credentials: Credentials
    environ: Mapping[str, str] = field(repr=False)
    _known: bool = False

    def run(self, call: Call) -> Ran:
        """Run it to its end.  LimitError past a bound; SourceError when it cannot be started."""
        if not self._known:
            self._check_version()
        return self._run(call)

    def _check_version(self) -> None:
        said = self._run(Call(("version",), 10.0, 1000)).out.decode(errors="replace")
        found = re.match(r"git version (\d+)\.(\d+)", said)
        if found is None or (int(found[1]), int(found[2])) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise SourceError(f"git is older than {oldest}, or is no git; install a newer one")
        self._known = True

    def _run(self, call: Call) -> Ran:
        with tempfile.TemporaryFile() as given:
            given.write(call.given)
            given.seek(0)
            process = self._start(call, given)
        watch = _Watch(process, call)
        try:
            why = watch.to_the_end()
        finally:
            watch.bury()
        if why is not None:
            raise LimitError(f"{self.address.shown}: {why}")
        err = self.credentials.redact(watch.err.decode(errors="replace"))
        return Ran(process.returncode, bytes(watch.out), err)

    def _start(self, call: Call, given: IO[bytes]) -> subprocess.Popen[bytes]:
        environment = self._environment(call)
        try:
            return subprocess.Popen(
                ["git", *call.arguments],
                stdin=given if call.given else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                cwd=self.folder,
                env=environment,
                start_new_session=True,
                pass_fds=call.hold,
                bufsize=0,
            )
        except FileNotFoundError:
            raise SourceError("git is not installed here; install it, or name a folder") from None
        except OSError as error:
            raise SourceError(f"git cannot be started: {error.strerror}") from None

    def _environment(self, call: Call) -> dict[str, str]:
        home = self._home()
        found = {name: self.environ[name] for name in _PASSED if self.environ.get(name)}
        found |= {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "GNUPGHOME": str(home / "gnupg"),
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_CEILING_DIRECTORIES": str(self.folder.parent),
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "",
            "SSH_ASKPASS": "",
            "GIT_SSH_COMMAND": _SSH,
            "GIT_SSH_VARIANT": "ssh",
            "GIT_LITERAL_PATHSPECS": "1",
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_NO_LAZY_FETCH": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_ALLOW_PROTOCOL": self.address.scheme if call.remote else "none",
            "LC_ALL": "C",
        }
        if call.repository is not None:
            found["GIT_DIR"] = str(call.repository)
        if call.remote:
            found |= self.credentials.variables()
        return found | dict(call.variables)

    def _home(self) -> Path:
        """A home with nothing but our settings; named by them, so that they never change in it."""
        text = _CONFIG + _safe(self.address.folder)
        home = self.folder / f"home-{hashlib.sha256(text.encode()).hexdigest()[:16]}"
        file = home / ".gitconfig"
        try:
            if not file.is_file() or file.read_text() != text:
                (home / "gnupg").mkdir(0o700, parents=True, exist_ok=True)
                with tempfile.NamedTemporaryFile("w", dir=home, delete=False) as new:
                    new.write(text)
                os.replace(new.name, file)
        except (OSError, ValueError) as error:
            raise SourceError(
                f"the git cache {self.folder} cannot be written: {error}; "
                "XDG_CACHE_HOME=FOLDER names another one"
            ) from None
        return home


def _safe(folder: Path | None) -> str:
    if folder is None:
        return ""
    real = folder.resolve()
    named = dict.fromkeys((folder, folder / ".git", real, real / ".git"))
    values = (str(each).replace("\\", "\\\\").replace('"', '\\"') for each in named)
    return "[safe]\n" + "".join(f'\tdirectory = "{value}"\n' for value in values)


class _Watch:
    """One process: its output is read as it comes, and its bounds are looked at as it runs."""

    def __init__(self, process: subprocess.Popen[bytes], call: Call) -> None:
        self.out, self.err = bytearray(), bytearray()
        self._process, self._call = process, call
        self._too_much = threading.Event()
        self._readers = [
            threading.Thread(target=self._read_out, daemon=True),
            threading.Thread(target=self._read_err, daemon=True),
        ]
        for reader in self._readers:
            reader.start()

    def to_the_end(self) -> str | None:
        """None when it ended by itself, within its bounds; otherwise which of them it passed."""
        for _ in range(max(1, round(self._call.seconds / POLL_S))):
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=POLL_S)
                self._join()
                return self._passed()
            if why := self._passed():
                return why
        return f"git took more than {self._call.seconds:g} s and was ended; it is tried again"

    def _passed(self) -> str | None:
        if self._too_much.is_set():
            return f"git said more than {self._call.out_bytes} bytes and was ended"
        if self._call.most and self._call.grown() > self._call.most:
            return (
                f"a fetch brought more than {self._call.most // 1024} KiB and was ended; "
                "keep large files out of the repository, or specs in one of their own"
            )
        return None

    def _join(self) -> None:
        """Wait for the last of the output; a child that still holds the pipes is ended."""
        for reader in self._readers:
            reader.join(_JOIN_S)
        if any(reader.is_alive() for reader in self._readers):
            self._kill()

    def bury(self) -> None:
        """Whatever happened: nothing runs on, and no pipe stays open."""
        if self._process.returncode is None:
            self._kill()
            self._process.wait()
        for reader in self._readers:
            reader.join(_JOIN_S)
        for stream in (self._process.stdout, self._process.stderr):
            if stream is not None:
                stream.close()

    def _kill(self) -> None:
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)

    def _read_out(self) -> None:
        while chunk := _read(self._process.stdout):
            self.out += chunk
            if len(self.out) > self._call.out_bytes:
                self._too_much.set()
                return

    def _read_err(self) -> None:
        while chunk := _read(self._process.stderr):
            self.err += chunk
            del self.err[:-STDERR_BYTES]


def _read(stream: IO[bytes] | None) -> bytes:
    try:
        return stream.read(_CHUNK) if stream is not None else b""
    except (OSError, ValueError):
        return b""
