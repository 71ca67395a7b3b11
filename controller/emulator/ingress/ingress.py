"""Front end of the emulator: routing by host, and access.

The `Host` header selects the workspace (API and web pages) or an application, whose requests are
passed to its pod.  Credentials of the workspace (key or session) are never passed on.  An unknown
host is refused, as a protection against DNS rebinding.
"""

import contextlib
import http.client
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Flask
from werkzeug.http import is_hop_by_hop_header
from werkzeug.wrappers import Request, Response

from controller.emulator.address import APPLICATIONS, LOOPBACK, NAME
from controller.emulator.api.wsgi import bearer
from controller.emulator.ingress import pages
from controller.emulator.ingress.sign_in import Sessions
from controller.emulator.ingress.websockets import HandshakeError, WebSocketTunnel, is_upgrade
from controller.emulator.options import ApiKey, User
from controller.emulator.pods.processes import Processes
from controller.emulator.workspace import Workspace

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

COOKIE = "cml_session"
CHUNK = 65536
PROXY_TIMEOUT_S = 120.0
NOT_FORWARDED = {"authorization", "cookie", "remote-user", "remote_user", "host"}


@dataclass(frozen=True, slots=True)
class Entrance:
    """Scheme of the requests, and ports.

    `open_port(subdomain)` is a port of an application's own, whose requests come here too.
    """

    scheme: str = "http"
    open_port: Callable[[str], int] | None = None


