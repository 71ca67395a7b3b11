"""The JSON API: the documents of the command line, as its own description says, and orders."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from controller.core.model.json_object import fields_of
from controller.core.status.documents import plan_json, status_json
from controller.core.status.snapshot import SourceState
from tests.web import boards
from tests.web.pages import TOKEN, Web

BEARER = {"Authorization": f"Bearer {TOKEN}"}
READS = (
    "/api/v1/status",
    "/api/v1/clusters",
    "/api/v1/clusters/training",
    "/api/v1/plan",
    "/api/v1/events",
    "/api/v1/source",
    "/api/v1/loop",
)
ORDERS: dict[str, tuple[tuple[str, ...], dict[str, str] | None]] = {
    "/api/v1/reconcile": (("wake",), None),
    "/api/v1/clusters/training/pause": (
        ("pause", "training", "moving the data", "2h"),
        {"reason": "moving the data", "until": "2h"},
    ),
    "/api/v1/clusters/training/unpause": (("unpause", "training"), None),
    f"/api/v1/revisions/{boards.NEWER}/approve": (("approve", boards.NEWER), None),
}


@pytest.fixture
def web() -> Web:
    return Web(boards.busy())


def read(web: Web, path: str) -> Any:
    answer = web.client.get(path)
    assert answer.status_code == 200
    assert answer.mimetype == "application/json"
    return answer.get_json()


def url(name: str) -> str:
    return f"https://{name}.{boards.DOMAIN}/"


def test_the_status_is_the_document_of_the_command_line(web: Web) -> None:
    assert web.snapshot.status is not None
    assert read(web, "/api/v1/status") == fields_of(status_json(web.snapshot.status, url))


def test_the_clusters_are_those_of_the_status(web: Web) -> None:
    clusters = read(web, "/api/v1/status")["clusters"]
    assert read(web, "/api/v1/clusters") == {"clusters": clusters}
    assert read(web, "/api/v1/clusters/training") == clusters[-1]


def test_the_plan_is_the_document_of_the_command_line(web: Web) -> None:
    assert read(web, "/api/v1/plan") == fields_of(plan_json(web.snapshot.plan, boards.REVISION))


def test_fields_stand_in_the_order_of_the_manual(web: Web) -> None:
    text = web.client.get("/api/v1/plan").get_data(as_text=True)
    fields = ["schema", "revision", "steps", "waits", "complete", "summary"]
    places = [text.index(f'"{name}"') for name in fields]
    assert places == sorted(places)


def test_events_are_the_latest_first_and_can_be_chosen(web: Web) -> None:
    found = read(web, "/api/v1/events")["events"]
    assert [e["reason"] for e in found][:2] == ["RevisionHeld", "Create"]
    assert len(found) == len(boards.EVENTS)
    chosen = read(web, "/api/v1/events?cluster=fraud-scoring")["events"]
    assert {e["cluster"] for e in chosen} == {"fraud-scoring"}
    assert len(chosen) == 2
    assert len(read(web, "/api/v1/events?limit=1")["events"]) == 1


@pytest.mark.parametrize("limit", ["0", "-1", "1001", "x", "1.5", "9" * 40, "²"])
def test_a_limit_out_of_bounds_is_refused(web: Web, limit: str) -> None:
    answer = web.client.get("/api/v1/events", query_string={"limit": limit})
    assert answer.status_code == 400
    assert answer.get_json()["error"]["reason"] == "BadLimit"


def test_the_source_and_the_loop_say_how_they_stand(web: Web) -> None:
    source = read(web, "/api/v1/source")
    assert source["revision"] == boards.REVISION
    assert source["held"]["revision"] == boards.NEWER
    assert source["problems"] == list(boards.PROBLEMS)
    loop = read(web, "/api/v1/loop")
    assert (loop["passes"], loop["leads"]) == (812, True)
    assert loop["ended_at"] == "2026-03-01T11:59:57+00:00"


@pytest.mark.parametrize("path", READS[:4])
def test_before_the_first_pass_nothing_known_is_not_told_as_no_clusters(path: str) -> None:
    answer = Web(boards.first()).client.get(path)
    assert answer.status_code == 503
    assert answer.get_json()["error"]["reason"] == "NotLooked"
    assert answer.headers["Retry-After"] == "5"


def test_an_unknown_cluster_is_told_as_such(web: Web) -> None:
    answer = web.client.get("/api/v1/clusters/nope")
    assert answer.status_code == 404
    assert answer.get_json()["error"]["reason"] == "NoSuchCluster"


@pytest.mark.parametrize(
    ("method", "path", "status", "reason"),
    [
        ("GET", "/api/v1/nothing", 404, "NotFound"),
        ("DELETE", "/api/v1/status", 405, "MethodNotAllowed"),
        ("GET", "/api/v1/reconcile", 405, "MethodNotAllowed"),
    ],
)
def test_errors_are_json_with_a_reason(
    web: Web, method: str, path: str, status: int, reason: str
) -> None:
    answer = web.client.open(path, method=method)
    assert answer.status_code == status
    error = answer.get_json()["error"]
    assert set(error) == {"reason", "message"}
    assert error["reason"] == reason


def test_half_a_character_is_escaped(web: Web) -> None:
    web.snapshot = replace(web.snapshot, source=SourceState("\ud800"))
    assert b'"\\ud800"' in web.client.get("/api/v1/source").data


# Orders


@pytest.mark.parametrize("path", ORDERS)
def test_a_program_with_the_token_orders(web: Web, path: str) -> None:
    wanted, body = ORDERS[path]
    answer = web.client.post(path, headers=BEARER, json=body)
    assert (answer.status_code, answer.get_json()) == (202, {"accepted": True})
    assert web.orders.heard == [wanted]


def test_the_token_may_come_in_a_header_of_ours_where_a_proxy_takes_the_other(web: Web) -> None:
    headers = {"Authorization": "Bearer a-key-of-cml", "X-Raycml-Token": TOKEN}
    assert web.client.post("/api/v1/reconcile", headers=headers).status_code == 202


@pytest.mark.parametrize("path", ORDERS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": "Bearer"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"X-Raycml-Token": "wrong", "Authorization": f"Bearer {TOKEN}"},
    ],
)
def test_without_the_token_nothing_is_ordered(web: Web, path: str, headers: dict[str, str]) -> None:
    answer = web.client.post(path, headers=headers, json=ORDERS[path][1])
    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert web.orders.heard == []


def test_a_session_of_the_page_is_no_token_of_the_api(web: Web) -> None:
    web.sign_in()
    assert web.client.post("/api/v1/reconcile").status_code == 401


@pytest.mark.parametrize("path", ORDERS)
def test_without_a_configured_token_the_api_is_read_only(path: str) -> None:
    web = Web(boards.busy(), token="")
    answer = web.client.post(path, headers={"Authorization": "Bearer "}, json=ORDERS[path][1])
    assert answer.status_code == 403
    assert "RAYCML_WEB_TOKEN" in answer.get_json()["error"]["message"]
    assert web.orders.heard == []


def test_guesses_are_bounded_within_a_minute(web: Web) -> None:
    wrong = {"Authorization": "Bearer wrong"}
    found = [web.client.post("/api/v1/reconcile", headers=wrong).status_code for _ in range(12)]
    assert found == [401] * 10 + [429] * 2
    web.clock.forward(61)
    assert web.client.post("/api/v1/reconcile", headers=wrong).status_code == 401


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"{}", 409),
        (b'{"reason": 1}', 400),
        (b'{"reason": "x", "until": []}', 400),
        (b"[]", 400),
        (b"{", 400),
        (b"\xff\xfe", 400),
    ],
)
def test_a_pause_that_is_not_understood_orders_nothing(web: Web, body: bytes, status: int) -> None:
    headers = {**BEARER, "Content-Type": "application/json"}
    answer = web.client.post("/api/v1/clusters/training/pause", headers=headers, data=body)
    assert answer.status_code == status
    assert set(answer.get_json()["error"]) == {"reason", "message"}
    assert web.orders.heard == []


def test_a_body_that_is_not_json_is_refused_as_such(web: Web) -> None:
    answer = web.client.post(
        "/api/v1/clusters/training/pause", headers=BEARER, data={"reason": "x"}
    )
    assert answer.status_code == 415


def test_what_cannot_be_done_is_told_with_the_words_of_the_controller(web: Web) -> None:
    web.orders.refusal = "this revision no longer needs approval"
    answer = web.client.post(f"/api/v1/revisions/{boards.NEWER}/approve", headers=BEARER)
    assert answer.status_code == 409
    assert answer.get_json() == {"error": {"reason": "OrderRefused", "message": web.orders.refusal}}


# The description


@pytest.fixture(scope="module")
def described() -> Any:
    return read(Web(boards.calm()), "/api/v1/openapi.json")


def test_the_description_is_openapi(described: Any) -> None:
    assert described["openapi"] == "3.1.0"
    OpenAPIV31SpecValidator(described).validate()


def test_the_description_has_every_route_and_no_other(described: Any) -> None:
    rules = [r for r in Web(boards.calm()).app.url_map.iter_rules() if "/api/" in r.rule]
    served = {
        (re.sub(r"<(\w+)>", r"{\1}", r.rule), method.lower())
        for r in rules
        for method in (r.methods or set()) - {"HEAD", "OPTIONS"}
    }
    told = {(p, m) for p, found in described["paths"].items() for m in found if m != "parameters"}
    assert told == served


@pytest.mark.parametrize("make", [boards.busy, boards.calm, boards.first])
@pytest.mark.parametrize("path", READS)
def test_every_answer_is_as_described(described: Any, path: str, make: Any) -> None:
    board = make()
    answer = Web(board).client.get(path)
    rule = path.replace("/training", "/{name}")
    schema = _schema(described, rule, "get", answer.status_code)
    assert list(_faults(described, schema, answer.get_json())) == []


@pytest.mark.parametrize("path", ORDERS)
def test_every_order_and_refusal_is_as_described(described: Any, path: str, web: Web) -> None:
    rule = path.replace("/training", "/{name}").replace(boards.NEWER, "{revision}")
    for headers in (BEARER, {}):
        answer = web.client.post(path, headers=headers, json=ORDERS[path][1])
        schema = _schema(described, rule, "post", answer.status_code)
        assert list(_faults(described, schema, answer.get_json())) == []


def test_the_description_would_see_a_field_that_it_does_not_know(described: Any, web: Web) -> None:
    body = read(web, "/api/v1/loop")
    schema = _schema(described, "/api/v1/loop", "get", 200)
    assert list(_faults(described, schema, {**body, "more": 1}))


def _schema(described: Any, rule: str, method: str, status: int) -> Any:
    answers = described["paths"][rule][method]["responses"]
    return answers[str(status)]["content"]["application/json"]["schema"]


def _faults(described: Any, schema: Any, body: object) -> Iterator[str]:
    whole = {**schema, "components": described["components"]}
    judge = jsonschema.Draft202012Validator(
        whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return (f"{list(e.absolute_path)}: {e.message}" for e in judge.iter_errors(body))


def test_no_document_holds_an_address_that_is_not_of_the_web(web: Web) -> None:
    web.snapshot = replace(web.snapshot, urls={"ray-training-head": "javascript:alert(1)"})
    assert read(web, "/api/v1/clusters/training")["url"] == ""
