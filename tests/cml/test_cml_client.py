"""What the client asks of CML and what it makes of the answers."""

import json
from email.parser import BytesParser

import httpx
import pytest
from cml_world import APP, PROJECT, World, app, configuration, ok, refusal
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.cml.client import Client
from controller.cml.errors import (
    CmlError,
    Malformed,
    NotFound,
    Rejected,
    Unauthorized,
    Unavailable,
    Unknown,
)
from controller.core.model.observed import Phase

IDS = [f"aaaa-bbbb-cccc-{n:04d}" for n in range(9)]


def page(*items: object, token: str = "") -> httpx.Response:
    return ok({"applications": list(items), "next_page_token": token})


def test_a_list_follows_its_tokens_with_the_same_parameters() -> None:
    world = World([page(app(IDS[0]), token="t1"), page(app(IDS[1]), token="t2"), page(app(IDS[2]))])
    seen = world.client.list_applications(PROJECT)
    assert seen.complete
    assert [a.id for a in seen.applications] == IDS[:3]
    usual = {"page_size": "100", "sort": "created_at"}
    queries = [dict(r.url.params) for r in world.requests]
    assert queries == [usual, usual | {"page_token": "t1"}, usual | {"page_token": "t2"}]


def test_a_list_of_nothing_is_complete() -> None:
    for nothing in ({}, {"applications": None}, {"applications": [], "next_page_token": None}):
        assert World([ok(nothing)]).client.list_applications(PROJECT).complete


def test_a_token_that_comes_again_makes_a_list_incomplete_and_ends_it() -> None:
    world = World([page(app(IDS[0]), token="t"), page(app(IDS[1]), token="t")])
    seen = world.client.list_applications(PROJECT)
    assert not seen.complete
    assert len(world.requests) == 2
    assert len(seen.applications) == 2


def test_an_application_listed_twice_is_kept_once_and_makes_the_list_incomplete() -> None:
    world = World([page(app(IDS[0], name="first"), token="t"), page(app(IDS[0]), app(IDS[1]))])
    seen = world.client.list_applications(PROJECT)
    assert not seen.complete
    assert [a.name for a in seen.applications] == ["first", "ray-demo-head"]


@pytest.mark.parametrize(
    "broken",
    [
        {"name": "x"},
        {"id": ""},
        {"id": None},
        None,
        7,
        [],
        app(cpu="many"),
        app(memory=1e400),
        app(nvidia_gpu=0.5),
        app(subdomain={}),
    ],
)
def test_an_item_that_cannot_be_read_makes_a_list_incomplete_and_hides_no_other(
    broken: object,
) -> None:
    body = json.dumps({"applications": [app(IDS[0]), broken, app(IDS[1])]})
    seen = World([httpx.Response(200, text=body)]).client.list_applications(PROJECT)
    assert not seen.complete
    assert [a.id for a in seen.applications] == IDS[:2]


def test_a_list_without_end_is_cut_and_incomplete() -> None:
    count = iter(range(10_000))
    world = World(lambda _: page(token=f"t{next(count)}"))
    assert not world.client.list_applications(PROJECT).complete
    assert len(world.requests) == 1000


def test_a_page_that_fails_fails_the_list() -> None:
    world = World([page(app(IDS[0]), token="t"), refusal(502)])
    with pytest.raises(Unavailable):
        world.client.list_applications(PROJECT)


@pytest.mark.parametrize(
    "body",
    [{"error": "x", "code": 13, "message": "x"}, {"applications": {}}, {"next_page_token": 7}],
)
def test_an_answer_that_is_no_page_fails_the_list(body: object) -> None:
    with pytest.raises(Malformed):
        World([ok(body)]).client.list_applications(PROJECT)


def test_an_application_is_read_as_cml_writes_it() -> None:
    seen = World([ok(app())]).client.get_application(PROJECT, APP)
    assert (seen.id, seen.project, seen.phase) == (APP, PROJECT, Phase.RUNNING)
    assert seen.environment == {"A": "1", "PATHS": "/x/y"}
    assert (seen.cpu, seen.memory, seen.gpu) == (4.0, 16.0, 0)
    assert seen.running_at is not None
    assert seen.stopped_at is None


