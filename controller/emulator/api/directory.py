"""Lists over all projects, and the people of a project."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from controller.emulator.api import fields
from controller.emulator.api.errors import ApiError, Code, invalid, not_found
from controller.emulator.api.jobs import JOBS
from controller.emulator.api.listing import Columns, Query, attributes, select
from controller.emulator.options import User
from controller.emulator.pods.run_status import RunStatus
from controller.emulator.state.records import Project
from controller.emulator.state.state import State

WORKLOAD_TYPES = ("application", "job")
"""The types of usage rows."""
WORKLOAD_STATUSES = tuple(dict.fromkeys(("starting", *(status.short for status in RunStatus))))
"""The statuses of usage rows."""

_NAME = attributes("name")
_COLLABORATORS: Columns[tuple[str, str]] = Columns(
    *[{"username": lambda row: row[0], "permission": lambda row: row[1]}] * 2
)


@dataclass(slots=True)
class Directory:
    """Read-only but for collaborators, who are names alone: the emulator has one user."""

    state: State

    def _projects(self) -> Sequence[Project]:
        return [project for project in self.state.projects.values() if not project.deleting]

    def project_names(self, query: Query) -> dict[str, object]:
        page, token = select(self._projects(), query, Columns(_NAME, _NAME), "projectnames")
        return {"project_names": [project.name for project in page], "next_page_token": token}

    def batch(self, project_ids: Sequence[str]) -> Sequence[Project]:
        """The projects with these IDs, in their order; unknown ones are left out."""
        by_id = {project.id: project for project in self._projects()}
        return [by_id[project_id] for project_id in project_ids if project_id in by_id]

    def jobs(self, query: Query) -> dict[str, object]:
        projects = {project.id: project for project in self._projects()}
        jobs = [job for job in self.state.jobs.values() if job.project_id in projects]
        page, token = select(jobs, query, JOBS, "jobs")
        rows = [job.wire(projects[job.project_id]) for job in page]
        return {"jobs": rows, "next_page_token": token}

    def executions(self) -> None:
        """Refused, as for all users of a workspace but one of the platform."""
        raise ApiError(Code.PERMISSION_DENIED, "User is not an observability machine user")

    # people

    def collaborators(self, project: Project, query: Query) -> dict[str, object]:
        rows = list(project.collaborators.items())
        page, token = select(rows, query, _COLLABORATORS, f"collaborators {project.id}")
        people = [
            {"user": User(username, "", "").wire(), "permission": permission}
            for username, permission in page
        ]
        return {"collaborators": people, "next_page_token": token}

    def add(self, project: Project, username: str, raw: Mapping[str, object]) -> None:
        """Add a collaborator, or change the permission of one."""
        permission = fields.read(raw, fields.types("permission")).get("permission", "")
        if not permission:
            raise invalid("permission must be specified")
        project.collaborators[username] = str(permission)
        self.state.changes += 1

    def remove(self, project: Project, username: str) -> None:
        if project.collaborators.pop(username, None) is None:
            raise not_found("collaborator")
        self.state.changes += 1
