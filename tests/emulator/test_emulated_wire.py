"""What travels over the wire: bodies, names, keys, pages, refusals."""

import json
import re
import sys
import threading
from pathlib import Path

import httpx
import pytest
from emulated import RUNTIME, World
from hypothesis import given
from hypothesis import strategies as st

from controller.emulator.options import Options
from controller.emulator.state.catalogue import RUNTIMES
from tests.contract.judge import CONTRACT, TYPES

ID = re.compile(r"(?:[a-z0-9]{4}-){3}[a-z0-9]{4}")


def test_every_field_of_the_contract_is_always_there() -> None:
    world = World()
    app = world.get(world.create())
    assert set(app) == set(TYPES["Application"]["fields"])
    assert app["accelerator_label_id"] == "0"
    assert app["stopped_at"] is None
    project = world.ok("GET", f"/projects/{world.project}", "Project")
    assert set(project) == set(TYPES["Project"]["fields"])
    assert (project["creation_status"], project["slug"]) == ("success", "demo")
    usage = world.ok("GET", "/usage", "ListUsageResponse")["usage_response"][0]
    assert set(usage) == set(TYPES["UsageResponse"]["fields"])


def test_ids_have_the_shape_of_cml() -> None:
    world = World()
    assert ID.fullmatch(world.project)
    assert ID.fullmatch(world.create())
    assert all(re.fullmatch("[a-z0-9]{16}", engine) for engine in world.pods.pods)


def test_the_specification_is_open_and_lists_our_paths() -> None:
    world = World()
    found = world.as_holder_of(None).get("/api/v2/swagger.json").json()
    assert found["info"]["version"] == CONTRACT["spec_version"]
    for operation in CONTRACT["operations"]:
        if not operation["path"].endswith("/files"):
            assert operation["method"].lower() in found["paths"][operation["path"]]


def test_without_a_good_key_nothing_is_told() -> None:
    world = World()
    for key in (None, "a-well-formed-unknown-key"):
        answer = world.as_holder_of(key).get("/api/v2/projects")
        assert (answer.status_code, answer.json()["code"]) == (401, 16)
    answer = world.as_holder_of("app").get("/api/v2/projects")
    assert (answer.status_code, answer.json()["code"]) == (403, 7)
    assert world.as_holder_of("api").get("/api/v2/projects").status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "status", "text"),
    [
        ("GET", "/nothing", 404, "Not Found\n"),
        ("POST", "/projects/x/applications/y/restart", 404, "Not Found\n"),
        ("POST", "/projects/", 405, "Method Not Allowed\n"),
        ("PUT", "/projects", 405, "Method Not Allowed\n"),
    ],
)
def test_routing_failures_are_plain_text(method: str, path: str, status: int, text: str) -> None:
    answer = World().call(method, path)
    assert (answer.status_code, answer.text) == (status, text)
    assert answer.headers["content-type"].startswith("text/plain")


def test_the_environment_goes_in_as_an_object_and_comes_out_as_text() -> None:
    world = World()
    world.ok("PATCH", f"/projects/{world.project}", "Project", json={"environment": '{"A": "p"}'})
    app = world.create(environment={"B": "/x"})
    assert world.environment(app) == {"A": "p", "B": "/x"}
    assert "\\/x" in str(world.get(app)["environment"])
    other = world.create("other", environment={"A": "mine"})
    assert world.environment(other) == {"A": "mine"}


@pytest.mark.parametrize("value", [{"A": "1"}, 3, '{"A": 1}', "[]", "{", '{"A": {}}'])
def test_a_patched_environment_must_be_text_that_holds_texts(value: object) -> None:
    world = World()
    app = world.create()
    said = world.refused(400, 3, "PATCH", f"{world.apps}/{app}", json={"environment": value})
    if isinstance(value, dict):
        assert said == "json: cannot unmarshal object into Go value of type string"


