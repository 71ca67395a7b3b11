"""Lists whose pages are larger than one answer may be."""

import json
from collections.abc import Callable, Sequence

import httpx
import pytest
from cml_world import PROJECT, World, app, ok, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.cml.errors import CmlError, TooLarge
from controller.cml.operations import BODY_LIMIT

ROOM = 1000
GRPC = "grpc: received message larger than max (41943040 vs. 4194304)"


def served(weights: Sequence[int], *, status: int = 429) -> Callable[[httpx.Request], object]:
    """A server that pages by offset and refuses to send more than ROOM at once."""

    def answer(request: httpx.Request) -> httpx.Response:
        asked = request.url.params
        size, offset = int(asked["page_size"]), int(asked.get("page_token") or 0)
        order = [*enumerate(weights)]
        if asked["sort"].startswith("-"):
            order.reverse()
        page = order[offset : offset + size]
        if sum(weight for _, weight in page) > ROOM:
            return refusal(status, GRPC)
        more = str(offset + size) if offset + size < len(order) else ""
        items = [app(f"app-{n}", subdomain=f"name-{n}") for n, _ in page]
        return ok({"applications": items, "next_page_token": more})

    return answer


def ids(numbers: Sequence[int]) -> set[str]:
    return {f"app-{n}" for n in numbers}


@settings(max_examples=15)
@given(st.lists(st.integers(1, ROOM), max_size=130))
def test_a_list_of_any_weight_is_read_whole(weights: list[int]) -> None:
    world = World(served(weights))  # type: ignore[arg-type]  # a handler
    found = world.client.list_applications(PROJECT)
    assert found.complete
    assert not found.why
    assert {one.id for one in found.applications} == ids(range(len(weights)))
    assert len(world.requests) <= 3 * len(weights) + 10
    assert world.clock.waits == []


@settings(max_examples=15)
@given(st.lists(st.integers(1, ROOM), max_size=20), st.lists(st.integers(1, ROOM), max_size=20))
def test_one_item_that_is_too_large_hides_no_other(before: list[int], after: list[int]) -> None:
    world = World(served([*before, ROOM + 1, *after]))  # type: ignore[arg-type]  # a handler
    found = world.client.list_applications(PROJECT)
    assert not found.complete
    assert "cannot be read: list applications: the answer is too large" in found.why
    others = ids(range(len(before) + 1 + len(after))) - {f"app-{len(before)}"}
    assert [one.id for one in found.applications] == sorted(others, key=lambda i: int(i[4:]))


@pytest.mark.parametrize("status", [400, 413, 429, 500])
def test_a_list_that_cml_cannot_send_in_one_piece_is_no_call_to_slow_down(status: int) -> None:
    world = World(served([ROOM] * 3, status=status))  # type: ignore[arg-type]  # a handler
    assert world.client.list_applications(PROJECT).complete
    assert world.clock.waits == []


def test_a_list_larger_than_the_client_reads_is_read_in_parts() -> None:
    heavy = json.dumps({"V": "x" * (BODY_LIMIT // 3)})
    items = [app(f"app-{n}", environment=heavy) for n in range(4)]
    texts = [json.dumps(item).encode() for item in items]

    def answer(request: httpx.Request) -> httpx.Response:
        size = int(request.url.params["page_size"])
        start = int(request.url.params.get("page_token") or 0)
        token = str(start + size) if start + size < len(texts) else ""
        body = b'{"applications":[%s],"next_page_token":"%s"}'
        return httpx.Response(
            200, content=body % (b",".join(texts[start : start + size]), token.encode())
        )

    found = World(answer).client.list_applications(PROJECT)
    assert found.complete
    assert [one.id for one in found.applications] == [f"app-{n}" for n in range(4)]


def test_one_thing_that_is_too_large_fails_by_itself() -> None:
    world = World([refusal(429, GRPC)])
    with pytest.raises(TooLarge):
        world.client.get_application(PROJECT, "a")
    with pytest.raises(TooLarge):
        world.client.list_files(PROJECT, "folder")
    assert len(world.requests) == 2


def test_a_write_that_is_too_large_was_not_answered_with_less() -> None:
    world = World([refusal(413, GRPC)])
    with pytest.raises(CmlError) as caught:
        world.client.upload(PROJECT, "a.json", b"{}")
    assert not isinstance(caught.value, TooLarge)
