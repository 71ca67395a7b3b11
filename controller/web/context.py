"""What every route is given: the board, the orders, and who may give them."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import request

from controller.clock import Clock
from controller.core.status.snapshot import ControllerSnapshot
from controller.web.access import Access
from controller.web.health import Watch
from controller.web.metrics import Metrics
from controller.web.orders import Orders, WebOptions
from controller.web.pages.flash import FlashMessages

APPROVED_S = 60.0  # by then a pass has taken note of an approval, or it does not count
COOKIE, SECURE_COOKIE = "raycml_session", "__Host-raycml_session"


@dataclass(frozen=True, slots=True)
class Context:
    """One application's own things; no globals."""

    board: Callable[[], ControllerSnapshot]
    orders: Orders
    metrics: Metrics
    options: WebOptions
    clock: Clock
    access: Access
    watch: Watch
    notes: FlashMessages
    _approved: dict[str, float] = field(default_factory=dict)

    def approve(self, revision: str) -> None:
        """OrderError where it does not wait for approval."""
        self.orders.approve(revision)
        self._approved.clear()
        self._approved[revision] = self.clock.monotonic()

    def is_approved(self, revision: str) -> bool:
        """Whether it was approved here a moment ago, so that the next pass takes note of it."""
        at = self._approved.get(revision)
        return at is not None and self.clock.monotonic() - at < APPROVED_S

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
