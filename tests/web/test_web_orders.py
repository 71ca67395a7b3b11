"""Who may order something on the pages, what it takes, and what is said afterwards."""

import re
from dataclasses import replace

import pytest

from controller.web.access import Access
from tests.web import boards
from tests.web.pages import TOKEN, Page, StillClock, Web

ORDERS = {
    "/reconcile": (("wake",), {}),
    "/clusters/training/pause": (
        ("pause", "training", "moving the data", "2h"),
        {"reason": "moving the data", "until": "2h"},
    ),
    "/clusters/training/unpause": (("unpause", "training"), {}),
    f"/revisions/{boards.NEWER}/approve": (("approve", boards.NEWER), {"agreed": "yes"}),
}
FORMS = [*ORDERS, "/sign-out"]


@pytest.fixture
def web() -> Web:
    return Web(boards.busy())


@pytest.mark.parametrize("path", ORDERS)
def test_somebody_who_has_signed_in_orders_by_a_form_and_is_told(web: Web, path: str) -> None:
    wanted, fields = ORDERS[path]
    web.sign_in()
    answer = web.post(path, **fields)
    assert web.orders.heard == [wanted]
    assert answer.status_code == 303
    page = web.page(answer.headers["Location"])
    assert page.all("p", role="status", **{"class": "told good"})


def test_what_was_approved_no_longer_waits(web: Web) -> None:
    web.sign_in()
    waits = f"Revision {boards.NEWER[:12]} needs approval"
    approve = f"/revisions/{boards.NEWER}/approve"
    assert waits in web.page("/").text
    page = web.page(web.post(approve, agreed="yes").headers["Location"])
    assert waits not in page.text
    assert "It takes effect in the next pass." in page.text
    assert approve not in page.forms()
    web.clock.forward(120)
    assert waits in web.page("/").text, "the approval came to nothing"


def test_what_was_done_is_said_once(web: Web) -> None:
    web.sign_in()
    place = web.post("/reconcile").headers["Location"]
    assert "Reconcile started." in web.page(place).text
    assert "Reconcile started." not in web.page(place).text
    assert web.client.get("/?note=made-up").status_code == 200


def test_what_cannot_be_done_is_said_as_such(web: Web) -> None:
    web.sign_in()
    web.orders.refusal = "the files cannot be written"
    answer = web.post("/clusters/training/pause", reason="x")
    page = web.page(answer.headers["Location"])
    assert "the files cannot be written" in page.text
    assert page.all("p", role="status", **{"class": "told bad"})


@pytest.mark.parametrize("reason", ["", "   ", "\x00\x1b", "x" * 501])
def test_a_pause_needs_a_reason_of_a_bounded_length(web: Web, reason: str) -> None:
    web.sign_in()
    answer = web.post("/clusters/training/pause", reason=reason)
    assert web.orders.heard == []
    assert "A pause needs a reason" in web.page(answer.headers["Location"]).text


def test_a_reason_is_one_line_without_characters_that_a_log_would_obey(web: Web) -> None:
    web.sign_in()
    web.post("/clusters/training/pause", reason=" first\nsecond \x1b[31m red ", until=" 2h ")
    assert web.orders.heard == [("pause", "training", "first second [31m red", "2h")]


def test_a_revision_is_approved_only_by_somebody_who_has_read(web: Web) -> None:
    web.sign_in()
    answer = web.post(f"/revisions/{boards.NEWER}/approve")
    assert web.orders.heard == []
    assert "Tick the box" in web.page(answer.headers["Location"]).text


# Without a token of the controller


@pytest.mark.parametrize("path", [*FORMS, "/sign-in"])
def test_without_a_token_the_page_is_read_only_and_says_how_to_change_that(path: str) -> None:
    web = Web(boards.busy(), token="")
    answer = web.client.post(path, headers={"Sec-Fetch-Site": "same-origin"})
    assert answer.status_code == 403
    assert "RAYCML_WEB_TOKEN" in answer.get_data(as_text=True)
    assert web.orders.heard == []


@pytest.mark.parametrize("path", ["/", "/clusters/training", "/sign-in"])
def test_without_a_token_no_form_is_there(path: str) -> None:
    page = Web(boards.busy(), token="").page(path)
    assert page.forms() == []
    assert not page.all("button")
    assert "RAYCML_WEB_TOKEN" in page.text


def test_before_signing_in_no_order_is_offered(web: Web) -> None:
    assert web.page("/").forms() == []
    assert web.page("/clusters/training").forms() == []
    assert "/sign-in?next=/clusters/training" in web.page("/clusters/training").links()


def test_after_signing_in_every_form_carries_the_mark_of_the_session(web: Web) -> None:
    web.sign_in()
    for path in ("/", "/clusters/training"):
        page = web.page(path)
        marks = {a.get("value") for a in page.all("input", name="mark")}
        assert len(page.forms()) == len(page.all("input", name="mark")) > 1
        assert len(marks) == 1
    assert set(web.page("/").forms()) | set(web.page("/clusters/training").forms()) == set(FORMS)


# Signing in


def test_the_cookie_is_for_this_host_alone_and_holds_no_token(web: Web) -> None:
    cookie = web.post("/sign-in", token=TOKEN).headers["Set-Cookie"]
    assert cookie.startswith("raycml_session=")
    for part in ("HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=43200"):
        assert part in cookie, part
    assert "Secure" not in cookie
    assert "Domain" not in cookie
    assert TOKEN not in cookie


