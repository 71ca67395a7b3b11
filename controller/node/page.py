"""Web page of a worker: its state, as HTML at `/` and as JSON at `/healthz`.

The page answers before Ray does, escapes all content, and needs no script.
"""

from __future__ import annotations

import html
from collections.abc import Callable

from controller.node.member_state import JOINED, View
from controller.node.server import Server

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


def health(view: View) -> dict[str, object]:
    return {
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


def serve(port: int, view: Callable[[], View], lines: Callable[[], list[str]]) -> Server:
    """The page and its health.  OSError if the port is in use."""
    return Server(
        port, {"/": lambda: render_page(view(), lines()), "/healthz": lambda: health(view())}
    )
