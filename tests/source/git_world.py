"""Real repositories for tests, with a known author and date, and a web server that serves them."""

import base64
import os
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, make_server

from spec_samples import named

from controller.core.spec.revision import Revision
from controller.source.git.limits import Limits
from controller.source.git.source import GitOptions, GitSource

ENVIRON = {"PATH": os.environ["PATH"]}
_IDENTITY = {
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.com",
    "GIT_AUTHOR_DATE": "1700000000 +0000",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.com",
    "GIT_COMMITTER_DATE": "1700000000 +0000",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Repo:
    """A repository with a working tree, as a person has it."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        self.git("init", "--quiet", "--initial-branch=main", *options)

    def git(self, *arguments: str, given: bytes = b"") -> str:
        ran = subprocess.run(
            ["git", *arguments],
            cwd=self.folder,
            env={**os.environ, **_IDENTITY},
            input=given,
            capture_output=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return os.fsdecode(ran.stdout).strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        for name, content in files.items():
            path = self.folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content.encode() if isinstance(content, str) else content)

    def commit(self, files: Mapping[str, str | bytes] | None = None, *options: str) -> str:
        self.write(files or {})
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "a change", *options)
        return self.git("rev-parse", "HEAD")

    def blob(self, content: bytes) -> str:
        return self.git("hash-object", "-w", "--stdin", given=content)

    def tree(self, *found: tuple[str, bytes, str]) -> str:
        """A tree of (mode, name, id) as given, in this order, whatever git thinks of the names."""
        raw = b"".join(
            mode.encode() + b" " + name + b"\0" + bytes.fromhex(each) for mode, name, each in found
        )
        return self.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=raw)

    def commit_of(self, tree: str) -> str:
        commit = self.git("commit-tree", tree, "-m", "made by hand")
        self.git("update-ref", "refs/heads/main", commit)
        return commit

    def source(
        self,
        cache: Path,
        *,
        ref: str | None = None,
        path: str = "",
        limits: Limits | None = None,
        keys: Path | None = None,
    ) -> GitSource:
        options = GitOptions(
            str(self.folder), ref, cache, path, verify_key=keys, limits=limits or Limits()
        )
        return GitSource(options, ENVIRON)


def names(revision: Revision) -> list[str]:
    return [holder.cluster.name for holder in revision.clusters]


def problems(revision: Revision) -> list[tuple[str, str]]:
    return [(each.file, each.message.split(";")[0]) for each in revision.problems]


def spec_files(*wanted: str) -> dict[str, str]:
    return {f"specs/{name}.yaml": named(name) for name in wanted}


class _Silent(WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(root: Path, login: str | None = None) -> Iterator[str]:
    """The repositories below root over http, as `git http-backend` does it; `login` is asked for.

    `/moved/...` sends on to the same address without it.
    """

    def app(environ: dict[str, object], start: Callable[..., object]) -> list[bytes]:
        path = str(environ["PATH_INFO"])
        if path.startswith("/moved"):
            there = f"{path.removeprefix('/moved')}?{environ['QUERY_STRING']}"
            start("301 Moved", [("Location", there)])
            return [b""]
        wanted = login and "Basic " + base64.b64encode(login.encode()).decode()
        if wanted and environ.get("HTTP_AUTHORIZATION") != wanted:
            start("401 Unauthorized", [("WWW-Authenticate", 'Basic realm="specs"')])
            return [b"no"]
        return _backend(root, environ, start)

    with make_server("127.0.0.1", 0, app, handler_class=_Silent) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _backend(
    root: Path, environ: Mapping[str, object], start: Callable[..., object]
) -> list[bytes]:
    length = int(str(environ.get("CONTENT_LENGTH") or 0))
    body = environ["wsgi.input"].read(length) if length else b""  # type: ignore[attr-defined]
    kept = ("REQUEST_METHOD", "PATH_INFO", "QUERY_STRING", "CONTENT_TYPE", "HTTP_CONTENT_ENCODING")
    variables = {name: str(environ[name]) for name in kept if name in environ}
    variables |= {
        "PATH": os.environ["PATH"],
        "GIT_PROJECT_ROOT": str(root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "GIT_PROTOCOL": str(environ.get("HTTP_GIT_PROTOCOL", "")),
        "CONTENT_LENGTH": str(length),
        "GIT_CONFIG_GLOBAL": os.devnull,
    }
    ran = subprocess.run(
        ["git", "http-backend"], env=variables, input=body, capture_output=True, check=False
    )
    head, _, content = ran.stdout.partition(b"\r\n\r\n")
    headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
    status = next((value for name, value in headers if name == "Status"), "200 OK")
    start(status, [(name, value) for name, value in headers if name != "Status"])
    return [content]
