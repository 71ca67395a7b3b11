"""Answers: pages, JSON documents, errors as either, and the security headers of all."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files

from flask import Flask, Response, render_template, request
from werkzeug.exceptions import HTTPException

from controller.core.model.json_object import JsonObject, json_of
from controller.web.context import Context

POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    # No referrer for other hosts; `no-referrer` would also hide where a form was submitted from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Frame-Options": "DENY",
}
_STATIC = {"page.css": "text/css", "live.js": "text/javascript"}
_MACHINES = ("/api/", "/hooks/", "/healthz", "/readyz", "/metrics")


class RefusedError(Exception):
    """A request that is refused; `reason` is a CamelCase word for machines."""

    def __init__(
        self, status: int, reason: str, message: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.message = message
        self.headers = headers or {}


@dataclass(frozen=True, slots=True)
class RefusalJson(JsonObject):
    """The reason for a refusal."""

    reason: str
    """Kind of refusal, in CamelCase."""
    message: str
    """Explanation for people."""


@dataclass(frozen=True, slots=True)
class ErrorJson(JsonObject):
    """A request that was refused."""

    error: RefusalJson
    """The reason for the refusal."""


def document(body: JsonObject | Mapping[str, object], status: int = 200) -> Response:
    written = json_of(body) if isinstance(body, JsonObject) else json.dumps(body)
    return Response(written, status, content_type="application/json")


def for_machines(path: str) -> bool:
    return path.startswith(_MACHINES)


def register_errors(app: Flask, context: Context) -> None:
    """Add error handlers, headers and static files."""
    _serve_static(app)
    app.register_error_handler(RefusedError, _refused)
    app.register_error_handler(HTTPException, _http)
    app.register_error_handler(Exception, lambda error: _broken(error, app, context))
    app.after_request(_headed)


def _refused(error: RefusedError) -> Response:
    answer = _error(error.status, error.reason, error.message)
    answer.headers.extend(error.headers)
    return answer


def _http(error: HTTPException) -> Response:
    status = error.code or 500
    reason, message = _WORDS.get(status, (error.name.replace(" ", ""), error.description or ""))
    answer = _error(status, reason, message)
    allowed = getattr(error, "valid_methods", None)
    if allowed:
        answer.headers["Allow"] = ", ".join(sorted(allowed))
    return answer


_WORDS = {
    404: ("NotFound", "Page not found."),
    405: ("MethodNotAllowed", "This address does not support this method."),
    413: ("TooLarge", "The request is too large."),
    415: ("NotJson", "Send JSON, with Content-Type: application/json."),
    400: ("BadRequest", "The request is not valid."),
}


def _broken(error: Exception, app: Flask, context: Context) -> Response:
    """An internal error: it is logged, and its details stay out of the answer."""
    if context.options.on_error is not None:
        context.options.on_error(error)
    else:
        app.logger.error("the page failed", exc_info=error)
    return _error(500, "Unexpected", "Internal error. See the log of the controller.")


def _error(status: int, reason: str, message: str) -> Response:
    if for_machines(request.path):
        return document(ErrorJson(RefusalJson(reason, message)), status)
    page = render_template("error.html", status=status, reason=reason, message=message)
    return Response(page, status)


def _headed(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    # The content is valid for seconds.
    answer.headers.setdefault("Cache-Control", "no-store")
    return answer


def _serve_static(app: Flask) -> None:
    """Serve the style sheet and the script from memory, at addresses with a content hash."""
    folder = files("controller.web") / "static"
    bodies = {name: (folder / name).read_bytes() for name in _STATIC}
    marks = {name: hashlib.sha256(body).hexdigest()[:12] for name, body in bodies.items()}

    def static_file(name: str) -> Response:
        if name not in bodies:
            raise RefusedError(404, *_WORDS[404])
        answer = Response(bodies[name], mimetype=_STATIC[name])
        answer.headers["Cache-Control"] = "public, max-age=86400"
        return answer

    app.add_url_rule("/static/<name>", "static", static_file)
    app.jinja_env.globals["asset"] = lambda name: f"/static/{name}?v={marks[name]}"
