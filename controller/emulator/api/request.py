"""Request and response of a handler."""

import json
from collections.abc import Callable, Mapping

from flask import Response, request

from controller.emulator.api import fields
from controller.emulator.api.listing import Query

Handler = Callable[..., Response]
Route = Callable[[str, str], Callable[[Handler], None]]
"""`route(method, rule)` decorates a handler."""


def reply(body: Mapping[str, object], status: int = 200) -> Response:
    return Response(json.dumps(body), status, mimetype="application/json")


def argument(name: str) -> str:
    """A query parameter in either spelling."""
    return request.args.get(name, request.args.get(fields.camel(name), ""))


def query() -> Query:
    return Query(
        argument("search_filter"),
        argument("sort"),
        argument("page_size"),
        argument("page_token"),
    )


def body() -> dict[str, object]:
    return fields.body(request.get_data())
