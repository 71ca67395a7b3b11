"""The program git, as it is run for one repository.

The environment is made from nothing but what is listed here, so no configuration of the user or
the machine, no hook, helper, prompt or trace changes what git does.  Keys and known hosts of ssh
still count, for ssh looks for them in the home that the system has for the user.
"""

import hashlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from controller.source.directory import NotInSourceError, SourceError
from controller.source.git.address import GitAddress
from controller.source.git.cache import Repository
from controller.source.git.credentials import Credentials
from controller.source.git.failures import NO_COMMIT, explained, quoted
from controller.source.git.limits import REFS_BYTES, Limits
from controller.source.git.process import Bounds, LimitError, finish

OLDEST = (2, 31)  # takes configuration by environment, and ids to fetch from stdin
_INHERITED = (
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
_FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "GIT_SSH_COMMAND": _SSH,
    "GIT_SSH_VARIANT": "ssh",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "LC_ALL": "C",
}
# `uploadpack` and `safe` count in git's other half, when the repository is a folder on this disk:
# with them it omits unread objects, and accepts a repository of another owner.
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
_FETCH = ("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules")
# Nothing that the cache has may make the server think that it has the files as well.
_FETCH_FILES = ("-c", "fetch.negotiationAlgorithm=noop", *_FETCH, "--filter=blob:none", "--stdin")


class DamagedError(SourceError):
    """Git failed where only the cache can be at fault, or for an unknown reason."""


@dataclass(frozen=True, slots=True)
class GitRun:
    """The end of a run; `err` is the end of its messages, without credentials."""

    code: int
    out: bytes
    err: str


