"""Forms of the pages: an action, its checks, and a page with its result."""

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


def add_forms(app: Flask, context: Context) -> None:
    """Add all POST routes of the pages."""

    def pause(name: str) -> Answer:
        words = request.form.get("reason", ""), request.form.get("until", "")
        return _order(context, page_of(name), f"Pausing {name}.", context.pause, name, *words)

    def unpause(name: str) -> Answer:
        done = f"Resuming {name}."
        return _order(context, page_of(name), done, context.orders.unpause, name)

    routes: dict[str, Callable[..., Answer]] = {
        "/sign-in": lambda: _sign_in(context),
        "/sign-out": lambda: _sign_out(context),
        "/reconcile": lambda: _order(context, "/", "Reconcile started.", context.orders.wake),
        "/clusters/<name>/pause": pause,
        "/clusters/<name>/unpause": unpause,
        "/revisions/<revision>/approve": lambda revision: _approve(context, revision),
    }
    for rule, handler in routes.items():
        app.add_url_rule(rule, f"POST {rule}", handler, methods=["POST"])


def _sign_in(context: Context) -> Answer:
    require_enabled(context)
    require_same_origin()
    require_mark(context, "")
    if not context.access.is_token(request.form.get("token", "")):
        if not context.access.by_form.allow():
            raise too_many()
        return Response(sign_in_page("Wrong token."), 401)
    answer = redirect(local_path(request.form.get("next", "/")), 303)
    answer.set_cookie(
        cookie_name(),
        context.access.session(),
        max_age=SESSION_S,
        path="/",
        secure=is_https(),
        httponly=True,
        samesite="Strict",
    )
    return answer


def _sign_out(context: Context) -> Answer:
    """End the session, also on the server, so that copies of the cookie become invalid."""
    require_form(context)
    context.access.end(context.cookie())
    answer = redirect("/", 303)
    answer.delete_cookie(cookie_name(), path="/", secure=is_https(), httponly=True)
    return answer


def _approve(context: Context, revision: str) -> Answer:
    def order() -> None:
        if request.form.get("agreed") != "yes":
            raise OrderError("Tick the box to confirm the approval.")
        context.approve(revision)

    return _order(context, "/", f"Revision {revision[:12]} is approved.", order)


def _order(
    context: Context, page: str, done: str, order: Callable[..., None], *arguments: str
) -> Answer:
    """Check and act, then redirect to a page with the result; a reload repeats nothing."""
    require_form(context)
    try:
        order(*arguments)
    except OrderError as error:
        message = FlashMessage(str(error), good=False)
    else:
        message = FlashMessage(done, good=True)
    return redirect(f"{page}?note={context.messages.keep(message)}", 303)
