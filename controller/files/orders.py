"""Orders and their answers as files of a project, `.raycml/orders/ID.json` and `ID.answer.json`.

The command writes the order and removes both files; the leader removes what a command leaves.
Everyone who may write into the project may order what its key may do there, and nothing elsewhere.
"""

import re

from controller.core.model.orders import Order, OrderAnswer
from controller.files.document import parse
from controller.files.port import ProjectFiles, StoredFile

FOLDER = ".raycml/orders"
SIZE_LIMIT = 256 * 1024  # bytes; a cluster may have a thousand members
ORDERS_MAX = 32  # files of one project that are read at a time
_NAME = re.compile(r"([0-9a-f]{16})(\.answer)?\.json")


def order_path(order_id: str) -> str:
    return f"{FOLDER}/{order_id}.json"


def answer_path(order_id: str) -> str:
    return f"{FOLDER}/{order_id}.answer.json"


def stored_orders(files: ProjectFiles) -> tuple[tuple[str, bool], ...]:
    """Every order and answer in the folder: its id, and True for an answer.  FilesError."""
    return tuple((m.group(1), bool(m.group(2))) for m in map(_named, files.listing(FOLDER)) if m)


def _named(stored: StoredFile) -> re.Match[str] | None:
    return None if stored.is_dir else _NAME.fullmatch(stored.name)


def parse_order(data: bytes | None, order_id: str) -> Order | None:
    """The order of this id; None for anything else.  Raises nothing."""
    order = parse(Order, data, SIZE_LIMIT)
    return order if order is not None and order.id == order_id else None


def parse_answer(data: bytes | None, order_id: str) -> OrderAnswer | None:
    """The answer to this id; None for anything else.  Raises nothing."""
    answer = parse(OrderAnswer, data, SIZE_LIMIT)
    return answer if answer is not None and answer.id == order_id else None
