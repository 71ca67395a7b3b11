"""Operations of the API: each with its method and path, and the call that answers it.

An operation takes the values of its path in order, and returns the JSON object of the answer.
None is an empty object.
"""

from collections.abc import Callable, Mapping

from flask import Response, g, request

from controller.emulator.api import fields, limits
from controller.emulator.api.directory import WORKLOAD_STATUSES, WORKLOAD_TYPES, Directory
from controller.emulator.api.errors import ApiError, Code, invalid
from controller.emulator.api.listing import Query
from controller.emulator.api.specification import BASE
from controller.emulator.api.usage import Usage
from controller.emulator.options import API
from controller.emulator.state.job_records import Job, JobRun
from controller.emulator.state.records import Application
from controller.emulator.workspace import Workspace

Operation = Callable[..., Mapping[str, object] | Response | None]
Operations = dict[str, Operation]

PROJECT = f"{BASE}/projects/<project_id>"
APPLICATION = f"{PROJECT}/applications/<application_id>"
JOB = f"{PROJECT}/jobs/<job_id>"
RUN = f"{JOB}/runs/<run_id>"
FILE = f"{PROJECT}/files/<anything:path>"


def operations(ws: Workspace, domain: str, scheme: str) -> Operations:
    """All operations that need a key, by `METHOD path`."""
    return {
        **_projects(ws),
        **_directory(ws),
        **_applications(ws),
        **_jobs(ws),
        **_runs(ws),
        **_files(ws),
        **_others(ws, Usage(ws.state, domain, scheme)),
    }


def _argument(name: str) -> str:
    """A query parameter in either spelling."""
    return request.args.get(name, request.args.get(fields.camel(name), ""))


def _query() -> Query:
    return Query(*map(_argument, ("search_filter", "sort", "page_size", "page_token")))


def _body() -> dict[str, object]:
    return fields.body(request.get_data())


def _projects(ws: Workspace) -> Operations:
    return {
        f"GET {BASE}/projects": lambda: ws.list_projects(_query()),
        f"POST {BASE}/projects": lambda: ws.show(ws.create_project(g.user, _body())),
        f"GET {PROJECT}": lambda project: ws.show(ws.project(project)),
        f"PATCH {PROJECT}": lambda project: ws.show(ws.patch_project(project, _body())),
        f"DELETE {PROJECT}": ws.delete_project,
    }


def _directory(ws: Workspace) -> Operations:
    directory = Directory(ws.state)

    def batch() -> Mapping[str, object]:
        ids = [*request.args.getlist("project_ids"), *request.args.getlist("projectIds")]
        return {"projects": [ws.show(project) for project in directory.batch(ids)]}

    def collaborators(project: str) -> Mapping[str, object]:
        return directory.collaborators(ws.project(project), _query())

    def machine_users(project: str) -> Mapping[str, object]:
        ws.project(project)
        return {"run_as_machine_user_collaborators": [], "next_page_token": ""}

    return {
        f"GET {BASE}/projects/batch": batch,
        f"GET {BASE}/projectnames": lambda: directory.project_names(_query()),
        f"GET {BASE}/jobs": lambda: directory.jobs(_query()),
        f"GET {BASE}/workloadtypes": lambda: {"workload_type": WORKLOAD_TYPES},
        f"GET {BASE}/workloadstatus": lambda: {"workload_status": WORKLOAD_STATUSES},
        f"GET {BASE}/workloads/executions": directory.executions,
        f"GET {PROJECT}/collaborators": collaborators,
        f"PUT {PROJECT}/collaborators/<username>": (
            lambda project, name: directory.add(ws.project(project), name, _body())
        ),
        f"DELETE {PROJECT}/collaborators/<username>": (
            lambda project, name: directory.remove(ws.project(project), name)
        ),
        f"GET {PROJECT}/machineusers": machine_users,
    }


def _applications(ws: Workspace) -> Operations:
    apps = ws.applications

    def create(project: str) -> Application:
        return apps.create(ws.project(project), g.user, _body(), ws.tick())

    def app(project: str, application: str) -> Application:
        return apps.get(ws.project(project).id, application)

    return {
        f"GET {PROJECT}/applications": lambda project: apps.list(ws.project(project).id, _query()),
        f"POST {PROJECT}/applications": lambda project: create(project).wire(),
        f"GET {APPLICATION}": lambda *ids: app(*ids).wire(),
        f"PATCH {APPLICATION}": lambda *ids: apps.patch(app(*ids), _body(), ws.tick()).wire(),
        f"DELETE {APPLICATION}": lambda *ids: apps.delete(app(*ids), ws.tick()),
        f"POST {APPLICATION}:restart": lambda *ids: apps.restart(app(*ids), ws.tick()).wire(),
        f"POST {APPLICATION}:stop": lambda *ids: apps.stop(app(*ids), ws.tick()).wire(),
    }