@pytest.mark.parametrize(
    "changes",
    [
        {"cpu": "two"},
        {"nvidia_gpu": "1.5"},
        {"nvidia_gpu": 1.5},
        {"nvidia_gpu": 2**31},
        {"bypass_authentication": "yes"},
        {"environment": {"A": 1}},
        {"environment": "{}"},
        {"name": 3},
        {"name": " "},
        {"runtime_addon_identifiers": "x"},
        {"memory": -1},
        {"script": "absent.py"},
        {"script": "../app.py"},
        {"script": ""},
        {"runtime_identifier": ""},
        {"runtime_identifier": "unknown"},
        {
            "runtime_identifier": next(
                r for r in RUNTIMES if r.status == "DISABLED"
            ).image_identifier
        },
        {"subdomain": "Ray_Head"},
        {"subdomain": "a--b"},
        {"subdomain": ""},
        {"subdomain": "a\n"},
        {"subdomain": "a" * 64},
    ],
    ids=str,
)
def test_what_cml_would_refuse_is_refused_and_leaves_no_trace(changes: dict[str, object]) -> None:
    world = World()
    world.refused(400, 3, "POST", world.apps, json=world.wanted(**changes))
    assert world.names() == []
    app = world.create()
    kept = world.get(app)
    if "environment" not in changes:
        world.refused(400, 3, "PATCH", f"{world.apps}/{app}", json={"cpu": 7, **changes})
    assert world.get(app) == kept


def test_refusals_say_what_cml_says() -> None:
    world = World()
    for changes, words in (
        ({"subdomain": "Ray_Head"}, "Problem with field Subdomain: invalid pattern"),
        ({"runtime_identifier": ""}, "runtime image must be specified"),
        ({"script": "no.py"}, "not found in project directory"),
    ):
        said = world.refused(400, 3, "POST", world.apps, json=world.wanted(**changes))
        assert words in said


def test_bodies_that_are_no_objects_are_refused() -> None:
    world = World()
    for content in (b"{", b"[]", b"3", b"\xff"):
        world.refused(400, 3, "POST", world.apps, content=content)


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_no_value_of_any_field_makes_the_server_fall(value: object) -> None:
    world = World()
    for name in TYPES["CreateApplicationRequest"]["fields"]:
        answer = world.call("POST", world.apps, json=world.wanted(**{name: value}))
        assert answer.status_code in {200, 400, 409}, answer.text


def test_unknown_fields_are_ignored_and_both_spellings_understood() -> None:
    world = World()
    app = world.create(static_subdomain="x", nvidiaGpu=2)
    assert world.get(app)["nvidia_gpu"] == 2


def test_a_taken_subdomain_is_refused_in_every_project() -> None:
    for conflict, status, code in ((True, 409, 6), (False, 400, 3)):
        world = World(options=Options(duplicate_subdomain_conflict=conflict))
        world.create("taken")
        world.refused(status, code, "POST", world.apps, json=world.wanted("taken"))
        other = world.ok("POST", "/projects", "Project", json={"name": "other"})["id"]
        world.call("POST", f"/projects/{other}/files", files={"app.py": ("app.py", b"pass")})
        wanted = world.wanted("taken")
        world.refused(status, code, "POST", f"/projects/{other}/applications", json=wanted)
        free = world.create("free")
        world.refused(status, code, "PATCH", f"{world.apps}/{free}", json={"subdomain": "taken"})
        world.patch(free, subdomain="free", name="taken")
        assert world.names() == ["taken", "taken"]


def test_an_application_belongs_to_its_project() -> None:
    world = World()
    app = world.create()
    other = world.ok("POST", "/projects", "Project", json={"name": "other"})["id"]
    world.refused(404, 5, "GET", f"/projects/{other}/applications/{app}")
    world.refused(404, 5, "GET", f"/projects/none/applications/{app}")


def test_project_names_are_unique_and_creation_takes_its_time() -> None:
    world = World(options=Options(project_creation_s=30))
    world.refused(409, 6, "POST", "/projects", json={"name": "demo"})
    world.refused(400, 3, "POST", "/projects", json={})
    slow = {"name": "slow", "environment": {"A": "1"}, "shared_memory_limit": 8192}
    made = world.ok("POST", "/projects", "Project", json=slow)
    assert (made["creation_status"], made["environment"]) == ("creating", '{"A":"1"}')
    assert made["shared_memory_limit"] == 8192
    world.pass_time(30)
    found = world.ok("GET", f"/projects/{made['id']}", "Project")
    assert found["creation_status"] == "success"


# lists


def test_pages_are_of_ten_and_follow_their_tokens() -> None:
    world = World()
    for number in range(23):
        world.create(f"app-{number:02}")
    assert len(world.names()) == 10
    for spelling in (("page_size", "page_token"), ("pageSize", "pageToken")):
        seen, token = [], ""
        while True:
            query = {spelling[0]: 10, spelling[1]: token}
            body = world.ok("GET", world.apps, "ListApplicationsResponse", params=query)
            seen += [app["name"] for app in body["applications"]]
            token = body["next_page_token"]
            if not token:
                break
        assert seen == [f"app-{number:02}" for number in range(23)]
    assert len(world.names(page_size=1000)) == 23


