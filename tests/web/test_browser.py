"""The page in a real browser: what a person sees and clicks, on a desk and on a phone, by day and
by night.

Needs Chromium: /usr/bin/chromium, or what RAYCML_BROWSER names.  With RAYCML_SCREENSHOTS set to a
folder, pictures of the pages are kept there.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect, sync_playwright

from controller.web.server import serve
from tests.web import boards
from tests.web.pages import TOKEN, Web

BROWSER = Path(os.environ.get("RAYCML_BROWSER", "/usr/bin/chromium"))
PICTURES = os.environ.get("RAYCML_SCREENSHOTS", "")
QUIET = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
PATHS = ("/", "/clusters/fraud-scoring", "/clusters/training", "/sign-in", "/nothing-here")

expect.set_options(timeout=30_000)  # five seconds are few on a loaded machine
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not BROWSER.exists(), reason=f"there is no browser at {BROWSER}"),
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as play:
        found = play.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        yield found
        found.close()


@dataclass
class Visit:
    """One person with one browser window; what went wrong in it."""

    page: Page
    base: str
    web: Web
    name: str
    faults: list[str] = field(default_factory=list)

    def watch(self) -> None:
        """Every error of the console, and every request that leaves this host."""
        self.page.on("console", lambda m: self.faults.append(m.text) if m.type == "error" else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.route("**/*", self._local)

    def _local(self, route: Route) -> None:
        asked = urlsplit(route.request.url)
        if asked.scheme != "data" and f"{asked.scheme}://{asked.netloc}" != self.base:
            self.faults.append(f"asked for {route.request.url}")
            route.abort()
        else:
            route.continue_()

    def go(self, path: str) -> None:
        self.page.goto(self.base + path)

    def sign_in(self) -> None:
        self.go("/")
        self.page.get_by_role("link", name="Sign in").click()
        self.page.get_by_label("Token").fill(TOKEN)
        self.page.get_by_role("button", name="Sign in").click()
        expect(self.page.get_by_role("button", name="Sign out")).to_be_visible()

    def picture(self, name: str) -> None:
        if PICTURES:
            folder = Path(PICTURES)
            folder.mkdir(parents=True, exist_ok=True)
            self.page.screenshot(path=folder / f"{name}-{self.name}.png")

    def scrolls_sideways(self) -> bool:
        wide: bool = self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        return wide


WINDOWS = [(1280, "light"), (1280, "dark"), (390, "light"), (390, "dark")]
in_every_window = pytest.mark.parametrize("visit", WINDOWS, ids=str, indirect=True)


@pytest.fixture(params=[WINDOWS[0], WINDOWS[3]], ids=str)
def visit(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Visit]:
    width, scheme = request.param
    web = Web(boards.busy(), refresh_s=1)
    server = serve(web.app)
    context = browser.new_context(
        viewport={"width": width, "height": 960 if width > 600 else 844},
        color_scheme=scheme,
        service_workers="block",
    )
    found = Visit(context.new_page(), f"http://127.0.0.1:{server.port}", web, f"{width}-{scheme}")
    found.watch()
    yield found
    context.close()
    server.close()
    assert [f for f in found.faults if "404" not in f] == []


@in_every_window
def test_every_page_fits_and_loads_nothing_from_elsewhere(visit: Visit) -> None:
    for path in PATHS:
        visit.go(path)
        expect(visit.page.get_by_role("main")).to_be_visible()
        assert not visit.scrolls_sideways(), path
    visit.page.set_viewport_size({"width": 320, "height": 700})
    for path in PATHS:
        visit.go(path)
        assert not visit.scrolls_sideways(), path


def test_what_is_hidden_is_not_seen(visit: Visit) -> None:
    visit.go("/sign-in")
    visit.page.set_viewport_size({"width": 320, "height": 700})
    assert visit.page.locator("[hidden]").count()
    for path in PATHS:
        visit.go(path)
        for one in visit.page.locator("[hidden], input[type=hidden]").all():
            expect(one).to_be_hidden()


@in_every_window
def test_the_page_is_light_by_day_and_dark_by_night(visit: Visit) -> None:
    visit.go("/")
    ground = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(246, 247, 248)" if "light" in visit.name else "rgb(16, 19, 23)")


@in_every_window
def test_a_person_reads_how_all_is_and_goes_to_what_needs_somebody(visit: Visit) -> None:
    visit.go("/")
    expect(visit.page.get_by_role("status")).to_contain_text("fraud-scoring needs attention")
    visit.picture("overview")
    visit.page.get_by_role("link", name="fraud-scoring", exact=True).click()
    expect(visit.page.get_by_role("heading", level=1)).to_have_text("fraud-scoring")
    expect(visit.page.get_by_role("table").first).to_contain_text("CML is starting it")
    expect(visit.page.get_by_role("img")).to_be_visible()
    visit.picture("cluster")


def test_a_person_signs_in_pauses_and_unpauses(visit: Visit) -> None:
    visit.sign_in()
    visit.go("/clusters/training")
    visit.page.get_by_label("Reason (required)").fill("moving the data")
    visit.page.get_by_label("Until").fill("2h")
    visit.page.get_by_role("button", name="Pause training", exact=True).click()
    expect(visit.page.get_by_text("Pausing training")).to_be_visible()
    visit.picture("paused")
    visit.page.get_by_role("button", name="Unpause training").click()
    expect(visit.page.get_by_text("Resuming training")).to_be_visible()
    assert visit.web.orders.heard == [
        ("pause", "training", "moving the data", "2h"),
        ("unpause", "training"),
    ]


def test_a_person_approves_a_revision_after_having_read(visit: Visit) -> None:
    visit.sign_in()
    button = visit.page.get_by_role("button", name="Approve revision 9e8d7c6b5a4f")
    button.click()
    assert visit.web.orders.heard == []
    visit.page.get_by_label("I have reviewed what this changes").check()
    button.click()
    expect(visit.page.get_by_text("Revision 9e8d7c6b5a4f is approved.")).to_be_visible()
    assert visit.web.orders.heard == [("approve", boards.NEWER)]


def test_a_person_has_a_pass_begin_and_signs_out(visit: Visit) -> None:
    visit.sign_in()
    visit.page.get_by_role("button", name="Reconcile now").click()
    expect(visit.page.get_by_text("Reconcile started.")).to_be_visible()
    visit.page.get_by_role("button", name="Sign out").click()
    expect(visit.page.get_by_role("link", name="Sign in")).to_be_visible()
    assert visit.web.orders.heard == [("wake",)]


def test_the_page_follows_the_board_by_itself(visit: Visit) -> None:
    visit.go("/")
    visit.web.snapshot = boards.calm()
    expect(visit.page.get_by_role("status")).to_contain_text("All clusters healthy")
    expect(visit.page).to_have_title("✓ All clusters healthy - raycml")
    visit.picture("calm")


def test_the_page_never_takes_away_what_somebody_fills_in(visit: Visit) -> None:
    visit.page.clock.install()
    visit.sign_in()
    box = visit.page.get_by_label("I have reviewed what this changes")
    box.check()
    visit.web.snapshot = boards.calm()
    visit.page.clock.run_for(10_000)
    expect(box).to_be_checked()
    box.uncheck()
    visit.page.get_by_role("button", name="Sign out").focus()
    visit.page.clock.run_for(10_000)
    expect(visit.page.get_by_role("status")).to_contain_text("All clusters healthy")


def test_a_page_that_hears_nothing_any_more_says_so(visit: Visit) -> None:
    visit.go("/")
    visit.page.unroute("**/*")
    visit.page.route("**/*", lambda route: route.abort())
    stale = visit.page.get_by_text("This page no longer hears from the controller.")
    expect(stale).to_be_visible()
    visit.faults.clear()
    visit.page.unroute("**/*")
    expect(stale).to_be_hidden()
    visit.faults.clear()


def test_the_page_can_be_used_by_keyboard_alone(visit: Visit) -> None:
    visit.go("/")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.activeElement.textContent") == "Skip to content"
    visit.page.keyboard.press("Enter")
    visit.page.keyboard.press("Tab")
    assert visit.page.evaluate("document.querySelector('main').contains(document.activeElement)")


def test_without_scripts_all_facts_and_orders_are_there(browser: Browser) -> None:
    web = Web(boards.busy())
    server = serve(web.app)
    with browser.new_context(java_script_enabled=False) as context:
        visit = Visit(context.new_page(), f"http://127.0.0.1:{server.port}", web, "plain")
        visit.sign_in()
        expect(visit.page.get_by_text("it removes 3 of 5 clusters").first).to_be_visible()
        visit.page.get_by_role("button", name="Reconcile now").click()
        expect(visit.page.get_by_text("Reconcile started.")).to_be_visible()
    server.close()
    assert web.orders.heard == [("wake",)]
