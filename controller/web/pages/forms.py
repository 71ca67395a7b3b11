"""What people do on the pages: an order is a form, a check, and a page that says what was done."""

from collections.abc import Callable

from flask import Flask, Response, redirect, request
from werkzeug.wrappers import Response as Answer

from controller.web.access import SESSION_S
from controller.web.context import Context, cookie_name, is_https
from controller.web.orders import OrderError
from controller.web.origin import local_path
from controller.web.pages.flash import FlashMessage
from controller.web.pages.pages import page_of, sign_in_page
from controller.web.request_checks import (
    require_enabled,
    require_form,
    require_mark,
    require_same_origin,
    too_many,
)

REASON_MAX = 500


def add_forms(app: Flask, desk: Context) -> None:
    """Every POST of a page."""
    routes: dict[str, Callable[..., Answer]] = {
        "/sign-in": lambda: _sign_in(desk),
        "/sign-out": lambda: _sign_out(desk),
        "/reconcile": lambda: _reconcile(desk),
        "/clusters/<name>/pause": lambda name: _pause(desk, name),
        "/clusters/<name>/unpause": lambda name: _unpause(desk, name),
        "/revisions/<revision>/approve": lambda revision: _approve(desk, revision),
    }
    for rule, handler in routes.items():
        app.add_url_rule(rule, f"POST {rule}", handler, methods=["POST"])


def _sign_in(desk: Context) -> Answer:
    require_enabled(desk)
    require_same_origin()
    require_mark(desk, "")
    if not desk.access.is_token(request.form.get("token", "")):
        if not desk.access.by_form.allow():
            raise too_many()
        return Response(sign_in_page("This is not the token."), 401)
    answer = redirect(local_path(request.form.get("next", "/")), 303)
    answer.set_cookie(
        cookie_name(),
        desk.access.session(),
        max_age=SESSION_S,
        path="/",
        secure=is_https(),
        httponly=True,
        samesite="Strict",
    )
    return answer


def _sign_out(desk: Context) -> Answer:
    """The session ends here too, so that a copy of the cookie opens nothing any more."""
    require_form(desk)
    desk.access.end(desk.cookie())
    answer = redirect("/", 303)
    answer.delete_cookie(cookie_name(), path="/", secure=is_https(), httponly=True)
    return answer


def _reconcile(desk: Context) -> Answer:
    return _order(desk, "/", "A pass begins now.", desk.orders.wake)


def _pause(desk: Context, name: str) -> Answer:
    reason, until = clean(request.form.get("reason", "")), request.form.get("until", "").strip()

    def order() -> None:
        check_reason(reason)
        desk.orders.pause(name, reason, until)

    done = f"Asked to pause {name}: from its next pass on, the controller only watches it."
    return _order(desk, page_of(name), done, order)


def _unpause(desk: Context, name: str) -> Answer:
    done = f"Asked to unpause {name}: from its next pass on, the controller works on it."
    return _order(desk, page_of(name), done, lambda: desk.orders.unpause(name))


def _approve(desk: Context, revision: str) -> Answer:
    def order() -> None:
        if request.form.get("agreed") != "yes":
            raise OrderError("Tick the box that says that you have read what it would do.")
        desk.approve(revision)

    return _order(desk, "/", f"Revision {revision[:12]} is approved.", order)


def _order(desk: Context, page: str, done: str, order: Callable[[], None]) -> Answer:
    """Check, order, and go back to a page that tells it; a reload there orders nothing."""
    require_form(desk)
    try:
        order()
    except OrderError as error:
        note = FlashMessage(str(error), good=False)
    else:
        note = FlashMessage(done, good=True)
    return redirect(f"{page}?note={desk.notes.keep(note)}", 303)


def clean(text: str) -> str:
    """One line, without characters that a terminal or a log would obey."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def check_reason(reason: str) -> None:
    if not 1 <= len(reason) <= REASON_MAX:
        raise OrderError(f"A pause needs a reason of 1 to {REASON_MAX} characters.")
