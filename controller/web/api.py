"""The JSON API: the same board for machines, and the same orders."""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from flask import Flask, Response, request

from controller.core.status.documents import plan_json, status_json
from controller.core.status.events import Event
from controller.core.status.snapshot import ControllerSnapshot, SourceState
from controller.core.status.status import Status
from controller.web.context import Context
from controller.web.openapi import openapi
from controller.web.orders import OrderError
from controller.web.origin import web_address
from controller.web.pages.forms import check_reason, clean
from controller.web.pages.pages import NOT_LOOKED, unknown_cluster
from controller.web.replies import RefusedError, document
from controller.web.request_checks import require_token

API = "/api/v1"
EVENTS_MAX = 1000
_EVENTS = 100
_NUMBER = re.compile(r"[0-9]{1,9}")


def add_api(app: Flask, desk: Context) -> None:
    """Everything below `/api/v1`."""
    reads: dict[str, Callable[..., Response]] = {
        "/status": lambda: document(_status(desk.board())),
        "/clusters": lambda: document({"clusters": _status(desk.board())["clusters"]}),
        "/clusters/<name>": lambda name: _cluster(desk.board(), name),
        "/plan": lambda: _plan(desk.board()),
        "/events": lambda: _events(desk.board()),
        "/source": lambda: document(_source(desk.board().source)),
        "/loop": lambda: document(_loop(desk.board())),
        "/openapi.json": lambda: document(openapi(desk.options.version)),
    }
    orders: dict[str, Callable[..., Response]] = {
        "/reconcile": lambda: _order(desk, desk.orders.wake),
        "/clusters/<name>/pause": lambda name: _pause(desk, name),
        "/clusters/<name>/unpause": lambda name: _order(desk, lambda: desk.orders.unpause(name)),
        "/revisions/<revision>/approve": lambda revision: _order(
            desk, lambda: desk.approve(revision)
        ),
    }
    for rule, handler in reads.items():
        app.add_url_rule(API + rule, f"GET {API}{rule}", handler)
    for rule, handler in orders.items():
        app.add_url_rule(API + rule, f"POST {API}{rule}", handler, methods=["POST"])


def _known(board: ControllerSnapshot) -> Status:
    """The status.  Nothing known is not the same as no clusters: before the first pass, refused."""
    if board.status is None:
        raise RefusedError(503, "NotLooked", NOT_LOOKED, {"Retry-After": "5"})
    return board.status


def _url(board: ControllerSnapshot) -> Callable[[str], str]:
    return lambda name: web_address(board.urls.get(name, ""))


def _status(board: ControllerSnapshot) -> dict[str, object]:
    return status_json(_known(board), _url(board))


def _cluster(board: ControllerSnapshot, name: str) -> Response:
    status = _known(board)
    chosen = status.cluster(name)
    if chosen is None:
        raise unknown_cluster(name, board)
    found = status_json(replace(status, clusters=(chosen,)), _url(board))["clusters"]
    assert isinstance(found, list)  # noqa: S101 - the shape of the document
    return document(found[0])


def _plan(board: ControllerSnapshot) -> Response:
    return document(plan_json(board.plan, _known(board).revision))


def _events(board: ControllerSnapshot) -> Response:
    cluster = request.args.get("cluster", "")
    limit = _limit(request.args.get("limit", ""))
    found = [e for e in board.events if cluster in ("", e.cluster)]
    return document({"events": [_event(event) for event in found[:limit]]})


def _limit(text: str) -> int:
    if not text:
        return _EVENTS
    if not (_NUMBER.fullmatch(text) and 1 <= int(text) <= EVENTS_MAX):
        raise RefusedError(400, "BadLimit", f"`limit` is a number from 1 to {EVENTS_MAX}.")
    return int(text)


def _event(event: Event) -> dict[str, object]:
    return {
        "kind": event.kind.value,
        "reason": event.reason,
        "message": event.message,
        "cluster": event.cluster,
        "member": event.member,
        "object": event.object,
        "count": event.count,
        "first_at": event.first_at and event.first_at.isoformat(),
        "last_at": event.last_at and event.last_at.isoformat(),
        "pass_id": event.pass_id,
        "revision": event.revision,
    }


def _source(source: SourceState) -> dict[str, object]:
    held = source.held
    return {
        "origin": source.origin,
        "revision": source.revision,
        "since": source.since and source.since.isoformat(),
        "fetched_at": source.fetched_at and source.fetched_at.isoformat(),
        "failure": source.failure,
        "problems": list(source.problems),
        "held": held
        and {
            "revision": held.revision,
            "reason": held.reason,
            "message": held.message,
            "since": held.since.isoformat(),
        },
    }


def _loop(board: ControllerSnapshot) -> dict[str, object]:
    loop = board.loop
    return {
        "as_of": board.as_of.isoformat(),
        "passes": loop.passes,
        "failures": loop.failures,
        "started_at": loop.started_at and loop.started_at.isoformat(),
        "ended_at": loop.ended_at and loop.ended_at.isoformat(),
        "took_s": loop.took_s,
        "pause_s": loop.pause_s,
        "error": loop.error,
        "leads": loop.leads,
        "holder": loop.holder,
    }


def _pause(desk: Context, name: str) -> Response:
    def order() -> None:
        body = _body()
        reason, until = clean(_text(body, "reason")), _text(body, "until").strip()
        check_reason(reason)
        desk.orders.pause(name, reason, until)

    return _order(desk, order)


def _body() -> Mapping[str, object]:
    found = request.get_json()
    if not isinstance(found, dict):
        raise RefusedError(400, "BadRequest", "The body is to be a JSON object.")
    return found


def _text(body: Mapping[str, object], name: str) -> str:
    found = body.get(name, "")
    if not isinstance(found, str):
        raise RefusedError(400, "BadRequest", f"`{name}` is to be text.")
    return found


def _order(desk: Context, order: Callable[[], None]) -> Response:
    """Check the token, order, and say that it was taken; what comes of it, the next board says."""
    require_token(desk)
    try:
        order()
    except OrderError as error:
        raise RefusedError(409, "OrderRefused", str(error)) from None
    return document({"accepted": True}, 202)
