"""Transport of requests: authentication, limits of time and size, retries, counts.

Reads have three attempts; a write has one, since a lost write may have taken effect.  The result is
an answer or a CmlError without cause and context, since errors of httpx contain requests, and
requests contain the API key.
"""

import random
import ssl
from collections.abc import Callable, Generator
from dataclasses import dataclass
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Literal

import httpx
from pydantic import SecretStr

from controller import __version__
from controller.clock import Clock
from controller.cml.classify import classify
from controller.cml.connection import WorkspaceAddress
from controller.cml.errors import CmlError, Throttled, Unavailable
from controller.cml.gate import Gate
from controller.cml.limit import Limit, OverError
from controller.cml.operations import CallRecord, Request, Response, TooLargeError
from controller.redaction import echo_redaction

OnCall = Callable[[CallRecord], None]

_CONNECT_S = 5.0
_WRITE_S = 30.0
_POOL_S = 30.0
_SLACK_S = 60.0  # the additional time for a slow body

_FAULTS = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError, TooLargeError)


@dataclass(frozen=True, slots=True)
class Retries:
    """Retries of reads.  Full jitter between `first_s` and `longest_s`, doubling.

    A Retry-After of more than `patience_s` prevents a retry.
    """

    tries: int = 3
    first_s: float = 0.2
    longest_s: float = 2.0
    patience_s: float = 30.0


class Bearer(httpx.Auth):
    """Adds the key to a request at the last moment, so that no other object contains it."""

    def __init__(self, key: SecretStr) -> None:
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._key.get_secret_value()}"
        yield request


Network = httpx.BaseTransport | httpx.Client


def open_http(
    address: WorkspaceAddress,
    network: Network | None,
    *,
    verify: ssl.SSLContext | Literal[True],
) -> httpx.Client:
    """A pool of connections: no redirects, no cookies, no proxy for loopback.

    `network` replaces the real network; a given client is used as it is.
    """
    if isinstance(network, httpx.Client):
        return network
    return httpx.Client(
        transport=network,
        verify=verify,
        follow_redirects=False,
        trust_env=not address.is_loopback,
        cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
        limits=httpx.Limits(max_connections=32, max_keepalive_connections=16, keepalive_expiry=15),
        headers={
            "User-Agent": f"raycml/{__version__}",
            "Accept": "application/json, */*;q=0.1",
            "Accept-Encoding": "identity",  # a compressed body must not expand into a huge one
        },
    )


class Transport:
    """Sends requests to a workspace; thread-safe."""

    def __init__(
        self,
        address: WorkspaceAddress,
        key: SecretStr,
        http: httpx.Client,
        *,
        clock: Clock,
        rng: random.Random,
        retries: Retries,
        on_call: OnCall,
    ) -> None:
        self._address = address
        self._key = key
        self._http = http
        self._clock = clock
        self._rng = rng
        self._retries = retries
        self._on_call = on_call
        self._gate = Gate(clock)
        self._hides_key = echo_redaction([key.get_secret_value()], {})
        self.limit = Limit(clock)

    def close(self) -> None:
        self._http.close()

    def send(self, request: Request) -> Response:
        """A usable answer, or a CmlError.  Raises nothing else."""
        tries_left = 1 if request.operation.write else self._retries.tries
        pause_s = self._retries.first_s
        while True:
            self._gate.wait(self.limit.closed)
            result = self._attempt(request)
            if isinstance(result, Response):
                return result
            tries_left -= 1
            if isinstance(result, Throttled):
                self._gate.close(result.retry_after_s)
            if not tries_left or not self._is_worth_another(request, result):
                raise result
            self._clock.wait(self._rng.uniform(0.0, pause_s), self.limit.closed)
            pause_s = min(2 * pause_s, self._retries.longest_s)

    def _is_worth_another(self, request: Request, error: CmlError) -> bool:
        if self.limit.is_over or self.limit.is_silent(request.project, jobs=request.is_of_jobs):
            return False
        if isinstance(error, Unavailable):
            return True
        patience = self._retries.patience_s
        return isinstance(error, Throttled) and (error.retry_after_s or 0.0) <= patience

    def _attempt(self, request: Request) -> Response | CmlError:
        started = self._clock.monotonic()
        outcome = self._exchange(request)
        error = classify(
            request.operation, outcome, now=self._clock.now(), redact=self._redaction(request)
        )
        took_s = self._clock.monotonic() - started
        if isinstance(outcome, httpx.TimeoutException):
            self.limit.waited(request.project, took_s, jobs=request.is_of_jobs)
        answer = outcome if isinstance(outcome, Response) else None
        self._on_call(
            CallRecord(
                method=request.operation.method,
                operation=request.operation.name,
                project=request.project,
                status=answer.status if answer else None,
                error=type(error).__name__ if error else None,
                seconds=took_s,
                write=request.operation.write,
                date=answer.headers.get("date", "") if answer else "",
            )
        )
        if error is not None:
            return error
        assert answer is not None  # noqa: S101 - tells mypy: a fault is always classified
        return answer

    def _exchange(self, request: Request) -> Response | Exception:
        """An attempt; faults are values, since a raised one would keep its request as context."""
        if self.limit.is_over:
            return OverError()
        if self.limit.is_silent(request.project, jobs=request.is_of_jobs):
            return OverError("the project has been silent for too much of this pass")
        try:
            with self._http.stream(
                request.operation.method,
                _url(self._address.api + request.path, request.query),
                json=request.json,
                files=_files(request.upload),
                # The base class sends no key, and keeps httpx from looking for one elsewhere.
                auth=Bearer(self._key) if request.signed else httpx.Auth(),
                timeout=self._timeout(request),
                extensions={"trace": self.limit.watch},
            ) as response:
                body = self._body(response, request)
                return Response(response.status_code, dict(response.headers.items()), body)
        except _FAULTS as fault:
            return fault

    def _timeout(self, request: Request) -> httpx.Timeout:
        within = self.limit.within
        return httpx.Timeout(
            connect=within(_CONNECT_S),
            read=within(request.operation.read_s),
            write=within(_WRITE_S),
            pool=within(_POOL_S),
        )

    def _body(self, response: httpx.Response, request: Request) -> bytes:
        allowed_s = request.operation.read_s + _SLACK_S
        latest = self._clock.monotonic() + self.limit.within(allowed_s)
        body = bytearray()
        for chunk in response.iter_bytes(65_536):
            body += chunk
            if len(body) > request.limit:
                raise TooLargeError
            if self._clock.monotonic() > latest:
                raise httpx.ReadTimeout("the answer arrives too slowly")
        return bytes(body)

    def _redaction(self, request: Request) -> Callable[[str], str]:
        if not request.secrets and not request.variables:
            return self._hides_key
        secrets = (self._key.get_secret_value(), *request.secrets)
        return echo_redaction(secrets, request.variables)


@lru_cache(maxsize=256)
def _url(address: str, query: tuple[tuple[str, str], ...]) -> httpx.URL:
    """The parsed URL, cached, since parsing is slow and most URLs are used in each pass."""
    return httpx.URL(address, params=list(query)) if query else httpx.URL(address)


def _files(upload: tuple[str, bytes] | None) -> dict[str, tuple[str, bytes, str]] | None:
    """The upload; CML reads the destination from the *name of the form field*."""
    if upload is None:
        return None
    path, data = upload
    return {path: (path.rsplit("/", 1)[-1], data, "application/octet-stream")}
