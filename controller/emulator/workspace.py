"""A workspace: state, projects, catalog of runtimes, and changes over time.

Not thread-safe: the HTTP module locks every call.  Clock, IDs and processes are injected.
"""

import re
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from controller.clock import Clock
from controller.emulator.api import fields
from controller.emulator.api.applications import Applications
from controller.emulator.api.checks import Checks
from controller.emulator.api.errors import ApiError, Code, invalid, not_found
from controller.emulator.api.files import ProjectFiles
from controller.emulator.api.jobs import Jobs
from controller.emulator.api.listing import PERSON, Columns, Query, attributes, select
from controller.emulator.options import Options, User
from controller.emulator.pods.engines import Engines
from controller.emulator.pods.processes import Processes
from controller.emulator.pods.runs import Runs
from controller.emulator.state.catalogue import (
    ADDONS,
    RUNTIME_FIELDS,
    RUNTIMES,
    Runtime,
    RuntimeAddon,
    runtime_of_image,
)
from controller.emulator.state.cloning import Clones, checked_source
from controller.emulator.state.file_tree import Tree
from controller.emulator.state.ids import Ids
from controller.emulator.state.records import Project
from controller.emulator.state.state import State
from controller.emulator.state.templates import TEMPLATES

OWNER = ("owner.email", "owner.name", "owner.username")

PROJECT_CREATE = fields.types(
    "name description visibility template git_url git_ref parent_project "
    "default_project_engine_type environment shared_memory_limit"
)
PROJECT_PATCH = fields.types(
    "name description visibility default_engine_type environment shared_memory_limit "
    "ephemeral_storage_request ephemeral_storage_limit",
    environment=fields.text_map_in_text,
)

_PROJECT_FILTERS = attributes(*PERSON, *OWNER, "description", "name")
PROJECTS: Columns[Project] = Columns(
    _PROJECT_FILTERS, {**_PROJECT_FILTERS, **attributes("created_at", "updated_at")}
)
_RUNTIME_COLUMNS = {
    **attributes(*RUNTIME_FIELDS, runtime_identifier="image_identifier"),
    "full_name": lambda runtime: f"{runtime.editor} {runtime.kernel} {runtime.edition}",
}
RUNTIME_COLUMNS: Columns[Runtime] = Columns(_RUNTIME_COLUMNS, _RUNTIME_COLUMNS)
RUNTIME_STATUSES = ("ENABLED", "DISABLED", "DEPRECATED")
_ADDON_COLUMNS = attributes("identifier", "component", "display_name", "status")
ADDON_COLUMNS: Columns[RuntimeAddon] = Columns(_ADDON_COLUMNS, _ADDON_COLUMNS)
IMAGE = r"[A-Za-z0-9][A-Za-z0-9._:/@-]*"
LONGEST_IMAGE = 512


