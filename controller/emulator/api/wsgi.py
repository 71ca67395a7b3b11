"""The REST API as a WSGI application: paths, verbs, keys and bodies.

Paths are exactly CML's, including colon verbs.  Unknown paths are answered in plain text, as by the
gateway in front of CML.
"""

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime

from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException
from werkzeug.http import http_date
from werkzeug.routing import BaseConverter

from controller.emulator.api import fields, limits
from controller.emulator.api.errors import ApiError, Code, invalid
from controller.emulator.api.job_routes import route_jobs
from controller.emulator.api.request import argument, body, query, reply
from controller.emulator.api.usage import Usage
from controller.emulator.options import API, ApiKey
from controller.emulator.workspace import Workspace

SPEC_VERSION = "26.06.13"
BASE = "/api/v2"
PROJECT = f"{BASE}/projects/<project_id>"
APPLICATION = f"{PROJECT}/applications/<application_id>"
FILE = f"{PROJECT}/files/<anything:path>"


class AnyPath(BaseConverter):
    """A path of any depth, possibly empty, or with slashes at either end; `%2F` is `/` here."""

    regex = ".*"
    part_isolating = False
    weight = 300


def create_app(
    workspace: Workspace,
    keys: Mapping[str, ApiKey],
    *,
    domain: str = "cml.localhost",
    lock: AbstractContextManager[object] | None = None,
    after_call: Callable[[], None] = lambda: None,
) -> Flask:
    """The API of `workspace`, with `keys` (secret to key).

    `lock` is held during each call; `after_call` is called under it before each answer, where the
    daemon saves its state.
    """
    app = Flask("controller.emulator", static_folder=None)
    app.url_map.merge_slashes = False
    app.url_map.converters["anything"] = AnyPath
    api = _Api(app, workspace, keys, lock or threading.RLock(), after_call)
    _route_projects(api, workspace)
    _route_applications(api, workspace)
    route_jobs(api.route, workspace, PROJECT)
    _route_files(api, workspace)
    _route_others(api, workspace, domain)
    app.register_error_handler(ApiError, lambda error: reply(error.body(), error.status))
    app.register_error_handler(HTTPException, _plain)
    app.after_request(lambda response: _dated(response, workspace.clock.now()))
    return app


def _dated(response: Response, now: datetime) -> Response:
    """Add the Date header, by the workspace's clock."""
    response.headers["Date"] = http_date(now)
    return response


def _plain(error: HTTPException) -> Response:
    """Routing errors as plain text, as by this version of the gateway."""
    names = {404: "Not Found", 405: "Method Not Allowed"}
    status = error.code or 500
    return Response(names.get(status, error.name) + "\n", status, mimetype="text/plain")


class _Api:
    """Registers handlers, which run under the lock, with a valid key and a current state."""

    def __init__(
        self,
        app: Flask,
        workspace: Workspace,
        keys: Mapping[str, ApiKey],
        lock: AbstractContextManager[object],
        after_call: Callable[[], None],
    ) -> None:
        self._app = app
        self._workspace = workspace
        self._keys = keys
        self._lock = lock
        self._after_call = after_call

    def route(self, method: str, rule: str) -> Callable[[Callable[..., Response]], None]:
        def register(handler: Callable[..., Response]) -> None:
            self._app.add_url_rule(
                rule,
                endpoint=f"{method} {rule}",
                view_func=self._with_lock(handler),
                methods=[method],
                provide_automatic_options=False,
            )

        return register

    def _with_lock(self, handler: Callable[..., Response]) -> Callable[..., Response]:
        def call(**arguments: str) -> Response:
            g.key = self._key()
            g.user = g.key.user
            with self._lock:
                self._workspace.tick()
                try:
                    return handler(**arguments)
                finally:
                    self._workspace.tick()
                    self._after_call()

        return call

    def _key(self) -> ApiKey:
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        key = self._keys.get(secret.strip()) if scheme.lower() == "bearer" else None
        if key is None:
            raise ApiError(Code.UNAUTHENTICATED, "unauthenticated")
        if API not in key.audiences:
            raise ApiError(Code.PERMISSION_DENIED, "audience mismatch: the key is not for the API")
        return key

    def open(self, rule: str, handler: Callable[[], Response]) -> None:
        """Register a GET without a key."""
        self._app.add_url_rule(
            rule,
            endpoint=rule,
            view_func=handler,
            methods=["GET"],
            provide_automatic_options=False,
        )

    def paths(self) -> dict[str, dict[str, object]]:
        """All routes, as in a specification."""
        paths: dict[str, dict[str, object]] = {}
        for rule in self._app.url_map.iter_rules():
            path = rule.rule.replace("<anything:", "<").replace("<", "{").replace(">", "}")
            for method in sorted((rule.methods or set()) - {"HEAD"}):
                if path.startswith(f"{BASE}/projects") or path.count("/") == 3:
                    paths.setdefault(path, {})[method.lower()] = {"responses": {}}
        return paths


