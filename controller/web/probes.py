"""What machines ask at short intervals: health, readiness, metrics; and the git host's hook."""

import hashlib
import hmac

from flask import Flask, Response, request

from controller.web.context import Context
from controller.web.health import standstill, unready
from controller.web.metrics import CONTENT_TYPE
from controller.web.replies import RefusedError, document
from controller.web.request_checks import HOOK


def add_probes(app: Flask, desk: Context) -> None:
    app.add_url_rule("/healthz", "healthz", lambda: _healthz(desk))
    app.add_url_rule("/readyz", "readyz", lambda: _readyz(desk))
    app.add_url_rule("/metrics", "metrics", lambda: _metrics(desk))
    app.add_url_rule(HOOK, "hook", lambda: _hook(desk), methods=["POST"])


def _healthz(desk: Context) -> Response:
    """A watchdog: 503 tells whoever looks after this process to restart it."""
    still = standstill(desk.board(), desk.clock.now(), desk.watch)
    return _probe([still] if still else [])


def _readyz(desk: Context) -> Response:
    return _probe(unready(desk.board()))


def _probe(reasons: list[str]) -> Response:
    return document({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)


def _metrics(desk: Context) -> Response:
    return Response(desk.metrics.text(desk.board()), content_type=CONTENT_TYPE)


def _hook(desk: Context) -> Response:
    """Only wakes: the hook says that there is something, the source says what."""
    secret = desk.options.hook_secret.encode()
    if not secret:
        raise RefusedError(404, "NoHook", "Start the controller with RAYCML_HOOK_SECRET set.")
    if not (_is_signed(secret) or _is_told(secret)):
        raise RefusedError(401, "BadSignature", "Neither a signature nor a token of this hook.")
    desk.orders.wake()
    return document({"accepted": True}, 202)


def _is_signed(secret: bytes) -> bool:
    """GitHub's way, and that of most others: an HMAC of the body."""
    signature = request.headers.get("X-Hub-Signature-256", "")
    wanted = "sha256=" + hmac.digest(secret, request.get_data(), hashlib.sha256).hex()
    return hmac.compare_digest(wanted.encode(), signature.encode())


def _is_told(secret: bytes) -> bool:
    """GitLab's way: the secret itself."""
    return hmac.compare_digest(secret, request.headers.get("X-Gitlab-Token", "").encode())
