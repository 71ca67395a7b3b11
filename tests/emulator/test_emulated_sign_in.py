"""Sign-in of the embedded CML: by the key or by a link that opens once, and by nothing else."""

import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from emulated import KEYS, World

from controller.emulator.ingress.ingress import Ingress
from controller.emulator.ingress.sign_in import SESSIONS_MAX, Sessions, ticket

DOMAIN = "cml.localhost:8080"
Visitor = Callable[[], httpx.Client]


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def visitor(world: World, tmp_path: Path) -> Visitor:
    front = Ingress(
        world.app,
        world.workspace,
        world.pods,
        KEYS,
        threading.RLock(),
        domain=DOMAIN,
        logs=tmp_path,
    )
    world.create("app")
    transport = httpx.WSGITransport(app=front)
    return lambda: httpx.Client(base_url=f"http://{DOMAIN}", transport=transport)


def paths(world: World) -> list[str]:
    [app] = world.workspace.state.applications
    return ["/", f"/logs/{app}", f"/logs/{world.project}", f"http://app.{DOMAIN}/"]


def test_nothing_is_shown_without_a_credential(world: World, visitor: Visitor) -> None:
    for path in paths(world):
        for headers in ({}, {"Cookie": "cml_session="}, {"Cookie": "cml_session=x"}):
            answer = visitor().get(path, headers=headers)
            assert answer.status_code == 302
            assert answer.headers["location"].startswith(f"http://{DOMAIN}/sign-in?next=http")
        for key in ("wrong", "api", ""):
            answer = visitor().get(path, headers={"Authorization": f"Bearer {key}"})
            assert answer.status_code == 401
    for given in ({}, {"key": ""}, {"key": "wrong"}, {"key": "api"}, {"ticket": "1.a.b"}):
        for answer in (
            visitor().post("/sign-in", data={"next": "", **given}),
            visitor().get("/sign-in", params=given),
        ):
            assert answer.status_code in (200, 401)
            assert "set-cookie" not in answer.headers
            assert "<form" in answer.text


def test_the_key_opens_a_session_for_the_workspace_and_its_applications(
    world: World, visitor: Visitor
) -> None:
    client = visitor()
    signed = client.post("/sign-in", data={"key": "good", "next": f"http://app.{DOMAIN}/a?b=c"})
    assert (signed.status_code, signed.headers["location"]) == (303, f"http://app.{DOMAIN}/a?b=c")
    cookie = signed.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Domain=cml.localhost"))
    session = cookie.split(";")[0]
    for path in paths(world):
        assert visitor().get(path, headers={"Cookie": session}).status_code in (200, 503)


def test_a_link_opens_once_and_for_a_while(world: World, visitor: Visitor) -> None:
    now = world.clock.now()
    good = ticket("good", now)
    bent = [
        ticket("good", now - timedelta(seconds=601)),
        ticket("another", now),
        ticket("api", now),
    ]
    for bad in (*bent, good[:-1], f"9{good}", good.replace(".", "", 1), "", "..", "é.é.é"):
        answer = visitor().get("/sign-in", params={"ticket": bad})
        assert "set-cookie" not in answer.headers, bad
        assert answer.status_code in (200, 401)
    opened = visitor().get("/sign-in", params={"ticket": good})
    assert (opened.status_code, opened.headers["location"]) == (303, "/")
    session = opened.headers["set-cookie"].split(";")[0]
    assert visitor().get("/", headers={"Cookie": session}).status_code == 200
    again = visitor().get("/sign-in", params={"ticket": good})
    assert (again.status_code, "set-cookie" in again.headers) == (401, False)
    world.clock.elapsed += 700
    assert visitor().get("/sign-in", params={"ticket": good}).status_code == 401


@pytest.mark.parametrize(
    "target",
    [
        "http://evil.example/",
        "//evil.example",
        "/\t/evil.example",
        "javascript:x",
        "http://a\n.x/",
        "http://[",
        f"http://evil.example\\.a.{DOMAIN}/",
        f"http://evil.example@a.{DOMAIN}/",
        f"http://evil.example/.a.{DOMAIN}",
        f"http://a.{DOMAIN}.evil.example/",
        f"http://a.{DOMAIN}@evil.example/",
        f"https://a.{DOMAIN}/",
    ],
)
def test_the_way_back_leads_only_to_this_workspace(visitor: Visitor, target: str) -> None:
    answer = visitor().post("/sign-in", data={"key": "good", "next": target})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


def test_sessions_are_kept_within_a_bound(world: World) -> None:
    sessions = Sessions(KEYS, world.clock)
    opened = [sessions.open("good") or "" for _ in range(SESSIONS_MAX + 1)]
    assert sessions.user(opened[0]) is None
    assert sessions.user(opened[-1]) == KEYS["good"].user
    assert sessions.open("api") is None
