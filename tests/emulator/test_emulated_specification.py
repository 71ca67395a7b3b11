"""The published specification on the emulator: served, or absent with a sentence."""

import re

import pytest
from emulated import RUNTIME, World

from controller.emulator.api.specification import BASE, Published, published
from tests.documents.markdown import README


@pytest.fixture(scope="module")
def world() -> World:
    return World()


def filled(path: str) -> str:
    """A path with a value for each of its parameters, below the base of the API."""
    return re.sub(r"<[^>]+>|\{[^}]+\}", "x", path.removeprefix(BASE))


def test_the_facts_are_those_of_the_version() -> None:
    assert len(published()) == 158
    assert len({operation.path for operation in published()}) == 118
    assert len({operation.shape for operation in published()}) == 158


@pytest.mark.parametrize("operation", published(), ids=lambda operation: operation.name)
def test_each_operation_is_served_or_says_that_it_is_absent(
    world: World, operation: Published
) -> None:
    answer = world.call(operation.method, filled(operation.path))
    known = {o["operationId"] for path in document(world).values() for o in path.values()}
    if operation.name in known:
        assert answer.status_code != 405
        assert "is not part of" not in answer.text
        return
    assert (answer.status_code, answer.json()["code"]) == (501, 12)
    assert answer.json()["message"] == (
        f"{operation.name} ({operation.method} {BASE}{operation.path}) "
        "is not part of the CML emulator"
    )


def document(world: World) -> dict[str, dict[str, dict[str, object]]]:
    answer = world.as_holder_of(None).get(f"{BASE}/swagger.json")
    paths: dict[str, dict[str, dict[str, object]]] = answer.json()["paths"]
    return paths


def test_the_readme_counts_the_operations(world: World) -> None:
    count = sum(map(len, document(world).values()))
    assert f"{count} of the 158 operations" in " ".join(README.read_text().split())


def test_an_absent_operation_needs_a_key_and_a_wrong_path_is_not_found() -> None:
    world = World()
    assert world.as_holder_of(None).get(f"{BASE}/models").status_code == 401
    assert world.as_holder_of("app").get(f"{BASE}/models").status_code == 403
    assert world.call("GET", "/models/").status_code == 404
    wrong = world.call("GET", "/modelz")
    assert (wrong.status_code, wrong.text) == (404, "Not Found\n")


def test_the_client_of_cml_is_absent_with_the_place_where_it_is() -> None:
    answer = World().as_holder_of(None).get(f"{BASE}/python.tar.gz")
    assert (answer.status_code, answer.json()["code"]) == (501, 12)
    assert "take it from a CML workspace" in answer.json()["message"]


# lists over all projects, and people


def test_names_and_batches_of_projects_leave_out_what_is_unknown() -> None:
    world = World()
    other = world.call("POST", "/projects", json={"name": "other"}).json()["id"]
    assert world.call("GET", "/projectnames").json()["project_names"] == ["demo", "other"]
    some = world.call("GET", '/projectnames?search_filter={"name":"oth"}').json()
    assert some == {"project_names": ["other"], "next_page_token": ""}
    ids = {"project_ids": [other, "none", world.project]}
    batch = world.client.get(f"{BASE}/projects/batch", params=ids).json()["projects"]
    assert [project["name"] for project in batch] == ["other", "demo"]
    assert batch[1] == world.call("GET", f"/projects/{world.project}").json()
    world.call("DELETE", f"/projects/{other}")
    assert world.call("GET", "/projectnames").json()["project_names"] == ["demo"]


def test_jobs_of_all_projects_are_one_list() -> None:
    world = World()
    assert world.call("GET", "/jobs").json() == {"jobs": [], "next_page_token": ""}
    for project in (
        world.project,
        world.call("POST", "/projects", json={"name": "b"}).json()["id"],
    ):
        world.client.post(f"{BASE}/projects/{project}/files", files={"app.py": b"x = 1"})
        job = {"name": f"of-{project}", "script": "app.py", "runtime_identifier": RUNTIME}
        assert world.call("POST", f"/projects/{project}/jobs", json=job).status_code == 200
    jobs = world.call("GET", "/jobs?page_size=1").json()
    assert jobs["jobs"] == world.call("GET", f"/projects/{world.project}/jobs").json()["jobs"]
    rest = world.call("GET", f"/jobs?page_size=1&page_token={jobs['next_page_token']}").json()
    assert [job["name"] for job in rest["jobs"]] == [f"of-{project}"]


def test_collaborators_are_added_changed_and_removed() -> None:
    world = World()
    people = f"/projects/{world.project}/collaborators"
    for permission in ("viewer", "admin"):
        body = {"permission": permission}
        assert world.call("PUT", f"{people}/jdoe", json=body).json() == {}
    assert world.call("PUT", f"{people}/jdoe", json={}).status_code == 400
    (row,) = world.call("GET", people).json()["collaborators"]
    assert (row["user"]["username"], row["permission"]) == ("jdoe", "admin")
    assert world.call("DELETE", f"{people}/jdoe").json() == {}
    assert world.call("DELETE", f"{people}/jdoe").json()["code"] == 5
    assert world.call("GET", people).json()["collaborators"] == []
    assert world.call("GET", "/projects/none/collaborators").status_code == 404


def test_lists_without_rows_and_the_words_of_usage_are_served() -> None:
    world = World()
    users = world.call("GET", f"/projects/{world.project}/machineusers").json()
    assert users["run_as_machine_user_collaborators"] == []
    assert world.call("GET", "/groupsquota").json()["group_quota"] == []
    assert world.call("GET", "/workloadtypes").json() == {"workload_type": ["application", "job"]}
    statuses = world.call("GET", "/workloadstatus").json()["workload_status"]
    assert {"running", "stopped", "failed", "succeeded"} <= set(statuses)
    refused = world.call("GET", "/workloads/executions")
    assert (refused.status_code, refused.json()["code"]) == (403, 7)
