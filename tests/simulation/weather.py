"""Bad weather on the wire: what a network and a busy workspace do to one chosen request."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum

import httpx

from tests.simulation.asked import FILE_WRITES, WRITES, Ask, Asked, asked
from tests.simulation.direct import multipart, uploaded


class Killed(BaseException):
    """The controller's process ends here; nothing may catch it."""


class Fault(Enum):
    """What happens to one request."""

    REFUSED = "connection refused"
    TIMEOUT_BEFORE = "time-out, and it never arrived"
    HANGS = "no answer until the time-out, and it never arrived"
    HANGS_AFTER = "it happened, and no answer came until the time-out"
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
    FORBIDDEN = "403"
    NOT_FOUND = "404 as JSON"
    NO_SUCH_PATH = "404 in plain text"
    REDIRECTED = "302 to a sign-in page"
    SIGN_IN = "a sign-in page with 200"
    TAKEN = "409, it exists already"
    QUOTA = "409, out of quota"
    DISK_FULL = "500, no space left on device"
    STORAGE_FULL = "507"
    HALF_STORED = "an upload of which half arrived, and 200"
    TOO_LARGE = "an answer above every limit"
    TORN_LIST = "a list whose page token repeats"
    STRANGE_ITEM = "a list with an item that cannot be read"
    KILLED_BEFORE = "the controller is killed before it is sent"
    KILLED_AFTER = "it happened, and the controller is killed"


AFTER = frozenset(
    {
        Fault.LOST_ANSWER,
        Fault.HANGS_AFTER,
        Fault.RESET_AFTER,
        Fault.HALF_ANSWER,
        Fault.ERROR_AFTER,
        Fault.KILLED_AFTER,
        Fault.TORN_LIST,
        Fault.STRANGE_ITEM,
    }
)
KILLS = frozenset({Fault.KILLED_BEFORE, Fault.KILLED_AFTER})
TIMEOUT_S = 30.0


def _no(status: int, code: int, words: str) -> Callable[[httpx.Request], httpx.Response]:
    body = {"error": words, "code": code, "message": words, "details": []}
    return lambda _: httpx.Response(status, json=body)


class _Endless(httpx.SyncByteStream):
    """More than any limit; the reader is to stop by itself."""

    def __iter__(self) -> Iterator[bytes]:
        for _ in range(40):
            yield _MIB


_MIB = b" " * 1024 * 1024
_BEFORE: dict[Fault, Callable[[httpx.Request], httpx.Response]] = {
    Fault.ERROR_JSON: _no(500, 13, "boom"),
    Fault.ERROR_PLAIN: lambda _: httpx.Response(500, text="internal error"),
    Fault.UNAVAILABLE: lambda _: httpx.Response(503, text="upstream connect error"),
    Fault.UNAVAILABLE_LATER: lambda _: httpx.Response(
        503, headers={"Retry-After": "5"}, text="no healthy upstream"
    ),
    Fault.THROTTLED: lambda _: httpx.Response(429, text="slow down"),
    Fault.THROTTLED_LATER: lambda _: httpx.Response(429, headers={"Retry-After": "7"}),
    Fault.DENIED: _no(401, 16, "unauthenticated"),
    Fault.FORBIDDEN: _no(403, 7, "permission denied"),
    Fault.NOT_FOUND: _no(404, 5, "not found"),
    Fault.NO_SUCH_PATH: lambda _: httpx.Response(404, text="Not Found\n"),
    Fault.REDIRECTED: lambda _: httpx.Response(302, headers={"Location": "https://sso.example/"}),
    Fault.SIGN_IN: lambda _: httpx.Response(200, html="<!doctype html><html>Sign in</html>"),
    Fault.TAKEN: _no(409, 6, "subdomain already exists"),
    Fault.QUOTA: _no(409, 8, "out of quota"),
    Fault.DISK_FULL: _no(500, 2, "failed to upload file: no space left on device"),
    Fault.STORAGE_FULL: lambda _: httpx.Response(507, text="Insufficient Storage"),
    Fault.TOO_LARGE: lambda _: httpx.Response(200, stream=_Endless()),
}

