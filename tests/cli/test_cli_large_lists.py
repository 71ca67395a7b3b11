"""A project whose list of applications is too large for one answer."""

import httpx
import pytest
from stage import Stage

GRPC = "grpc: received message larger than max (41943040 vs. 4194304)"


def too_large_above(items: int) -> object:
    """CML sends no more than so many applications at once."""

    def answer(request: httpx.Request) -> httpx.Response | None:
        lists = request.method == "GET" and request.url.path.endswith("/applications")
        if not lists or int(request.url.params.get("page_size", "10")) <= items:
            return None
        return httpx.Response(429, json={"error": GRPC, "code": 8, "message": GRPC})

    return answer


@pytest.mark.parametrize("items", [1, 3])
def test_a_cluster_is_made_watched_and_deleted_in_small_pages(stage: Stage, items: int) -> None:
    stage.spec("one", replicas=3)
    stage.wire.instead = too_large_above(items)  # type: ignore[assignment]  # the server
    assert stage.run("reconcile").code == 0
    assert stage.run("status", "one").code == 0
    assert len(stage.applications()) == 4
    assert stage.run("delete", "one", "--yes").code == 0
    assert stage.applications() == {}


def test_what_can_never_be_read_is_named_and_nothing_is_decided_on_the_rest(
    stage: Stage,
) -> None:
    stage.spec("one", replicas=1)
    assert stage.run("reconcile").code == 0
    stage.spec("one", replicas=3)
    stage.wire.instead = too_large_above(0)  # type: ignore[assignment]  # the server
    plan = stage.run("plan")
    assert "one of the `applications` cannot be read" in plan.out + plan.err
    assert len(stage.applications()) == 2
    stage.wire.instead = lambda _: None
    assert stage.run("reconcile").code == 0
