"""The description of the JSON API: OpenAPI 3.1, made from the lists that the code goes by."""

from collections.abc import Mapping

from controller.core.model.plan import ACTION_NAMES
from controller.core.model.reasons import Reason
from controller.core.status.events import Kind

Schema = Mapping[str, object]

_TEXT: Schema = {"type": "string"}
_COUNT: Schema = {"type": "integer", "minimum": 0}
_SECONDS: Schema = {"type": "number", "minimum": 0}
_YES: Schema = {"type": "boolean"}
_MOMENT: Schema = {"type": "string", "format": "date-time"}
_REASON: Schema = {"enum": [reason.title for reason in Reason]}


def openapi(version: str) -> dict[str, object]:
    """The whole document."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "raycml",
            "version": version or "0",
            "description": (
                "What a running controller shows, and what a person may order.  Reads need no "
                "token.  Whatever is read is of one moment, the last pass."
            ),
        },
        "paths": _paths(),
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "header": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "X-Raycml-Token",
                    "description": "Where a proxy in front takes `Authorization` for itself.",
                },
            },
        },
    }


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _maybe(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def _many(schema: Schema) -> Schema:
    return {"type": "array", "items": schema}


def _record(**fields: Schema) -> Schema:
    """An object with exactly these fields."""
    return {
        "type": "object",
        "properties": fields,
        "required": list(fields),
        "additionalProperties": False,
    }


def _paths() -> dict[str, object]:
    refused = {"503": "No pass has ended yet."}
    missing = {"404": "There is no such cluster.", **refused}
    return {
        "/api/v1/status": _read("All clusters: `raycml.status/v1`.", _ref("Status"), refused),
        "/api/v1/clusters": _read(
            "The clusters alone.", _record(clusters=_many(_ref("Cluster"))), refused
        ),
        "/api/v1/clusters/{name}": _read("One cluster.", _ref("Cluster"), missing, "name"),
        "/api/v1/plan": _read("The last plan: `raycml.plan/v1`.", _ref("Plan"), refused),
        "/api/v1/events": _events(),
        "/api/v1/source": _read("Where the specs come from.", _ref("Source")),
        "/api/v1/loop": _read("How the loop goes.", _ref("Loop")),
        "/api/v1/openapi.json": _read("This document.", {"type": "object"}),
        "/api/v1/reconcile": _order("Begin a pass now."),
        "/api/v1/clusters/{name}/pause": _order(
            "Only watch a cluster, from the next pass on.", "name", body=_pause_body()
        ),
        "/api/v1/clusters/{name}/unpause": _order("Work on a cluster again.", "name"),
        "/api/v1/revisions/{revision}/approve": _order("Agree to a held revision.", "revision"),
    }


def _in_path(names: tuple[str, ...]) -> list[Schema]:
    return [{"name": n, "in": "path", "required": True, "schema": _TEXT} for n in names]


def _answer(meaning: str, schema: Schema) -> Schema:
    return {"description": meaning, "content": {"application/json": {"schema": schema}}}


def _read(
    meaning: str, schema: Schema, errors: Mapping[str, str] | None = None, *names: str
) -> dict[str, object]:
    answers = {status: _answer(said, _ref("Error")) for status, said in (errors or {}).items()}
    get = {"summary": meaning, "responses": {"200": _answer(meaning, schema), **answers}}
    path: dict[str, object] = {"get": get}
    return {"parameters": _in_path(names), **path} if names else path


def _events() -> dict[str, object]:
    found = _read(
        "What happened, the latest first.",
        _record(events=_many(_ref("Event"))),
        {"400": "`limit` is out of bounds."},
    )
    limit = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100}
    found["parameters"] = [
        {"name": "cluster", "in": "query", "schema": _TEXT},
        {"name": "limit", "in": "query", "schema": limit},
    ]
    return found


def _pause_body() -> Schema:
    return {
        "type": "object",
        "properties": {
            "reason": {"type": "string", "minLength": 1, "maxLength": 500},
            "until": {"type": "string", "description": "A duration, or an ISO time."},
        },
        "required": ["reason"],
    }


def _order(meaning: str, *names: str, body: Schema | None = None) -> dict[str, object]:
    refusals = {
        "401": "The token is missing or wrong.",
        "403": "The page is read-only: no token is configured.",
        "409": "It cannot be done; the message says why.",
        "429": "Too many wrong tokens.",
    }
    post: dict[str, object] = {
        "summary": meaning,
        "security": [{"bearer": []}, {"header": []}],
        "responses": {
            "202": _answer("The order was taken.", _record(accepted=_YES)),
            **{status: _answer(said, _ref("Error")) for status, said in refusals.items()},
        },
    }
    if body is not None:
        post["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    return {"parameters": _in_path(names), "post": post} if names else {"post": post}


def _schemas() -> dict[str, Schema]:
    return {
        "Status": _record(
            schema={"const": "raycml.status/v1"},
            as_of=_MOMENT,
            revision=_TEXT,
            clusters=_many(_ref("Cluster")),
            unreadable=_many(_record(application_id=_TEXT, project=_TEXT, name=_TEXT, state=_TEXT)),
        ),
        "Cluster": _cluster(),
        "Condition": _record(
            type=_TEXT,
            status={"enum": ["True", "False", "Unknown"]},
            reason=_TEXT,
            message=_TEXT,
            revision=_TEXT,
        ),
        "Member": _member(),
        "Plan": _plan(),
        "Event": _event(),
        "Source": _source(),
        "Loop": _loop(),
        "Error": _record(error=_record(reason=_TEXT, message=_TEXT)),
    }


def _cluster() -> Schema:
    head = _record(
        address=_TEXT,
        incarnation=_TEXT,
        observed_at=_MOMENT,
        ray_version=_TEXT,
        python_version=_TEXT,
    )
    groups = {"type": "object", "additionalProperties": _record(ready=_COUNT, desired=_COUNT)}
    return _record(
        name=_TEXT,
        project=_TEXT,
        state=_TEXT,
        desired=_COUNT,
        ready=_COUNT,
        groups=groups,
        url=_TEXT,
        head=_maybe(head),
        conditions=_many(_ref("Condition")),
        members=_many(_ref("Member")),
    )


def _member() -> Schema:
    return _record(
        member=_TEXT,
        application=_TEXT,
        application_id=_maybe(_TEXT),
        state=_TEXT,
        ray=_TEXT,
        node_id=_maybe(_TEXT),
        reason=_maybe(_REASON),
        waits_for=_TEXT,
        since=_maybe(_MOMENT),
        launcher=_TEXT,
        edition_behind=_YES,
    )


def _plan() -> Schema:
    step = _record(
        action={"enum": list(ACTION_NAMES.values())},
        cluster=_TEXT,
        member=_maybe(_TEXT),
        application_id=_maybe(_TEXT),
        reason=_REASON,
        changes=_many(_record(field=_TEXT, was=_TEXT, wants=_TEXT)),
        impact=_TEXT,
    )
    wait = _record(cluster=_TEXT, member=_maybe(_TEXT), reason=_REASON, message=_TEXT)
    return _record(
        schema={"const": "raycml.plan/v1"},
        revision=_TEXT,
        steps=_many(step),
        waits=_many(wait),
        complete=_YES,
        summary={"type": "object", "additionalProperties": _COUNT},
    )


def _event() -> Schema:
    return _record(
        kind={"enum": [kind.value for kind in Kind]},
        reason=_TEXT,
        message=_TEXT,
        cluster=_TEXT,
        member=_TEXT,
        object=_TEXT,
        count=_COUNT,
        first_at=_maybe(_MOMENT),
        last_at=_maybe(_MOMENT),
        pass_id=_TEXT,
        revision=_TEXT,
    )


def _source() -> Schema:
    held = _record(revision=_TEXT, reason=_TEXT, message=_TEXT, since=_MOMENT)
    return _record(
        origin=_TEXT,
        revision=_TEXT,
        since=_maybe(_MOMENT),
        fetched_at=_maybe(_MOMENT),
        failure=_TEXT,
        problems=_many(_TEXT),
        held=_maybe(held),
    )


def _loop() -> Schema:
    return _record(
        as_of=_MOMENT,
        passes=_COUNT,
        failures=_COUNT,
        started_at=_maybe(_MOMENT),
        ended_at=_maybe(_MOMENT),
        took_s=_SECONDS,
        pause_s=_SECONDS,
        error=_TEXT,
        leads=_YES,
        holder=_TEXT,
    )
