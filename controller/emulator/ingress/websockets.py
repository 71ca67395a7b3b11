"""WebSockets of applications: the handshake with the pod, and the transfer of the connection."""

import contextlib
import socket
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request

from controller.emulator.ingress.channel import TUNNEL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CONNECT_S = 10.0
_HEAD_MAX = 65536


class HandshakeError(Exception):
    """The pod refused a WebSocket: the request is then passed on like any other."""


def is_upgrade(request: Request) -> bool:
    """True for a WebSocket request, on a server that supports it."""
    tokens = {word.strip().lower() for word in request.headers.get("Connection", "").split(",")}
    upgrade = request.headers.get("Upgrade", "").strip().lower()
    return "upgrade" in tokens and upgrade == "websocket" and TUNNEL in request.environ


class WebSocketTunnel:
    """A WSGI result after which the connection belongs to client and pod."""

    def __init__(self, target: str, port: int, headers: Mapping[str, str]) -> None:
        """Do the handshake with the pod.  OSError, or NotSwitchedError if it refuses."""
        self._link = socket.create_connection(("127.0.0.1", port), CONNECT_S)
        try:
            self._link.sendall(_head(target, headers))
            self._first_bytes = _answer(self._link)
        except BaseException:
            self._link.close()
            raise

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        with contextlib.closing(self._link):
            self._link.settimeout(None)
            if environ[TUNNEL](self._link, self._first_bytes):
                return []
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"too many WebSockets are open\n"]


def _head(target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["Connection: Upgrade", "Upgrade: websocket", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _answer(link: socket.socket) -> bytes:
    """The header of a 101 answer, and the bytes after it."""
    head = b""
    while b"\r\n\r\n" not in head:
        chunk = link.recv(_HEAD_MAX)
        head += chunk
        if not chunk or len(head) > _HEAD_MAX:
            raise HandshakeError
    if head.split(b"\r\n", 1)[0].split(b" ")[1:2] != [b"101"]:
        raise HandshakeError
    return head
