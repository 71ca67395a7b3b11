"""What is checked before any route runs, and before any order is given."""

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

ENABLE = (
    "This page is read-only: nobody may order anything here.  "
    "Start the controller with RAYCML_WEB_TOKEN set to a secret to allow it."
)


def check_requests(app: Flask, desk: Context) -> None:
    """Size and Host of every request."""
    app.config["MAX_CONTENT_LENGTH"] = HOOK_BYTES_MAX

    def check() -> Response | None:
        limit = HOOK_BYTES_MAX if request.path == HOOK else FORM_BYTES_MAX
        if (request.content_length or 0) > limit:
            raise RefusedError(413, "TooLarge", f"At most {limit} bytes are taken here.")
        if request.path in _PROBES or is_known_host(request.host, desk.options.allowed_hosts):
            return None
        return _stranger()

    app.before_request(check)


def _stranger() -> Response:
    """A name that we do not know: no facts.  `/` still says 200, for CML takes that for alive."""
    if request.path == "/" and request.method in ("GET", "HEAD"):
        return Response(render_template("stranger.html"))
    raise RefusedError(421, "UnknownHost", "This page is not served under this name.")


def require_form(desk: Context) -> None:
    """An order by a form of our own page, sent by somebody who has signed in."""
    require_enabled(desk)
    require_same_origin()
    cookie = desk.cookie()
    if not cookie:
        raise RefusedError(401, "SignedOut", "Sign in first; a session lasts twelve hours.")
    require_mark(desk, cookie)


def require_enabled(desk: Context) -> None:
    if not desk.access.configured:
        raise RefusedError(403, "ReadOnly", ENABLE)


def require_same_origin() -> None:
    if not is_from_here(dict(request.headers), request.host):
        raise RefusedError(403, "OtherSite", "The form does not come from a page of this host.")


def require_mark(desk: Context, cookie: str) -> None:
    if not desk.access.is_mark(request.form.get("mark", ""), cookie):
        message = "The form is of another session; load its page again and repeat."
        raise RefusedError(403, "StaleForm", message)


def require_token(desk: Context) -> None:
    """An order through the API: the token in a header.

    CML's proxy takes `Authorization` for a key of its own, so that the token may come in a header
    of ours as well; there it counts alone.
    """
    require_enabled(desk)
    given = request.headers.get(TOKEN_HEADER) or bearer(request.headers)
    if not given:
        message = f"Send `Authorization: Bearer TOKEN`, or `{TOKEN_HEADER}: TOKEN`."
        raise RefusedError(401, "TokenMissing", message, {"WWW-Authenticate": "Bearer"})
    if not desk.access.is_token(given):
        if not desk.access.by_header.allow():
            raise too_many()
        raise RefusedError(401, "TokenWrong", "The token is wrong.", {"WWW-Authenticate": "Bearer"})


def bearer(headers: Headers) -> str:
    scheme, _, token = headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def too_many() -> RefusedError:
    message = "Too many wrong tokens within a minute; wait a minute."
    return RefusedError(429, "TooManyTries", message, {"Retry-After": "60"})