def _jobs(ws: Workspace) -> Operations:
    jobs = ws.jobs

    def create(project: str) -> Job:
        return jobs.create(ws.project(project), g.user, _body(), ws.tick())

    def job(project: str, job_id: str) -> Job:
        return jobs.get(ws.project(project).id, job_id)

    def wire(job: Job) -> Mapping[str, object]:
        return job.wire(ws.project(job.project_id))

    return {
        f"GET {PROJECT}/jobs": lambda project: jobs.list(ws.project(project), _query()),
        f"POST {PROJECT}/jobs": lambda project: wire(create(project)),
        f"GET {JOB}": lambda *ids: wire(job(*ids)),
        f"PATCH {JOB}": lambda *ids: wire(jobs.patch(job(*ids), _body(), ws.tick())),
        f"DELETE {JOB}": lambda *ids: jobs.delete(job(*ids), ws.tick()),
    }


def _runs(ws: Workspace) -> Operations:
    runs = ws.runs

    def job(project: str, job_id: str) -> Job:
        return ws.jobs.get(ws.project(project).id, job_id)

    def run(project: str, job_id: str, run_id: str) -> JobRun:
        return runs.get(job(project, job_id), run_id)

    return {
        f"GET {JOB}/runs": lambda *ids: runs.list(job(*ids), _query()),
        f"POST {JOB}/runs": lambda *ids: runs.show(
            runs.create(job(*ids), g.user, _body(), ws.tick())
        ),
        f"GET {RUN}": lambda *ids: runs.show(run(*ids)),
        f"POST {RUN}:stop": lambda *ids: runs.show(runs.stop(run(*ids), ws.tick())),
    }


def _files(ws: Workspace) -> Operations:
    def upload(project: str) -> Response:
        """The name of a form field is the destination; some workspaces honor it in a PUT only."""
        files = ws.files(project)
        if ws.options.uploads not in ("both", request.method.lower()):
            return Response("Method Not Allowed\n", 405, mimetype="text/plain")
        if not request.files:
            raise invalid("no file in the request")
        in_root = ws.options.post_upload_in_root and request.method == "POST"
        for destination, part in request.files.items(multi=True):
            place = destination.rsplit("/", 1)[-1] if in_root else destination
            files.upload(place, part.read())
        return Response(b"", 200)

    def download(project: str, path: str) -> Response:
        response = Response(ws.files(project).download(path))
        response.headers.set("Content-Type", "application/octet-stream")
        response.headers.set("Content-Disposition", "attachment", filename=path.rsplit("/", 1)[-1])
        return response

    def rename(project: str, path: str) -> Mapping[str, object]:
        to = fields.read(_body(), fields.types("path")).get("path", "")
        return ws.files(project).rename(path, str(to))

    return {
        f"GET {PROJECT}/files": lambda project: {"files": ws.files(project).listing("")},
        f"GET {FILE}": lambda project, path: {"files": ws.files(project).listing(path)},
        f"POST {PROJECT}/files": upload,
        f"PUT {PROJECT}/files": upload,
        f"POST {FILE}:download": download,
        f"PATCH {FILE}": rename,
        f"DELETE {FILE}": lambda project, path: ws.files(project).delete(path),
    }


def _others(ws: Workspace, usage_rows: Usage) -> Operations:
    def places() -> limits.PlaceLists:
        return limits.PlaceLists(ws.state, ws.options)

    def served(name: str, operation: Operation) -> Operation:
        return limits.absent if name in ws.options.lists_absent else operation

    def usage() -> Mapping[str, object]:
        names = _argument("multi_column_search_filter")
        times = _argument("time_range_search_filter")
        return usage_rows.list(_query(), names, times, ws.tick())

    def validate_key() -> Mapping[str, object]:
        audience = fields.read(_body(), fields.types("audience")).get("audience") or API
        if audience not in g.key.audiences:
            raise ApiError(Code.PERMISSION_DENIED, f"audience mismatch: not for {audience}")
        message = "API key is valid for the given audience"
        return {"valid": True, "username": g.user.username, "message": message}

    return {
        f"GET {BASE}/runtimes": lambda: ws.list_runtimes(_query()),
        f"GET {BASE}/usage": usage,
        f"POST {BASE}/auth/validate_key": validate_key,
        f"GET {BASE}/groupsquota": limits.group_quotas,
        f"GET {BASE}/usersquota": lambda: limits.user_quotas(ws.state, ws.options, g.user),
        f"POST {BASE}/runtimes": lambda: ws.register_runtime(_body()),
        f"POST {BASE}/runtimes:update": lambda: ws.update_runtimes(_body()),
        f"GET {BASE}/runtimeaddons": served("runtimeaddons", lambda: ws.list_addons(_query())),
        f"GET {BASE}/resourcegroups": served("resourcegroups", lambda: places().resource_groups()),
        f"GET {BASE}/nodelabels": served("nodelabels", lambda: places().node_labels()),
        f"GET {BASE}/cpuprofiles": lambda: places().cpu_profiles(),
    }
