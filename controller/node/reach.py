"""Reachability of other pods: probes that a TCP connection alone does not pass.

A sidecar of Istio accepts every outgoing TCP connection of its pod itself, whatever becomes of it
(observed on live workspaces), so a connection proves nothing.  Ray's GCS and raylets are gRPC
servers: they answer the preface of HTTP/2 with a SETTINGS frame (measured with Ray 2.10 to 2.60).
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass

PROBE_S = 4.0  # for connection and answer together
SIDECAR_PORT = 15021  # Istio's health port, on every address of a pod with a sidecar
ISTIO = "istio"
NO_MESH = "none"
_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
_SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])  # an empty frame: length, type 4, flags, stream
_HEADER = 9  # bytes of a frame's header; the fourth is its type
_TYPE_SETTINGS = 4

REACHED = "reached"
REFUSED = "refused"
UNREACHABLE = "unreachable"
CLOSED = "closed"
SILENT = "silent"
FOREIGN = "foreign"
_HELP = "see `Ask your admin` in docs/operations.md"
_UNREACHABLE = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.ENETDOWN})


@dataclass(frozen=True)
class Reach:
    """Result of a probe: REACHED without a message, else an obstacle and its explanation."""

    outcome: str
    message: str = ""

    @property
    def ok(self) -> bool:
        return self.outcome == REACHED


def probe(host: str, port: int, timeout_s: float = PROBE_S, *, tls: bool = False) -> Reach:
    """Ask for an answer of the gRPC server at this address, within the time.

    The client speaks first, since a sidecar may wait for its first bytes.  `tls`: the server speaks
    TLS (RAY_USE_TLS), and any answer to a handshake counts.
    """
    deadline = time.monotonic() + timeout_s
    try:
        link = socket.create_connection((host, port), timeout_s)
    except OSError as error:
        return _not_connected(error, timeout_s)
    with contextlib.closing(link):
        try:
            if tls:
                return _handshake(link)
            link.sendall(_PREFACE + _SETTINGS)
            return _answer(link, deadline, timeout_s)
        except OSError as error:
            return _silent(timeout_s) if _is_timeout(error) else _closed()


def uses_tls(environ: Mapping[str, str]) -> bool:
    """True if Ray's processes with these variables speak TLS, as Ray itself reads them."""
    return environ.get("RAY_USE_TLS", "").lower() in ("1", "true")


def _answer(link: socket.socket, deadline: float, timeout_s: float) -> Reach:
    header = b""
    while len(header) < _HEADER:
        left = deadline - time.monotonic()
        if left <= 0:
            return _silent(timeout_s)
        link.settimeout(left)
        data = link.recv(_HEADER - len(header))
        if not data:
            return _closed()
        header += data
    if header[3] == _TYPE_SETTINGS:
        return Reach(REACHED)
    return Reach(FOREIGN, "another program than Ray answers there, or Ray with TLS")


def _handshake(link: socket.socket) -> Reach:
    """REACHED for a handshake that the server answers, even with an alert for want of a key.

    Nothing secret is sent, so nothing is verified.  Raises OSError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with context.wrap_socket(link, do_handshake_on_connect=False) as secure:
            secure.do_handshake()
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError):
        return _closed()
    except ssl.SSLError:
        return Reach(REACHED)
    return Reach(REACHED)


def _not_connected(error: OSError, timeout_s: float) -> Reach:
    if _is_timeout(error):
        message = (
            f"no connection within {timeout_s:g} s: a network policy may drop traffic between the "
            f"pods; ask an admin to allow Ray's ports between pods of one namespace: {_HELP}"
        )
        return Reach(SILENT, message)
    if isinstance(error, ConnectionResetError):
        return _closed()  # so soon that the call to connect saw it
    if isinstance(error, ConnectionRefusedError):
        return Reach(
            REFUSED, "connection refused: the head is not running, or head.json is outdated"
        )
    if error.errno in _UNREACHABLE:
        message = f"{error.strerror}: ask an admin for a route between the pods: {_HELP}"
        return Reach(UNREACHABLE, message)
    return Reach(UNREACHABLE, f"{error.strerror or error}")


def _closed() -> Reach:
    message = (
        "the mesh accepted the connection and the other side refused it: mTLS STRICT, or nothing "
        "listens there; if it lasts, ask an admin for a PeerAuthentication with mode PERMISSIVE in "
        f"the user's namespace: {_HELP}"
    )
    return Reach(CLOSED, message)


def _silent(timeout_s: float) -> Reach:
    message = (
        f"connected, but no answer within {timeout_s:g} s: a network policy may drop traffic "
        "between the pods; ask an admin to allow Ray's ports between pods of one namespace: "
        f"{_HELP}"
    )
    return Reach(SILENT, message)


def _is_timeout(error: OSError) -> bool:
    return isinstance(error, socket.timeout)  # in Python 3.9 this is not TimeoutError


def find_mesh(ip: str, *, shares_host: bool, timeout_s: float = 1.0) -> str:
    """ISTIO if this pod has a sidecar, else NO_MESH.

    The sidecar answers on loopback, and on the pod's address, where Kubernetes probes it; pods
    that share a host share its loopback.
    """
    hosts = (ip,) if shares_host else ("127.0.0.1", ip)
    return ISTIO if any(_sidecar_answers(host, timeout_s) for host in hosts) else NO_MESH


def _sidecar_answers(host: str, timeout_s: float) -> bool:
    """True for any answer that says Envoy or 200; 503 means that it is still starting."""
    connection = http.client.HTTPConnection(host, SIDECAR_PORT, timeout=timeout_s)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/healthz/ready")
            response = connection.getresponse()
        except (OSError, http.client.HTTPException):
            return False
        return response.status in (200, 503)
