"""Readiness of the controller: its `/readyz`, if that is open without a key.

The application is known by a mark, and any collaborator of the project can put that mark on an
application of their own.  So no key is sent: behind CML's proxy the answer is then a sign-in, and
the operator looks up the readiness on the page.
"""

import json
from collections.abc import Mapping

import httpx

from controller.bootstrap.observed import Readiness
from controller.cml.connection import parse_address

_TIMEOUT = httpx.Timeout(connect=5.0, read=15.0, write=15.0, pool=15.0)
_LIMIT = 64 * 1024  # bytes of one answer
_LOST = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError)
_SIGN_IN = frozenset({301, 302, 303, 307, 308, 401, 403})
_SHOWN = 200


class ReadyPage:
    """The page `/readyz` of an application; a failed call is an answer too."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def ask(self, url: str) -> Readiness:
        address = parse_address(url)
        try:
            with self._http.stream(
                "GET",
                f"{address.reach}/readyz",
                auth=httpx.Auth(),  # none, and none that httpx would find elsewhere
                headers={"Host": address.authority},
                timeout=_TIMEOUT,
            ) as response:
                return _answer(response.status_code, _body(response))
        except _LOST as fault:
            return Readiness(ready=False, why=f"no answer ({type(fault).__name__})")


def _body(response: httpx.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes(8192):
        body += chunk
        if len(body) > _LIMIT:
            break
    return bytes(body[:_LIMIT])


def _answer(status: int, body: bytes) -> Readiness:
    if status in _SIGN_IN:
        return Readiness(ready=False, is_hidden=True)
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, Mapping) or not isinstance(answer.get("ok"), bool):
        return Readiness(ready=False, why=f"HTTP {status}, not from the controller")
    if status == 200 and answer["ok"]:
        return Readiness(ready=True)
    reasons = answer.get("reasons")
    text = "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""
    return Readiness(ready=False, why=" ".join(text.split())[:_SHOWN] or f"HTTP {status}")
