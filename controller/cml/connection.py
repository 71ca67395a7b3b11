"""Connection settings: address, key and certificates, checked before the first call.

Does not use the network.  Every error has a remedy and contains no secret.
"""

import ipaddress
import re
import ssl
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import httpx
from pydantic import SecretStr

from controller.cml.errors import ConnectionSettingsError

POD_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")

_HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_PATHS = frozenset({"", "/api", "/api/v1", "/api/v2"})
_REMEDY = (
    "set CML_HOST to the workspace's address, such as https://ml-0123abcd-e45.example.cloudera.site"
)


@dataclass(frozen=True, slots=True)
class WorkspaceAddress:
    """Scheme and authority of a workspace; `host` is without its port."""

    scheme: str
    host: str
    port: int | None = None

    @property
    def authority(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port is None else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.authority}"

    @property
    def api(self) -> str:
        return f"{self.url}/api/v2"

    @property
    def is_loopback(self) -> bool:
        return is_loopback(self.host)

    @property
    def reach(self) -> str:
        """The URL to call, with `authority` for the Host header.

        Names below `localhost` are loopback by definition, but not every resolver knows them.
        """
        if not self.host.endswith(".localhost"):
            return self.url
        return WorkspaceAddress(self.scheme, "127.0.0.1", self.port).url


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def parse_address(text: str) -> WorkspaceAddress:
    """The address: a host or URL, optionally with a slash, `/api/v1` (as in pods) or `/api/v2`.

    Plain HTTP is allowed only for loopback, since every request contains the API key.
    """
    parts = _split(text.strip())
    host, port = _authority(parts)
    scheme = parts.scheme or ("http" if is_loopback(host) else "https")
    if scheme == "http" and not is_loopback(host):
        raise ConnectionSettingsError("refusing to send the API key over plain HTTP; use https://")
    default_port = 443 if scheme == "https" else 80
    return WorkspaceAddress(scheme, host, None if port == default_port else port)


def application_url(scheme: str, domain: str, subdomain: str) -> str:
    """The address of an application; `domain` is that of all applications, with its port.

    Names below an IP address do not exist: only the CML emulator has such a domain, and a path for
    each application.
    """
    host = urlsplit(f"//{domain}").hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return f"{scheme}://{subdomain}.{domain}"
    return f"{scheme}://{domain}/applications/{subdomain}"


def parse_application_url(url: str) -> tuple[WorkspaceAddress, str]:
    """Address and path of an application; the path is empty, or begins with a slash."""
    parts = urlsplit(url)
    return parse_address(f"{parts.scheme}://{parts.netloc}"), parts.path.rstrip("/")


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text if "://" in text else f"//{text}")
    except ValueError:
        raise ConnectionSettingsError(f"CML_HOST is invalid: {_REMEDY}") from None
    if parts.scheme not in {"", "http", "https"}:
        raise ConnectionSettingsError(f"CML_HOST must be an https:// URL: {_REMEDY}")
    if parts.username is not None or parts.password is not None:
        raise ConnectionSettingsError(f"CML_HOST must not contain a user or a password: {_REMEDY}")
    if parts.path.rstrip("/") not in _PATHS or parts.query or parts.fragment:
        raise ConnectionSettingsError(f"CML_HOST must not contain a path: {_REMEDY}")
    return parts


def _authority(parts: SplitResult) -> tuple[str, int | None]:
    host = (parts.hostname or "").lower()
    if not _is_host(host):
        raise ConnectionSettingsError(f"CML_HOST has no valid host: {_REMEDY}")
    try:
        port = parts.port
    except ValueError:
        raise ConnectionSettingsError(f"CML_HOST has no valid port: {_REMEDY}") from None
    if port == 0:
        raise ConnectionSettingsError(f"CML_HOST must not have port 0: {_REMEDY}")
    return host, port


def _is_host(host: str) -> bool:
    if ":" not in host:
        return len(host) <= 253 and _HOST.fullmatch(host) is not None and ".." not in host
    try:
        return ipaddress.ip_address(host).version == 6
    except ValueError:
        return False


def checked_key(key: SecretStr) -> SecretStr:
    """The key without surrounding white space; an error if it cannot be in a header."""
    text = key.get_secret_value().strip()
    if not text:
        raise ConnectionSettingsError("no API key: set CML_API_KEY")
    if not text.isascii() or any(not 33 <= ord(c) <= 126 for c in text):
        raise ConnectionSettingsError(
            "the API key contains spaces, line ends or other invalid characters: copy it again"
        )
    return SecretStr(text)


def trust(ca_cert: Path | None = None, pod_bundle: Path = POD_BUNDLE) -> ssl.SSLContext:
    """A TLS context with public authorities, those of the pod, and `ca_cert` (PEM)."""
    context = httpx.create_ssl_context()
    if pod_bundle.is_file():
        _add(context, pod_bundle)
    if ca_cert is not None:
        _add(context, ca_cert)
    return context


def _add(context: ssl.SSLContext, bundle: Path) -> None:
    try:
        context.load_verify_locations(cafile=bundle)
    except (OSError, ssl.SSLError) as error:
        raise ConnectionSettingsError(
            f"the certificates in {bundle} cannot be read ({error.strerror or error}): "
            "give a PEM file with --ca-cert"
        ) from None