Send = Callable[[httpx.Request], httpx.Response]


def fits(fault: Fault, what: Asked) -> bool:
    """Whether such a thing can happen to such a call; where not, another of its kind does."""
    if fault in (Fault.DISK_FULL, Fault.STORAGE_FULL, Fault.HALF_STORED):
        return what.ask is Ask.UPLOAD
    if fault in (Fault.TORN_LIST, Fault.STRANGE_ITEM):
        return what.ask is Ask.LIST
    if fault in (Fault.TAKEN, Fault.QUOTA):
        return what.ask in (Ask.CREATE, Ask.RESTART, Ask.PATCH)
    return True


def struck(
    fault: Fault, request: httpx.Request, what: Asked, send: Send, wait: Callable[[float], object]
) -> httpx.Response:
    """The answer to a request that this happens to.  `wait` lets time pass."""
    if fault in AFTER:
        return _after(fault, request, send, wait)
    if fault is Fault.HALF_STORED:
        return _half_stored(request, send)
    if fault is Fault.REFUSED:
        raise httpx.ConnectError("refused", request=request)
    if fault is Fault.HANGS:
        wait(_patience(request))
    if fault in (Fault.TIMEOUT_BEFORE, Fault.HANGS):
        raise httpx.ReadTimeout("timed out", request=request)
    if fault is Fault.KILLED_BEFORE:
        raise Killed
    return _BEFORE[fault](request)


def _patience(request: httpx.Request) -> float:
    timeout = request.extensions.get("timeout", {}).get("read")
    return TIMEOUT_S if timeout is None else float(timeout)


def _half_stored(request: httpx.Request, send: Send) -> httpx.Response:
    _, data = uploaded(request)
    return send(multipart(request, data[: max(len(data) // 2, 1)]))


def _after(
    fault: Fault, request: httpx.Request, send: Send, wait: Callable[[float], object]
) -> httpx.Response:
    answer = send(request)
    content = answer.read()
    if fault is Fault.KILLED_AFTER:
        raise Killed
    if fault is Fault.HANGS_AFTER:
        wait(_patience(request))
    if fault in (Fault.LOST_ANSWER, Fault.HANGS_AFTER):
        raise httpx.ReadTimeout("timed out", request=request)
    if fault is Fault.RESET_AFTER:
        raise httpx.RemoteProtocolError("peer closed connection", request=request)
    if fault is Fault.HALF_ANSWER and content:
        half = content[: len(content) // 2]
        return httpx.Response(answer.status_code, content=half, headers=answer.headers)
    if fault in (Fault.TORN_LIST, Fault.STRANGE_ITEM):
        return _spoilt(fault, answer)
    return httpx.Response(502, html="<html><body>Bad Gateway</body></html>")


def _spoilt(fault: Fault, answer: httpx.Response) -> httpx.Response:
    if answer.status_code != 200:
        return answer
    body = json.loads(answer.content)
    if fault is Fault.TORN_LIST:
        body["next_page_token"] = "again"
        return httpx.Response(200, json=body)
    rows = body.get("applications", [])
    if rows:
        rows[0] = {**rows[0], "cpu": "lots"}
    else:
        rows.append({"id": "odd", "cpu": "lots"})
    return httpx.Response(200, json={**body, "applications": rows})


@dataclass
class Weather(httpx.BaseTransport):
    """Passes every request on, but for those that the forecast names by number, from 0.

    `of_writes` is a forecast that numbers only what changes an application or a file.
    """

    inner: httpx.BaseTransport
    forecast: dict[int, Fault] = field(default_factory=dict)
    of_writes: dict[int, Fault] = field(default_factory=dict)
    count: int = 0
    writes: int = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        fault = self.forecast.get(self.count)
        self.count += 1
        what = asked(request)
        if what.ask in WRITES | FILE_WRITES:
            fault = self.of_writes.get(self.writes, fault)
            self.writes += 1
        if fault is None:
            return self.inner.handle_request(request)
        return struck(fault, request, what, self.inner.handle_request, lambda _: None)
