"""An HTTP client that only sends: what httpx does for real networks is most of the cost of a call.

No redirects, cookies, proxies, pools and hooks, of which the controller uses none. The request
is what httpx would send, which a test compares; one schedule in some goes through httpx itself.
"""

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import httpx

from controller.cml.connection import parse_address
from controller.cml.transport import open_http


@lru_cache(maxsize=1)
def _common(host: str) -> list[tuple[bytes, bytes]]:
    """The headers that every request has."""
    with open_http(parse_address(host), httpx.MockTransport(_nothing), verify=True) as client:
        return client.headers.raw


def _nothing(_: httpx.Request) -> httpx.Response:
    return httpx.Response(200)


class LightClient(httpx.Client):
    """`httpx.Client.stream` over a transport that never leaves this process."""

    def __init__(self, transport: httpx.BaseTransport, host: str) -> None:
        super().__init__(transport=transport, trust_env=False)
        self._sends_to = transport
        self._common = _common(host)

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
        request = httpx.Request(
            method,
            url,
            headers=self._common,
            json=json,
            files=files,
            extensions={**extensions, "timeout": timeout.as_dict()},
        )
        signing: Generator[httpx.Request, httpx.Response, None] = auth.auth_flow(request)
        response = self._sends_to.handle_request(next(signing))
        response.request = request
        yield response
