"""Answers that are not quite true, for as long as the sky is grey: lists that lag, pages that
tear, tokens that repeat, fields accepted and ignored, statuses that nobody knows, files half there.

One sky hangs over all controllers.  It never lies about the answer to a write.
"""

import json
import random
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from tests.simulation.asked import FILE_WRITES, WRITES, Ask, Asked, asked
from tests.simulation.world import Site

LAG_S = 25.0  # what is older than this a list shows; the product allows for 30 s
HIDDEN_S = 20.0  # for so long a new file may not show
LEASES = ".raycml/leases/"
VERSIONS_KEPT = 6
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Version:
    """The list as it was from `since` on, in true seconds."""

    since: float
    rows: tuple[Row, ...]


@dataclass
class Sky(httpx.BaseTransport):
    """Between the weather and the emulator.

    `lag`: how many versions old each page of a list may be; `oldest`: it is as old as it may be.
     `page_size`: the server's ceiling.
    `between`: what happens between two pages, once.  `seen` is told of each lie by its name.
    `unsure`: a lease was taken while the file of another one that was just taken may not have shown
    yet: no controller can know better.
    """

    site: Site
    rng: random.Random
    seen: Callable[[str], None] = lambda _name: None
    lag: int = 0
    oldest: bool = False
    page_size: int = 0
    between: Callable[[], None] | None = None
    repeat_token: bool = False
    ignored: frozenset[str] = frozenset()
    odd: dict[str, str] = field(default_factory=dict)
    files_lag: bool = False
    half_report: bool = False
    unsure: bool = False
    taken_at: float = -HIDDEN_S
    versions: deque[Version] = field(default_factory=lambda: deque(maxlen=VERSIONS_KEPT))
    written_at: dict[str, float] = field(default_factory=dict)
    _changes: int = -1

    def clear(self) -> None:
        """Every answer is true from now on."""
        self.lag, self.oldest, self.page_size, self.between = 0, False, 0, None
        self.repeat_token = self.files_lag = self.half_report = False
        self.ignored, self.odd = frozenset(), {}

    def reset(self) -> None:
        """A new world: nothing has ever been said."""
        self.clear()
        self.unsure, self.taken_at = False, -HIDDEN_S
        self.versions.clear()
        self.written_at.clear()

    def note(self) -> None:
        """Remember the list as it is, if it has changed."""
        rows = self.site.rows()
        if self._changes != self.site.cml.state.changes or not self.versions:
            self._changes = self.site.cml.state.changes
            self.versions.append(Version(self.site.time.passed, tuple(app.wire() for app in rows)))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.answer(request, asked(request))

    def answer(self, request: httpx.Request, what: Asked) -> httpx.Response:
        if what.ask is Ask.LIST and (self.lag or self.page_size):
            return self._page(request)
        if what.ask in (Ask.LIST, Ask.GET) and self.odd:
            return self._odd(self.site.gateway.handle_request(request))
        if what.ask in (Ask.CREATE, Ask.PATCH) and self.ignored:
            request = self._without(request, what)
        if what.ask in (Ask.FILES, Ask.DOWNLOAD) and (self.files_lag or self.half_report):
            return self._file(request, what)
        answer = self.site.gateway.handle_request(request)
        if what.ask in WRITES or what.ask in FILE_WRITES:
            self._wrote(request, what)
        return answer

    def _wrote(self, request: httpx.Request, what: Asked) -> None:
        self.note()
        if what.ask is Ask.UPLOAD:
            head = request.read()[:600]
            path = head.partition(b'name="')[2].partition(b'"')[0].decode()
            self.written_at[path] = self.site.time.passed
            if path.startswith(LEASES) and b'"renewals": 0,' in head:
                self._taken()

    def _taken(self) -> None:
        now = self.site.time.passed
        self.unsure = self.unsure or (self.files_lag and now - self.taken_at < HIDDEN_S)
        self.taken_at = now

    # lists

    def _page(self, request: httpx.Request) -> httpx.Response:
        """A page by offset, as CML cuts them, of a version that this page alone chose."""
        self.note()
        token = request.url.params.get("page_token", "")
        if token and self.between is not None:
            change, self.between = self.between, None
            change()
            self.note()
            self.seen("the world changed between two pages")
        rows = self._version().rows
        start = int(token or 0)
        size = self.page_size or int(request.url.params["page_size"])
        more = str(start + size) if start + size < len(rows) else ""
        if more and self.repeat_token and token:
            more = token
            self.seen("a page token repeated")
        page = [self._shown(row) for row in rows[start : start + size]]
        return _json({"applications": page, "next_page_token": more})

    def _version(self) -> Version:
        now = self.site.time.passed
        known = list(self.versions)[-1 - self.lag :]
        # A version is over when the next begins; it may be shown for LAG_S longer.
        ends = [later.since for later in known[1:]] + [now]
        recent = [v for v, end in zip(known, ends, strict=True) if now - end <= LAG_S]
        chosen = recent[0] if self.oldest else self.rng.choice(recent)
        if chosen is not known[-1]:
            self.seen("a list lagged")
        return chosen

    def _odd(self, answer: httpx.Response) -> httpx.Response:
        body = json.loads(answer.read())
        if "applications" in body:
            body = {**body, "applications": [self._shown(row) for row in body["applications"]]}
        elif "id" in body:
            body = self._shown(body)
        return _json(body, answer.status_code)

    def _shown(self, row: Row) -> Row:
        status = self.odd.get(str(row["id"]))
        return row if status is None else {**row, "status": status}

    # fields

    def _without(self, request: httpx.Request, what: Asked) -> httpx.Request:
        """The request as a server reads it that takes some fields for absent.

        A create always takes the environment: an application without its mark would be nobody's,
        and a script and a runtime CML insists on.
        """
        body = json.loads(request.read())
        kept = {"environment", "script", "runtime_identifier"} if what.ask is Ask.CREATE else set()
        lost = (self.ignored - kept) & body.keys()
        if not lost:
            return request
        self.seen("a field was accepted and ignored")
        headers = {k: v for k, v in request.headers.items() if k.lower() != "content-length"}
        left = {name: value for name, value in body.items() if name not in lost}
        return httpx.Request(request.method, request.url, headers=headers, json=left)

    # files

    def _file(self, request: httpx.Request, what: Asked) -> httpx.Response:
        answer = self.site.gateway.handle_request(request)
        answer.read()
        if what.ask is Ask.DOWNLOAD and what.subject.endswith("/ray.json") and self.half_report:
            self.seen("half a head report was read")
            return httpx.Response(answer.status_code, content=answer.content[:40])
        if not self.files_lag or answer.status_code != 200:
            return answer
        if what.ask is Ask.DOWNLOAD:
            return _missing() if self._hidden(what.subject) else answer
        files = json.loads(answer.content)["files"]
        shown = [f for f in files if not self._hidden(f"{what.subject}/{f['path']}")]
        return _json({"files": shown})

    def _hidden(self, path: str) -> bool:
        written = self.written_at.get(path)
        hidden = written is not None and self.site.time.passed - written < HIDDEN_S
        if hidden:
            self.seen("a new file did not show")
        return hidden


def _json(body: Mapping[str, object], status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=body)


def _missing() -> httpx.Response:
    return _json({"error": "not found", "code": 5, "message": "not found", "details": []}, 404)
