"""The REST API as a WSGI application: routes, keys and errors.

Paths are exactly CML's, including colon verbs.  Unknown paths are answered in plain text, as by the
gateway in front of CML.
"""

import json
import re
import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import NoReturn

from flask import Flask, Response, g, request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date
from werkzeug.routing import BaseConverter

from controller.emulator.api import specification
from controller.emulator.api.errors import ApiError, Code
from controller.emulator.api.operations import Operation, operations
from controller.emulator.api.specification import BASE
from controller.emulator.options import API, ApiKey
from controller.emulator.workspace import Workspace

SPECIFICATION = f"GET {BASE}/swagger.json"
CLIENT = f"GET {BASE}/python.tar.gz"
_FORM = re.compile(r"[0-9A-Za-z_-]{16,}(\.[0-9A-Za-z_-]{16,})?")
"""The form of a key; a JSON web token has three parts."""


class AnyPath(BaseConverter):
    """A path of any depth, possibly empty, or with slashes at either end; `%2F` is `/` here."""

    regex = ".*"
    part_isolating = False
    weight = 300


def create_app(
    workspace: Workspace,
    keys: Mapping[str, ApiKey],
    *,
    domain: str = "cml.localhost",
    scheme: str = "http",
    lock: AbstractContextManager[object] | None = None,
    after_call: Callable[[], None] = lambda: None,
) -> Flask:
    """The API of `workspace`, with `keys` (secret to key).

    An operation runs under `lock`, with a valid key and a current state; `after_call` is called
    under it before each answer, where the daemon saves its state.
    """
    lock = lock or threading.RLock()
    app = Flask("controller.emulator", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = AnyPath

    def locked(operation: Operation) -> Callable[..., Response]:
        def call(**path: str) -> Response:
            g.key = _key(keys, workspace.options.malformed_key_status)
            g.user = g.key.user
            with lock:
                workspace.tick()
                try:
                    answer = operation(*path.values())
                finally:
                    workspace.tick()
                    after_call()
            return answer if isinstance(answer, Response) else reply(answer or {})

        return call

    table = operations(workspace, domain, scheme)
    views = {name: locked(operation) for name, operation in table.items()}
    views[SPECIFICATION] = lambda: reply(specification.document(table))
    views[CLIENT] = _no_client
    for name, view in views.items():
        method, rule = name.split()
        for path in (rule, f"{rule}/") if _takes_slash(method, rule) else (rule,):
            app.add_url_rule(path, name, view, methods=[method], provide_automatic_options=False)
    app.register_error_handler(ApiError, lambda error: reply(error.body(), error.status))
    app.register_error_handler(
        HTTPException, lambda error: _unrouted(error, keys, workspace.options.malformed_key_status)
    )
    app.after_request(lambda response: _dated(response, workspace.clock.now()))
    return app


def _takes_slash(method: str, rule: str) -> bool:
    """True if a slash at the end changes nothing; in the path of a file it is a part of it."""
    return method in ("GET", "DELETE") and "/files" not in rule and "." not in rule


def reply(body: Mapping[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


def _no_client() -> NoReturn:
    """Refuse CML's own client: it is the workspace's, and not for others to pass on."""
    message = (
        "the CML emulator does not have CML's Python client: take it from a CML workspace, or call "
        f"the API as {BASE}/swagger.json describes it"
    )
    raise ApiError(Code.UNIMPLEMENTED, message)


def _dated(response: Response, now: datetime) -> Response:
    """Add the Date header, by the workspace's clock."""
    response.headers["Date"] = http_date(now)
    return response


def _unrouted(error: HTTPException, keys: Mapping[str, ApiKey], malformed_status: int) -> Response:
    """501 with its name for an operation that only CML has; else an error of routing."""
    operation = specification.find(request.method, request.path)
    if operation is None or error.code not in {404, 405}:
        return _plain(error)
    try:
        _key(keys, malformed_status)
    except ApiError as refused:
        return reply(refused.body(), refused.status)
    name = f"{operation.name} ({operation.method} {BASE}{operation.path})"
    absent = ApiError(Code.UNIMPLEMENTED, f"{name} is not part of the CML emulator")
    return reply(absent.body(), absent.status)


def _plain(error: HTTPException) -> Response:
    """Routing errors as plain text, as by this version of the gateway."""
    names = {404: "Not Found", 405: "Method Not Allowed"}
    status = error.code or 500
    return Response(names.get(status, error.name) + "\n", status, mimetype="text/plain")


def bearer(headers: Headers) -> str | None:
    """The key in an Authorization header; None for another header."""
    scheme, _, secret = headers.get("Authorization", "").partition(" ")
    return secret.strip() if scheme.lower() == "bearer" else None


def _key(keys: Mapping[str, ApiKey], malformed_status: int) -> ApiKey:
    """The key of the request.  CML tells apart no key, something else, and an unknown key."""
    secret = bearer(request.headers) or ""
    key = keys.get(secret)
    if key is None and not secret:
        raise ApiError(Code.UNAUTHENTICATED, 'no "authorization" header')
    if key is None and not _FORM.fullmatch(secret):
        raise ApiError(Code.UNKNOWN, "malformed apikey", malformed_status)
    if key is None:
        raise ApiError(Code.UNAUTHENTICATED, "unauthenticated")
    if API not in key.audiences:
        raise ApiError(Code.PERMISSION_DENIED, "audience mismatch: the key is not for the API")
    return key
