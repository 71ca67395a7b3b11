"""The JSON API: reads of the last pass, and the orders of people."""

import re
from collections.abc import Callable, Mapping

from flask import Flask, Response, request

from controller.core.model.json_object import JsonObject, extended
from controller.core.status.documents import (
    ClusterJson,
    EventsJson,
    PlanJson,
    StatusJson,
    cluster_json,
    events_json,
    plan_json,
    status_json,
)
from controller.core.status.snapshot import ControllerSnapshot
from controller.core.status.status import Status
from controller.web.context import Context
from controller.web.openapi import (
    EVENTS_DEFAULT,
    EVENTS_MAX,
    AcceptedJson,
    ClustersJson,
    LoopJson,
    openapi,
)
from controller.web.orders import OrderError
from controller.web.origin import web_address
from controller.web.pages.pages import NOT_LOOKED, unknown_cluster
from controller.web.replies import RefusedError, document
from controller.web.request_checks import require_token

API = "/api/v1"
_NUMBER = re.compile(r"[0-9]{1,9}")
Read = Callable[..., JsonObject | Mapping[str, object]]
Order = Callable[..., None]


def add_api(app: Flask, context: Context) -> None:
    """Every route of `openapi.ROUTES`."""
    reads: dict[str, Read] = {
        "/status": lambda: _status(context.snapshot()),
        "/clusters": lambda: ClustersJson(_status(context.snapshot()).clusters),
        "/clusters/<name>": lambda name: _cluster(context.snapshot(), name),
        "/plan": lambda: _plan(context.snapshot()),
        "/events": lambda: _events(context.snapshot()),
        "/source": lambda: context.snapshot().source,
        "/loop": lambda: _loop(context.snapshot()),
        "/openapi.json": lambda: openapi(context.options.version),
    }
    orders: dict[str, Order] = {
        "/reconcile": context.orders.wake,
        "/clusters/<name>/pause": lambda name: context.pause(name, *_texts("reason", "until")),
        "/clusters/<name>/unpause": context.orders.unpause,
        "/revisions/<revision>/approve": context.approve,
    }
    for rule, read in reads.items():
        app.add_url_rule(API + rule, f"GET {API}{rule}", _reading(read))
    for rule, order in orders.items():
        handler = _ordering(context, order)
        app.add_url_rule(API + rule, f"POST {API}{rule}", handler, methods=["POST"])


def _reading(read: Read) -> Callable[..., Response]:
    return lambda **path: document(read(*path.values()))


def _ordering(context: Context, order: Order) -> Callable[..., Response]:
    def handler(**path: str) -> Response:
        require_token(context)
        try:
            order(*path.values())
        except OrderError as error:
            raise RefusedError(409, "OrderRefused", str(error)) from None
        return document(AcceptedJson(), 202)

    return handler


def _status_of(snapshot: ControllerSnapshot) -> Status:
    """Refused before the first pass: an unknown status is not the same as no clusters."""
    if snapshot.status is None:
        raise RefusedError(503, "NotLooked", NOT_LOOKED, {"Retry-After": "5"})
    return snapshot.status


def _url(snapshot: ControllerSnapshot) -> Callable[[str], str]:
    return lambda name: web_address(snapshot.urls.get(name, ""))


def _status(snapshot: ControllerSnapshot) -> StatusJson:
    return status_json(_status_of(snapshot), _url(snapshot))


def _cluster(snapshot: ControllerSnapshot, name: str) -> ClusterJson:
    chosen = _status_of(snapshot).cluster(name)
    if chosen is None:
        raise unknown_cluster(name, snapshot)
    return cluster_json(chosen, _url(snapshot))


def _plan(snapshot: ControllerSnapshot) -> PlanJson:
    status = _status_of(snapshot)
    return plan_json(snapshot.plan, status.revision, status.limits)


def _events(snapshot: ControllerSnapshot) -> EventsJson:
    cluster = request.args.get("cluster", "")
    limit = _limit(request.args.get("limit", ""))
    chosen = [event for event in snapshot.events if cluster in ("", event.cluster)]
    return events_json(chosen[:limit], snapshot.as_of)


def _limit(text: str) -> int:
    if not text:
        return EVENTS_DEFAULT
    if not (_NUMBER.fullmatch(text) and 1 <= int(text) <= EVENTS_MAX):
        raise RefusedError(400, "BadLimit", f"`limit` must be a number from 1 to {EVENTS_MAX}.")
    return int(text)


def _loop(snapshot: ControllerSnapshot) -> LoopJson:
    return extended(LoopJson, snapshot.loop, as_of=snapshot.as_of)


def _texts(*names: str) -> list[str]:
    """These members of the body; empty if absent."""
    body = request.get_json()
    if not isinstance(body, dict):
        raise RefusedError(400, "BadRequest", "The body must be a JSON object.")
    texts = [body.get(name, "") for name in names]
    for name, text in zip(names, texts, strict=True):
        if not isinstance(text, str):
            raise RefusedError(400, "BadRequest", f"`{name}` must be text.")
    return texts
