"""Checks of requests, and of actions."""

from flask import Flask, Response, render_template, request
from werkzeug.datastructures import Headers

from controller.web.context import Context
from controller.web.origin import is_from_here, is_known_host
from controller.web.replies import RefusedError

HOOK_BYTES_MAX = 1024 * 1024
FORM_BYTES_MAX = 16 * 1024
_PROBES = ("/healthz", "/readyz")
HOOK = "/hooks/git"
TOKEN_HEADER = "X-Raycml-Token"  # noqa: S105 - the name of a header

ENABLE = "Read-only. Set RAYCML_WEB_TOKEN to enable actions."


def check_requests(app: Flask, context: Context) -> None:
    """Check size and Host of every request."""
    app.config["MAX_CONTENT_LENGTH"] = HOOK_BYTES_MAX

    def check() -> Response | None:
        limit = HOOK_BYTES_MAX if request.path == HOOK else FORM_BYTES_MAX
        if (request.content_length or 0) > limit:
            raise RefusedError(413, "TooLarge", f"The limit is {limit} bytes.")
        if request.path in _PROBES or is_known_host(request.host, context.options.allowed_hosts):
            return None
        return _stranger()

    app.before_request(check)


def _stranger() -> Response:
    """Reply for an unknown host name, without facts.  `/` is still 200, CML's check for alive."""
    if request.path == "/" and request.method in ("GET", "HEAD"):
        return Response(render_template("stranger.html"))
    raise RefusedError(
        421, "UnknownHost", "Unknown host name. Use the application's CML address or localhost."
    )


def require_form(context: Context) -> None:
    """Check an action by form: same host, signed in, valid mark."""
    require_enabled(context)
    require_same_origin()
    cookie = context.cookie()
    if not cookie:
        raise RefusedError(401, "SignedOut", "Sign in first. A session lasts twelve hours.")
    require_mark(context, cookie)


def require_enabled(context: Context) -> None:
    if not context.access.configured:
        raise RefusedError(403, "ReadOnly", ENABLE)


def require_same_origin() -> None:
    if not is_from_here(dict(request.headers), request.host):
        raise RefusedError(403, "OtherSite", "The form was not sent by a page of this host.")


def require_mark(context: Context, cookie: str) -> None:
    if not context.access.is_mark(request.form.get("mark", ""), cookie):
        message = "The form belongs to another session. Reload the page and try again."
        raise RefusedError(403, "StaleForm", message)


def require_token(context: Context) -> None:
    """Check an action through the API: the token in a header.

    CML's proxy reads `Authorization` as its own key, so the token may be in raycml's header
    instead, which takes precedence.
    """
    require_enabled(context)
    token = request.headers.get(TOKEN_HEADER) or bearer(request.headers)
    if not token:
        message = f"Send `Authorization: Bearer TOKEN`, or `{TOKEN_HEADER}: TOKEN`."
        raise RefusedError(401, "TokenMissing", message, {"WWW-Authenticate": "Bearer"})
    if not context.access.is_token(token):
        if not context.access.by_header.allow():
            raise too_many()
        raise RefusedError(401, "TokenWrong", "Wrong token.", {"WWW-Authenticate": "Bearer"})


def bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def too_many() -> RefusedError:
    message = "Too many wrong tokens. Wait a minute."
    return RefusedError(429, "TooManyTries", message, {"Retry-After": "60"})
