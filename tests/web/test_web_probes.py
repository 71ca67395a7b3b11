"""Health as a watchdog, readiness with reasons, and the hook that only wakes."""

import hashlib
import hmac
from dataclasses import replace

import pytest

from controller.core.status.snapshot import ControllerSnapshot, LoopState
from tests.web import boards
from tests.web.pages import HOOK_SECRET, StillClock, Web
from tests.worlds import at


def health(web: Web) -> tuple[int, list[str]]:
    answer = web.client.get("/healthz")
    return answer.status_code, answer.get_json()["reasons"]


def ready(board: ControllerSnapshot) -> tuple[int, list[str]]:
    answer = Web(board).client.get("/readyz")
    return answer.status_code, answer.get_json()["reasons"]


def test_a_loop_that_makes_progress_is_healthy() -> None:
    assert health(Web(boards.calm())) == (200, [])


def test_a_loop_that_stands_still_is_not_healthy_and_says_for_how_long() -> None:
    web = Web(boards.calm(), stall_s=300.0)
    web.clock.forward(290)
    assert health(web)[0] == 200
    web.clock.forward(20)
    status, reasons = health(web)
    assert status == 503
    assert reasons == ["no pass has started or ended for 5m10s (limit: 5m00s)"]


def test_a_pass_that_hangs_is_a_loop_that_stands_still() -> None:
    calm = boards.calm()
    began = replace(calm.loop, started_at=at(-301), ended_at=at(-310))
    web = Web(replace(calm, loop=began), clock=StillClock(at(-3600)), stall_s=300.0)
    web.clock.forward(3600)
    assert health(web)[0] == 503


@pytest.mark.parametrize("field", ["started_at", "ended_at"])
def test_a_pass_that_began_or_ended_is_progress(field: str) -> None:
    web = Web(boards.calm(), stall_s=300.0)
    web.clock.forward(1000)
    assert health(web)[0] == 503
    web.snapshot = replace(web.snapshot, loop=replace(web.snapshot.loop, **{field: at(900)}))
    assert health(web)[0] == 200


def test_passes_that_fail_are_progress_for_a_restart_would_not_help() -> None:
    calm = boards.calm()
    loop = replace(calm.loop, failures=9, started_at=at(-5), ended_at=at(-90_000))
    web = Web(replace(calm, loop=loop), clock=StillClock(at(-3600)), stall_s=300.0)
    web.clock.forward(3600)
    assert health(web)[0] == 200


def test_a_controller_that_has_just_started_is_given_time() -> None:
    web = Web(replace(boards.first(), loop=LoopState()), stall_s=300.0)
    assert health(web)[0] == 200
    web.clock.forward(301)
    assert health(web)[0] == 503


def test_readiness_is_a_pass_that_ended_a_revision_and_a_look_that_succeeded() -> None:
    assert ready(boards.calm()) == (200, [])


def test_before_the_first_pass_it_is_not_ready_and_says_all_reasons() -> None:
    assert ready(boards.first()) == (503, ["no pass has succeeded yet", "no revision is in force"])


def test_when_cml_cannot_be_looked_at_it_is_not_ready() -> None:
    calm = boards.calm()
    loop = replace(calm.loop, failures=1, error="CML does not answer")
    status, reasons = ready(replace(calm, loop=loop))
    assert status == 503
    assert reasons == ["the last pass failed: CML does not answer"]


# The hook

BODY = b'{"ref": "refs/heads/main"}'


def signed(body: bytes = BODY, secret: str = HOOK_SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}"}


@pytest.mark.parametrize("headers", [signed(), {"X-Gitlab-Token": HOOK_SECRET}])
def test_a_signed_hook_wakes_and_does_nothing_else(headers: dict[str, str]) -> None:
    web = Web(boards.calm())
    assert web.client.post("/hooks/git", data=BODY, headers=headers).status_code == 202
    assert web.orders.heard == [("wake",)]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        signed(secret="another"),
        signed(b"another body"),
        {"X-Hub-Signature-256": signed()["X-Hub-Signature-256"].removeprefix("sha256=")},
        {"X-Hub-Signature-256": ""},
        {"X-Gitlab-Token": ""},
        {"X-Gitlab-Token": HOOK_SECRET[:-1]},
        {"X-Gitlab-Token": "é"},
    ],
)
def test_a_hook_that_is_not_signed_with_the_secret_does_nothing(headers: dict[str, str]) -> None:
    web = Web(boards.calm())
    answer = web.client.post("/hooks/git", data=BODY, headers=headers)
    assert answer.status_code == 401
    assert answer.get_json()["error"]["reason"] == "BadSignature"
    assert web.orders.heard == []


def test_a_hook_needs_no_token_and_works_on_a_page_that_is_read_only() -> None:
    web = Web(boards.calm(), token="")
    assert web.client.post("/hooks/git", data=BODY, headers=signed()).status_code == 202


def test_without_a_secret_there_is_no_hook() -> None:
    web = Web(boards.calm(), hook_secret="")
    for headers in (signed(secret=""), {"X-Gitlab-Token": ""}):
        assert web.client.post("/hooks/git", data=BODY, headers=headers).status_code == 404
    assert web.orders.heard == []


def test_a_hook_may_be_a_mebibyte_and_no_more() -> None:
    web = Web(boards.calm())
    full = b"x" * 1024 * 1024
    assert web.client.post("/hooks/git", data=full, headers=signed(full)).status_code == 202
    more = full + b"x"
    assert web.client.post("/hooks/git", data=more, headers=signed(more)).status_code == 413
    assert web.orders.heard == [("wake",)]
