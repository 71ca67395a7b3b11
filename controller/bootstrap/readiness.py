"""Readiness of the controller: its `/readyz`, if that is open without a key.

The application is known by a mark, and any collaborator of the project can put that mark on an
application of their own.  So no key is sent: behind CML's proxy the answer is then a sign-in, and
the operator looks up the readiness on the page.
"""

import httpx

from controller.bootstrap.observed import Readiness
from controller.workspace.applications import ApplicationAnswer, ApplicationClient

_READ_S = 15.0
_LIMIT = 64 * 1024  # bytes of one answer
_SIGN_IN = frozenset({301, 302, 303, 307, 308, 401, 403})
_SHOWN = 200


class ReadyPage:
    """The page `/readyz` of an application; a failed call is an answer too."""

    def __init__(self, http: httpx.Client) -> None:
        self._http = http

    def ask(self, url: str) -> Readiness:
        return _readiness(
            ApplicationClient(self._http, url, _READ_S, _LIMIT).call("GET", "/readyz")
        )


def _readiness(answer: ApplicationAnswer) -> Readiness:
    if not answer.status:
        return Readiness(ready=False, why=f"no answer ({answer.text})")
    if answer.status in _SIGN_IN:
        return Readiness(ready=False, is_hidden=True)
    body = answer.mapping()
    if not isinstance(body.get("ok"), bool):
        return Readiness(ready=False, why=f"HTTP {answer.status}, not from the controller")
    if answer.status == 200 and body["ok"]:
        return Readiness(ready=True)
    reasons = body.get("reasons")
    text = "; ".join(map(str, reasons)) if isinstance(reasons, list) else ""
    why = " ".join(text.split())[:_SHOWN] or f"HTTP {answer.status}"
    return Readiness(ready=False, why=why)
