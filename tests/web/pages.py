"""A page under test: a clock that stands still, orders that are written down, a strict reader."""

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from html.parser import HTMLParser

from flask.testing import FlaskClient

from controller.core.status.snapshot import ControllerSnapshot
from controller.web.app import OrderError, WebOptions, create_app
from controller.web.metrics import Metrics
from tests.web.boards import NOW

TOKEN = "correct horse battery staple"
HOOK_SECRET = "the secret of the hook"
OPERATIONS = (("list_applications", "GET"), ("create_application", "POST"))


class StillClock:
    """Time moves only when a test says so."""

    def __init__(self, now: datetime = NOW) -> None:
        self._now = now
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def wait(self, seconds: float, wake: threading.Event | None = None) -> bool:
        self.forward(seconds)
        return wake is not None and wake.is_set()

    def forward(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)
        self._monotonic += seconds


@dataclass
class Ordered:
    """Writes down what was ordered; `refusal`: refuses everything, with these words."""

    heard: list[tuple[str, ...]] = field(default_factory=list)
    refusal: str = ""

    def _take(self, *order: str) -> None:
        if self.refusal:
            raise OrderError(self.refusal)
        self.heard.append(order)

    def wake(self) -> None:
        self._take("wake")

    def pause(self, cluster: str, reason: str, until: str) -> None:
        self._take("pause", cluster, reason, until)

    def unpause(self, cluster: str) -> None:
        self._take("unpause", cluster)

    def approve(self, revision: str) -> None:
        self._take("approve", revision)


@dataclass
class Web:
    """An application over a board that a test may exchange, and a client of it."""

    snapshot: ControllerSnapshot
    token: str = TOKEN
    hook_secret: str = HOOK_SECRET
    stall_s: float = 300.0
    hosts: tuple[str, ...] = (".cml.example.com",)
    on_error: Callable[[Exception], None] | None = None
    refresh_s: int = 5
    clock: StillClock = field(default_factory=StillClock)
    orders: Ordered = field(default_factory=Ordered)

    def __post_init__(self) -> None:
        self.metrics = Metrics("0.1.0", OPERATIONS)
        options = WebOptions(
            token=self.token,
            hook_secret=self.hook_secret,
            stall_s=self.stall_s,
            version="0.1.0",
            allowed_hosts=self.hosts,
            on_error=self.on_error,
            refresh_s=self.refresh_s,
        )
        self.app = create_app(lambda: self.snapshot, self.orders, self.metrics, options, self.clock)
        self.client: FlaskClient = self.app.test_client()

    def page(self, path: str = "/") -> "Page":
        return Page(self.client.get(path).get_data(as_text=True))

    def sign_in(self) -> None:
        answer = self.post("/sign-in", token=TOKEN)
        assert answer.status_code == 303, answer.get_data(as_text=True)

    def post(self, path: str, headers: dict[str, str] | None = None, **fields: str):
        """A form of the page, as a browser would send it: with the mark of that page."""
        mark = self.page("/sign-in" if path == "/sign-in" else "/").mark()
        given = {"Sec-Fetch-Site": "same-origin", **(headers or {})}
        return self.client.post(path, data={"mark": mark, **fields}, headers=given)


VOID = {"meta", "link", "input", "br", "path"}
LANDMARKS = ("header", "main", "footer")


class Page(HTMLParser):
    """Reads a page strictly: unclosed or crossed tags and ids that are there twice are faults."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.source = text
        self.open: list[str] = []
        self.faults: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is not closed" for tag in self.open]
        ids = [a["id"] for _, a in self.tags if "id" in a]
        self.faults += [f"id {i} twice" for i in set(ids) if ids.count(i) > 1]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open[-1] != tag:
            self.faults.append(f"</{tag}> closes {self.open[-1:]}, line {self.getpos()[0]}")
        else:
            self.open.pop()

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.words).split())

    def all(self, tag: str, **attributes: str) -> list[dict[str, str | None]]:
        wanted = attributes.items()
        return [a for t, a in self.tags if t == tag and all(a.get(k) == v for k, v in wanted)]

    def links(self) -> list[str]:
        return [a.get("href") or "" for a in self.all("a")]

    def forms(self) -> list[str]:
        return [a.get("action") or "" for a in self.all("form")]

    def mark(self) -> str:
        marks = self.all("input", name="mark")
        return (marks[0].get("value") or "") if marks else ""
