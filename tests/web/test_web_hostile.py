"""Any text in any place of a request: no fault of the page, no way to another site, no lock-out."""

import string
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from controller.terminal.durations import parse_until
from controller.web.access import ENDED_MAX, Access
from controller.web.origin import is_from_here, is_known_host, local_path, web_address
from tests.web import boards
from tests.web.boards import NOW
from tests.web.pages import TOKEN, StillClock, Web

PIECES = ["/", "//", "\\", "%09", "%0a", "%2f", "%5c", "@", ":", "?", "#", ".", ".."]
PIECES += ["\t", "\n", "\r", "\x00", "\x85", "\u2028", "%00", ";", "clusters/x"]
PIECES += ["evil.example", "https:", "javascript:"]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=7).map("".join)
TEXT = st.one_of(HOSTILE, st.text(max_size=30), st.integers().map(str))


def goes_away(place: str) -> bool:
    """Whether a browser would leave this host for it, as the URL standard says."""
    bare = place.strip("".join(map(chr, range(33))))
    plain = bare.replace("\t", "").replace("\n", "").replace("\r", "").replace("\\", "/")
    return not plain.startswith("/") or plain.startswith("//")


def test_the_judge_of_redirects_knows_the_known_ways_out() -> None:
    for place in (
        "//e.x",
        "/\t/e.x",
        "\\/e.x",
        "/\\e.x",
        "https://e.x",
        "e.x",
        " //e.x",
        "/\n/e.x",
    ):
        assert goes_away(place), place
    assert not goes_away("/clusters/training")


@settings(max_examples=30, deadline=None)
@given(HOSTILE)
@example("/\t/evil.example")
@example("/\n/evil.example")
@example("/\r/evil.example")
@example("/%09/evil.example")
@example("/%2f/evil.example")
@example("/clusters/../../evil.example")
def test_signing_in_stays_on_this_host(wanted: str) -> None:
    web = Web(boards.busy(), on_error=fail)
    shown = web.client.get(f"/sign-in?next={quote(wanted, safe='')}")
    assert shown.status_code == 200
    answer = web.post("/sign-in", token=TOKEN, next=wanted)
    assert answer.status_code == 303
    place = answer.headers["Location"]
    assert place in ("/", wanted)
    assert not goes_away(place)


@given(st.text())
def test_a_local_path_is_made_of_plain_steps(text: str) -> None:
    found = local_path(text)
    assert not goes_away(found)
    assert not set(found) - set(string.ascii_letters + string.digits + "/._-")
    assert not {".", ".."} & set(found.split("/"))


def fail(error: Exception) -> None:
    raise AssertionError("the page failed") from error


def requests(first: str, second: str) -> Iterator[tuple[str, str, dict[str, object]]]:
    name, value = quote(first, safe=""), quote(second, safe="")
    for path in ("/", "/sign-in", "/api/v1/events", "/healthz", "/metrics", "/api/v1/status"):
        yield "GET", f"{path}?limit={value}&cluster={name}&note={value}&next={value}", {}
    for path in (f"/clusters/{name}", f"/static/{name}", f"/api/v1/clusters/{name}", f"/{value}"):
        yield "GET", path, {}
    bearer = {"headers": {"Authorization": f"Bearer {TOKEN}"}}
    for path in ("reconcile", f"clusters/{name}/pause", f"revisions/{value}/approve"):
        yield "POST", f"/api/v1/{path}", {**bearer, "json": {"reason": first, "until": second}}
        yield "POST", f"/api/v1/{path}", {**bearer, "data": first.encode("utf-8", "replace")}
    header = "".join(c for c in second if 31 < ord(c) < 127)
    odd = ("Authorization", "Origin", "Sec-Fetch-Site", "Cookie", "X-Forwarded-Proto", "Accept")
    for key in (*odd, "X-Raycml-Token", "X-Hub-Signature-256", "X-Gitlab-Token", "Host"):
        yield "POST", "/sign-in", {"headers": {key: header}, "data": {"token": first}}
        yield (
            "POST",
            "/hooks/git",
            {"headers": {key: header}, "data": first.encode("utf-8", "replace")},
        )
        yield "GET", "/", {"headers": {key: header}}
    yield "POST", "/api/v1/reconcile", {"headers": {"Authorization": header}}
    yield "POST", "/sign-in", {"headers": {"Cookie": f"raycml_session={header}"}}


@settings(max_examples=12, deadline=None)
@given(TEXT, TEXT)
@example("x", "000000001" + "0" * 5000)
@example("x", "9" * 5000)
@example("x", "http://[bad")
@example("\ud800", "\ud800")
@example("..", "%")
def test_no_request_makes_the_page_fail(first: str, second: str) -> None:
    web = Web(boards.busy(), on_error=fail)
    for method, path, given_ in requests(
        first.encode("utf-8", "replace").decode(), second.encode("utf-8", "replace").decode()
    ):
        answer = web.client.open(path, method=method, **given_)  # type: ignore[arg-type]  # as Flask takes it
        assert answer.status_code < 500 or path.startswith(("/healthz", "/readyz")), (method, path)


@given(st.text(max_size=50))
@example("http://[bad")
@example("//")
def test_hosts_and_addresses_are_judged_without_a_fault(text: str) -> None:
    is_from_here({"Origin": text}, "host")
    is_known_host(text, (".example.com",))
    web_address(text)


@given(st.one_of(st.text(max_size=40), st.datetimes().map(lambda at: at.isoformat() + "-23:59")))
@example("9999-12-31T23:59:59-23:59")
@example("0001-01-01T00:00:00+23:59")
@example("9" * 5000)
def test_the_end_of_a_pause_is_a_time_or_refused(text: str) -> None:
    try:
        found = parse_until(text, NOW)
    except ValueError:
        return
    assert found > NOW


@pytest.mark.parametrize(
    "limit", ["0", "-1", "1001", "1e3", " 1", "\uff11", "0x1", "0" * 10, "9" * 5000]
)
def test_a_limit_is_a_number_within_bounds(limit: str) -> None:
    web = Web(boards.busy(), on_error=fail)
    assert web.client.get("/api/v1/events", query_string={"limit": limit}).status_code == 400


def test_strangers_who_guess_do_not_lock_out_the_right_token() -> None:
    web = Web(boards.busy())
    for n in range(30):
        web.post("/sign-in", token=f"guess {n}")
        web.client.post("/api/v1/reconcile", headers={"Authorization": "Bearer wrong"})
    right = {"Authorization": f"Bearer {TOKEN}"}
    assert web.client.post("/api/v1/reconcile", headers=right).status_code == 202
    assert web.post("/sign-in", token=TOKEN).status_code == 303


def test_signing_out_ends_the_session_for_each_copy_of_its_cookie() -> None:
    web = Web(boards.busy())
    web.sign_in()
    cookie = web.client.get_cookie("raycml_session")
    assert cookie is not None
    web.post("/sign-out")
    web.client.set_cookie("raycml_session", cookie.value)
    assert web.post("/reconcile").status_code == 401
    assert web.orders.heard == []
    web.sign_in()
    assert web.post("/reconcile").status_code == 303


def test_ended_sessions_are_kept_within_a_bound() -> None:
    clock = StillClock()
    access = Access(TOKEN, clock)
    first = access.session()
    access.end(first)
    for _ in range(ENDED_MAX):
        access.end(access.session())
    assert not access.is_session(first)
    assert len(access._ended) <= ENDED_MAX
    access.end("nonsense")
    access.end("1.x.y")
    last = access.session()
    assert access.is_session(last)
    clock.forward(13 * 3600)
    assert not access.is_session(last)
