"""Addresses of a workspace and its applications.

A browser finds every name below `localhost` on this machine; other programs do so only where the
machine's resolver does.  Where it does not, the workspace is `127.0.0.1`, and an application has a
path of it, which leads a browser to a port of the application's own.
"""

import contextlib
import secrets
import socket
import threading

NAME = "cml.localhost"
LOOPBACK = "127.0.0.1"
APPLICATIONS = "/applications/"
RESOLVE_S = 0.5


def resolves(seconds: float = RESOLVE_S) -> bool:
    """True if programs of this machine find names below `cml.localhost`, within this time."""
    found: list[str] = []

    def look() -> None:
        with contextlib.suppress(OSError):
            name = f"{secrets.token_hex(4)}.{NAME}"
            found.extend(str(entry[4][0]) for entry in socket.getaddrinfo(name, None))

    # A thread, since a resolver without a network can take ten seconds.
    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(seconds)
    return bool(found) and all(address in {LOOPBACK, "::1"} for address in found)


def application_address(scheme: str, domain: str, subdomain: str) -> str:
    """The address of an application in the workspace at `domain`, a host and port."""
    if domain.partition(":")[0] == LOOPBACK:
        return f"{scheme}://{domain}{APPLICATIONS}{subdomain}/"
    return f"{scheme}://{subdomain}.{domain}"
