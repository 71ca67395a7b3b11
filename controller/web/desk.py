"""What every route is given: the board, the orders, and who may give them."""

from collections.abc import Callable
from dataclasses import dataclass

from flask import request

from controller.clock import Clock
from controller.core.board import Board
from controller.web.access import Access
from controller.web.health import Watch
from controller.web.metrics import Metrics
from controller.web.notes import Notes
from controller.web.orders import Orders, WebOptions

COOKIE, SECURE_COOKIE = "raycml_session", "__Host-raycml_session"


@dataclass(frozen=True, slots=True)
class Desk:
    """One application's own things; no globals."""

    board: Callable[[], Board]
    orders: Orders
    metrics: Metrics
    options: WebOptions
    clock: Clock
    access: Access
    watch: Watch
    notes: Notes

    def cookie(self) -> str:
        """The session of this request, or empty where there is none that counts."""
        found = request.cookies.get(cookie_name(), "")
        return found if self.access.is_session(found) else ""


def is_https() -> bool:
    """Whether the browser came by HTTPS, as the proxy in front tells."""
    told = request.headers.get("X-Forwarded-Proto", request.scheme)
    return told.partition(",")[0].strip().lower() == "https"


def cookie_name() -> str:
    """By HTTPS, a name that no application beside us in the domain can set."""
    return SECURE_COOKIE if is_https() else COOKIE
