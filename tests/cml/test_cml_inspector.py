"""What a check-up asks of CML, and every form in which the answer may come."""

import json
import random
from collections.abc import Callable

import httpx
import pytest
from cml_world import APP, KEY, PROJECT, FakeClock, app, ok, refusal
from pydantic import SecretStr

from controller.cml.classify import server_time
from controller.cml.errors import CmlError, Malformed, NotFound, Unauthorized
from controller.cml.inspector import Inspector
from controller.cml.operations import CallRecord
from controller.core.model.project import Amounts, ProjectSeen, Quota

Handler = Callable[[httpx.Request], httpx.Response]


class World:
    """An inspector on canned answers."""

    def __init__(self, answer: Handler | object) -> None:
        self.requests: list[httpx.Request] = []
        self.calls: list[CallRecord] = []
        self._answer = answer
        self.inspector = Inspector(
            "https://ml-test.example.com",
            SecretStr(KEY),
            clock=FakeClock(),
            random=random.Random(7),
            transport=httpx.MockTransport(self._handle),
            on_call=self.calls.append,
        )

    def _handle(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        return self._answer(request) if callable(self._answer) else ok(self._answer)


def test_the_specification_is_asked_for_without_the_key() -> None:
    world = World({"info": {"version": "26.06.13"}})
    assert world.inspector.describe() == "26.06.13"
    assert "authorization" not in world.requests[0].headers


@pytest.mark.parametrize("body", [{}, {"info": None}, {"info": {"version": 3}}, {"info": []}])
def test_a_specification_without_a_version_is_one_all_the_same(body: object) -> None:
    assert World(body).inspector.describe() == ""


def test_the_key_is_judged_by_the_audience_of_the_api() -> None:
    world = World({"valid": True, "username": "jdoe", "message": "fine"})
    assert world.inspector.key_user() == "jdoe"
    assert json.loads(world.requests[0].content) == {"audience": "API"}
    assert world.calls[0].write is False


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (ok({"valid": False, "message": "no"}), Unauthorized),
        (refusal(403, "audience mismatch"), Unauthorized),
        (refusal(401), Unauthorized),
        (refusal(404), NotFound),
        (httpx.Response(404, text="Not Found\n"), Malformed),
    ],
)
def test_a_key_that_does_not_open_the_api_is_told(
    answer: httpx.Response, error: type[CmlError]
) -> None:
    with pytest.raises(error) as found:
        World(lambda _: answer).inspector.key_user()
    assert KEY not in str(found.value)


@pytest.mark.parametrize(
    ("fields", "memory", "write"),
    [
        ({"shared_memory_limit": 64, "permissions": {"write": True}}, 64, True),
        ({"shared_memory_limit": 0, "permissions": {"write": False}}, 0, False),
        ({"shared_memory_limit": None, "permissions": None}, None, None),
        ({}, None, None),
    ],
)
def test_what_a_project_does_not_say_is_not_made_up(
    fields: dict[str, object], memory: int | None, write: bool | None
) -> None:
    found = World({"id": PROJECT, "name": "demo", **fields}).inspector.inspect_project(PROJECT)
    assert found == ProjectSeen(PROJECT, "demo", memory, write)


def test_applications_are_kept_as_cml_gave_them() -> None:
    one = app(bypass_authentication=True, resource_group_id=3, strange={"a": [1]})
    found = World({"applications": [one, app("other")]}).inspector.whole_list(PROJECT)
    assert found.raw[0] == one
    assert found.seen.complete
    assert found.seen.applications[0].memory == 16
    assert found.open_to_all == {APP}


ROW = {
    "quota_usage": {"cpu": "1.5", "memory": "4", "nvidia_gpu": "0"},
    "quota_configured": {"cpu": "8", "memory": "32", "nvidia_gpu": "0"},
}
SAID = Quota(Amounts(8.0, 32.0, 0.0), Amounts(1.5, 4.0, 0.0))


@pytest.mark.parametrize(
    "user", ["jdoe", {"username": "jdoe"}, {"user_name": "jdoe"}, {"name": "jdoe"}]
)
def test_a_quota_is_found_however_its_user_is_written(user: object) -> None:
    rows = [{"user": "somebody", **ROW}, {"user": user, **ROW}]
    assert World({"user_quota": rows}).inspector.quota("jdoe") == SAID


@pytest.mark.parametrize("body", [{}, {"user_quota": None}, {"user_quota": [{"user": "kim"}]}])
def test_no_quota_of_the_user_is_none(body: object) -> None:
    assert World(body).inspector.quota("jdoe") is None


@pytest.mark.parametrize("text", ["", "0", "-1", None, "unlimited", "nan", "inf", [], {}])
def test_a_bound_that_says_nothing_is_no_bound(text: object) -> None:
    row = {"user": "jdoe", "quota_configured": {"cpu": text, "memory": text}}
    found = World({"user_quota": [row]}).inspector.quota("jdoe")
    assert found == Quota(Amounts(), Amounts())


def test_the_largest_node_is_one_that_applications_may_use() -> None:
    groups = [
        {"cpu_count": 8, "memory_in_gib": 32, "gpu_count": "0", "allow_applications": True},
        {"cpu_count": 4, "memory_in_gib": 64, "gpu_count": "2"},
        {"cpu_count": 96, "memory_in_gib": 999, "gpu_count": "8", "allow_applications": False},
    ]
    found = World({"resource_group": groups}).inspector.largest_node()
    assert found == Amounts(8.0, 64.0, 2.0)
    assert World({"resource_group": []}).inspector.largest_node() == Amounts()


def test_gpus_of_one_application_are_those_of_the_best_label() -> None:
    labels = [{"max_gpu_per_workload": "2"}, {"max_gpu_per_workload": "4"}, {}]
    assert World({"accelerator_node_label": labels}).inspector.gpus_of_one() == 4.0
    assert World({"accelerator_node_label": None}).inspector.gpus_of_one() is None


def test_each_call_tells_what_time_the_server_says() -> None:
    date = "Mon, 02 Mar 2026 12:00:07 GMT"
    world = World(lambda _: httpx.Response(200, json={"projects": []}, headers={"Date": date}))
    world.inspector.ping()
    told = server_time(world.calls[0].date)
    assert told is not None
    assert told.isoformat() == "2026-03-02T12:00:07+00:00"


@pytest.mark.parametrize("date", ["", "soon", "Mon, 99 Mar 2026 12:00:07 GMT", "0" * 400])
def test_a_date_that_cannot_be_read_is_none(date: str) -> None:
    assert server_time(date) is None
