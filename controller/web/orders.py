"""Actions of the pages and the API, and options of the web interface."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

REASON_MAX = 500  # characters


class OrderError(Exception):
    """A refused action; the message is for users and contains no secret."""


class Orders(Protocol):
    """Actions.  Every method returns immediately, or raises OrderError.

    `until` of a pause is as typed: empty, a duration, or an ISO time.
    """

    def wake(self) -> None: ...
    def pause(self, cluster: str, reason: str, until: str) -> None: ...
    def unpause(self, cluster: str) -> None: ...
    def approve(self, revision: str) -> None: ...


@dataclass(frozen=True, slots=True)
class WebOptions:
    """Options of the web interface.

    `token` enables actions; empty: read-only.  `hook_secret` enables the git webhook; empty: no
    webhook.  Without the start or end of a pass within `stall_s`, the loop counts as dead.
    `allowed_hosts` are host names for browsers, besides loopback and IP addresses:
    `page.example.com`, or `.example.com` for all names below.  `on_error` receives internal errors;
    without it, Flask's log does.
    """

    token: str = field(default="", repr=False)
    hook_secret: str = field(default="", repr=False)
    stall_s: float = 300.0
    version: str = ""
    allowed_hosts: tuple[str, ...] = ()
    refresh_s: int = 5
    on_error: Callable[[Exception], None] | None = None
