"""The stories of `story.py` and `job_story.py`, told through a client that was generated.

Its chapters are theirs; what it adds is the generator's own habits: both spellings of queries, raw
answers, numbers of 64 bits as text, and a body with each call that is not a GET.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from generated import ApiError, GeneratedClient
from job_story import BROKEN, DONE, SLEEPER
from story import NOWHERE, SCRIPT, World

ABSENT = "no-such-file.py"


@dataclass
class Teller:
    """A world, and the generated client to it."""

    world: World
    client: GeneratedClient

    @property
    def project(self) -> str:
        return self.world.project

    def refused(self, status: int, call: Callable[..., object], *values: object) -> str:
        with pytest.raises(ApiError) as refusal:
            call(*values)
        assert refusal.value.status == status, refusal.value
        return refusal.value.body

    def until(self, what: str, look: Callable[[], object], value: object) -> None:
        self.world.wait_for(what, lambda: look() == value)

    def upload(self, name: str, data: bytes) -> str:
        path = f"{self.world.folder}/{name}"
        self.client.upload_file(self.project, files={path: (name, data)})
        return path


def tell_generated(world: World, *, camel_case: bool) -> set[str]:
    """The operations that the story used; AssertionError or ApiError where it does not hold."""
    teller = Teller(world, GeneratedClient(world.raw, camel_case=camel_case))
    script = _the_files(teller)
    _the_workspace(teller)
    _a_runtime(teller)
    app = _an_application(teller, script)
    _the_list(teller, app)
    _changes(teller, app)
    _stop_and_start(teller, app)
    _refusals(teller, app)
    _the_end(teller, app)
    _a_job(teller)
    _a_project(teller)
    return teller.client.called


def _the_files(teller: Teller) -> str:
    client, project = teller.client, teller.project
    folder = teller.world.folder
    teller.refused(404, client.list_project_files, project, folder)
    script = teller.upload("app.py", SCRIPT)
    assert client.download_project_file(project, script).content == SCRIPT
    (file,) = client.list_project_files(project, folder).files
    assert (file.path, file.is_dir, file.file_size) == ("app.py", False, str(len(SCRIPT)))
    state = teller.upload("state.json", b"one")
    client.update_project_file_metadata(project, state, {"path": f"{folder}/moved.json"})
    teller.refused(404, client.download_project_file, project, state)
    client.delete_project_file(project, f"{folder}/moved.json")
    return script


def _the_workspace(teller: Teller) -> None:
    client, project = teller.client, teller.project
    found = client.get_project(project)
    by_name = client.list_projects(search_filter={"name": found.name}, page_size=100).projects
    assert project in {one.id for one in by_name}
    assert found.name in client.list_project_names(page_size=100).project_names
    (same,) = client.batch_list_projects(project_ids=[project, NOWHERE]).projects
    assert same.to_dict().keys() == found.to_dict().keys()
    assert client.validate_api_key({"audience": "API"}).valid is True
    teller.refused(404, client.get_project, NOWHERE)
    rows = client.list_usage(page_size=1)
    assert int(rows.total_count) >= len(rows.usage_response)
    assert "application" in client.list_workload_types().workload_type
    assert "running" in client.list_workload_status().workload_status


def _runtime(teller: Teller) -> str:
    found = teller.client.list_runtimes(search_filter={"kernel": "Python"}, page_size=100).runtimes
    return str(next(one.image_identifier for one in found if one.status == "ENABLED"))


def _a_runtime(teller: Teller) -> None:
    client, image = teller.client, f"registry.example/ml-runtime-python3.12:{teller.world.run}"
    registered = client.register_custom_runtime({"url": image})
    assert (registered.insert_success, registered.details.kernel) == (True, "Python 3.12")
    change = {"status": "DISABLED", "image_identifier": [image]}
    assert client.update_runtime_status(change).rows_affected == 1


def _wanted(teller: Teller, app_script: str, **changes: object) -> dict[str, object]:
    name = f"{teller.world.folder}-1"
    values = {
        "project_id": teller.project,
        "name": name,
        "subdomain": name,
        "script": app_script,
        "cpu": 0.5,
        "memory": 1,
        "runtime_identifier": _runtime(teller),
        "accelerator_label_id": "0",
        "environment": {"PLAIN": "1"},
    }
    return {**values, **changes}


def _status(teller: Teller, app: Any) -> Callable[[], object]:
    return lambda: teller.client.get_application(teller.project, app.id).status


def _an_application(teller: Teller, script: str) -> Any:
    made = teller.client.create_application(teller.project, _wanted(teller, script))
    assert json.loads(made.environment)["PLAIN"] == "1"
    assert made.accelerator_label_id == "0"
    teller.until("it runs", _status(teller, made), "APPLICATION_RUNNING")
    running = teller.client.get_application(teller.project, made.id)
    assert running.running_at >= running.starting_at >= running.created_at
    return running


def _the_list(teller: Teller, app: Any) -> None:
    client, project = teller.client, teller.project
    ids, token = [], ""
    while True:
        page = client.list_applications(
            project, page_size=1, sort="-created_at", **({"page_token": token} if token else {})
        )
        ids += [one.id for one in page.applications]
        token = page.next_page_token
        if not token:
            break
    assert app.id in ids
    running = {"status": "running", "subdomain": app.subdomain}
    (found,) = client.list_applications(project, search_filter=running).applications
    assert found.id == app.id
    raw = client.get_application(project, app.id, _preload_content=False)
    assert raw.json()["id"] == app.id


def _changes(teller: Teller, app: Any) -> None:
    client, project = teller.client, teller.project
    environment = {**json.loads(app.environment), "NEW": "/x"}
    body = {"cpu": 1, "environment": json.dumps(environment)}
    changed = client.update_application(project, app.id, body)
    assert (changed.cpu, changed.memory, changed.status) == (1, 1, "APPLICATION_RUNNING")
    assert json.loads(changed.environment)["NEW"] == "/x"
    teller.refused(400, client.update_application, project, app.id, {"environment": {"A": "1"}})


def _stop_and_start(teller: Teller, app: Any) -> None:
    client, project = teller.client, teller.project
    client.stop_application(project, app.id)
    teller.until("it stops", _status(teller, app), "APPLICATION_STOPPED")
    client.restart_application(project, app.id)
    teller.until("it runs again", _status(teller, app), "APPLICATION_RUNNING")


def _refusals(teller: Teller, app: Any) -> None:
    client, project = teller.client, teller.project
    for changes in (
        {"subdomain": "Not_A_Subdomain"},
        {"subdomain": f"{app.subdomain}-2", "script": ABSENT},
        {"subdomain": f"{app.subdomain}-2", "runtime_identifier": "no-such-image:0"},
    ):
        teller.refused(
            400, client.create_application, project, _wanted(teller, app.script, **changes)
        )
    taken = teller.refused(409, client.create_application, project, _wanted(teller, app.script))
    assert json.loads(taken)["code"] == 6
    for call in (client.get_application, client.stop_application, client.restart_application):
        teller.refused(404, call, project, NOWHERE)
    with pytest.raises(AttributeError):
        client.create_model()
    with pytest.raises(TypeError):
        client.list_applications(project, pagesize=1)


def _the_end(teller: Teller, app: Any) -> None:
    client, project = teller.client, teller.project
    client.delete_application(project, app.id)
    listed = lambda: [one.id for one in client.list_applications(project).applications]  # noqa: E731
    teller.world.wait_for("it is gone", lambda: app.id not in listed())
    teller.refused(404, client.get_application, project, app.id)


def _a_job(teller: Teller) -> None:
    client, project = teller.client, teller.project
    for name, data in ((DONE, b"1\n"), (BROKEN, b"1 / 0\n"), (SLEEPER, b"while True: pass\n")):
        teller.upload(name, data)
    folder = teller.world.folder

    def job(name: str, script: str, **changes: object) -> Any:
        body = {"project_id": project, "name": f"{folder}-{name}", "script": f"{folder}/{script}"}
        runtime = {"runtime_identifier": _runtime(teller), "timeout": 3600}
        return client.create_job(project, {**body, **runtime, **changes})

    def ends(job: Any, run: Any) -> str:
        status = lambda: str(client.get_job_run(project, job.id, run.id).status)  # noqa: E731
        over = {"ENGINE_SUCCEEDED", "ENGINE_FAILED", "ENGINE_STOPPED"}
        teller.world.wait_for("the run ends", lambda: status() in over)
        return status()

    first = job("first", DONE, environment={"A": "1"})
    assert (first.type, first.timeout) == ("manual", "3600")
    assert first.id in {one.id for one in client.list_jobs(project).jobs}
    assert first.id in {one.id for one in client.list_all_jobs(page_size=100).jobs}
    run = client.create_job_run(project, first.id, {"environment": {"B": "2"}})
    assert ends(first, run) == "ENGINE_SUCCEEDED"
    child = job("second", DONE, parent_job_id=first.id)
    assert (child.type, child.parent_id) == ("dependent", first.id)
    ends(first, client.create_job_run(project, first.id, {}))
    runs = lambda: client.list_job_runs(project, child.id, sort="created_at").job_runs  # noqa: E731
    teller.world.wait_for("the run that follows", lambda: bool(runs()))
    assert ends(child, runs()[0]) == "ENGINE_SUCCEEDED"
    changed = client.update_job(
        project, first.id, {"script": f"{folder}/{BROKEN}", "timeout": "60"}
    )
    assert (changed.timeout, changed.name) == ("60", first.name)
    assert ends(first, client.create_job_run(project, first.id, {})) == "ENGINE_FAILED"
    endless = job("endless", SLEEPER)
    run = client.create_job_run(project, endless.id, {})
    status = lambda: client.get_job_run(project, endless.id, run.id).status  # noqa: E731
    teller.until("it works", status, "ENGINE_RUNNING")
    client.stop_job_run(project, endless.id, run.id)
    assert ends(endless, run) == "ENGINE_STOPPED"
    for one in (child, first, endless):
        client.delete_job(project, one.id)
        teller.refused(404, client.get_job, project, one.id)
    client.delete_project_file(project, folder)


def _a_project(teller: Teller) -> None:
    client = teller.client
    name = f"{teller.world.folder}-own"
    made = client.create_project({"name": name, "template": "Python", "shared_memory_limit": 128})
    try:
        teller.until("it is made", lambda: client.get_project(made.id).creation_status, "success")
        changed = client.update_project(made.id, {"shared_memory_limit": 4096})
        assert (changed.shared_memory_limit, changed.name) == (4096, name)
        client.add_project_collaborator(made.id, "jdoe", {"permission": "admin"})
        (person,) = client.list_project_collaborators(made.id).collaborators
        assert (person.user.username, person.permission) == ("jdoe", "admin")
        client.delete_project_collaborator(made.id, "jdoe")
    finally:
        client.delete_project(made.id)
    teller.world.wait_for(
        "it is gone", lambda: name not in client.list_project_names(page_size=100).project_names
    )
