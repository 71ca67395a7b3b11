"""WebSockets of an application: the handshake with its pod, and the hand-over of the connection."""

import contextlib
import socket
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from werkzeug.wrappers import Request

from controller.emulator.door.channel import TUNNEL

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

CONNECT_S = 10.0
_HEAD_MAX = 65536


class NotSwitchedError(Exception):
    """The pod did not agree to a WebSocket: the request is then passed on like any other."""


def is_upgrade(request: Request) -> bool:
    """Whether it asks for a WebSocket, by a server that can carry one."""
    asked = {word.strip().lower() for word in request.headers.get("Connection", "").split(",")}
    upgrade = request.headers.get("Upgrade", "").strip().lower()
    return "upgrade" in asked and upgrade == "websocket" and TUNNEL in request.environ


class Upgraded:
    """A WSGI answer that is no answer: the connection belongs to client and pod from here on."""

    def __init__(self, target: str, port: int, headers: Mapping[str, str]) -> None:
        """Shake hands with the pod.  OSError, or NotSwitchedError where it does not agree."""
        self._link = socket.create_connection(("127.0.0.1", port), CONNECT_S)
        try:
            self._link.sendall(_head(target, headers))
            self._answered = _answer(self._link)
        except BaseException:
            self._link.close()
            raise

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        with contextlib.closing(self._link):
            self._link.settimeout(None)
            if environ[TUNNEL](self._link, self._answered):
                return []
        start_response("503 Service Unavailable", [("Content-Type", "text/plain")])
        return [b"too many WebSockets are open\n"]


def _head(target: str, headers: Mapping[str, str]) -> bytes:
    lines = [f"GET {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    lines += ["Connection: Upgrade", "Upgrade: websocket", "", ""]
    return "\r\n".join(lines).encode("latin-1")


def _answer(link: socket.socket) -> bytes:
    """The head of a 101 answer, and whatever came with it."""
    found = b""
    while b"\r\n\r\n" not in found:
        piece = link.recv(_HEAD_MAX)
        found += piece
        if not piece or len(found) > _HEAD_MAX:
            raise NotSwitchedError
    if found.split(b"\r\n", 1)[0].split(b" ")[1:2] != [b"101"]:
        raise NotSwitchedError
    return found