class Workspace:
    """The workspace; applications, jobs and engines are separate modules."""

    def __init__(
        self,
        clock: Clock,
        processes: Processes,
        ids: Ids,
        *,
        new_tree: Callable[[str], Tree],
        options: Options | None = None,
        runtimes: Sequence[Runtime] = RUNTIMES,
        state: State | None = None,
    ) -> None:
        """`new_tree(project_id)` creates or opens the home folder of a project."""
        self.clock = clock
        self.ids = ids
        self.options = options or Options()
        self.state = state or State()
        self._catalogue = {runtime.id: runtime for runtime in runtimes}
        self._new_tree = new_tree
        self._trees: dict[str, Tree] = {key: self._new_tree(key) for key in self.state.projects}
        self.engines = Engines(self.state, processes, ids, self.options, self._files)
        checks = Checks(self.state, self.options, runtimes, self._files)
        self.applications = Applications(self.state, self.engines, ids, self.options, checks)
        self.runs = Runs(self.state, self.engines, ids, self.options)
        self.jobs = Jobs(self.state, self.runs, ids, checks)
        self._clones = Clones(self.state, processes, ids)
        self._ticked: tuple[datetime, int] | None = None
        for project in self.state.projects.values():
            project.slug = self._slug(project)

    # time

    def tick(self) -> datetime:
        """Apply all due changes; the result is the current time."""
        now = self.clock.now()
        if self._ticked != (now, self.state.changes):
            self.engines.tick(now)
            self.runs.tick(now)
            self._clones.tick(now)
            self._drop_deleted_projects()
            self._ticked = (now, self.state.changes)
        return now

    def _drop_deleted_projects(self) -> None:
        for project in [row for row in self.state.projects.values() if row.deleting]:
            if project.cloning:
                continue
            if any(app.project_id == project.id for app in self.state.applications.values()):
                continue
            if any(pod.project_id == project.id for pod in self.state.engines.values()):
                continue
            del self.state.projects[project.id]
            self._trees.pop(project.id).destroy()
            self.state.changes += 1

    # projects

    def project(self, project_id: str) -> Project:
        project = self.state.projects.get(project_id)
        if project is None or project.deleting:
            raise not_found("project")
        return project

    def files(self, project_id: str) -> ProjectFiles:
        return self._files(self.project(project_id).id)

    def _files(self, project_id: str) -> ProjectFiles:
        return ProjectFiles(self._trees[project_id])

    def list_projects(self, query: Query) -> dict[str, object]:
        rows = [project for project in self.state.projects.values() if not project.deleting]
        page, token = select(rows, query, PROJECTS, "projects")
        return {"projects": [self.show(project) for project in page], "next_page_token": token}

    def show(self, project: Project) -> dict[str, object]:
        ready = project.created_at + timedelta(seconds=self.options.project_creation_s)
        settled = self.clock.now() >= ready
        return project.wire(self.options.creation_status, settled=settled)

    def create_project(self, user: User, raw: Mapping[str, object]) -> Project:
        values = fields.read(raw, PROJECT_CREATE)
        source = checked_source(values)
        template = str(values.get("template", ""))
        for name in ("template", "git_url", "git_ref", "parent_project"):
            values.pop(name, None)
        if engine_type := values.pop("default_project_engine_type", ""):
            values["default_engine_type"] = engine_type
        self._check_name(user, str(values.get("name", "")))
        now = self.tick()
        project = Project(self.ids.public(), self.state.next_number(), user, now, now)
        fields.assign(project, values)
        project.slug = self._slug(project)
        self.state.projects[project.id] = project
        self._trees[project.id] = self._new_tree(project.id)
        if source[0]:
            self._clones.begin(project, self._trees[project.id], source, now)
        else:
            for path, text in TEMPLATES.get(template, {}).items():
                self._trees[project.id].write((path,), text.encode())
        self.state.changes += 1
        return project

    def _check_name(self, user: User, name: str) -> None:
        """Refuse a used name: names are unique per owner, since they are in the project's URL."""
        if not name.strip():
            raise invalid("project name must be specified")
        taken = ((p.owner.username, p.name) for p in self.state.projects.values())
        if (user.username, name) in taken:
            raise ApiError(Code.ALREADY_EXISTS, f"project {name!r} already exists")

    def _slug(self, project: Project) -> str:
        """The project's part of addresses: its name in lower case, with dashes for spaces."""
        if self.options.slug_with_owner:
            return f"{project.owner.username}/{project.name}"
        return re.sub(r"[^a-z0-9_-]+", "-", project.name.lower()).strip("-")

    def patch_project(self, project_id: str, raw: Mapping[str, object]) -> Project:
        project = self.project(project_id)
        values = fields.read(raw, self._project_patch())
        name = values.get("name", project.name)
        if name != project.name:
            self._check_name(project.owner, str(name))
        fields.assign(project, values)
        project.slug = self._slug(project)
        project.updated_at = self.clock.now()
        self.state.changes += 1
        return project

    def _project_patch(self) -> Mapping[str, fields.Reader]:
        """The fields that a PATCH changes here, with their types."""
        readers = dict(PROJECT_PATCH)
        if self.options.untyped_project_environment:
            readers["environment"] = fields.map_in_text
        if self.options.shared_memory_limit == "ignored":
            del readers["shared_memory_limit"]
        if self.options.shared_memory_limit == "refused":
            readers["shared_memory_limit"] = _refused
        return readers

    def delete_project(self, project_id: str) -> None:
        """Delete a project and its jobs immediately, then its applications, then its files."""
        project = self.project(project_id)
        now = self.tick()
        project.deleting = True
        self.state.changes += 1
        for app in self.applications.of(project_id):
            self.applications.delete(app, now)
        for job in self.jobs.of(project_id):
            self.jobs.delete(job, now)
        self._clones.stop(project, now)
        self.engines.stop_orphans(project_id, now)
        self.tick()

    # catalog

    def list_runtimes(self, query: Query) -> dict[str, object]:
        page, token = select(self.runtimes, query, RUNTIME_COLUMNS, "runtimes")
        return {"runtimes": [runtime.wire() for runtime in page], "next_page_token": token}

    @property
    def runtimes(self) -> tuple[Runtime, ...]:
        return tuple({**self._catalogue, **self.state.runtimes}.values())

    def register_runtime(self, raw: Mapping[str, object]) -> dict[str, object]:
        """Add an image to the catalogue; its name says what it is."""
        image = str(fields.read(raw, fields.types("url")).get("url", ""))
        if not re.fullmatch(IMAGE, image) or len(image) > LONGEST_IMAGE:
            raise invalid("url is not an image reference")
        if any(one.id == image for one in self.runtimes):
            raise ApiError(Code.ALREADY_EXISTS, f"runtime {image} already exists")
        added = runtime_of_image(image)
        self.state.runtimes[image] = added
        self.state.changes += 1
        details = {name: getattr(added, name) for name in ("editor", "kernel", "edition")}
        return {
            "validation_success": True,
            "insert_success": True,
            "reason": "",
            "reason_data": "",
            "details": {**details, "version": added.full_version, "description": added.description},
        }

    def update_runtimes(self, raw: Mapping[str, object]) -> dict[str, object]:
        """Change the status of images."""
        values = fields.read(raw, {"status": fields.text, "image_identifier": fields.texts})
        known = {one.id: one for one in self.runtimes}
        status = str(values.get("status", "")).upper()
        if status not in RUNTIME_STATUSES:
            raise invalid(f"status must be one of {', '.join(RUNTIME_STATUSES)}")
        images = typing.cast("list[str]", values.get("image_identifier", []))
        for image in images:
            if image not in known:
                raise not_found("runtime")
            self.state.runtimes[image] = replace(known[image], status=status)
            self.state.changes += 1
        return {"rows_affected": len(images)}

    def list_addons(self, query: Query) -> dict[str, object]:
        page, token = select(ADDONS, query, ADDON_COLUMNS, "runtimeaddons")
        return {"runtime_addons": [addon.wire() for addon in page], "next_page_token": token}


def _refused(_value: object) -> object:
    raise ApiError(Code.PERMISSION_DENIED, "shared memory limits are set by an administrator")
