"""What a person may order through the page or the API, and what the page itself may be told."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol


class OrderError(Exception):
    """An order that cannot be done; the message says why, for people, and holds no secret."""


class Orders(Protocol):
    """The other side of the buttons.  Every method returns at once; OrderError where it cannot be.

    `until` of a pause is as typed: empty, a duration, or an ISO time.
    """

    def wake(self) -> None: ...
    def pause(self, cluster: str, reason: str, until: str) -> None: ...
    def unpause(self, cluster: str) -> None: ...
    def approve(self, revision: str) -> None: ...


@dataclass(frozen=True, slots=True)
class WebOptions:
    """How the page is to be.

    `token` opens the buttons; empty: nobody may order anything here.  `hook_secret` opens the git
    hook; empty: there is none.  A pass must have begun or ended within `stall_s`, or the loop is
    held to be dead.  `allowed_hosts` are the names under which browsers may come, besides loopback
    and bare addresses: `page.example.com`, or `.example.com` for all below it.  `on_error` is told
    of what broke inside a request; without it, Flask's own log is.
    """

    token: str = field(default="", repr=False)
    hook_secret: str = field(default="", repr=False)
    stall_s: float = 300.0
    version: str = ""
    allowed_hosts: tuple[str, ...] = ()
    refresh_s: int = 5
    on_error: Callable[[Exception], None] | None = None
