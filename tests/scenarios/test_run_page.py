"""The page of a real controller in a real browser: a repository, real Ray, and a person who clicks.

Needs Chromium: /usr/bin/chromium, or what RAYCML_BROWSER names.
"""

import os
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from tests.repositories import Repository
from tests.scenarios.stage import COMMAND, Stage
from tests.web.test_browser import BROWSER, QUIET

pytestmark = [
    pytest.mark.ray,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not BROWSER.exists(), reason=f"there is no browser at {BROWSER}"),
]
TOKEN = "a-token-that-nobody-guesses"
SOON_MS = 90_000
expect.set_options(timeout=30_000)  # five seconds are few on a loaded machine


@contextmanager
def running(stage: Stage, source: str) -> Iterator[str]:
    """`raycml run` on a repository; yields the address of its page.  TERM ends it with 0."""
    words = ["run", source, "--local", "--port", "0", "--poll", "1s", "--interval", "2s"]
    environ = {
        **stage.environment(),
        "RAYCML_WEB_TOKEN": TOKEN,
        "RAYCML_PRUNE_GRACE_S": "5",
    }
    with open(stage.folder / "run.log", "w") as log:
        process = subprocess.Popen(
            [str(COMMAND), *words], cwd=stage.folder, env=environ, stderr=log
        )
    try:
        yield address(stage, process)
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
        process.wait()


def address(stage: Stage, process: "subprocess.Popen[bytes]") -> str:
    """Where it says that its page is."""
    log = stage.folder / "run.log"
    for _ in range(900):
        if found := re.search(r"^page +(http\S+)/$", log.read_text(), re.MULTILINE):
            return found[1]
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
    raise AssertionError(log.read_text())


@contextmanager
def window(width: int, scheme: str) -> Iterator[Page]:
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=BROWSER, args=list(QUIET))
        page = browser.new_page(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        page.set_default_timeout(30_000)
        yield page
        browser.close()


def spec_text(stage: Stage, name: str, **changes: object) -> str:
    path = Path(stage.spec(name, **changes))
    text = path.read_text()
    path.unlink()
    return text


def test_a_person_watches_and_leads_a_real_controller_by_its_page(stage: Stage) -> None:
    repository = Repository(stage.folder / "repository")
    one, two = (spec_text(stage, name, replicas=1) for name in ("one", "two"))
    two = two.replace("suspend: false", "suspend: true")
    repository.commit(one=one, two=two)
    with running(stage, str(repository.folder)) as base, window(1280, "light") as page:
        page.goto(base)
        expect(card(page)).to_be_visible(timeout=SOON_MS)
        expect(page.get_by_text("2/2 ready")).to_be_visible(timeout=SOON_MS)
        sign_in(page)
        pause_and_unpause(page)
        delete_all_but_wait(page, repository)
        picture(page, "real-overview")
        approve(page)
        expect(card(page)).to_be_hidden(timeout=SOON_MS)
        healthy(base)
    assert stage.raycml("status", "--local").out.count("Ready") == 0
    assert "Traceback" not in (stage.folder / "run.log").read_text()


def card(page: Page) -> Locator:
    """The link to the cluster `one` in the list of clusters."""
    return page.get_by_role("heading", name="one", exact=True).get_by_role("link")


def picture(page: Page, name: str) -> None:
    if folder := os.environ.get("RAYCML_SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png")


def sign_in(page: Page) -> None:
    page.get_by_role("link", name="Sign in").click()
    page.get_by_label("Token").fill(TOKEN)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def pause_and_unpause(page: Page) -> None:
    card(page).click()
    expect(page.get_by_role("heading", level=1)).to_have_text("one")
    expect(page.get_by_role("img")).to_be_visible()
    picture(page, "real-cluster")
    page.get_by_label("Reason (required)").fill("moving the data")
    page.get_by_label("Until").fill("2h")
    page.get_by_role("button", name="Pause one", exact=True).click()
    expect(page.get_by_text("Paused by the page", exact=False).first).to_be_visible(timeout=SOON_MS)
    page.get_by_role("button", name="Unpause one").click()
    expect(page.get_by_role("button", name="Pause one", exact=True)).to_be_visible(timeout=SOON_MS)


def delete_all_but_wait(page: Page, repository: Repository) -> None:
    commit = repository.commit(one=None, two=None)
    page.get_by_role("link", name="All clusters").click()
    waiting = page.get_by_role("heading", name=f"Revision {commit[:12]} needs approval")
    expect(waiting).to_be_visible(timeout=SOON_MS)


def approve(page: Page) -> None:
    page.get_by_label("I have reviewed what this changes").check()
    page.get_by_role("button", name="Approve revision").click()
    said = page.locator("p.told").filter(has_text="is approved")
    expect(said).to_be_visible()


def healthy(base: str) -> None:
    for path in ("/healthz", "/readyz", "/metrics", "/api/v1/status", "/api/v1/openapi.json"):
        assert httpx.get(base + path, timeout=60).status_code == 200, path
