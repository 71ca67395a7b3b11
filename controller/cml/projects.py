"""Calls about projects.  As in `client`, they decide nothing.

Names are unique per owner only, so a key may see several projects with the same name.
"""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from urllib.parse import urlsplit

from controller.cml import job_bodies, paths, translate, wire
from controller.cml import operations as ops
from controller.cml.errors import NotFound, Rejected, Unavailable
from controller.cml.operations import Request
from controller.cml.paging import read_list
from controller.cml.reading import Send, confirmed, read_one
from controller.cml.values import ProjectState
from controller.core.model.project import NewProject

_ID = re.compile(r"(?:[a-z0-9]{4}-){3}[a-z0-9]{4}")  # observed on live workspaces


class Projects:
    """Projects that are visible to the key; used as `Client.projects`."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def find(self, id_or_name: str) -> ProjectState:
        """Find by ID, else by exact name.

        NotFound without one, Rejected for an ambiguous name.
        """
        if is_project_id(id_or_name):
            with suppress(NotFound):
                return self.get(id_or_name)
        projects = self.named(id_or_name)
        what, operation = _looking_for(id_or_name), ops.LIST_PROJECTS.name
        if len(projects) > 1:
            ids = ", ".join(f"{p.id} of {p.owner or '?'}" for p in projects[:10])
            raise Rejected(f"{what} is ambiguous ({ids}): give the ID", operation=operation)
        if not projects:
            remedy = (
                "check the name, and that the project is visible to the key's user, or give the ID"
            )
            raise NotFound(f"{what}: not found: {remedy}", operation=operation)
        return projects[0]

    def named(self, name: str) -> tuple[ProjectState, ...]:
        """All projects with exactly this name.  Unavailable for an incomplete list."""
        query = (("search_filter", json.dumps({"name": name})),)  # CML matches substrings
        request = Request(ops.LIST_PROJECTS, paths.PROJECTS, query=query)
        listing = read_list(self._send, request, "projects", wire.Project, sort="")
        if not listing.complete:
            raise Unavailable(
                f"{_looking_for(name)}: {listing.problem or 'the list of projects is incomplete'}",
                operation=ops.LIST_PROJECTS.name,
            )
        return tuple(job_bodies.project(p) for p in listing.items if p.name == name)

    def get(self, project: str) -> ProjectState:
        request = Request(ops.GET_PROJECT, paths.project(project), project)
        return job_bodies.project(read_one(self._send, request, wire.Project))

    def create(self, project: NewProject) -> ProjectState:
        """Create a project; a clone continues after this returns: watch `get(...).creation`.

        Unknown: look for its name.  Rejected if the caller has a project with this name.
        """
        request = Request(
            ops.CREATE_PROJECT,
            paths.PROJECTS,
            json=job_bodies.create_project(project),
            secrets=_login(project.git_url),
            variables=translate.hidden(project.environment),
        )
        return job_bodies.project(read_one(self._send, request, wire.Project))

    def update(
        self,
        project: str,
        *,
        shared_memory_limit_mb: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ProjectState:
        """PATCH, then the result of a GET, for comparison, since CML may ignore a field.

        `environment` replaces all variables.  Applications and runs use both from their next start.
        """
        fields = {"shared_memory_limit_mb": shared_memory_limit_mb, "environment": environment}
        request = Request(
            ops.UPDATE_PROJECT,
            paths.project(project),
            project,
            json=wire.PatchProject.body({k: v for k, v in fields.items() if v is not None}),
            variables=translate.hidden(environment),
        )
        self._send(request)
        return confirmed(ops.UPDATE_PROJECT, lambda: self.get(project))

    def delete(self, project: str) -> None:
        """Delete a project with all content; a missing one counts as deleted."""
        with suppress(NotFound):
            self._send(Request(ops.DELETE_PROJECT, paths.project(project), project))


def is_project_id(text: str) -> bool:
    """True for an ID, which needs no lookup, False for a name."""
    return _ID.fullmatch(text) is not None


def _looking_for(name: str) -> str:
    return f"find project: {name[:100]!r}"


def _login(url: str) -> tuple[str, ...]:
    """User and password in a URL."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    return tuple(filter(None, (parts.username, parts.password)))
