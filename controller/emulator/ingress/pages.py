"""Web pages of the workspace: index, logs, sign-in, errors.

Read-only and without scripts; all content is escaped.
"""

from datetime import datetime
from pathlib import Path

from jinja2 import Environment, PackageLoader

from controller.emulator.address import application_address
from controller.emulator.state.job_records import JobRun
from controller.emulator.state.records import Application, Project
from controller.emulator.state.state import State

LOG_TAIL = 64 * 1024
_TEMPLATES = Environment(
    loader=PackageLoader("controller.emulator.ingress"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
)
Row = tuple[str, str, Application | JobRun, datetime]
"""A row of a table: name, URL, workload, and the time of its status."""


def _page(template: str, title: str, **values: object) -> str:
    return _TEMPLATES.get_template(f"{template}.html").render(title=title, **values)


def index(state: State, domain: str, scheme: str = "http") -> str:
    projects = [
        (project, _applications(project, state, domain, scheme), _runs(project, state))
        for project in state.projects.values()
        if not project.deleting
    ]
    return _page("index", "CML emulator", projects=projects)


def _applications(project: Project, state: State, domain: str, scheme: str) -> list[Row]:
    def url(app: Application) -> str:
        return application_address(scheme, domain, app.subdomain)

    return [
        (app.name, f"{url(app).rstrip('/')}/", app, app.updated_at)
        for app in state.applications.values()
        if app.project_id == project.id
    ]


def _runs(project: Project, state: State) -> list[Row]:
    """The latest run of each job."""
    latest = {run.job_id: run for run in state.runs.values() if run.project_id == project.id}
    rows: list[Row] = []
    for job_id, run in latest.items():
        since = run.finished_at or run.running_at or run.starting_at or run.created_at
        rows.append((state.jobs[job_id].name, "", run, since))
    return rows


def name_of(state: State, log_id: str) -> str | None:
    """The title of a log, by the ID of the application, run or project; None if unknown."""
    if (run := state.runs.get(log_id)) is not None:
        return state.jobs[run.job_id].name
    named = state.applications.get(log_id) or state.projects.get(log_id)
    return named.name if named is not None else None


def log(name: str, path: Path) -> str:
    """The end of a log."""
    if not path.exists():
        return message(name, "No log yet.")
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - LOG_TAIL, 0))
        return _page("log", name, text=file.read().decode(errors="replace"))


def sign_in(target: str, error: str) -> str:
    return _page("sign_in", "Sign in", target=target, error=error)


def message(title: str, text: str) -> str:
    return _page("base", title, text=text)
