"""The emulator's answers without its web framework, for the calls that a controller makes often.

Method and path lead straight to what the web application would call; everything else, a wrong key
included, is left to the web application itself.  A test compares the two, exchange by exchange.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote

import httpx
from werkzeug.http import http_date

from controller.emulator.api import fields
from controller.emulator.api.errors import ApiError
from controller.emulator.api.listing import Query
from controller.emulator.options import User
from controller.emulator.workspace import Workspace as Cml
from tests.simulation.light import LightRequest, LightResponse, whole

JSON = "application/json"
BYTES = "application/octet-stream"
KEPT = 512  # answers to lists of an unchanged workspace
_PREFIX = "/api/v2/projects"
Body = Mapping[str, object]
Answers = Callable[[int, bytes, dict[str, str]], Any]


class Direct(httpx.BaseTransport):
    """One workspace for the holder of one key."""

    def __init__(self, cml: Cml, web: httpx.BaseTransport, key: str, user: User) -> None:
        self._cml = cml
        self._web = web
        self._bearer = f"Bearer {key}"
        self._user = user
        self._lists: dict[tuple[int, bytes], bytes] = {}
        self._date: tuple[datetime | None, str] = (None, "")
        self._answers: Answers = whole

    def forget(self) -> None:
        """Another world: what was answered before means nothing."""
        self._lists.clear()

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.headers.get("authorization") != self._bearer:
            return self._ask(request)
        now = self._cml.tick()
        self._answers = LightResponse if isinstance(request, LightRequest) else whole
        try:
            found = self._answer(request, now)
        except ApiError as error:
            return self._reply(error.status, json.dumps(error.body()).encode(), JSON)
        finally:
            self._cml.tick()
        return self._ask(request) if found is None else found

    def _ask(self, request: httpx.Request | LightRequest) -> httpx.Response:
        whole = request.whole() if isinstance(request, LightRequest) else request
        answer = self._web.handle_request(whole)
        answer.read()
        return answer

    def _reply(self, status: int, content: bytes, kind: str) -> httpx.Response:
        now = self._cml.clock.now()
        if self._date[0] != now:
            self._date = (now, http_date(now))
        return self._answers(status, content, {"content-type": kind, "date": self._date[1]})

    def _json(self, body: Body) -> httpx.Response:
        return self._reply(200, json.dumps(body).encode(), JSON)

    def _answer(self, request: httpx.Request, now: datetime) -> httpx.Response | None:
        path = request.url.raw_path.partition(b"?")[0].decode()
        if not path.startswith(f"{_PREFIX}/"):
            return None
        project_id, _, tail = path[len(_PREFIX) + 1 :].partition("/")
        kind, _, rest = tail.partition("/")
        if kind == "applications":
            return self._applications(request, project_id, rest, now)
        if kind == "files":
            return self._files(request, project_id, unquote(rest))
        if kind == "jobs" and not rest and request.method == "GET":
            project = self._cml.project(project_id)
            return self._list(request, lambda query: self._cml.jobs.list(project, query))
        return None

    # applications

    def _applications(
        self, request: httpx.Request, project_id: str, rest: str, now: datetime
    ) -> httpx.Response | None:
        cml, method = self._cml, request.method
        project = cml.project(project_id)
        name, _, verb = rest.partition(":")
        if not rest and method == "GET":
            return self._list(request, lambda query: cml.applications.list(project.id, query))
        if not rest and method == "POST":
            body = fields.body(request.read())
            return self._json(cml.applications.create(project, self._user, body, now).wire())
        app = cml.applications.get(project.id, name)
        if (method, verb) == ("DELETE", ""):
            cml.applications.delete(app, now)
            return self._json({})
        match method, verb:
            case "PATCH", "":
                body = fields.body(request.read())
                app = cml.applications.patch(app, body, now)
            case "POST", "restart":
                app = cml.applications.restart(app, now)
            case "POST", "stop":
                app = cml.applications.stop(app, now)
        return self._json(app.wire())

    def _list(self, request: httpx.Request, ask: Callable[[Query], Body]) -> httpx.Response:
        """What was listed of an unchanged workspace is not listed again."""
        place = (self._cml.state.changes, request.url.raw_path)
        if place not in self._lists:
            if len(self._lists) >= KEPT:
                self._lists.clear()
            asked = request.url.params
            names = ("search_filter", "sort", "page_size", "page_token")
            query = Query(*(asked.get(name, "") for name in names))
            self._lists[place] = json.dumps(ask(query)).encode()
        return self._reply(200, self._lists[place], JSON)

    # files

    def _files(self, request: httpx.Request, project_id: str, path: str) -> httpx.Response | None:
        files = self._cml.files(project_id)
        match request.method:
            case "GET":
                return self._json({"files": files.listing(path)})
            case "DELETE":
                files.delete(path)
                return self._json({})
            case "POST" if path.endswith(":download"):
                return self._download(files.download(path.removesuffix(":download")), path)
            case "POST" | "PUT" as method if not path and self._serves(method):
                destination, data = uploaded(request)
                in_root = method == "POST" and self._cml.options.post_upload_in_root
                files.upload(destination.rsplit("/", 1)[-1] if in_root else destination, data)
                return self._reply(200, b"", "text/html; charset=utf-8")
        return None

    def _serves(self, method: str) -> bool:
        return self._cml.options.uploads in ("both", method.lower())

    def _download(self, data: bytes, path: str) -> httpx.Response:
        answer = self._reply(200, data, BYTES)
        name = path.removesuffix(":download").rpartition("/")[2]
        answer.headers["content-disposition"] = f"attachment; filename={name}"
        return answer


def uploaded(request: httpx.Request) -> tuple[str, bytes]:
    """Destination and data of an upload of one file."""
    body = request.read()
    boundary = request.headers["content-type"].partition("boundary=")[2].encode()
    head, _, rest = body.partition(b"\r\n\r\n")
    destination = head.partition(b'name="')[2].partition(b'"')[0].decode()
    return destination, rest[: rest.rindex(b"\r\n--" + boundary)]


def multipart(request: httpx.Request, data: bytes) -> httpx.Request:
    """The same upload with other data."""
    destination, _ = uploaded(request)
    kept = ("content-length", "content-type")
    headers = {k: v for k, v in request.headers.items() if k.lower() not in kept}
    part = {destination: (destination.rsplit("/", 1)[-1], data, BYTES)}
    return httpx.Request(request.method, request.url, headers=headers, files=part)