class Ingress:
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
        entrance: Entrance | None = None,
    ) -> None:
        """`domain` is `name:port`; `logs` is where the pods write."""
        self._api = api
        self._workspace = workspace
        self._processes = processes
        self._lock = lock
        self._domain = domain
        self._logs = logs
        entrance = entrance or Entrance()
        self._scheme, self._open_port = entrance.scheme, entrance.open_port
        port = domain.partition(":")[2]
        self._hosts = {f"{name}:{port}" for name in (NAME, LOOPBACK, "localhost")}
        self._suffix = f".{NAME}:{port}"
        self._own_ports: dict[str, str] = {}
        self._sessions = Sessions(keys, workspace.clock)

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        host = environ.get("HTTP_HOST", "").lower()
        if host in self._hosts:
            if request.path.startswith("/api/"):
                return self._api(environ, start_response)
            if request.path.startswith(APPLICATIONS):
                return self._below_path(request)(environ, start_response)
            return self._workspace_page(request)(environ, start_response)
        subdomain = self._subdomain(host)
        if subdomain is not None:
            return self._application(request, subdomain)(environ, start_response)
        return _html(421, "Unknown host", "Unknown host name of the workspace.")(
            environ, start_response
        )

    def _subdomain(self, host: str) -> str | None:
        """The application at a host name, or at a port of its own."""
        if host.endswith(self._suffix):
            return host.removesuffix(self._suffix)
        return self._own_ports.get(host)

    # web pages of the workspace

    def _workspace_page(self, request: Request) -> Response:
        if request.path == "/sign-in":
            return self._sign_in(request)
        if request.method != "GET":
            return Response("Method Not Allowed\n", 405, mimetype="text/plain")
        if self._user_of(request) is None:
            return self._refuse(request)
        if request.path == "/":
            with self._lock:
                self._workspace.tick()
                return _page(pages.index(self._workspace.state, self._domain, self._scheme))
        if match := re.fullmatch(r"/logs/([a-z0-9-]{1,40})", request.path):
            return self._log(match[1])
        return Response("Not Found\n", 404, mimetype="text/plain")

    def _log(self, log_id: str) -> Response:
        """The log of an application, of a run, or of a project's clone."""
        with self._lock:
            name = pages.name_of(self._workspace.state, log_id)
        if name is None:
            return Response("Not Found\n", 404, mimetype="text/plain")
        return _page(pages.log(name, self._logs / f"{log_id}.log"))

    def _sign_in(self, request: Request) -> Response:
        """Sign in by the key in the form, or by the ticket in a link; then redirect back."""
        target = request.values.get("next", "")
        credential = request.form.get("key", "").strip() or request.args.get("ticket", "")
        session = self._sessions.open(credential) if credential else None
        if session is None:
            error = "Wrong key, or the link was used or has expired." if credential else ""
            return _page(pages.sign_in(target, error), 401 if error else 200)
        if not self._may_return(target):
            target = "/"
        response = Response("", 303, headers={"Location": target})
        shared = NAME if request.host.partition(":")[0] == NAME else None
        response.set_cookie(COOKIE, session, httponly=True, samesite="Lax", domain=shared)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _may_return(self, target: str) -> bool:
        """True for an address of this workspace, without anything that could lead elsewhere."""
        scheme, _, place = target.partition("://")
        if scheme != self._scheme or not re.fullmatch(r"[a-z0-9.:-]+(?:/[!-\[\]-~]*)?", place):
            return False
        host = place.partition("/")[0]
        return host in self._hosts or self._subdomain(host) is not None

    def _user_of(self, request: Request) -> User | None:
        """The user of the request's key or session."""
        key = bearer(request.headers)
        if key is not None:
            return self._sessions.user_of_key(key)
        return self._sessions.user(request.cookies.get(COOKIE, ""))

    def _refuse(self, request: Request) -> Response:
        if bearer(request.headers) is not None:
            return _html(401, "Unauthorized", "The key is not valid for applications.")
        home = f"{self._scheme}://{self._domain}"
        location = f"{home}/sign-in?next={quote(request.url, safe='')}"
        return Response("", 302, headers={"Location": location})

    # applications

    def _below_path(self, request: Request) -> Response | WebSocketTunnel:
        """An application by a path of the workspace, for programs; a browser gets its own port."""
        subdomain, slash, rest = request.path.removeprefix(APPLICATIONS).partition("/")
        shown = request.method == "GET" and "text/html" in request.headers.get("Accept", "")
        if not (shown or slash):
            return Response("", 308, headers={"Location": f"{request.path}/"})
        if not shown or self._open_port is None:
            return self._application(request, subdomain, f"{APPLICATIONS}{subdomain}")
        with self._lock:
            known = self._workspace.applications.at(subdomain) is not None
        if not known:
            return _html(404, "No such application", f"No application at {subdomain}.")
        host = f"{LOOPBACK}:{self._open_port(subdomain)}"
        self._own_ports[host] = subdomain
        location = f"{self._scheme}://{host}{_target(request, rest)}"
        return Response("", 302, headers={"Location": location})

    def _application(
        self, request: Request, subdomain: str, prefix: str = ""
    ) -> Response | WebSocketTunnel:
        with self._lock:
            self._workspace.tick()
            app = self._workspace.applications.at(subdomain)
            port = self._processes.port(app.engine_id) if app is not None else None
        if app is None:
            return _html(404, "No such application", f"No application at {subdomain}.")
        user = None if app.bypass_authentication else self._user_of(request)
        if user is None and not app.bypass_authentication:
            return self._refuse(request)
        if port is None:
            return _html(503, app.name, f"Application status: {app.status.short}.")
        try:
            if is_upgrade(request):
                with contextlib.suppress(HandshakeError):
                    target = _target(request, request.path.removeprefix(prefix))
                    return WebSocketTunnel(target, port, self._headers(request, user, prefix))
            return self._forward(request, port, user, prefix)
        except (OSError, http.client.HTTPException):
            return _html(502, app.name, "The application does not answer.")

    def _forward(self, request: Request, port: int, user: User | None, prefix: str) -> Response:
        """Pass the request to the pod, and stream the answer back."""
        link = http.client.HTTPConnection("127.0.0.1", port, PROXY_TIMEOUT_S)
        try:
            target = _target(request, request.path.removeprefix(prefix))
            headers = self._headers(request, user, prefix)
            link.request(request.method, target, _content(request), headers)
            answer = link.getresponse()
        except BaseException:
            link.close()
            raise
        received = [
            (key, value) for key, value in answer.getheaders() if not is_hop_by_hop_header(key)
        ]
        # In pieces, without delay, for followed logs.
        pieces = iter(lambda: answer.read1(CHUNK), b"")
        response = Response(pieces, answer.status, received)
        response.call_on_close(link.close)
        return response

    def _headers(self, request: Request, user: User | None, prefix: str) -> dict[str, str]:
        """Headers for the pod: without credentials of the workspace, with the user."""
        headers = {
            key: value
            for key, value in request.headers
            if not is_hop_by_hop_header(key) and key.lower() not in NOT_FORWARDED
        }
        if not request.content_length:
            headers.pop("Content-Length", None)
        cookies = [f"{key}={value}" for key, value in request.cookies.items() if key != COOKIE]
        if cookies:
            headers["Cookie"] = "; ".join(cookies)
        headers["Host"] = request.host
        headers["X-Forwarded-Host"] = request.host
        headers["X-Forwarded-Proto"] = self._scheme
        if prefix:
            headers["X-Forwarded-Prefix"] = prefix
        if user is not None:
            headers["REMOTE-USER"] = user.username
        return headers


def _page(markup: str, status: int = 200) -> Response:
    response = Response(markup, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def _html(status: int, title: str, text: str) -> Response:
    return _page(pages.message(title, text), status)


def _target(request: Request, path: str) -> str:
    """The path, with the query of the request."""
    target = quote(f"/{path.removeprefix('/')}", safe="/:@!$&'()*+,;=~-._%")
    if request.query_string:
        target += "?" + request.query_string.decode("latin-1")
    return target


def _content(request: Request) -> Iterator[bytes] | None:
    """The body in pieces, if there is one."""
    if not request.content_length:
        return None
    return iter(lambda: request.stream.read(CHUNK), b"")
