"""HTTP server in a thread, with limits on threads, connections and bytes."""

import socket
import threading
from collections.abc import Callable, Iterable
from typing import Any

import waitress.server
from waitress import wasyncore

from controller.web.channel import Channel

THREADS = 8
CONNECTIONS = 100
_BODY_MAX = 1024 * 1024 + 4096
_HEADERS_MAX = 32 * 1024
_GRACE_S = 5

Wsgi = Callable[..., Iterable[bytes]]


class Server:
    """A running server.  `port` is its actual port."""

    def __init__(self, app: Wsgi, link: socket.socket) -> None:
        self._sockets: dict[int, Any] = {}
        self._stop = threading.Event()
        http: Any = waitress.server.create_server(
            app,
            map=self._sockets,
            sockets=[link],
            threads=THREADS,
            connection_limit=CONNECTIONS,
            channel_timeout=60,
            max_request_body_size=_BODY_MAX,
            max_request_header_size=_HEADERS_MAX,
            # Only CML's proxy knows if the browser uses HTTPS.
            clear_untrusted_proxy_headers=False,
            ident="raycml",
        )
        http.channel_class = Channel
        self._http = http
        self.port = int(link.getsockname()[1])
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.is_set():
            wasyncore.loop(timeout=1.0, map=self._sockets, count=1)
        self._http.task_dispatcher.shutdown(cancel_pending=True, timeout=_GRACE_S)
        wasyncore.close_all(self._sockets, ignore_all=True)

    def close(self) -> None:
        """Stop; requests in progress have some seconds.  May be called twice."""
        if not self._stop.is_set():
            self._stop.set()
            self._http.pull_trigger()
        self._thread.join(timeout=2 * _GRACE_S)


def serve(app: Wsgi, host: str = "127.0.0.1", port: int = 0) -> Server:
    """Serve in the background, on any free port for port 0; OSError if that fails."""
    return Server(app, socket.create_server((host, port)))
