"""Context of a request: snapshot, orders and access."""

from collections.abc import Callable
from dataclasses import dataclass, field

from flask import request

from controller.clock import Clock
from controller.core.status.snapshot import ControllerSnapshot
from controller.web.access import Access
from controller.web.health import Watch
from controller.web.metrics import Metrics
from controller.web.orders import REASON_MAX, OrderError, Orders, WebOptions
from controller.web.pages.flash import FlashMessages

APPROVED_S = 60.0  # time in which a pass applies an approval
COOKIE, SECURE_COOKIE = "raycml_session", "__Host-raycml_session"


@dataclass(frozen=True, slots=True)
class Context:
    """Dependencies of the application, instead of globals."""

    snapshot: Callable[[], ControllerSnapshot]
    orders: Orders
    metrics: Metrics
    options: WebOptions
    clock: Clock
    access: Access
    watch: Watch
    messages: FlashMessages
    _approved: dict[str, float] = field(default_factory=dict)

    def approve(self, revision: str) -> None:
        """Approve a held revision.  OrderError if it is not held."""
        self.orders.approve(revision)
        self._approved.clear()
        self._approved[revision] = self.clock.monotonic()

    def pause(self, cluster: str, reason: str, until: str) -> None:
        """Pause a cluster, with the reason on one line.  OrderError for an invalid one."""
        reason = " ".join("".join(c if c.isprintable() else " " for c in reason).split())
        if not 1 <= len(reason) <= REASON_MAX:
            raise OrderError(f"A pause needs a reason of 1 to {REASON_MAX} characters.")
        self.orders.pause(cluster, reason, until.strip())

    def is_approved(self, revision: str) -> bool:
        """True for an approval that the next pass will apply."""
        at = self._approved.get(revision)
        return at is not None and self.clock.monotonic() - at < APPROVED_S

    def cookie(self) -> str:
        """The valid session of this request, or empty."""
        cookie = request.cookies.get(cookie_name(), "")
        return cookie if self.access.is_session(cookie) else ""


def is_https() -> bool:
    """True for HTTPS between browser and proxy, by the proxy's header."""
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    return scheme.partition(",")[0].strip().lower() == "https"


def cookie_name() -> str:
    """The cookie's name; with HTTPS, a name that other applications of the domain cannot set."""
    return SECURE_COOKIE if is_https() else COOKIE
