"""Web page of a worker: its state, as HTML at `/` and as JSON at `/healthz`.

CML reports an application as RUNNING once `/` answers 200, so this page answers before Ray does.
It listens on loopback only, is read-only, escapes all content, and needs no script.
"""

from __future__ import annotations

import html
import http.server
import json
import socketserver
import threading
from collections.abc import Callable
from http import HTTPStatus

from controller.node.member_state import JOINED, View

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
_STYLE = """\
body{font:16px/1.5 system-ui,sans-serif;max-width:52rem;margin:2rem auto;padding:0 1rem;
color:#1b1f24;background:#fff}
dt{color:#57606a;float:left;clear:left;width:9rem}dd{margin:0 0 .3rem 9.5rem}
pre{background:#f6f8fa;padding:1rem;overflow:auto;font-size:13px}
@media(prefers-color-scheme:dark){body{color:#e6edf3;background:#0d1117}dt{color:#9198a1}
pre{background:#161b22}}"""


def render_page(view: View, lines: list[str]) -> str:
    facts = {
        "State": view.state,
        "What": view.message,
        "Since": view.since,
        "Head": view.head_address or "none yet",
        "Ray": view.ray_version,
        "Python": view.python_version,
        "Engine": view.engine_id,
        "Mesh": view.mesh,
        "Pod": view.pod_name,
        "Host": view.host_name,
    }
    title = html.escape(f"{view.cluster} {view.member}")
    rows = "\n".join(
        f"<dt>{name}</dt><dd>{html.escape(value)}</dd>" for name, value in facts.items() if value
    )
    log = html.escape("\n".join(lines))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="5">
<meta name="viewport" content="width=device-width"><title>{title}: {html.escape(view.state)}</title>
<style>{_STYLE}</style></head>
<body><h1>{title}</h1>
<dl>
{rows}
</dl>
<h2>Last lines of the log</h2>
<pre>{log}</pre>
</body></html>
"""


def render_health(view: View) -> str:
    return json.dumps(
        {
            "cluster": view.cluster,
            "member": view.member,
            "engine_id": view.engine_id,
            "state": view.state,
            "joined": view.state == JOINED,
            "message": view.message,
            "since": view.since,
            "head_incarnation": view.head_incarnation,
            "mesh": view.mesh,
            "to_head": view.to_head,
        }
    )


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def server_bind(self) -> None:
        # HTTPServer's version looks up the host name, which is slow without DNS.
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]


class Page:
    """The server; OSError if the port is in use."""

    def __init__(self, port: int, view: Callable[[], View], lines: Callable[[], list[str]]) -> None:
        try:
            self._server = _Server(("127.0.0.1", port), _handler(view, lines))
        except OSError as error:
            message = f"the page on 127.0.0.1:{port}: {error.strerror}"
            raise OSError(error.errno, message) from error
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def port(self) -> int:
        return self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(
    view: Callable[[], View], lines: Callable[[], list[str]]
) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        timeout = 10  # seconds for a request to arrive
        server_version = "raycml"
        sys_version = ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/":
                self._answer(HTTPStatus.OK, "text/html", render_page(view(), lines()))
            elif path == "/healthz":
                self._answer(HTTPStatus.OK, "application/json", render_health(view()))
            else:
                self._answer(HTTPStatus.NOT_FOUND, "text/plain", "not found\n")

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
