"""An HTTP client that only sends: what httpx does for real networks is most of the cost of a call.

No redirects, cookies, proxies, pools and hooks, of which the controller uses none; and a request
without a body, with its answer, is only what the emulator and the controller read of it. A test
compares such requests with those of httpx; one schedule in some goes through httpx itself.
"""

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import httpx

from controller.cml.connection import parse_address
from controller.cml.transport import open_http

Headers = list[tuple[bytes, bytes]]


@dataclass(slots=True)
class LightRequest:
    """A request without a body.  Names of headers are in lower case."""

    method: str
    url: httpx.URL
    common: Headers
    extensions: Mapping[str, Any]
    headers: dict[str, str] = field(default_factory=dict)

    def read(self) -> bytes:
        return b""

    def whole(self) -> httpx.Request:
        """The same as httpx makes it."""
        headers = [*self.common, *((k.encode(), v.encode()) for k, v in self.headers.items())]
        return httpx.Request(self.method, self.url, headers=headers, extensions=self.extensions)


@dataclass(slots=True)
class LightResponse:
    """An answer that is all there.  Names of headers are in lower case."""

    status_code: int
    content: bytes
    headers: dict[str, str]

    def read(self) -> bytes:
        return self.content

    def iter_bytes(self, _size: int) -> Iterator[bytes]:
        yield self.content


def whole(status: int, content: bytes, headers: dict[str, str]) -> httpx.Response:
    """The same as httpx has it."""
    return httpx.Response(status, content=content, headers=headers)


class LightClient(httpx.Client):
    """`httpx.Client.stream` over a transport that never leaves this process."""

    def __init__(self, transport: httpx.BaseTransport, host: str) -> None:
        super().__init__(transport=transport, trust_env=False)
        self._sends_to = transport
        self._common = common(host)

    @contextmanager
    def stream(  # type: ignore[override]
        self,
        method: str,
        url: httpx.URL,
        *,
        json: Any = None,
        files: Any = None,
        auth: httpx.Auth,
        timeout: httpx.Timeout,
        extensions: dict[str, Any],
    ) -> Iterator[httpx.Response]:
        more = {**extensions, "timeout": {"read": timeout.read}}
        request: Any = LightRequest(method, url, self._common, more)
        if json is not None or files is not None:
            request = httpx.Request(
                method, url, headers=self._common, json=json, files=files, extensions=more
            )
        signing: Generator[httpx.Request, httpx.Response, None] = auth.auth_flow(request)
        key = next(signing).headers
        if isinstance(request, LightRequest):
            request.headers = {name.lower(): value for name, value in key.items()}
        yield self._sends_to.handle_request(request)


@lru_cache(maxsize=1)
def common(host: str) -> Headers:
    """The headers that every request has."""
    with open_http(parse_address(host), httpx.MockTransport(_nothing), verify=True) as client:
        return client.headers.raw


def _nothing(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200)
