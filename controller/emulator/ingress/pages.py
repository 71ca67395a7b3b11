"""Web pages of the workspace: index, logs, sign-in, errors.

Read-only and without scripts; all content is escaped.
"""

from datetime import datetime
from html import escape
from pathlib import Path

from controller.emulator.state.job_records import JobRun
from controller.emulator.state.records import Application, Project
from controller.emulator.state.state import State

LOG_TAIL = 64 * 1024
STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{padding:.3rem .6rem;text-align:left;"
    "border-bottom:1px solid #8884}pre{white-space:pre-wrap;font-size:13px}small{opacity:.7}"
    ":root{color-scheme:light dark}"
)


def page(title: str, content: str) -> str:
    """`content` is markup; `title` is text."""
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{STYLE}</style></head>'
        f"<body><h1>{escape(title)}</h1>{content}</body></html>"
    )


def index(state: State, domain: str) -> str:
    parts = ["<p><small>Local CML emulator; accessible from this machine only.</small></p>"]
    projects = [project for project in state.projects.values() if not project.deleting]
    parts.extend(_project(project, state, domain) for project in projects)
    return page("CML emulator", "".join(parts))


def _project(project: Project, state: State, domain: str) -> str:
    head = f"<h2>{escape(project.name)} <small>{escape(project.id)}</small></h2>"
    if project.cloning or project.creation_failed:
        state_text = "Cloning is in progress" if project.cloning else "Cloning failed"
        head += f'<p>{state_text}: <a href="/logs/{escape(project.id, quote=True)}">log</a></p>'
    rows = [
        _application(app, domain)
        for app in state.applications.values()
        if app.project_id == project.id
    ]
    columns = "<tr><th>application<th>status<th>cpu<th>memory<th>gpu<th>since<th></tr>"
    table = f"<table>{columns}{''.join(rows)}</table>" if rows else "<p>No applications.</p>"
    return head + table + _runs(project, state)


def _runs(project: Project, state: State) -> str:
    """The latest run of each job."""
    latest = {run.job_id: run for run in state.runs.values() if run.project_id == project.id}
    rows = [_run(state.jobs[job_id].name, run) for job_id, run in latest.items()]
    columns = "<tr><th>job<th>status<th>cpu<th>memory<th>gpu<th>since<th></tr>"
    return f"<table>{columns}{''.join(rows)}</table>" if rows else ""


def _run(name: str, run: JobRun) -> str:
    since = run.finished_at or run.running_at or run.starting_at or run.created_at
    return (
        f"<tr><td>{escape(name)}<td>{escape(run.status.short)}"
        f"<td>{run.cpu:g}<td>{run.memory:g}<td>{run.nvidia_gpu}<td>{_time(since)}"
        f'<td><a href="/logs/{escape(run.id, quote=True)}">log</a></tr>'
    )


def _time(when: datetime) -> str:
    return when.strftime("%Y-%m-%d %H:%M:%S UTC")


def _application(app: Application, domain: str) -> str:
    link = escape(f"http://{app.subdomain}.{domain}/", quote=True)
    return (
        f'<tr><td><a href="{link}">{escape(app.name)}</a><td>{escape(app.status.short)}'
        f"<td>{app.cpu:g}<td>{app.memory:g}<td>{app.nvidia_gpu}<td>{_time(app.updated_at)}"
        f'<td><a href="/logs/{escape(app.id, quote=True)}">log</a></tr>'
    )


def name_of(state: State, log_id: str) -> str | None:
    """The title of a log, by the ID of the application, run or project; None if unknown."""
    if (run := state.runs.get(log_id)) is not None:
        return state.jobs[run.job_id].name
    named = state.applications.get(log_id) or state.projects.get(log_id)
    return named.name if named is not None else None


def log(name: str, path: Path) -> str:
    """The end of a log."""
    if not path.exists():
        return page(name, "<p>No log yet.</p>")
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - LOG_TAIL, 0))
        text = file.read().decode(errors="replace")
    return page(name, f"<pre>{escape(text)}</pre>")


def sign_in(target: str, error: str) -> str:
    notice = f"<p><b>{escape(error)}</b></p>" if error else ""
    return page(
        "Sign in",
        f"{notice}<p>Open the link printed by <code>raycml emulator status</code>, or enter the "
        "API key from <code>connection.json</code> in the state folder.</p>"
        '<form method="post" action="/sign-in">'
        f'<input type="hidden" name="next" value="{escape(target, quote=True)}">'
        '<p><label>API key <input type="password" name="key" autocomplete="off" required></label> '
        "<button>Sign in</button></p></form>",
    )


def message(title: str, text: str) -> str:
    return page(title, f"<p>{escape(text)}</p>")
