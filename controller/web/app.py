"""The web interface as a WSGI application."""

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
    snapshot: Callable[[], ControllerSnapshot],
    orders: Orders,
    metrics: Metrics,
    options: WebOptions,
    clock: Clock,
) -> Flask:
    """The application; `snapshot` is called for each request.

    Between requests it stores only wrong tokens and flash messages.
    """
    app = Flask("controller.web", static_folder=None, template_folder="templates")
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.json.sort_keys = False  # type: ignore[attr-defined]  # fields in the documented order
    access = Access(options.token, clock)
    watch = Watch(options.stall_s, clock.now())
    context = Context(snapshot, orders, metrics, options, clock, access, watch, FlashMessages())
    check_requests(app, context)
    register_errors(app, context)
    add_pages(app, context)
    add_forms(app, context)
    add_api(app, context)
    add_probes(app, context)
    return app
