"""Under which names the page may be called, and from where an order may come.  Pure.

A page of somebody else can make a browser call this server in two ways.  It can point a name of its
own at our address (DNS rebinding): so only names that we know are answered.  Bare IP addresses
always are, for no name can be bent where there is none, and CML's own probes use them.  Or it can
post a form to us: so an order must come from a page of this very host.  Applications beside us in
the workspace share its domain; they are strangers.
"""

import ipaddress
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

_STEP = "[A-Za-z0-9_-][A-Za-z0-9._-]*"
_LOCAL = re.compile(rf"/(?:{_STEP}(?:/{_STEP})*)?")


def bare_host(host: str) -> str:
    """The name or address of a Host header, without port and brackets; empty when malformed."""
    try:
        found = urlsplit(f"//{host}")
        _ = found.port
    except ValueError:
        return ""
    if found.username is not None or found.path or found.query or found.fragment:
        return ""
    return (found.hostname or "").rstrip(".")


def is_known_host(host: str, allowed: Iterable[str]) -> bool:
    """Whether a Host header names loopback, a bare address, or one of `allowed`.

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
    """Whether a browser says that a page of this host sent the form.

    `Sec-Fetch-Site` decides where a browser sends it, for no page can forge it; else `Origin`.  A
    request that names neither comes from no browser that has forms worth protecting: refused.
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
    """The path, when it is one of the plain ones that pages here have; `/` for any other text.

    A list of what may stand in it: browsers and libraries each drop, decode and take for slashes
    other characters, so that a list of what may not would always lack one.
    """
    return path if _LOCAL.fullmatch(path) else "/"


def web_address(url: str) -> str:
    """The address, when it is one that a browser may be sent to; empty for any other scheme."""
    try:
        found = urlsplit(url.strip())
    except ValueError:
        return ""
    return url.strip() if found.scheme in ("http", "https") and found.netloc else ""