def test_a_create_sends_an_object_as_environment_and_never_asks_for_public_access() -> None:
    world = World([ok(app())])
    world.client.create_application(PROJECT, configuration(gpu=1, environment={"A": "1"}))
    body = world.body()
    assert body["environment"] == {"A": "1"}
    assert body["bypass_authentication"] is False
    assert (body["nvidia_gpu"], body["project_id"], body["memory"]) == (1, PROJECT, 16.0)


def test_an_update_sends_text_as_environment_and_only_what_was_asked() -> None:
    world = World([ok(app())])
    fields = {"environment": {"B": "2", "A": "1"}, "gpu": 0}
    world.client.update_application(PROJECT, APP, fields)
    assert world.body(0) == {"environment": '{"A":"1","B":"2"}', "nvidia_gpu": 0}


def test_an_update_answers_with_what_a_get_says_not_with_what_the_patch_said() -> None:
    world = World([ok(app(cpu=8)), ok(app(cpu=4))])
    assert world.client.update_application(PROJECT, APP, {"cpu": 8.0}).cpu == 4.0
    assert [r.method for r in world.requests] == ["PATCH", "GET"]


def test_an_update_that_cannot_be_read_back_is_unknown() -> None:
    with pytest.raises(Unknown, match="not confirmed"):
        World([ok({}), refusal(502)]).client.update_application(PROJECT, APP, {"cpu": 8.0})


def test_an_update_after_which_the_key_is_refused_says_so() -> None:
    with pytest.raises(Unauthorized):
        World([ok({}), refusal(401)]).client.update_application(PROJECT, APP, {"cpu": 8.0})


@pytest.mark.parametrize("fields", [{}, {"color": "red"}, {"gpu": "1"}, {"environment": {"A": 1}}])
def test_fields_that_no_configuration_has_are_a_mistake_of_ours(fields: dict[str, object]) -> None:
    world = World([ok(app())])
    with pytest.raises((ValueError, TypeError)):
        world.client.update_application(PROJECT, APP, fields)
    assert world.requests == []


def test_verbs_are_joined_with_a_colon() -> None:
    world = World([ok({})])
    world.client.restart_application(PROJECT, APP)
    world.client.stop_application(PROJECT, APP)
    ends = [r.url.path.rsplit("/", 1)[1] for r in world.requests]
    assert ends == [f"{APP}:restart", f"{APP}:stop"]


@pytest.mark.parametrize("answer", [ok({}), httpx.Response(202), httpx.Response(204), refusal(404)])
def test_a_delete_is_done_when_the_application_is_gone(answer: httpx.Response) -> None:
    World([answer]).client.delete_application(PROJECT, APP)


def test_a_delete_on_a_server_that_knows_no_such_path_is_not_done() -> None:
    with pytest.raises(Malformed):
        World([httpx.Response(404, text="Not Found")]).client.delete_application(PROJECT, APP)


@pytest.mark.parametrize("strange", ["", ".", "..", "a\nb"])
def test_an_id_that_would_name_something_else_is_never_sent(strange: str) -> None:
    world = World([ok({})])
    with pytest.raises(Rejected):
        world.client.delete_application(PROJECT, strange)
    with pytest.raises(Rejected):
        world.client.delete_application(strange, APP)
    assert world.requests == []


def test_an_id_with_slashes_stays_one_segment() -> None:
    world = World([ok({})])
    world.client.delete_application(PROJECT, "../../x?y#z")
    assert world.requests[0].url.raw_path.endswith(b"/applications/..%2F..%2Fx%3Fy%23z")


def project(pid: str, name: str) -> dict[str, object]:
    return {"id": pid, "name": name, "owner": {"username": "jdoe"}}


def test_a_project_is_found_by_its_id() -> None:
    world = World([ok(project(PROJECT, "fraud"))])
    assert world.client.projects.find(PROJECT).name == "fraud"
    assert world.requests[0].url.path.endswith(f"/projects/{PROJECT}")


