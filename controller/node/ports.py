"""Ports for Ray, chosen so that pods do not collide.

In CML each pod has its own network, and every preferred port is free.  In the local emulator pods
share the host's network; there a claim also prevents the same choice by pods that start together.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import random
import socket
from collections.abc import Collection

FALLBACK = range(20000, 30000)  # below the system's own choices for outgoing connections
_ANY = range(1024, 65536)
_TRIES = 200
_HOSTS = ("127.0.0.1", "", "::1", "::")
_TAKEN = frozenset({errno.EADDRINUSE, errno.EACCES, errno.EPERM})


class Claim:
    """A port that no other node program of this network chooses during the claim.

    The claim is an abstract Unix socket: it belongs to the network namespace, as ports do, and
    the system releases it at the end of the process.
    """

    def __init__(self, port: int, holder: socket.socket) -> None:
        self.port = port
        self._holder = holder

    def release(self) -> None:
        self._holder.close()


def claim(preferred: int, ip: str, avoided: Collection[int] = ()) -> Claim:
    """The preferred port if it is free on `ip`, on loopback and on all addresses, else another.

    The other one is of FALLBACK, as far as that has one.  `ip` is of either family; loopback and
    all addresses are checked in both.  Never one of `avoided`.  OSError without a free port, or if
    `ip` is not an address of this pod.
    """
    for attempt in range(_TRIES):
        others = FALLBACK if attempt < _TRIES // 2 else _ANY
        port = preferred if attempt == 0 else random.choice(others)  # noqa: S311 - no secret
        holder = None if port in avoided else _hold(port)
        if holder is None:
            continue
        try:
            free = _is_free(ip, port) and all(_is_free(host, port, own=False) for host in _HOSTS)
        except OSError:
            holder.close()
            raise
        if free:
            return Claim(port, holder)
        holder.close()
    raise OSError(errno.EADDRINUSE, f"no free port was found in {_TRIES} tries")


def _hold(port: int) -> socket.socket | None:
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        holder.bind(f"\0raycml-port-{port}")
    except OSError:
        holder.close()
        return None
    return holder


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _is_free(host: str, port: int, *, own: bool = True) -> bool:
    """True for a free port; a family that this pod lacks is free, or an OSError for `own`."""
    try:
        with socket.socket(_family(host), socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if probe.family == socket.AF_INET6:
                probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            probe.bind((host, port))
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        if own:
            message = f"{error.strerror}: {host} (CDSW_IP_ADDRESS) cannot be listened on"
            raise OSError(error.errno, message) from error
    return True


def answers(port: int, path: str, timeout_s: float = 2.0) -> bool:
    """True if a GET of `path` on 127.0.0.1 answers 200."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    with contextlib.closing(connection):
        try:
            # Up to 2.50 Ray's dashboard answers 500 to a request without it.
            connection.request("GET", path, headers={"User-Agent": "raycml"})
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
