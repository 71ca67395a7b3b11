"""Health, readiness, metrics, and the webhook for git hosts."""

import hashlib
import hmac

from flask import Flask, Response, request

from controller.web.context import Context
from controller.web.health import standstill, unready
from controller.web.metrics import CONTENT_TYPE
from controller.web.replies import RefusedError, document
from controller.web.request_checks import HOOK


def add_probes(app: Flask, context: Context) -> None:
    def healthz() -> Response:
        """The watchdog: 503 requests a restart of this process."""
        still = standstill(context.snapshot(), context.clock.now(), context.watch)
        return _probe([still] if still else [])

    def metrics() -> Response:
        text = context.metrics.text(context.snapshot())
        return Response(text, content_type=CONTENT_TYPE)

    app.add_url_rule("/healthz", "healthz", healthz)
    app.add_url_rule("/readyz", "readyz", lambda: _probe(unready(context.snapshot())))
    app.add_url_rule("/metrics", "metrics", metrics)
    app.add_url_rule(HOOK, "hook", lambda: _hook(context), methods=["POST"])


def _probe(reasons: list[str]) -> Response:
    return document({"ok": not reasons, "reasons": reasons}, 503 if reasons else 200)


def _hook(context: Context) -> Response:
    """Trigger a pass; the content of a hook is ignored, since the source is read anyway."""
    secret = context.options.hook_secret.encode()
    if not secret:
        raise RefusedError(404, "NoHook", "Webhook disabled. Set RAYCML_HOOK_SECRET.")
    if not (_is_signed(secret) or _has_secret(secret)):
        raise RefusedError(401, "BadSignature", "Missing or wrong signature or token.")
    context.orders.wake()
    return document({"accepted": True}, 202)


def _is_signed(secret: bytes) -> bool:
    """True for an HMAC of the body, as of GitHub and most others."""
    signature = request.headers.get("X-Hub-Signature-256", "")
    expected = "sha256=" + hmac.digest(secret, request.get_data(), hashlib.sha256).hex()
    return hmac.compare_digest(expected.encode(), signature.encode())


def _has_secret(secret: bytes) -> bool:
    """True for the secret itself, as of GitLab."""
    return hmac.compare_digest(secret, request.headers.get("X-Gitlab-Token", "").encode())