def test_a_project_is_found_by_its_exact_name_among_those_that_contain_it() -> None:
    found = {"projects": [project(IDS[0], "fraud-old"), project(PROJECT, "fraud")]}
    world = World([ok(found)])
    assert world.client.projects.find("fraud").id == PROJECT
    assert json.loads(world.requests[0].url.params["search_filter"]) == {"name": "fraud"}


def test_a_name_that_looks_like_an_id_is_still_a_name() -> None:
    world = World([refusal(404), ok({"projects": [project(IDS[0], PROJECT)]})])
    assert world.client.projects.find(PROJECT).id == IDS[0]


def test_a_project_that_is_not_there_comes_with_a_remedy() -> None:
    with pytest.raises(NotFound, match="check the name"):
        World([ok({"projects": [project(IDS[0], "Fraud")]})]).client.projects.find("fraud")


def test_a_name_of_several_projects_asks_for_the_id() -> None:
    body = {"projects": [project(IDS[0], "fraud"), project(IDS[1], "fraud")]}
    with pytest.raises(Rejected, match="give the ID") as caught:
        World([ok(body)]).client.projects.find("fraud")
    assert IDS[0] in str(caught.value)


def test_no_project_is_chosen_from_a_torn_list() -> None:
    body = {"projects": [project(PROJECT, "fraud"), {"name": "fraud"}]}
    with pytest.raises(Unavailable):
        World([ok(body)]).client.projects.find("fraud")


def test_runtimes_are_listed_with_their_status() -> None:
    body = {"runtimes": [{"image_identifier": "image:1", "status": "ENABLED", "kernel": "Python"}]}
    (runtime,) = World([ok(body)]).client.list_runtimes()
    assert (runtime.identifier, runtime.status, runtime.kernel) == ("image:1", "ENABLED", "Python")


def test_sizes_of_files_travel_as_text() -> None:
    files = [{"path": "a.py", "is_dir": False, "file_size": "4821"}, {"path": "d/", "is_dir": True}]
    seen = World([ok({"files": files})]).client.list_files(PROJECT, "cai")
    assert [(e.name, e.is_dir, e.size) for e in seen] == [("a.py", False, 4821), ("d", True, 0)]


def test_the_home_is_listed_in_whichever_spelling_the_server_knows() -> None:
    world = World([refusal(404), ok({"files": []})])
    assert world.client.list_files(PROJECT, "") == ()
    assert [r.url.raw_path.split(b"/files")[1] for r in world.requests] == [b"/", b"/%2F"]


def test_a_folder_with_an_unreadable_entry_is_not_taken_for_one_without_it() -> None:
    with pytest.raises(Malformed):
        World([ok({"files": [{"path": "a"}, {"is_dir": True}]})]).client.list_files(PROJECT, "d")


def test_an_upload_names_its_form_field_after_the_destination() -> None:
    world = World([httpx.Response(200)])
    world.client.upload(PROJECT, ".raycml/launchers/demo/a.py", b"print(1)\n")
    request = world.requests[0]
    head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
    (part,) = BytesParser().parsebytes(head + request.content).get_payload()
    assert request.url.path.endswith(f"/projects/{PROJECT}/files")
    assert part.get_param("name", header="content-disposition") == ".raycml/launchers/demo/a.py"
    assert part.get_param("filename", header="content-disposition") == "a.py"
    assert part.get_payload(decode=True) == b"print(1)\n"


def test_an_empty_answer_is_no_sign_in_page_whatever_type_it_claims() -> None:
    world = World([httpx.Response(200, headers={"content-type": "text/html; charset=utf-8"})])
    world.client.upload(PROJECT, "a.py", b"x")


def test_nothing_is_never_uploaded() -> None:
    world = World([httpx.Response(200)])
    with pytest.raises(Rejected, match="empty"):
        world.client.upload(PROJECT, "a.py", b"")
    assert world.requests == []


