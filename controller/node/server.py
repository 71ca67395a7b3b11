"""Web server of the pages that the node program and the builder show.

CML reports an application as RUNNING once `/` answers 200.  The server listens on loopback only and
is read-only.
"""

from __future__ import annotations

import http.server
import json
import socketserver
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_ARRIVES_S = 10  # for a request
Pages = Mapping[str, Callable[[], "str | Mapping[str, object]"]]  # by path


class _Listener(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def server_bind(self) -> None:
        # HTTPServer's version looks up the host name, which is slow without DNS.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


class Server:
    """Answers with pages that are made for each request: HTML, or JSON of a mapping.

    OSError if the port is in use; port 0 is any.
    """

    def __init__(self, port: int, pages: Pages) -> None:
        try:
            self._listener = _Listener(("127.0.0.1", port), _handler(pages))
        except OSError as error:
            message = f"cannot serve a page on 127.0.0.1:{port}: {error.strerror}"
            raise OSError(error.errno, message) from error
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self._listener.server_port

    def close(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()


def _handler(pages: Pages) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = _ARRIVES_S
        server_version = "raycml"
        sys_version = ""

        def do_GET(self) -> None:
            page = pages.get(self.path.partition("?")[0])
            if page is None:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "not found\n")
            elif isinstance(content := page(), str):
                self._answer(HTTPStatus.OK, "text/html", content)
            else:
                self._answer(HTTPStatus.OK, "application/json", json.dumps(content))

        def do_HEAD(self) -> None:
            self.do_GET()

        def _answer(self, status: HTTPStatus, kind: str, text: str) -> None:
            body = text.encode("utf-8", "replace")
            self.send_response(status)
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """No log of requests, since CML polls the page."""

    return Handler
