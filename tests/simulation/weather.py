"""Bad weather on the wire: what a network and a busy workspace do to one chosen request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import httpx

from tests.simulation.asked import FILE_WRITES, WRITES, asked


class Killed(BaseException):
    """The controller's process ends here; nothing may catch it."""


class Fault(Enum):
    """What happens to one request."""

    REFUSED = "connection refused"
    TIMEOUT_BEFORE = "time-out, and it never arrived"
    LOST_ANSWER = "it happened, and the answer was lost"
    RESET_AFTER = "it happened, and the connection was reset"
    HALF_ANSWER = "it happened, and half of the answer came"
    ERROR_JSON = "500 as JSON"
    ERROR_PLAIN = "500 in plain text"
    ERROR_AFTER = "it happened, and the gateway said 502 in HTML"
    UNAVAILABLE = "503 in plain text"
    UNAVAILABLE_LATER = "503 with Retry-After"
    THROTTLED = "429 without Retry-After"
    THROTTLED_LATER = "429 with Retry-After"
    DENIED = "401"
    SIGN_IN = "a sign-in page with 200"
    KILLED_BEFORE = "the controller is killed before it is sent"
    KILLED_AFTER = "it happened, and the controller is killed"


AFTER = frozenset(
    {
        Fault.LOST_ANSWER,
        Fault.RESET_AFTER,
        Fault.HALF_ANSWER,
        Fault.ERROR_AFTER,
        Fault.KILLED_AFTER,
    }
)

_BEFORE: dict[Fault, Callable[[httpx.Request], httpx.Response]] = {
    Fault.ERROR_JSON: lambda _: httpx.Response(
        500, json={"error": "boom", "code": 13, "message": "boom", "details": []}
    ),
    Fault.ERROR_PLAIN: lambda _: httpx.Response(500, text="internal error"),
    Fault.UNAVAILABLE: lambda _: httpx.Response(503, text="upstream connect error"),
    Fault.UNAVAILABLE_LATER: lambda _: httpx.Response(
        503, headers={"Retry-After": "5"}, text="no healthy upstream"
    ),
    Fault.THROTTLED: lambda _: httpx.Response(429, text="slow down"),
    Fault.THROTTLED_LATER: lambda _: httpx.Response(429, headers={"Retry-After": "7"}),
    Fault.DENIED: lambda _: httpx.Response(
        401, json={"error": "unauthenticated", "code": 16, "message": "no", "details": []}
    ),
    Fault.SIGN_IN: lambda _: httpx.Response(200, html="<!doctype html><html>Sign in</html>"),
}


@dataclass
class Weather(httpx.BaseTransport):
    """Passes every request on, but for those that the forecast names by number, from 0.

    `of_writes` is a forecast that numbers only what changes an application or a file.  `struck` is
    told of each fault with its request, once it has had its effect.
    """

    inner: httpx.BaseTransport
    forecast: dict[int, Fault] = field(default_factory=dict)
    of_writes: dict[int, Fault] = field(default_factory=dict)
    count: int = 0
    writes: int = 0
    struck: Callable[[Fault, httpx.Request], None] = lambda _fault, _request: None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fault = self.forecast.get(self.count)
        self.count += 1
        if asked(request).ask in WRITES | FILE_WRITES:
            fault = self.of_writes.get(self.writes, fault)
            self.writes += 1
        if fault is None:
            return self.inner.handle_request(request)
        if fault in AFTER:
            return self._after(request, fault)
        self.struck(fault, request)
        if fault is Fault.REFUSED:
            raise httpx.ConnectError("refused", request=request)
        if fault is Fault.TIMEOUT_BEFORE:
            raise httpx.ReadTimeout("timed out", request=request)
        if fault is Fault.KILLED_BEFORE:
            raise Killed
        return _BEFORE[fault](request)

    def _after(self, request: httpx.Request, fault: Fault) -> httpx.Response:
        answer = self.inner.handle_request(request)
        content = answer.read()
        self.struck(fault, request)
        if fault is Fault.KILLED_AFTER:
            raise Killed
        if fault is Fault.LOST_ANSWER:
            raise httpx.ReadTimeout("timed out", request=request)
        if fault is Fault.RESET_AFTER:
            raise httpx.RemoteProtocolError("peer closed connection", request=request)
        if fault is Fault.HALF_ANSWER and content:
            half = content[: len(content) // 2]
            return httpx.Response(answer.status_code, content=half, headers=answer.headers)
        return httpx.Response(502, html="<html><body>Bad Gateway</body></html>")
