"""The front door of the emulator: whose page is it, and may the caller see it?

By `Host`: the workspace itself (API and pages for people) or one application, whose requests are
passed to its pod.  What opens the workspace, a key or a session, is never passed on.  An unknown
host is refused, so that a page from elsewhere cannot reach in under a name of its own.
"""

import http.client
import re
import secrets
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from flask import Flask
from werkzeug.wrappers import Request, Response

from controller.emulator import pages
from controller.emulator.options import APPLICATION, ApiKey, User
from controller.emulator.processes import Processes
from controller.emulator.records import Application
from controller.emulator.workspace import Workspace

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

COOKIE = "cml_session"
SESSIONS = 100
CHUNK = 65536
PROXY_TIMEOUT_S = 120.0
HOP_BY_HOP = {
    "connection",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
}
NOT_FORWARDED = HOP_BY_HOP | {"authorization", "cookie", "remote-user", "remote_user", "host"}


class Front:
    """A WSGI callable in front of the API app."""

    def __init__(
        self,
        api: Flask,
        workspace: Workspace,
        processes: Processes,
        keys: Mapping[str, ApiKey],
        lock: AbstractContextManager[object],
        *,
        domain: str,
        logs: Path,
    ) -> None:
        """`domain` is `name:port`; `logs` is where the pods write."""
        self._api = api
        self._workspace = workspace
        self._processes = processes
        self._keys = keys
        self._lock = lock
        self._domain = domain
        self._logs = logs
        port = domain.partition(":")[2]
        self._hosts = {domain, f"127.0.0.1:{port}", f"localhost:{port}"}
        self._sessions: deque[str] = deque(maxlen=SESSIONS)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        host = environ.get("HTTP_HOST", "").lower()
        if host in self._hosts:
            if request.path.startswith("/api/"):
                return self._api(environ, start_response)
            return self._for_people(request)(environ, start_response)
        if host.endswith(f".{self._domain}"):
            subdomain = host.removesuffix(f".{self._domain}")
            return self._application(request, subdomain)(environ, start_response)
        return _html(421, "Unknown host", "This is not a host of the workspace.")(
            environ, start_response
        )

    # the workspace's own pages

    def _for_people(self, request: Request) -> Response:
        if request.path == "/sign-in":
            return self._sign_in(request)
        if request.method != "GET":
            return Response("Method Not Allowed\n", 405, mimetype="text/plain")
        if request.path == "/":
            with self._lock:
                self._workspace.tick()
                return _page(pages.index(self._workspace.state, self._domain))
        if match := re.fullmatch(r"/logs/([a-z0-9-]{1,40})", request.path):
            return self._log(match[1])
        return Response("Not Found\n", 404, mimetype="text/plain")

    def _log(self, known_as: str) -> Response:
        """Of an application, of a run, or of the clone of a project."""
        with self._lock:
            name = pages.name_of(self._workspace.state, known_as)
        if name is None:
            return Response("Not Found\n", 404, mimetype="text/plain")
        return _page(pages.log(name, self._logs / f"{known_as}.log"))

    def _sign_in(self, request: Request) -> Response:
        """The button leads back to where the visitor came from, which must be ours."""
        if request.method != "POST":
            return _page(pages.sign_in(request.args.get("next", "")))
        target = request.form.get("next", "")
        if not self._ours(target):
            target = f"http://{self._domain}/"
        session = secrets.token_urlsafe(32)
        self._sessions.append(session)
        response = Response("", 303, headers={"Location": target})
        name = self._domain.partition(":")[0]
        response.set_cookie(COOKIE, session, httponly=True, samesite="Lax", domain=name)
        return response

    def _ours(self, target: str) -> bool:
        if any(ord(letter) <= 32 for letter in target):
            return False
        parts = urlsplit(target)
        return parts.scheme == "http" and parts.netloc.endswith(f".{self._domain}")

    # applications

    def _application(self, request: Request, subdomain: str) -> Response:
        with self._lock:
            self._workspace.tick()
            app = self._workspace.applications.at(subdomain)
            port = self._processes.port(app.engine_id) if app is not None else None
        if app is None:
            return _html(404, "No such application", f"Nothing is at {subdomain}.")
        user, refusal = self._admit(request, app)
        if refusal is not None:
            return refusal
        if port is None:
            return _html(503, app.name, f"The application is {app.status.short}.")
        try:
            return _forward(request, port, user)
        except (OSError, http.client.HTTPException):
            return _html(502, app.name, "The application does not answer.")

    def _admit(self, request: Request, app: Application) -> tuple[User | None, Response | None]:
        """Who comes, or why not."""
        if app.bypass_authentication:
            return None, None
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            key = self._keys.get(secret.strip())
            if key is None or APPLICATION not in key.audiences:
                return None, _html(401, "Unauthorized", "The key does not open applications.")
            return key.user, None
        if request.cookies.get(COOKIE, "") in self._sessions:
            return app.creator, None
        target = quote(request.url, safe="")
        location = f"http://{self._domain}/sign-in?next={target}"
        return None, Response("", 302, headers={"Location": location})


def _page(markup: str, status: int = 200) -> Response:
    response = Response(markup, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def _html(status: int, title: str, text: str) -> Response:
    return _page(pages.message(title, text), status)


def _forward(request: Request, port: int, user: User | None) -> Response:
    """Pass the request on, and the answer back as it comes."""
    link = http.client.HTTPConnection("127.0.0.1", port, PROXY_TIMEOUT_S)
    try:
        target = quote(request.path, safe="/:@!$&'()*+,;=~-._%")
        if request.query_string:
            target += "?" + request.query_string.decode("latin-1")
        link.request(request.method, target, _content(request), _headers(request, user))
        answer = link.getresponse()
    except BaseException:
        link.close()
        raise
    headers = [(key, value) for key, value in answer.getheaders() if key.lower() not in HOP_BY_HOP]
    response = Response(_stream(answer, link), answer.status, headers)
    response.call_on_close(link.close)
    return response


def _content(request: Request) -> Iterator[bytes] | None:
    """The body piece by piece, where there is one."""
    if not request.content_length:
        return None
    return iter(lambda: request.stream.read(CHUNK), b"")


def _stream(answer: http.client.HTTPResponse, link: http.client.HTTPConnection) -> Iterator[bytes]:
    """As it arrives, so that a log that is followed is seen at once."""
    try:
        while piece := answer.read1(CHUNK):
            yield piece
    finally:
        link.close()


def _headers(request: Request, user: User | None) -> dict[str, str]:
    """What the pod sees: all but what opens the workspace, and who the caller is."""
    found = {key: value for key, value in request.headers if key.lower() not in NOT_FORWARDED}
    if not request.content_length:
        found.pop("Content-Length", None)
    cookies = [f"{key}={value}" for key, value in request.cookies.items() if key != COOKIE]
    if cookies:
        found["Cookie"] = "; ".join(cookies)
    found["Host"] = request.host
    found["X-Forwarded-Host"] = request.host
    found["X-Forwarded-Proto"] = "http"
    if user is not None:
        found["REMOTE-USER"] = user.username
    return found
