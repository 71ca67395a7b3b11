"""API of applications: create, read, change, restart, stop, delete.

Validates calls; `engines.py` does everything that takes time.  Every answer is the application's
current state: a call never waits for a pod.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from controller.emulator.api import fields
from controller.emulator.api.checks import Checks
from controller.emulator.api.errors import ApiError, Code, not_found
from controller.emulator.api.listing import PERSON, Columns, Query, attributes, select
from controller.emulator.options import Options, User
from controller.emulator.pods.engines import Engines, move
from controller.emulator.pods.lifecycle import Event, Status, after
from controller.emulator.state.ids import Ids
from controller.emulator.state.records import Application, Project
from controller.emulator.state.state import State

_FIELDS = (
    "name subdomain description script kernel cpu memory nvidia_gpu bypass_authentication "
    "runtime_identifier runtime_addon_identifiers run_as cdv_app accelerator_label_id "
    "resource_group_id resource_profile_id environment"
)
PLACED = (
    *("accelerator_label_id", "resource_group_id", "resource_profile_id"),
    "runtime_addon_identifiers",
)
CREATE = fields.types(_FIELDS)
PATCH = fields.types(_FIELDS, environment=fields.text_map_in_text)
CHECKED = {"name", "subdomain", "script", "runtime_identifier", "cpu", "memory", *PLACED}

_TEXTS = attributes(
    *("description", "kernel", "name", "runtime_identifier", "script", *PERSON),
    status="status.short",
)
APPLICATIONS: Columns[Application] = Columns(
    {
        **_TEXTS,
        **attributes("subdomain"),
        "bypass_authentication": lambda app: str(app.bypass_authentication).lower(),
    },
    {**_TEXTS, **attributes("created_at", "updated_at")},
)


@dataclass(slots=True)
class Applications:
    """The applications of all projects: subdomains are unique over the whole workspace."""

    state: State
    engines: Engines
    ids: Ids
    options: Options
    checks: Checks

    def get(self, project_id: str, application_id: str) -> Application:
        app = self.state.applications.get(application_id)
        if app is None or app.project_id != project_id:
            raise not_found("application")
        return app

    def of(self, project_id: str) -> list[Application]:
        """The applications of a project, in order of creation."""
        return [app for app in self.state.applications.values() if app.project_id == project_id]

    def at(self, subdomain: str) -> Application | None:
        apps = self.state.applications.values()
        return next((app for app in apps if app.subdomain == subdomain), None)

    def list(self, project_id: str, query: Query) -> dict[str, object]:
        page, token = select(self.of(project_id), query, APPLICATIONS, project_id)
        return {"applications": [app.wire() for app in page], "next_page_token": token}

    def create(
        self, project: Project, user: User, raw: Mapping[str, object], now: datetime
    ) -> Application:
        """Create and start an application."""
        values = _defaulted(fields.read(raw, CREATE))
        app = Application(self.ids.public(), project.id, user, now, updated_at=now, starting_at=now)
        fields.assign(app, values)
        self.checks.check(app, CHECKED)
        self.engines.check_quota(app)
        app.environment = {**project.environment, **app.environment}
        self.state.applications[app.id] = app
        self.engines.queue(app, now)
        return app

    def patch(self, app: Application, raw: Mapping[str, object], now: datetime) -> Application:
        """Change the given fields; a running pod is unaffected."""
        if app.deleting:
            raise _wrong_state(app, "change")
        values = fields.read(raw, PATCH)
        if not self.options.patch_zero_values:
            values = {name: value for name, value in values.items() if value}
        changed = Application(app.id, app.project_id, app.creator, now, updated_at=now)
        fields.assign(changed, values)
        self.checks.check(changed, values.keys())
        fields.assign(app, values)
        if app.resource_profile_id:
            self.checks.check(app, {"resource_profile_id"})
        app.updated_at = now
        self.state.changes += 1
        return app

    def restart(self, app: Application, now: datetime) -> Application:
        """Start a stopped application; restart a running one, with a new engine and address."""
        self._check_restart(app)
        waiting = app.status is Status.STARTING and not app.engine_id
        if app.status is Status.STARTING and self.options.orphan_on_restart_while_starting:
            app.engine_id = ""
        self.engines.release(app, now)
        app.auto_restarts_done = 0
        move(app, Event.RESTART, now)
        if not waiting:
            self.engines.queue(app, now)
        return app

    def _check_restart(self, app: Application) -> None:
        """Refuse a restart that this workspace does not carry out, or has no quota for."""
        options, status = self.options, app.status
        stopping = status is Status.STOPPING and not options.restart_while_stopping
        if app.deleting or stopping or after(status, Event.RESTART) is None:
            raise _wrong_state(app, "restart")
        fails = status is Status.FAILED and not options.restart_of_failed
        rests = status in (Status.STOPPED, Status.FAILED) and options.restart_needs_live_run
        if fails or rests:
            raise ApiError(Code.FAILED_PRECONDITION, "restart only works on a live run")
        self.engines.check_quota(app)

    def stop(self, app: Application, now: datetime) -> Application:
        if app.status is Status.STOPPED and self.options.stop_of_stopped:
            return app
        if app.deleting or after(app.status, Event.STOP) is None:
            raise _wrong_state(app, "stop")
        self.engines.release(app, now)
        move(app, Event.STOP, now)
        app.due = now + timedelta(seconds=self.options.stop_s)
        return app

    def delete(self, app: Application, now: datetime) -> None:
        """Delete; the row stays STOPPING for a while, with its subdomain.  Repeatable."""
        if app.deleting:
            return
        self.engines.release(app, now)
        app.deleting = True
        move(app, Event.DELETE, now)
        app.due = now + timedelta(seconds=self.options.delete_s)


def _defaulted(values: dict[str, object]) -> dict[str, object]:
    """Defaults at creation: 0 is unset, and then 1 for cpu and memory."""
    return {name: value for name, value in values.items() if value or name == "environment"}


def _wrong_state(app: Application, verb: str) -> ApiError:
    state = "being deleted" if app.deleting else app.status.short
    message = f"cannot {verb} an application that is {state}"
    return ApiError(Code.FAILED_PRECONDITION, message)
