"""Bad weather on the wire: what a network and a busy workspace do to one chosen request."""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum

import httpx


class Killed(BaseException):
    """The controller's process ends here; nothing may catch it."""


class Fault(Enum):
    """What happens to one request."""

    REFUSED = "connection refused"
    TIMEOUT_BEFORE = "time-out, and it never arrived"
    LOST_ANSWER = "it happened, and the answer was lost"
    RESET_AFTER = "it happened, and the connection was reset"
    ERROR_JSON = "500 as JSON"
    ERROR_AFTER = "it happened, and the gateway said 502 in HTML"
    UNAVAILABLE = "503 in plain text"
    THROTTLED = "429 without Retry-After"
    THROTTLED_LATER = "429 with Retry-After"
    DENIED = "401"
    KILLED_BEFORE = "the controller is killed before it is sent"
    KILLED_AFTER = "it happened, and the controller is killed"


_BEFORE: dict[Fault, Callable[[httpx.Request], httpx.Response]] = {
    Fault.ERROR_JSON: lambda _: httpx.Response(
        500, json={"error": "boom", "code": 13, "message": "boom", "details": []}
    ),
    Fault.UNAVAILABLE: lambda _: httpx.Response(503, text="upstream connect error"),
    Fault.THROTTLED: lambda _: httpx.Response(429, text="slow down"),
    Fault.THROTTLED_LATER: lambda _: httpx.Response(429, headers={"Retry-After": "7"}),
    Fault.DENIED: lambda _: httpx.Response(
        401, json={"error": "unauthenticated", "code": 16, "message": "no", "details": []}
    ),
}


@dataclass
class Weather(httpx.BaseTransport):
    """Passes every request on, but for those that the forecast names by number, from 0."""

    inner: httpx.BaseTransport
    forecast: dict[int, Fault] = field(default_factory=dict)
    count: int = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fault = self.forecast.get(self.count)
        self.count += 1
        match fault:
            case None:
                return self.inner.handle_request(request)
            case Fault.REFUSED:
                raise httpx.ConnectError("refused", request=request)
            case Fault.TIMEOUT_BEFORE:
                raise httpx.ReadTimeout("timed out", request=request)
            case Fault.KILLED_BEFORE:
                raise Killed
            case Fault.LOST_ANSWER | Fault.RESET_AFTER | Fault.ERROR_AFTER | Fault.KILLED_AFTER:
                return self._after(request, fault)
            case _:
                return _BEFORE[fault](request)

    def _after(self, request: httpx.Request, fault: Fault) -> httpx.Response:
        self.inner.handle_request(request).read()
        if fault is Fault.KILLED_AFTER:
            raise Killed
        if fault is Fault.LOST_ANSWER:
            raise httpx.ReadTimeout("timed out", request=request)
        if fault is Fault.RESET_AFTER:
            raise httpx.RemoteProtocolError("peer closed connection", request=request)
        return httpx.Response(502, html="<html><body>Bad Gateway</body></html>")