def test_a_token_holds_for_its_own_parameters_only() -> None:
    world = World()
    for number in range(5):
        world.create(f"app-{number}")
    first = {"page_size": 2, "sort": "-name"}
    token = world.ok("GET", world.apps, "ListApplicationsResponse", params=first)["next_page_token"]
    assert world.names(**first, page_token=token) == ["app-2", "app-1"]
    for change in ({"page_size": 3}, {"sort": "name"}, {"search_filter": '{"name":"a"}'}):
        query = {**first, "page_token": token, **change}
        world.refused(400, 3, "GET", world.apps, params=query)
    world.refused(400, 3, "GET", world.apps, params={"page_token": "nonsense"})
    world.refused(400, 3, "GET", "/runtimes", params={**first, "sort": "", "page_token": token})


def test_filters_are_case_sensitive_parts_that_must_all_fit() -> None:
    world = World()
    for name in ("ray-head", "ray-worker", "other"):
        world.create(name)
    world.pass_time(20)
    world.verb(world.create("ray-late"), "stop")

    def found(**wanted: str) -> list[str]:
        return world.names(search_filter=json.dumps(wanted))

    assert found(name="ray") == ["ray-head", "ray-worker", "ray-late"]
    assert found(name="RAY") == []
    assert found(name="ray", status="running") == ["ray-head", "ray-worker"]
    assert found(status="APPLICATION_RUNNING") == []
    assert found(**{"creator.username": "developer", "subdomain": "oth"}) == ["other"]
    assert world.names(search_filter="ray") == ["ray-head", "ray-worker", "ray-late"]
    for broken in ("[]", '{"name": 1}', '{"nothing": "x"}'):
        world.refused(400, 3, "GET", world.apps, params={"search_filter": broken})


def test_lists_are_sorted_by_several_columns() -> None:
    world = World()
    for name, description in (("a", "2"), ("b", "1"), ("c", "2")):
        world.pass_time(1)
        world.create(name, description=description)
    assert world.names(sort="-description,+name") == ["a", "c", "b"]
    assert world.names(sort="-created_at") == ["c", "b", "a"]
    world.refused(400, 3, "GET", world.apps, params={"sort": "nothing"})
    world.refused(400, 3, "GET", world.apps, params={"page_size": "ten"})


def test_runtimes_can_be_looked_up() -> None:
    world = World()
    named = {"kernel": "Python 3.11", "edition": "Standard", "editor": "JupyterLab"}
    query = {"search_filter": json.dumps(named)}
    found = world.ok("GET", "/runtimes", "ListRuntimesResponse", params=query)["runtimes"]
    assert [row["image_identifier"] for row in found] == [RUNTIME]
    named = {"full_name": "3.11 Standard", "runtime_identifier": "jupyterlab"}
    query = {"search_filter": json.dumps(named), "sort": "-runtime_identifier"}
    found = world.ok("GET", "/runtimes", "ListRuntimesResponse", params=query)["runtimes"]
    assert [row["image_identifier"] for row in found] == [RUNTIME]


# files


