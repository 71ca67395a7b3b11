"""Front end of the emulator: routing by host, and access.

The `Host` header selects the workspace (API and web pages) or an application, whose requests are
passed to its pod.  Credentials of the workspace (key or session) are never passed on.  An unknown
host is refused, as a protection against DNS rebinding.
"""

import contextlib
import http.client
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from flask import Flask
from werkzeug.http import is_hop_by_hop_header
from werkzeug.wrappers import Request, Response

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
    ) -> None:
        """`domain` is `name:port`; `logs` is where the pods write."""
        self._api = api
        self._workspace = workspace
        self._processes = processes
        self._lock = lock
        self._domain = domain
        self._logs = logs
        port = domain.partition(":")[2]
        self._hosts = {domain, f"127.0.0.1:{port}", f"localhost:{port}"}
        self._sessions = Sessions(keys, workspace.clock)
        self._return_address = re.compile(
            rf"http://(?:[a-z0-9-]{{1,63}}\.)?{re.escape(domain)}(?:/[!-\[\]-~]*)?"
        )

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        request = Request(environ)
        host = environ.get("HTTP_HOST", "").lower()
        if host in self._hosts:
            if request.path.startswith("/api/"):
                return self._api(environ, start_response)
            return self._workspace_page(request)(environ, start_response)
        if host.endswith(f".{self._domain}"):
            subdomain = host.removesuffix(f".{self._domain}")
            return self._application(request, subdomain)(environ, start_response)
        return _html(421, "Unknown host", "Unknown host name of the workspace.")(
            environ, start_response
        )

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
                return _page(pages.index(self._workspace.state, self._domain))
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
        if not self._return_address.fullmatch(target):
            target = "/"
        response = Response("", 303, headers={"Location": target})
        name = self._domain.partition(":")[0]
        shared = name if request.host.partition(":")[0] == name else None
        response.set_cookie(COOKIE, session, httponly=True, samesite="Lax", domain=shared)
        response.headers["Cache-Control"] = "no-store"
        response.headers["Referrer-Policy"] = "no-referrer"
        return response

    def _user_of(self, request: Request) -> User | None:
        """The user of the request's key or session."""
        key = bearer(request.headers)
        if key is not None:
            return self._sessions.user_of_key(key)
        return self._sessions.user(request.cookies.get(COOKIE, ""))

    def _refuse(self, request: Request) -> Response:
        if bearer(request.headers) is not None:
            return _html(401, "Unauthorized", "The key is not valid for applications.")
        location = f"http://{self._domain}/sign-in?next={quote(request.url, safe='')}"
        return Response("", 302, headers={"Location": location})

    # applications

    def _application(self, request: Request, subdomain: str) -> Response | WebSocketTunnel:
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
                    return WebSocketTunnel(_target(request), port, _headers(request, user))
            return _forward(request, port, user)
        except (OSError, http.client.HTTPException):
            return _html(502, app.name, "The application does not answer.")


def _page(markup: str, status: int = 200) -> Response:
    response = Response(markup, status, mimetype="text/html")
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response


def _html(status: int, title: str, text: str) -> Response:
    return _page(pages.message(title, text), status)


def _forward(request: Request, port: int, user: User | None) -> Response:
    """Pass the request to the pod, and stream the answer back."""
    link = http.client.HTTPConnection("127.0.0.1", port, PROXY_TIMEOUT_S)
    try:
        link.request(request.method, _target(request), _content(request), _headers(request, user))
        answer = link.getresponse()
    except BaseException:
        link.close()
        raise
    headers = [(key, value) for key, value in answer.getheaders() if not is_hop_by_hop_header(key)]
    # In pieces, without delay, for followed logs.
    pieces = iter(lambda: answer.read1(CHUNK), b"")
    response = Response(pieces, answer.status, headers)
    response.call_on_close(link.close)
    return response


def _target(request: Request) -> str:
    target = quote(request.path, safe="/:@!$&'()*+,;=~-._%")
    if request.query_string:
        target += "?" + request.query_string.decode("latin-1")
    return target


def _content(request: Request) -> Iterator[bytes] | None:
    """The body in pieces, if there is one."""
    if not request.content_length:
        return None
    return iter(lambda: request.stream.read(CHUNK), b"")


def _headers(request: Request, user: User | None) -> dict[str, str]:
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
    headers["X-Forwarded-Proto"] = "http"
    if user is not None:
        headers["REMOTE-USER"] = user.username
    return headers
