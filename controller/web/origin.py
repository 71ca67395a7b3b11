"""Checks of host names and of the origin of actions.  Pure.

A foreign site can make a browser call this server in two ways.  It can point a name of its own to
this server's address (DNS rebinding), so only known names are answered; IP addresses are always
answered, since they cannot be rebound, and CML's probes use them.  Or it can post a form, so
an action must come from a page of this host.  Other applications of the workspace share its domain,
and are foreign sites as well.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

_STEP = "[A-Za-z0-9_-][A-Za-z0-9._-]*"
_LOCAL = re.compile(rf"/(?:{_STEP}(?:/{_STEP})*)?")


def bare_host(host: str) -> str:
    """The name or address in a Host header, without port and brackets; empty if malformed."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    if parts.username is not None or parts.path or parts.query or parts.fragment:
        return ""
    return (parts.hostname or "").rstrip(".")


def is_known_host(host: str, allowed: Iterable[str]) -> bool:
    """True if a Host header names loopback, an IP address, or one of `allowed`.

    `.example.com` and `*.example.com` allow every name below `example.com`.
    """
    name = bare_host(host)
    if name == "localhost" or name.endswith(".localhost") or _is_address(name):
        return True
    return bool(name) and any(_matches(name, each.lower()) for each in allowed)


def _matches(name: str, allowed: str) -> bool:
    allowed = bare_host(allowed.removeprefix("*"))
    return name.endswith(allowed) if allowed.startswith(".") else name == allowed


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def is_from_here(headers: Mapping[str, str], host: str) -> bool:
    """True if a page of this host sent the form, according to the browser.

    `Sec-Fetch-Site` decides if present, since no page can forge it; else `Origin`.  A request with
    neither is not from a current browser, and is refused.
    """
    site = headers.get("Sec-Fetch-Site")
    if site is not None:
        return site == "same-origin"
    try:
        origin = urlsplit(headers.get("Origin", "")).netloc
    except ValueError:
        return False
    return bool(host) and origin.lower() == host.lower()


def local_path(path: str) -> str:
    """The path, if it is a plain path as used by these pages; else `/`.

    An allowlist, since browsers and libraries differ in the characters that they drop, decode or
    treat as slashes.
    """
    return path if _LOCAL.fullmatch(path) else "/"


def web_address(url: str) -> str:
    """The address, if it is a web address; empty for any other scheme."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if parts.scheme in ("http", "https") and parts.netloc else ""
