"""How requests travel: retried or not, held back, bounded, signed, counted."""

import threading

import httpx
import pytest
from cml_world import APP, KEY, PROJECT, World, app, configuration, ok, refusal
from pydantic import SecretStr

from controller.cml.errors import (
    ConnectionSettingsError,
    Malformed,
    Throttled,
    Unavailable,
    Unknown,
)
from controller.cml.operations import BODY_LIMIT, FILE_LIMIT


def test_a_read_that_fails_is_tried_three_times() -> None:
    world = World([refusal(502)])
    with pytest.raises(Unavailable):
        world.client.get_application(PROJECT, APP)
    assert len(world.requests) == 3
    assert len(world.clock.waits) == 2
    assert all(0 <= wait <= 2 for wait in world.clock.waits)


def test_a_read_that_succeeds_at_last_is_a_success() -> None:
    world = World([httpx.ReadError("reset"), refusal(500), ok(app())])
    assert world.client.get_application(PROJECT, APP).id == APP
    assert [call.error for call in world.calls] == ["Unavailable", "Unavailable", None]


@pytest.mark.parametrize(
    "write",
    [
        lambda c: c.create_application(PROJECT, configuration()),
        lambda c: c.update_application(PROJECT, APP, {"cpu": 2.0}),
        lambda c: c.restart_application(PROJECT, APP),
        lambda c: c.stop_application(PROJECT, APP),
        lambda c: c.delete_application(PROJECT, APP),
        lambda c: c.upload(PROJECT, "a.py", b"x"),
        lambda c: c.delete_file(PROJECT, "a.py"),
    ],
)
@pytest.mark.parametrize("answer", [refusal(502), httpx.ReadTimeout("x"), refusal(429)])
def test_a_write_is_sent_once_whatever_comes_of_it(write: object, answer: object) -> None:
    world = World([answer])
    with pytest.raises((Unknown, Throttled)):
        write(world.client)  # type: ignore[operator]  # one of the calls above
    assert [call.write for call in world.calls] == [True]


def test_a_refused_read_is_not_tried_again() -> None:
    world = World([refusal(400)])
    with pytest.raises(Exception, match="refused"):
        world.client.get_application(PROJECT, APP)
    assert len(world.requests) == 1


def test_a_download_is_a_read_although_it_is_a_post() -> None:
    world = World([refusal(502), httpx.Response(200, content=b"data")])
    assert world.client.download(PROJECT, "a/b.py") == b"data"
    assert [(call.method, call.write) for call in world.calls] == [("POST", False)] * 2


def test_a_throttled_read_waits_as_long_as_the_server_wished() -> None:
    world = World([refusal(429, headers={"Retry-After": "9"}), ok(app())])
    world.client.get_application(PROJECT, APP)
    assert world.clock.elapsed == pytest.approx(9.0)


def test_a_server_that_wants_too_long_a_pause_is_not_asked_again_by_the_same_call() -> None:
    world = World([refusal(429, headers={"Retry-After": "31"}), ok(app())])
    with pytest.raises(Throttled):
        world.client.get_application(PROJECT, APP)
    assert len(world.requests) == 1


def test_after_one_throttled_call_every_other_call_waits_too() -> None:
    world = World([refusal(429, headers={"Retry-After": "40"}), ok(app())])
    with pytest.raises(Throttled):
        world.client.stop_application(PROJECT, APP)
    world.client.create_application(PROJECT, configuration())
    assert world.clock.elapsed == pytest.approx(40.0)


def test_no_call_is_held_back_for_more_than_a_minute() -> None:
    world = World([refusal(503, headers={"Retry-After": "5000"}), ok(app())])
    with pytest.raises(Throttled):
        world.client.stop_application(PROJECT, APP)
    world.client.get_application(PROJECT, APP)
    assert world.clock.elapsed == pytest.approx(60.0)


def test_a_shorter_wish_does_not_open_the_gate_earlier() -> None:
    world = World(
        [
            refusal(429, headers={"Retry-After": "45"}),
            ok(app()),
        ]
    )
    with pytest.raises(Throttled):
        world.client.stop_application(PROJECT, APP)
    world.client._transport._gate.close(1.0)
    world.client.get_application(PROJECT, APP)
    assert world.clock.elapsed == pytest.approx(45.0)