def test_by_https_the_cookie_is_secure_and_no_neighbour_can_set_it(web: Web) -> None:
    cookie = web.post("/sign-in", {"X-Forwarded-Proto": "https"}, token=TOKEN).headers["Set-Cookie"]
    assert cookie.startswith("__Host-raycml_session=")
    assert "Secure" in cookie


def test_a_session_ends_after_twelve_hours(web: Web) -> None:
    web.sign_in()
    web.clock.forward(12 * 3600 - 1)
    assert web.post("/reconcile").status_code == 303
    web.clock.forward(2)
    assert web.post("/reconcile").status_code == 401
    assert web.page("/").forms() == []
    assert web.orders.heard == [("wake",)]


def test_signing_out_ends_it(web: Web) -> None:
    web.sign_in()
    assert web.post("/sign-out").status_code == 303
    assert web.post("/reconcile").status_code == 401


def test_a_session_of_another_process_or_a_bent_one_does_not_count(web: Web) -> None:
    other = Web(boards.busy())
    other.sign_in()
    cookie = other.client.get_cookie("raycml_session")
    assert cookie is not None
    ends, nonce, signature = cookie.value.split(".")
    bent = [cookie.value, f"{int(ends) + 9}.{nonce}.{signature}", f"{ends}.{nonce}.", "", "x", "."]
    for value in bent:
        web.client.set_cookie("raycml_session", value)
        assert web.post("/reconcile").status_code == 401, value
    assert web.orders.heard == []


def test_a_wrong_token_is_a_page_that_says_so(web: Web) -> None:
    answer = web.post("/sign-in", token="wrong")
    assert answer.status_code == 401
    page = Page(answer.get_data(as_text=True))
    assert "Wrong token." in page.text
    assert "wrong" not in page.text
    assert page.faults == []


def test_guesses_are_bounded_within_a_minute(web: Web) -> None:
    found = [web.post("/sign-in", token=f"guess {n}").status_code for n in range(12)]
    assert found == [401] * 10 + [429] * 2
    late = web.post("/sign-in", token="another guess")
    assert (late.status_code, late.headers["Retry-After"]) == (429, "60")
    web.clock.forward(61)
    assert web.post("/sign-in", token="another guess").status_code == 401


def test_guesses_by_form_lock_no_program_out(web: Web) -> None:
    for n in range(11):
        web.post("/sign-in", token=f"guess {n}")
    headers = {"Authorization": f"Bearer {TOKEN}"}
    assert web.client.post("/api/v1/reconcile", headers=headers).status_code == 202


@pytest.mark.parametrize(
    ("wanted", "place"),
    [
        ("/clusters/training", "/clusters/training"),
        ("https://attacker.net/", "/"),
        ("//attacker.net/", "/"),
        ("/\\attacker.net", "/"),
        ("", "/"),
    ],
)
def test_signing_in_leads_back_and_never_away(web: Web, wanted: str, place: str) -> None:
    answer = web.post("/sign-in", token=TOKEN, next=wanted)
    assert answer.headers["Location"] == place
    shown = web.page(f"/sign-in?next={wanted}").all("input", name="next")
    assert [a.get("value") for a in shown] == [place]


# Other sites


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
    ],
)
def test_a_form_of_another_site_orders_nothing(
    web: Web, path: str, headers: dict[str, str]
) -> None:
    web.sign_in()
    assert web.post(path, headers, agreed="yes", reason="x").status_code == 403
    assert web.orders.heard == []


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://localhost", 303),
        ("http://localhost:9", 403),
        ("http://neighbour.cml.example.com", 403),
        ("null", 403),
        ("", 403),
    ],
)
def test_where_a_browser_names_no_site_the_origin_decides(
    web: Web, origin: str, status: int
) -> None:
    web.sign_in()
    mark = web.page("/").mark()
    headers = {"Origin": origin} if origin else {}
    answer = web.client.post("/reconcile", data={"mark": mark}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("mark", ["", "0" * 64, "é"])
def test_a_form_without_the_mark_of_the_session_orders_nothing(web: Web, mark: str) -> None:
    web.sign_in()
    answer = web.client.post(
        "/reconcile", data={"mark": mark}, headers={"Sec-Fetch-Site": "same-origin"}
    )
    assert answer.status_code == 403
    assert "Reload the page" in answer.get_data(as_text=True)
    assert web.orders.heard == []


def test_the_mark_of_one_session_is_not_that_of_another(web: Web) -> None:
    web.sign_in()
    first = web.page("/").mark()
    web.client.delete_cookie("raycml_session")
    web.sign_in()
    assert web.page("/").mark() != first


def test_a_form_that_is_too_large_is_refused(web: Web) -> None:
    web.sign_in()
    answer = web.post("/clusters/training/pause", reason="x" * 20_000)
    assert answer.status_code == 413
    assert web.orders.heard == []


def test_the_token_is_in_no_representation_of_the_options(web: Web) -> None:
    board = replace(web.snapshot)
    assert TOKEN not in repr(Web(board).app.config)
    from controller.web.orders import WebOptions

    shown = repr(WebOptions(token=TOKEN, hook_secret="hook secret"))
    assert not re.search("horse|hook secret", shown)


def test_without_a_token_nothing_is_one_not_even_nothing() -> None:
    access = Access("", StillClock())
    assert not access.is_token("")
    assert not access.is_session(access.session())
