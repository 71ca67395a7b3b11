"""The OpenAPI 3.1 document of the JSON API: its routes, and the types of its answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from controller.core.model.json_object import JsonObject, Moment, json_schemas
from controller.core.status.documents import ClusterJson, EventsJson, PlanJson, StatusJson
from controller.core.status.snapshot import LoopState, SourceState
from controller.web.orders import REASON_MAX
from controller.web.replies import ErrorJson

EVENTS_MAX = 1000
EVENTS_DEFAULT = 100


@dataclass(frozen=True, slots=True)
class ClustersJson(JsonObject):
    """All clusters."""

    clusters: tuple[ClusterJson, ...]
    """Clusters, by name."""


@dataclass(frozen=True, slots=True)
class LoopJson(LoopState):
    """The passes of the controller at one moment."""

    as_of: Moment = field(kw_only=True)
    """Time of this data."""


@dataclass(frozen=True, slots=True)
class AcceptedJson(JsonObject):
    """An order that was taken; the next status shows its effect."""

    accepted: bool = True
    """Always true."""


@dataclass(frozen=True, slots=True)
class PauseOrderJson(JsonObject):
    """The body of a pause."""

    __pydantic_config__ = ConfigDict(use_attribute_docstrings=True)  # a default may be left out

    reason: Annotated[str, Field(min_length=1, max_length=REASON_MAX)]
    """Reason for the pause, for other people."""
    until: str = ""
    """End of the pause: a duration such as `2h`, or an ISO time; empty for no end."""


@dataclass(frozen=True, slots=True)
class Route:
    """One operation: a read, or an order, which needs the token."""

    path: str
    summary: str
    answer: type[JsonObject] | None = AcceptedJson
    refusals: Mapping[str, str] = field(default_factory=dict)
    query: Mapping[str, Mapping[str, object]] = field(default_factory=dict)
    body: type[JsonObject] | None = None

    @property
    def is_order(self) -> bool:
        return self.answer is AcceptedJson


_TEXT = {"type": "string"}
_LIMIT = {"type": "integer", "minimum": 1, "maximum": EVENTS_MAX, "default": EVENTS_DEFAULT}
_BEFORE_A_PASS = {"503": "No pass has ended yet."}
_MISSING = {"404": "There is no such cluster.", **_BEFORE_A_PASS}
_NOT_ORDERED = {
    "401": "The token is missing or wrong.",
    "403": "The page is read-only: no token is configured.",
    "409": "The order cannot be carried out; the message gives the reason.",
    "429": "Too many wrong tokens.",
}
ROUTES = (
    Route("/status", "All clusters: `raycml.status/v1`.", StatusJson, _BEFORE_A_PASS),
    Route("/clusters", "The clusters alone.", ClustersJson, _BEFORE_A_PASS),
    Route("/clusters/{name}", "One cluster.", ClusterJson, _MISSING),
    Route("/plan", "The last plan: `raycml.plan/v1`.", PlanJson, _BEFORE_A_PASS),
    Route(
        "/events",
        "Events, the latest first: `raycml.events/v1`.",
        EventsJson,
        {"400": "`limit` is out of bounds."},
        {"cluster": _TEXT, "limit": _LIMIT},
    ),
    Route("/source", "The source of the specs.", SourceState),
    Route("/loop", "The passes of the controller.", LoopJson),
    Route("/openapi.json", "This document.", None),
    Route("/reconcile", "Start a pass now.", refusals=_NOT_ORDERED),
    Route(
        "/clusters/{name}/pause",
        "Only watch a cluster, from the next pass on.",
        refusals=_NOT_ORDERED,
        body=PauseOrderJson,
    ),
    Route("/clusters/{name}/unpause", "Change a cluster again.", refusals=_NOT_ORDERED),
    Route("/revisions/{revision}/approve", "Approve a held revision.", refusals=_NOT_ORDERED),
)


def openapi(version: str, base: str = "/api/v1") -> dict[str, Any]:
    """The whole document."""
    types = {each for route in ROUTES for each in (route.answer, route.body) if each is not None}
    ordered = sorted({*types, ErrorJson}, key=lambda each: each.__name__)
    token = {"type": "apiKey", "in": "header", "name": "X-Raycml-Token"}
    where = "For use behind a proxy that takes `Authorization` for itself."
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "raycml",
            "version": version or "0",
            "description": (
                "The state of a running controller, and the orders of people.  Reads need no "
                "token.  All that is read is of one moment, the last pass."
            ),
        },
        "paths": {base + route.path: _path(route) for route in ROUTES},
        "components": {
            "schemas": json_schemas(ordered, "#/components/schemas/{model}", closed=True),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {**token, "description": where},
            },
        },
    }


def _path(route: Route) -> dict[str, object]:
    status, meaning = ("202", "The order was taken.") if route.is_order else ("200", route.summary)
    operation: dict[str, object] = {
        "summary": route.summary,
        "responses": {
            status: _content(route.answer, meaning),
            **{refusal: _content(ErrorJson, why) for refusal, why in route.refusals.items()},
        },
    }
    if route.query:
        operation["parameters"] = [
            {"name": n, "in": "query", "schema": s} for n, s in route.query.items()
        ]
    if route.is_order:
        operation["security"] = [{"bearer": []}, {"header": []}]
    if route.body is not None:
        operation["requestBody"] = {"required": True, **_content(route.body)}
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": _TEXT}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    return {"parameters": parameters, "post" if route.is_order else "get": operation}


def _content(of: type[JsonObject] | None, description: str = "") -> dict[str, object]:
    name = "" if of is None else of.__name__.removesuffix("Json")
    schema = {"$ref": f"#/components/schemas/{name}"} if name else {"type": "object"}
    meaning = {"description": description} if description else {}
    return {**meaning, "content": {"application/json": {"schema": schema}}}
