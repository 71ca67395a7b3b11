"""Calls to applications of a workspace, such as the job API of a head."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import httpx

from controller.cml.client import Client
from controller.cml.connection import parse_application_url, trust
from controller.cml.transport import open_http
from controller.process.system import System

_LOST = (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, OSError)
_UNSIGNED = httpx.Auth()  # no key, and none that httpx would find elsewhere


@dataclass(frozen=True, slots=True)
class ApplicationAnswer:
    """An answer.  Status 0: there was none, and the text is the reason."""

    status: int
    text: str

    def mapping(self) -> Mapping[str, object]:
        """The body as a JSON object; empty if it is none."""
        try:
            body = json.loads(self.text)
        except (ValueError, RecursionError):
            return {}
        return body if isinstance(body, dict) else {}


def applications_http(system: System, client: Client, ca_cert: Path | None) -> httpx.Client:
    """Connections to applications, with the trust of the client."""
    address, _ = parse_application_url(client.application_url("any"))
    transport = system.transport
    return open_http(address, transport, verify=True if transport else trust(ca_cert))


@dataclass(frozen=True, slots=True)
class ApplicationClient:
    """Calls to one application.  `read_s` bounds each read, `limit` the bytes of an answer."""

    http: httpx.Client
    url: str
    read_s: float
    limit: int
    auth: httpx.Auth = _UNSIGNED

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, object] | None = None,
        headers: Mapping[str, str] = MappingProxyType({}),
    ) -> ApplicationAnswer:
        """A lost answer is a value here: an exception would carry its request along."""
        address, prefix = parse_application_url(self.url)
        try:
            with self.http.stream(
                method,
                address.reach + prefix + path,
                json=body,
                auth=self.auth,
                headers={**headers, "Host": address.authority},
                timeout=httpx.Timeout(self.read_s, connect=5.0),
            ) as response:
                text = _start(response, self.limit).decode(errors="replace")
                return ApplicationAnswer(response.status_code, text)
        except _LOST as fault:
            return ApplicationAnswer(0, type(fault).__name__)


def _start(response: httpx.Response, limit: int) -> bytes:
    body = bytearray()
    for chunk in response.iter_bytes(65_536):
        body += chunk
        if len(body) > limit:
            break
    return bytes(body[:limit])