@dataclass(frozen=True, slots=True)
class GitCommand:
    """Arguments of git, and what it works on.

    `remote` lets it talk to the address, with the credentials; otherwise no transport is allowed.
    """

    arguments: Sequence[str]
    out_bytes: int = REFS_BYTES
    repository: Repository | None = None
    remote: bool = False
    stdin: bytes = b""
    variables: Mapping[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Git:
    """Git for one address, within limits; `folder` is private and holds its settings.

    The class of an error says whose fault it is: a SourceError is the remote's or the operator's, a
    DamagedError may be the cache's, a LimitError is a bound that was passed.
    """

    folder: Path
    address: GitAddress
    credentials: Credentials
    limits: Limits
    environ: Mapping[str, str] = field(repr=False)
    _is_checked: bool = False

    def refs(self, names: Sequence[str]) -> bytes:
        """The lines of `ls-remote` about refs of these names, and others that end in them."""
        arguments = ("ls-remote", "--quiet", "--", self.address.url, *names)
        return self._ask(GitCommand(arguments, remote=True)).out

    def fetch(self, repository: Repository, options: Sequence[str], refspec: str) -> None:
        """Bring a commit into the cache."""
        self._fetch(repository, (*_FETCH, *options, "--", self.address.url, refspec))

    def fetch_files(self, repository: Repository, ids: Iterable[str]) -> None:
        """Bring files into the cache."""
        self._fetch(repository, (*_FETCH_FILES, "--", self.address.url), lines(ids))

    def _fetch(self, repository: Repository, arguments: Sequence[str], stdin: bytes = b"") -> None:
        try:
            self._ask(GitCommand(arguments, repository=repository, remote=True, stdin=stdin))
        finally:
            repository.settle()

    def _ask(self, command: GitCommand) -> GitRun:
        folder = self.address.folder
        if folder is not None and not folder.is_dir():
            raise self.error("there is no such folder; correct the source")
        ran = self.run(command)
        if ran.code == 0:
            return ran
        reason = explained(ran.err)
        if reason is None:
            message = f"git failed with: {quoted(ran.err)}; try it there by hand"
            raise self.error(message, DamagedError)
        raise self.error(reason, NotInSourceError if reason == NO_COMMIT else SourceError)

    def read(
        self, repository: Repository, *arguments: str, out_bytes: int, stdin: bytes = b""
    ) -> bytes:
        """The output of a command about the cache."""
        ran = self.run(GitCommand(arguments, out_bytes, repository, stdin=stdin))
        if ran.code != 0:
            raise self.error(
                f"the commit cannot be read: {quoted(ran.err)}; "
                "look at the repository with `git fsck`",
                DamagedError,
            )
        return ran.out

    def run(self, command: GitCommand) -> GitRun:
        """Run it to its end.  LimitError past a bound; SourceError when it cannot be started."""
        if not self._is_checked:
            self._check_version()
        return self._run(command)

    def _check_version(self) -> None:
        printed = self._run(GitCommand(("version",))).out.decode(errors="replace")
        version = re.match(r"git version (\d+)\.(\d+)", printed)
        if version is None or (int(version[1]), int(version[2])) < OLDEST:
            oldest = ".".join(map(str, OLDEST))
            raise SourceError(f"git is older than {oldest}, or is no git; install a newer one")
        self._is_checked = True

    def _run(self, command: GitCommand) -> GitRun:
        bounds = self._bounds(command)
        process = self._start(command)
        try:
            out, err = finish(process, bounds)
        except LimitError as error:
            raise self.error(str(error), LimitError) from None
        return GitRun(
            process.returncode, out, self.credentials.redact(err.decode(errors="replace"))
        )

    def _bounds(self, command: GitCommand) -> Bounds:
        limits, repository = self.limits, command.repository
        if not command.remote:
            return Bounds(limits.local_s, command.out_bytes)
        if repository is None:
            return Bounds(limits.listing_s, command.out_bytes)
        most = repository.size() + limits.fetch_bytes
        message = (
            f"a fetch brought more than {limits.fetch_bytes // 1024} KiB and was ended; "
            "keep large files out of the repository, or specs in one of their own"
        )
        return Bounds(
            limits.fetch_s,
            command.out_bytes,
            lambda: message if repository.size() > most else None,
        )

    def _start(self, command: GitCommand) -> "subprocess.Popen[bytes]":
        repository = command.repository
        environment = self._environment(command)
        with tempfile.TemporaryFile() as stdin:
            stdin.write(command.stdin)
            stdin.seek(0)
            try:
                return subprocess.Popen(
                    ["git", *command.arguments],
                    stdin=stdin,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    cwd=self.folder,
                    env=environment,
                    start_new_session=True,
                    pass_fds=() if repository is None else (repository.lock,),
                    bufsize=0,
                )
            except FileNotFoundError:
                message = "git is not installed here; install it, or name a folder"
                raise SourceError(message) from None
            except OSError as error:
                raise SourceError(f"git cannot be started: {error.strerror}") from None

    def _environment(self, command: GitCommand) -> dict[str, str]:
        home = self._home()
        variables = {name: self.environ[name] for name in _INHERITED if self.environ.get(name)}
        variables |= _FIXED | {
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home),
            "GNUPGHOME": str(home / "gnupg"),
            "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
            "GIT_CEILING_DIRECTORIES": str(self.folder.parent),
            "GIT_ALLOW_PROTOCOL": self.address.scheme if command.remote else "none",
        }
        if command.repository is not None:
            variables["GIT_DIR"] = str(command.repository.folder)
        if command.remote:
            variables |= self.credentials.variables()
        return variables | dict(command.variables)

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

    def error(self, message: str, kind: type[SourceError] = SourceError) -> SourceError:
        """An error about the address."""
        return kind(f"{self.address.shown}: {message}")


def _safe(folder: Path | None) -> str:
    if folder is None:
        return ""
    real = folder.resolve()
    folders = dict.fromkeys((folder, folder / ".git", real, real / ".git"))
    values = (str(each).replace("\\", "\\\\").replace('"', '\\"') for each in folders)
    return "[safe]\n" + "".join(f'\tdirectory = "{value}"\n' for value in values)


def lines(names: Iterable[str]) -> bytes:
    return "".join(f"{name}\n" for name in names).encode()
