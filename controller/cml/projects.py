"""What we ask of CML about projects.  As in `client`: it decides nothing.

A name belongs to its owner, so one key may see several projects of a name; ids are unique.
"""

import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from controller.cml import job_bodies, paths, translate, wire
from controller.cml import operations as ops
from controller.cml.errors import NotFound, Rejected, Unavailable
from controller.cml.operations import Request
from controller.cml.reading import Send, confirmed, read_list, read_one
from controller.cml.values import ProjectRef, ProjectState
from controller.core.model.project import NewProject

_ID_SHAPE = re.compile(r"(?:[a-z0-9]{4}-){3}[a-z0-9]{4}")


class Projects:
    """The projects that the key may see; `Client.projects` is one."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def find(self, id_or_name: str) -> ProjectRef:
        """By id where it looks like one and exists, else by its exact name.

        NotFound when there is none, Rejected when several have the name.
        """
        if _ID_SHAPE.fullmatch(id_or_name):
            try:
                return self.get(id_or_name).ref
            except NotFound:
                pass
        return self._only(id_or_name, self.named(id_or_name)).ref

    def named(self, name: str) -> tuple[ProjectState, ...]:
        """All projects of exactly this name.  Unavailable when the list was torn."""
        query = (("search_filter", json.dumps({"name": name})),)  # a substring to CML
        request = Request(ops.LIST_PROJECTS, paths.PROJECTS, query=query)
        listing = read_list(self._send, request, "projects", wire.Project, sort="")
        if not listing.complete:
            raise Unavailable(
                f"{_looking_for(name)}: {listing.problem or 'the list of projects was torn'}",
                operation=ops.LIST_PROJECTS.name,
            )
        return tuple(job_bodies.project(p) for p in listing.items if p.name == name)

    def _only(self, name: str, found: tuple[ProjectState, ...]) -> ProjectState:
        what, operation = _looking_for(name), ops.LIST_PROJECTS.name
        if len(found) > 1:
            ids = ", ".join(f"{p.id} of {p.owner or '?'}" for p in found[:10])
            raise Rejected(f"{what} names several ({ids}): give the id", operation=operation)
        if not found:
            remedy = "check the name and that the key's user may see it, or give the id"
            raise NotFound(f"{what}: there is none: {remedy}", operation=operation)
        return found[0]

    def get(self, project: str) -> ProjectState:
        request = Request(ops.GET_PROJECT, paths.project(project), project)
        return job_bodies.project(read_one(self._send, request, wire.Project))

    def create(self, wanted: NewProject) -> ProjectState:
        """A new project; a clone goes on after this returns: watch `get(...).creation`.

        Unknown: look for its name.  Rejected where the caller has a project of the name.
        """
        request = Request(
            ops.CREATE_PROJECT,
            paths.PROJECTS,
            json=job_bodies.create_project(wanted),
            secrets=_login(wanted.git_url),
            variables=translate.hidden(wanted.environment),
        )
        return job_bodies.project(read_one(self._send, request, wire.Project))

    def update(
        self,
        project: str,
        *,
        shared_memory_limit_mb: int | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> ProjectState:
        """PATCH what is given, then what a GET says of it: compare, for CML may ignore a field.

        `environment` replaces the whole map.  Applications and runs see both at their next start.
        """
        request = Request(
            ops.UPDATE_PROJECT,
            paths.project(project),
            project,
            json=job_bodies.patch_project(shared_memory_limit_mb, environment),
            variables=translate.hidden(environment),
        )
        self._send(request)
        return confirmed(ops.UPDATE_PROJECT, lambda: self.get(project))

    def delete(self, project: str) -> None:
        """With its applications, jobs and files; what is gone already counts as deleted."""
        try:
            self._send(Request(ops.DELETE_PROJECT, paths.project(project), project))
        except NotFound:
            return


def _looking_for(name: str) -> str:
    return f"find project: {name[:100]!r}"


def _login(url: str) -> tuple[str, ...]:
    """The parts of an address that are credentials, by right or not: user and password."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return (url,)
    return tuple(filter(None, (parts.username, parts.password)))