def test_a_body_beyond_its_limit_is_not_read_to_its_end() -> None:
    sent = []

    def endless() -> object:
        while len(sent) < 1000:
            sent.append(1)
            yield b"x" * 1024 * 1024

    world = World(lambda _: httpx.Response(200, content=endless()))
    with pytest.raises(Malformed, match="too large"):
        world.client.download(PROJECT, "a.bin")
    assert len(sent) == FILE_LIMIT // 1024**2 + 1


def test_a_list_may_be_as_large_as_its_limit_and_no_larger() -> None:
    world = World([httpx.Response(200, content=b" " * (BODY_LIMIT + 1))])
    found = world.client.list_applications(PROJECT)
    assert not found.complete
    assert "too large" in found.why


def test_a_body_that_trickles_for_ever_is_given_up() -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=trickle())

    def trickle() -> object:
        while True:
            world.clock.elapsed += 10
            yield b" " * 65_536

    world = World(handler)
    with pytest.raises(Unavailable, match="too slowly"):
        world.client.get_application(PROJECT, APP)


def test_every_call_is_signed_and_named_but_the_version_probe_carries_no_key() -> None:
    world = World([ok({"info": {"version": "26.06.13"}}), ok(app())])
    assert world.client.describe() == "26.06.13"
    world.client.get_application(PROJECT, APP)
    probe, get = world.requests
    assert "authorization" not in probe.headers
    assert get.headers["authorization"] == f"Bearer {KEY}"
    assert get.headers["user-agent"].startswith("raycml/")
    assert str(get.url) == (
        f"https://ml-test.example.com/api/v2/projects/{PROJECT}/applications/{APP}"
    )


def test_a_redirect_is_never_followed() -> None:
    world = World([httpx.Response(307, headers={"location": "https://evil.example.com/"})])
    with pytest.raises(Exception, match="sign-in"):
        world.client.get_application(PROJECT, APP)
    assert [r.url.host for r in world.requests] == ["ml-test.example.com"]


def test_cookies_of_the_gateway_are_not_sent_back() -> None:
    world = World([httpx.Response(200, json=app(), headers={"set-cookie": "s=1"})])
    world.client.get_application(PROJECT, APP)
    world.client.get_application(PROJECT, APP)
    assert "cookie" not in world.requests[1].headers


def test_a_call_is_counted_with_what_came_of_it() -> None:
    world = World([refusal(409)])
    with pytest.raises(Exception, match="refused"):
        world.client.create_application(PROJECT, configuration())
    (call,) = world.calls
    assert (call.method, call.operation, call.project) == ("POST", "create_application", PROJECT)
    assert (call.status, call.error, call.write) == (409, "Rejected", True)


def test_a_create_is_given_two_minutes_and_a_read_half_of_one() -> None:
    world = World([ok(app())])
    world.client.create_application(PROJECT, configuration())
    world.client.get_application(PROJECT, APP)
    create, get = (r.extensions["timeout"] for r in world.requests)
    assert (create["read"], get["read"], get["connect"]) == (120.0, 30.0, 5.0)


def test_eight_threads_share_one_client() -> None:
    world = World([ok(app())])
    seen: list[str] = []

    def work() -> None:
        seen.extend(world.client.get_application(PROJECT, APP).id for _ in range(25))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [APP] * 200


@pytest.mark.parametrize("key", ["", "  ", "two words", "line\nend", "ключ", "nul\x00"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_repeated(key: str) -> None:
    with pytest.raises(ConnectionSettingsError) as caught:
        World([ok({})], key=key)
    assert not key.strip() or key not in str(caught.value)


def test_white_space_around_a_key_is_a_slip_of_the_hand() -> None:
    world = World([ok(app())], key="  abcdef\n")
    world.client.get_application(PROJECT, APP)
    assert world.requests[0].headers["authorization"] == "Bearer abcdef"
    assert isinstance(world.client._transport._key, SecretStr)