def _route_projects(api: _Api, ws: Workspace) -> None:
    @api.route("GET", f"{BASE}/projects")
    def _list() -> Response:
        return reply(ws.list_projects(query()))

    @api.route("POST", f"{BASE}/projects")
    def _create() -> Response:
        return reply(ws.show(ws.create_project(g.user, body())))

    @api.route("GET", PROJECT)
    def _get(project_id: str) -> Response:
        return reply(ws.show(ws.project(project_id)))

    @api.route("PATCH", PROJECT)
    def _patch(project_id: str) -> Response:
        return reply(ws.show(ws.patch_project(project_id, body())))

    @api.route("DELETE", PROJECT)
    def _delete(project_id: str) -> Response:
        ws.delete_project(project_id)
        return reply({})


def _route_applications(api: _Api, ws: Workspace) -> None:
    @api.route("GET", f"{PROJECT}/applications")
    def _list(project_id: str) -> Response:
        return reply(ws.applications.list(ws.project(project_id).id, query()))

    @api.route("POST", f"{PROJECT}/applications")
    def _create(project_id: str) -> Response:
        project = ws.project(project_id)
        return reply(ws.applications.create(project, g.user, body(), ws.tick()).wire())

    @api.route("GET", APPLICATION)
    def _get(project_id: str, application_id: str) -> Response:
        return reply(ws.applications.get(ws.project(project_id).id, application_id).wire())

    @api.route("PATCH", APPLICATION)
    def _patch(project_id: str, application_id: str) -> Response:
        app = ws.applications.get(ws.project(project_id).id, application_id)
        return reply(ws.applications.patch(app, body(), ws.tick()).wire())

    @api.route("DELETE", APPLICATION)
    def _delete(project_id: str, application_id: str) -> Response:
        app = ws.applications.get(ws.project(project_id).id, application_id)
        ws.applications.delete(app, ws.tick())
        return reply({})

    @api.route("POST", f"{APPLICATION}:restart")
    def _restart(project_id: str, application_id: str) -> Response:
        app = ws.applications.get(ws.project(project_id).id, application_id)
        return reply(ws.applications.restart(app, ws.tick()).wire())

    @api.route("POST", f"{APPLICATION}:stop")
    def _stop(project_id: str, application_id: str) -> Response:
        app = ws.applications.get(ws.project(project_id).id, application_id)
        return reply(ws.applications.stop(app, ws.tick()).wire())


def _route_files(api: _Api, ws: Workspace) -> None:
    @api.route("GET", f"{PROJECT}/files")
    def _root(project_id: str) -> Response:
        return reply({"files": ws.files(project_id).listing("")})

    @api.route("GET", FILE)
    def _list(project_id: str, path: str) -> Response:
        return reply({"files": ws.files(project_id).listing(path)})

    @api.route("POST", f"{PROJECT}/files")
    def _upload(project_id: str) -> Response:
        files = ws.files(project_id)
        if not request.files:
            raise invalid("no file in the request")
        for destination, part in request.files.items(multi=True):
            files.upload(destination, part.read())
        return Response(b"", 200)

    @api.route("POST", f"{FILE}:download")
    def _download(project_id: str, path: str) -> Response:
        response = Response(ws.files(project_id).download(path))
        response.headers.set("Content-Type", "application/octet-stream")
        response.headers.set("Content-Disposition", "attachment", filename=path.rsplit("/", 1)[-1])
        return response

    @api.route("PATCH", FILE)
    def _rename(project_id: str, path: str) -> Response:
        to = fields.read(body(), {"path": fields.text}).get("path", "")
        return reply(ws.files(project_id).rename(path, str(to)))

    @api.route("DELETE", FILE)
    def _delete(project_id: str, path: str) -> Response:
        ws.files(project_id).delete(path)
        return reply({})


def _route_others(api: _Api, ws: Workspace, domain: str) -> None:
    usage = Usage(ws.state, domain)

    @api.route("GET", f"{BASE}/runtimes")
    def _runtimes() -> Response:
        return reply(ws.list_runtimes(query()))

    @api.route("GET", f"{BASE}/usage")
    def _usage() -> Response:
        multi_column, times = (
            argument("multi_column_search_filter"),
            argument("time_range_search_filter"),
        )
        return reply(usage.list(query(), multi_column, times, ws.tick()))

    @api.route("POST", f"{BASE}/auth/validate_key")
    def _validate_key() -> Response:
        audience = fields.read(body(), {"audience": fields.text}).get("audience") or API
        if audience not in g.key.audiences:
            raise ApiError(Code.PERMISSION_DENIED, f"audience mismatch: not for {audience}")
        message = "API key is valid for the given audience"
        return reply({"valid": True, "username": g.user.username, "message": message})

    @api.route("GET", f"{BASE}/usersquota")
    def _quotas() -> Response:
        return reply(limits.user_quotas(ws.state, ws.options, g.user))

    @api.route("GET", f"{BASE}/resourcegroups")
    def _resource_groups() -> Response:
        return reply(limits.resource_groups(ws.options))

    @api.route("GET", f"{BASE}/nodelabels")
    def _node_labels() -> Response:
        return reply(limits.node_labels(ws.state, ws.options))

    def specification() -> Response:
        info = {"title": "mlapiv2/api.proto", "version": SPEC_VERSION}
        return reply({"swagger": "2.0", "info": info, "paths": api.paths()})

    api.open(f"{BASE}/swagger.json", specification)
