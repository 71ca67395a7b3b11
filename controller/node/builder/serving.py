"""Web page of an application that builds an environment: the last lines of the log.

CML reports an application as RUNNING once `/` answers 200, and as FAILED when its script ends.  The
page listens on loopback only, is read-only, and escapes all content.
"""

from __future__ import annotations

import contextlib
import html
import http.server
import os
import socketserver
import threading
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from pathlib import Path

APPLICATION = "RAYCML_BUILDER"  # set in an application that builds, and in no job
LINGER_S = 1800.0  # without a controller, CML would start a script that ends again
_TAIL_BYTES = 4096
_POLICY = "default-src 'none'; base-uri 'none'; form-action 'none'"


def is_application(environ: Mapping[str, str]) -> bool:
    """True in an application that builds.  A job's pod may have a port too."""
    return bool(environ.get(APPLICATION))


def app_port(environ: Mapping[str, str]) -> int:
    """Port that CML asks; 0, any, where it names none."""
    text = environ.get("CDSW_APP_PORT", "")
    return int(text) if text.isascii() and text.isdigit() else 0


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def server_bind(self) -> None:
        # HTTPServer's version looks up the host name, which is slow without DNS.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


@contextlib.contextmanager
def page(port: int, title: str, log: Path) -> Iterator[None]:
    """The page, while the block runs.  OSError if the port is in use."""
    server = _Server(("127.0.0.1", port), _handler(title, log))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()


def render_page(title: str, lines: str) -> str:
    title, lines = html.escape(title), html.escape(lines)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<title>{title}</title></head>
<body><h1>{title}</h1>
<pre>{lines}</pre>
</body></html>
"""


def _tail(log: Path) -> str:
    try:
        with open(log, "rb") as file:
            file.seek(max(os.fstat(file.fileno()).st_size - _TAIL_BYTES, 0))
            return file.read(_TAIL_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""


def _handler(title: str, log: Path) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10  # seconds for a request to arrive
        server_version = "raycml"
        sys_version = ""

        def do_GET(self) -> None:
            is_page = self.path.partition("?")[0] == "/"
            text = render_page(title, _tail(log)) if is_page else "not found\n"
            body = text.encode("utf-8", "replace")
            self.send_response(HTTPStatus.OK if is_page else HTTPStatus.NOT_FOUND)
            kind = "text/html" if is_page else "text/plain"
            self.send_header("Content-Type", f"{kind}; charset=utf-8")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Cache-Control", "no-store")
            self.send_header("Content-Security-Policy", _POLICY)
            self.send_header("X-Content-Type-Options", "nosniff")
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def do_HEAD(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            """No log of requests, since CML polls the page."""

    return Handler


__all__ = ["APPLICATION", "LINGER_S", "app_port", "is_application", "page", "render_page"]
