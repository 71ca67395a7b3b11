"""Orders and their answers as files of a project, `.raycml/orders/ID.json` and `ID.answer.json`.

The command writes the order and removes both; what it leaves behind, the leader removes.  Whoever
may write into the project may order what its key may do there, and nothing in another project.
"""

import json
import re
from collections.abc import Iterable, Mapping

from controller.core.model.orders import Order, OrderAnswer, OrderedChange, OrderKind
from controller.core.model.plan import Result
from controller.files import decode
from controller.files.port import ProjectFiles, StoredFile

ORDER_SCHEMA = "raycml.order/v1"
ANSWER_SCHEMA = "raycml.order-answer/v1"
FOLDER = ".raycml/orders"
SIZE_LIMIT = 256 * 1024  # bytes; a cluster may have a thousand members
ORDERS_MAX = 32  # files of one project that wait at a time
_ITEMS_MAX = 10_000

_ID = re.compile(r"[0-9a-f]{16}")
_NAME = re.compile(r"([0-9a-f]{16})(\.answer)?\.json")


def order_path(order_id: str) -> str:
    return f"{FOLDER}/{order_id}.json"


def answer_path(order_id: str) -> str:
    return f"{FOLDER}/{order_id}.answer.json"


def stored_orders(files: ProjectFiles) -> tuple[tuple[str, bool], ...]:
    """Id, and whether it is an answer, of every file of the folder.  FilesError."""
    return tuple((m.group(1), bool(m.group(2))) for m in map(_named, files.listing(FOLDER)) if m)


def _named(stored: StoredFile) -> re.Match[str] | None:
    return None if stored.is_dir else _NAME.fullmatch(stored.name)


def render_order(order: Order) -> bytes:
    return _rendered(
        {
            "schema": ORDER_SCHEMA,
            "id": order.id,
            "owner": order.owner,
            "project": order.project,
            "kind": order.kind.value,
            "clusters": order.clusters,
            "by": order.by,
            "at": order.at.isoformat(),
            "timeout_s": order.timeout_s,
            "pairs": order.pairs,
            "from_owner": order.from_owner,
        }
    )


def render_answer(answer: OrderAnswer) -> bytes:
    changes = [
        {
            "application": one.application_id,
            "result": one.result.value,
            "message": one.message,
            "unapplied": one.unapplied,
        }
        for one in answer.changes
    ]
    return _rendered(
        {
            "schema": ANSWER_SCHEMA,
            "id": answer.id,
            "code": answer.code,
            "at": answer.at.isoformat(),
            "message": answer.message,
            "remedy": answer.remedy,
            "changes": changes,
        }
    )


def _rendered(body: Mapping[str, object]) -> bytes:
    return (json.dumps(body, indent=2) + "\n").encode()


def parse_order(data: bytes, order_id: str) -> Order | None:
    """The order of this id; None for anything else.  Raises nothing."""
    body = _body(data, ORDER_SCHEMA, order_id)
    kind, at = _KINDS.get(decode.text(body.get("kind"))), decode.instant(body.get("at"))
    timeout_s, clusters = decode.seconds(body.get("timeout_s")), _texts(body.get("clusters"))
    pairs = [_texts(pair) for pair in _items(body.get("pairs"))]
    if kind is None or at is None or timeout_s is None or not clusters:
        return None
    if any(len(pair) != 2 for pair in pairs):
        return None
    return Order(
        order_id,
        decode.text(body.get("owner")),
        decode.text(body.get("project")),
        kind,
        clusters,
        decode.text(body.get("by")) or "unknown",
        at,
        timeout_s,
        tuple((pair[0], pair[1]) for pair in pairs),
        decode.text(body.get("from_owner")),
    )


def parse_answer(data: bytes, order_id: str) -> OrderAnswer | None:
    """The answer to this id; None for anything else.  Raises nothing."""
    body = _body(data, ANSWER_SCHEMA, order_id)
    code, at = body.get("code"), decode.instant(body.get("at"))
    if isinstance(code, bool) or not isinstance(code, int) or at is None:
        return None
    changes = tuple(_changes(_items(body.get("changes"))))
    message, remedy = decode.text(body.get("message")), decode.text(body.get("remedy"))
    return OrderAnswer(order_id, code, at, message, remedy, changes)


def _body(data: bytes, schema: str, order_id: str) -> Mapping[str, object]:
    body = decode.json_object(data, SIZE_LIMIT)
    if isinstance(body, str) or body.get("schema") != schema or body.get("id") != order_id:
        return {}
    return body if _ID.fullmatch(order_id) else {}


def _changes(rows: Iterable[object]) -> Iterable[OrderedChange]:
    for row in rows:
        fields = decode.mapping(row) or {}
        result = _RESULTS.get(decode.text(fields.get("result")), Result.UNKNOWN)
        message, app = decode.text(fields.get("message")), decode.text(fields.get("application"))
        yield OrderedChange(app, result, message, _texts(fields.get("unapplied")))


def _texts(value: object) -> tuple[str, ...]:
    return tuple(decode.text(one) for one in _items(value))


def _items(value: object) -> list[object]:
    return value[:_ITEMS_MAX] if isinstance(value, list) else []


_KINDS: Mapping[str, OrderKind] = {kind.value: kind for kind in OrderKind}
_RESULTS: Mapping[str, Result] = {result.value: result for result in Result}