@pytest.mark.parametrize("path", ["/etc/passwd", "../a", "a/../b", "a//b", "", "a\x00b", "a\\b"])
def test_a_path_outside_the_project_is_never_sent(path: str) -> None:
    world = World([httpx.Response(200)])
    for call in (world.client.download, world.client.delete_file):
        with pytest.raises(Rejected):
            call(PROJECT, path)
    with pytest.raises(Rejected):
        world.client.upload(PROJECT, path, b"x")
    assert world.requests == []


@pytest.mark.parametrize("status", [400, 404])
def test_a_file_that_is_absent_is_as_good_as_deleted(status: int) -> None:
    World([refusal(status)]).client.delete_file(PROJECT, "a.py")


def test_a_file_that_may_not_be_deleted_is_an_error() -> None:
    for status in (401, 409, 422):
        with pytest.raises(CmlError):
            World([refusal(status)]).client.delete_file(PROJECT, "a.py")


@pytest.mark.parametrize("answer", [ok({}), ok({"info": {"version": 7}})])
def test_a_server_that_tells_no_version_has_none(answer: httpx.Response) -> None:
    assert World([answer]).client.describe() == ""


@pytest.mark.parametrize("answer", [refusal(404), httpx.Response(404, text="Not Found")])
def test_a_server_without_a_description_says_so(answer: httpx.Response) -> None:
    with pytest.raises((NotFound, Malformed)):
        World([answer]).client.describe()


def test_an_applications_address_is_its_subdomain_before_the_workspaces_own() -> None:
    assert World([ok({})]).client.application_url("ray-demo-head") == (
        "https://ray-demo-head.ml-test.example.com"
    )


READS = [
    lambda c: c.list_applications(PROJECT),
    lambda c: c.get_application(PROJECT, APP),
    lambda c: c.create_application(PROJECT, configuration()),
    lambda c: c.update_application(PROJECT, APP, {"cpu": 1.0}),
    lambda c: c.stop_application(PROJECT, APP),
    lambda c: c.delete_application(PROJECT, APP),
    lambda c: c.projects.find("fraud"),
    lambda c: c.projects.find(PROJECT),
    lambda c: c.list_runtimes(),
    lambda c: c.list_files(PROJECT, "a"),
    lambda c: c.download(PROJECT, "a"),
    lambda c: c.upload(PROJECT, "a", b"x"),
    lambda c: c.delete_file(PROJECT, "a"),
    lambda c: c.describe(),
]

FIELDS = [
    *("id", "name", "applications", "projects", "runtimes", "files", "next_page_token", "path"),
    *("info", "version", "environment", "status", "file_size", "error", "message", "code", "cpu"),
    *("nvidia_gpu", "owner", "image_identifier"),
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(FIELDS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)
BODIES = st.binary(max_size=300) | JSON.map(lambda value: json.dumps(value).encode())
KINDS = st.sampled_from(["application/json", "text/html", "text/plain; charset=x", "", "a/b;;"])


@settings(max_examples=400, deadline=None)
@given(
    call=st.sampled_from(READS),
    status=st.integers(200, 599),
    kind=KINDS,
    extra=st.dictionaries(
        st.sampled_from(["retry-after", "content-encoding", "location"]),
        st.text("0123456789 abgzip/:", max_size=12),
    ),
    body=BODIES,
)
def test_whatever_a_server_says_the_client_answers_or_raises_a_cml_error(
    call: object, status: int, kind: str, extra: dict[str, str], body: bytes
) -> None:
    def handler(_: httpx.Request) -> httpx.Response:
        headers = {"content-type": kind} | extra
        # A stream, so that decoding happens where it does in life: while the client reads.
        return httpx.Response(status, headers=headers, stream=httpx.ByteStream(body))

    world = World(handler)
    assert isinstance(world.client, Client)
    said = ""
    try:
        call(world.client)  # type: ignore[operator]  # one of the calls above
    except CmlError as error:
        said = str(error)
    assert said == "" or (said.isprintable() and len(said) < 700)
