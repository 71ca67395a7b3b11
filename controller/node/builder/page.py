"""Web page of an application that builds an environment: the last lines of the log.

CML reports an application as FAILED when its script ends.  The page escapes all content.
"""

from __future__ import annotations

import contextlib
import html
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from controller.node.server import Server

APPLICATION = "RAYCML_BUILDER"  # set in an application that builds, and in no job
LINGER_S = 1800.0  # without a controller, CML would start a script that ends again
_TAIL_BYTES = 4096


def is_application(environ: Mapping[str, str]) -> bool:
    """True in an application that builds.  A job's pod may have a port too."""
    return bool(environ.get(APPLICATION))


def app_port(environ: Mapping[str, str]) -> int:
    """Port that CML asks; 0, any, where it names none."""
    text = environ.get("CDSW_APP_PORT", "")
    return int(text) if text.isascii() and text.isdigit() else 0


@contextlib.contextmanager
def page(port: int, title: str, log: Path) -> Iterator[None]:
    """The page, while the block runs.  OSError if the port is in use."""
    server = Server(port, {"/": lambda: render_page(title, _tail(log))})
    try:
        yield
    finally:
        server.close()


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


__all__ = ["APPLICATION", "LINGER_S", "app_port", "is_application", "page", "render_page"]
