"""Orders and answers as files: what is written reads back, and nothing else reads as one."""

import json
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.faults import Result
from controller.core.model.orders import Order, OrderAnswer, OrderedChange, OrderKind
from controller.files.document import render
from controller.files.orders import parse_answer, parse_order

NAMES = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=30)
IDS = st.text("0123456789abcdef", min_size=16, max_size=16)
TIMES = st.integers(0, 4_000_000_000).map(lambda s: datetime.fromtimestamp(s, UTC))
ORDERS = st.builds(
    Order,
    id=IDS,
    owner=NAMES,
    project=NAMES,
    kind=st.sampled_from(OrderKind),
    clusters=st.lists(NAMES, min_size=1, max_size=4).map(tuple),
    by=NAMES,
    at=TIMES,
    timeout_s=st.floats(0, 1e6),
    pairs=st.lists(st.tuples(NAMES, NAMES), max_size=4).map(tuple),
    from_owner=st.just("") | NAMES,
)
CHANGES = st.builds(
    OrderedChange, NAMES, st.sampled_from(Result), NAMES, st.lists(NAMES, max_size=3).map(tuple)
)
ANSWERS = st.builds(
    OrderAnswer,
    id=IDS,
    code=st.integers(0, 255),
    at=TIMES,
    message=NAMES,
    remedy=NAMES,
    changes=st.lists(CHANGES, max_size=4).map(tuple),
)


@given(ORDERS, IDS)
def test_an_order_reads_back_as_it_was_written(order: Order, other: str) -> None:
    assert parse_order(render(order), order.id) == order
    assert other == order.id or parse_order(render(order), other) is None
    assert parse_answer(render(order), order.id) is None


@given(ANSWERS)
def test_an_answer_reads_back_as_it_was_written(answer: OrderAnswer) -> None:
    assert parse_answer(render(answer), answer.id) == answer
    assert parse_order(render(answer), answer.id) is None


@given(st.binary(max_size=200) | st.text().map(str.encode), IDS)
def test_no_bytes_make_a_reader_fall(data: bytes, order_id: str) -> None:
    assert parse_order(data, order_id) is None
    assert parse_answer(data, order_id) is None


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3),
    max_leaves=6,
)


@given(ORDERS, st.dictionaries(st.sampled_from(["kind", "at", "clusters", "pairs", "id"]), JSON))
def test_no_field_of_another_type_makes_a_reader_fall(
    order: Order, changes: dict[str, object]
) -> None:
    body = {**json.loads(render(order)), **changes}
    found = parse_order(json.dumps(body).encode(), order.id)
    assert found is None or found.id == order.id
