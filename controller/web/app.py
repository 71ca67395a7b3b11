"""The page as a WSGI application: what it is made of."""

from collections.abc import Callable

from flask import Flask

from controller.clock import Clock
from controller.core.status.snapshot import ControllerSnapshot
from controller.web.access import Access
from controller.web.api import add_api
from controller.web.context import Context
from controller.web.health import Watch
from controller.web.metrics import Metrics
from controller.web.orders import OrderError, Orders, WebOptions
from controller.web.pages.flash import FlashMessages
from controller.web.pages.forms import add_forms
from controller.web.pages.pages import add_pages
from controller.web.probes import add_probes
from controller.web.replies import register_errors
from controller.web.request_checks import check_requests

__all__ = ["OrderError", "Orders", "WebOptions", "create_app"]


def create_app(
    board: Callable[[], ControllerSnapshot],
    orders: Orders,
    metrics: Metrics,
    options: WebOptions,
    clock: Clock,
) -> Flask:
    """The page over whatever `board` says at each request.

    Nothing is kept between requests but guesses at the token and messages about orders.
    """
    app = Flask("controller.web", static_folder=None, template_folder="templates")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.json.sort_keys = False  # type: ignore[attr-defined]  # fields in the order of the manual
    access = Access(options.token, clock)
    watch = Watch(options.stall_s, clock.now())
    desk = Context(board, orders, metrics, options, clock, access, watch, FlashMessages())
    check_requests(app, desk)
    register_errors(app, desk)
    add_pages(app, desk)
    add_forms(app, desk)
    add_api(app, desk)
    add_probes(app, desk)
    return app
