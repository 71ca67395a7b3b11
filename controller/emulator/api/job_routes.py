"""Routes of jobs and their runs.  Called by `wsgi.py`."""

from flask import Response, g

from controller.emulator.api.request import Route, body, query, reply
from controller.emulator.state.job_records import Job
from controller.emulator.workspace import Workspace


def route_jobs(route: Route, ws: Workspace, project: str) -> None:
    """Add the routes; `project` is the rule of a project's path."""
    _route_jobs(route, ws, f"{project}/jobs")
    _route_runs(route, ws, f"{project}/jobs/<job_id>/runs")


def _route_jobs(route: Route, ws: Workspace, rule: str) -> None:
    @route("GET", rule)
    def _list(project_id: str) -> Response:
        return reply(ws.jobs.list(ws.project(project_id), query()))

    @route("POST", rule)
    def _create(project_id: str) -> Response:
        project = ws.project(project_id)
        return reply(ws.jobs.create(project, g.user, body(), ws.tick()).wire(project))

    @route("GET", f"{rule}/<job_id>")
    def _get(project_id: str, job_id: str) -> Response:
        project = ws.project(project_id)
        return reply(ws.jobs.get(project_id, job_id).wire(project))

    @route("PATCH", f"{rule}/<job_id>")
    def _patch(project_id: str, job_id: str) -> Response:
        project = ws.project(project_id)
        job = ws.jobs.get(project_id, job_id)
        return reply(ws.jobs.patch(job, body(), ws.tick()).wire(project))

    @route("DELETE", f"{rule}/<job_id>")
    def _delete(project_id: str, job_id: str) -> Response:
        ws.jobs.delete(ws.jobs.get(ws.project(project_id).id, job_id), ws.tick())
        return reply({})


def _route_runs(route: Route, ws: Workspace, rule: str) -> None:
    def job_of(project_id: str, job_id: str) -> Job:
        return ws.jobs.get(ws.project(project_id).id, job_id)

    @route("GET", rule)
    def _list(project_id: str, job_id: str) -> Response:
        return reply(ws.runs.list(job_of(project_id, job_id), query()))

    @route("POST", rule)
    def _create(project_id: str, job_id: str) -> Response:
        job = job_of(project_id, job_id)
        return reply(ws.runs.create(job, g.user, body(), ws.tick()).wire())

    @route("GET", f"{rule}/<run_id>")
    def _get(project_id: str, job_id: str, run_id: str) -> Response:
        return reply(ws.runs.get(job_of(project_id, job_id), run_id).wire())

    @route("POST", f"{rule}/<run_id>:stop")
    def _stop(project_id: str, job_id: str, run_id: str) -> Response:
        run = ws.runs.get(job_of(project_id, job_id), run_id)
        return reply(ws.runs.stop(run, ws.tick()).wire())