@pytest.fixture(params=["memory", "folder"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    if request.param == "memory":
        return World()
    from controller.emulator.server import home_tree

    return World(new_tree=lambda project_id: home_tree(tmp_path, project_id))


def listed(world: World, path: str) -> dict[str, bool]:
    where = f"/projects/{world.project}/files{path}"
    found = world.ok("GET", where, "ListProjectFilesResponse")["files"]
    return {f["path"]: f["is_dir"] for f in found}


def test_a_folder_lists_the_base_names_of_what_is_in_it(world: World) -> None:
    world.upload("lib/deep/x.py")
    world.upload("lib/y.py")
    for root in ("", "/", "/.", "/%2F"):
        assert listed(world, root) == {"app.py": False, "lib": True}
    for path in ("/lib", "/lib/", "/./lib"):
        assert listed(world, path) == {"deep": True, "y.py": False}
    assert listed(world, "/lib%2Fdeep") == {"x.py": False}
    world.refused(404, 5, "GET", f"/projects/{world.project}/files/none")


def test_an_upload_never_overwrites(world: World) -> None:
    for content in (b"1", b"2", b"3"):
        assert world.upload("lib/x.py", content).content == b""
    assert set(listed(world, "/lib")) == {"x.py", "x(1).py", "x(2).py"}
    where = f"/projects/{world.project}/files/lib%2Fx.py:download"
    assert world.call("POST", where).content == b"1"
    where = f"/projects/{world.project}/files/lib/x(1).py:download"
    assert world.call("POST", where).content == b"2"


def test_an_empty_upload_fails(world: World) -> None:
    answer = world.upload("empty.py", b"")
    assert answer.status_code == 500
    assert "EOF" in answer.json()["message"]
    assert "empty.py" not in listed(world, "")


def test_files_are_renamed_and_deleted(world: World) -> None:
    base = f"/projects/{world.project}/files"
    world.upload("lib/x.py", b"1")
    world.upload("lib/y.py", b"22")
    shown = world.ok("PATCH", f"{base}/lib/x.py", "FileInfo", json={"path": "new/z.py"})
    assert shown == {"path": "new/z.py", "is_dir": False, "file_size": "1"}
    world.refused(409, 6, "PATCH", f"{base}/lib/y.py", json={"path": "new/z.py"})
    world.refused(404, 5, "PATCH", f"{base}/none", json={"path": "a"})
    assert world.ok("DELETE", f"{base}/lib", "DeleteProjectFileResponse") == {}
    world.refused(404, 5, "DELETE", f"{base}/lib")
    world.refused(404, 5, "POST", f"{base}/lib/y.py:download")
    assert listed(world, "") == {"app.py": False, "new": True}
    world.refused(400, 3, "DELETE", f"{base}/")


@pytest.mark.parametrize(
    "path", ["%2e%2e/secret", "a/%2e%2e/%2e%2e/secret", "%2e%2e%2fsecret", "a" * 300, "%00"]
)
def test_no_path_leaves_the_home_folder(world: World, path: str) -> None:
    base = f"/projects/{world.project}/files"
    assert world.call("GET", f"{base}/{path}").status_code in {400, 404}
    assert world.call("DELETE", f"{base}/{path}").status_code in {400, 404}
    world.refused(400, 3, "PATCH", f"{base}/app.py", json={"path": "../secret"})
    for name in ("../secret", "/etc/secret", "a/../../secret"):
        assert world.upload(name, b"x").status_code == 400


def test_no_link_leads_out_of_the_home_folder(tmp_path: Path) -> None:
    from controller.emulator.server import home_tree

    world = World(new_tree=lambda project_id: home_tree(tmp_path / "state", project_id))
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("hidden")
    home = tmp_path / "state" / "projects" / world.project
    (home / "out").symlink_to(secret)
    (home / "key").symlink_to(secret / "key")
    (home / ".venv").symlink_to(sys.prefix)
    base = f"/projects/{world.project}/files"
    for method, path in (("GET", "out"), ("GET", ".venv/bin"), ("DELETE", "out/key")):
        world.refused(400, 3, method, f"{base}/{path}")
    for path in ("out/key", "key"):
        world.refused(400, 3, "POST", f"{base}/{path}:download")
    assert world.upload("out/new", b"x").status_code == 400
    world.refused(400, 3, "PATCH", f"{base}/app.py", json={"path": "out/app.py"})
    assert world.ok("DELETE", f"{base}/out", "DeleteProjectFileResponse") == {}
    assert [path.name for path in secret.iterdir()] == ["key"]


# two clients at once


def test_of_two_clients_that_create_the_same_one_wins() -> None:
    world = World()
    results: list[int] = []

    def create(client: httpx.Client) -> None:
        for number in range(20):
            wanted = world.wanted(f"app-{number}")
            results.append(client.post(f"/api/v2{world.apps}", json=wanted).status_code)

    threads = [threading.Thread(target=create, args=(world.as_holder_of("good"),)) for _ in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [200] * 20 + [409] * 20
    assert len(world.names(page_size=100)) == 20


def test_an_answer_shows_each_change_of_a_field() -> None:
    world = World()
    created = world.create()
    record = world.workspace.state.applications[created]
    assert "TOKEN" not in str(world.get(created)["environment"])
    record.environment = {**record.environment, "TOKEN": "1"}
    assert "TOKEN" in str(world.get(created)["environment"])
