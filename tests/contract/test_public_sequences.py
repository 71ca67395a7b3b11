"""Sequences of calls that published tools make, in their order, as plain HTTP.

A row is a call and what the tool takes from the answer.  `{name}` in a path or a body stands for
what an earlier row took; a row without a path lets time pass.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from test_story import KEY, LOOPBACK, StepClock, workspace

from controller.emulator.api.wsgi import create_app
from controller.emulator.options import ApiKey, Options


@dataclass(frozen=True)
class Row:
    """A call: the answer has this status, and holds these values at these places.

    An object stands for JSON in text.  `take` names places whose values later rows use.
    """

    method: str
    path: str = ""
    status: int = 200
    json: Mapping[str, Any] | None = None
    files: Mapping[str, bytes] | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    shows: Mapping[str, object] = field(default_factory=dict)
    take: Mapping[str, str] = field(default_factory=dict)


WAIT = Row("WAIT")
IMAGE = {"image": "runtimes.0.image_identifier"}
PYTHON = {"search_filter": json.dumps({"kernel": "Python 3.11", "status": "ENABLED"})}
WEB = b"import http.server"

# Calls of a command line client: queries in camel case, no body with verbs and deletions.
COMMAND_LINE = (
    Row("POST", "/auth/validate_key", json={"audience": "API"}, shows={"valid": True}),
    Row("GET", "/projects", query={"pageSize": "100", "searchFilter": '{"name":"own"}'}),
    Row("POST", "/projects", json={"name": "own", "template": "blank"}, take={"project": "id"}),
    Row("GET", "/projects/{project}/files/", shows={"files": []}),
    Row("POST", "/projects/{project}/files", files={"app.py": WEB}),
    Row("GET", "/projects/{project}/files/%2F", shows={"files.0.path": "app.py"}),
    Row("POST", "/projects/{project}/files/app.py:download"),
    Row("GET", "/runtimes", query={"searchFilter": PYTHON["search_filter"]}, take=IMAGE),
    Row(
        "POST",
        "/projects/{project}/jobs",
        json={"name": "nightly", "script": "app.py", "runtime_identifier": "{image}"},
        take={"job": "id"},
    ),
    Row("POST", "/projects/{project}/jobs/{job}/runs", take={"run": "id"}),
    WAIT,
    Row("GET", "/projects/{project}/jobs/{job}/runs/{run}", shows={"status": "ENGINE_RUNNING"}),
    Row("POST", "/projects/{project}/jobs/{job}/runs/{run}:stop"),
    WAIT,
    Row("GET", "/projects/{project}/jobs/{job}/runs", shows={"job_runs.0.id": "{run}"}),
    Row(
        "POST",
        "/projects/{project}/applications",
        json={
            "name": "web",
            "subdomain": "web",
            "script": "app.py",
            "runtime_identifier": "{image}",
            "bypass_authentication": True,
        },
        take={"app": "id"},
    ),
    WAIT,
    Row("POST", "/projects/{project}/applications/{app}:restart"),
    WAIT,
    Row("POST", "/projects/{project}/applications/{app}:stop"),
    WAIT,
    Row("GET", "/projects/{project}/applications/{app}", shows={"status": "APPLICATION_STOPPED"}),
    Row("GET", "/workloads/executions", 403, shows={"code": 7}),
    Row("GET", "/workloadtypes", shows={"workload_type.0": "application"}),
    Row("DELETE", "/projects/{project}/applications/{app}"),
    Row("DELETE", "/projects/{project}"),
)

# Calls of a notebook that shows the API: a project of a template, jobs that follow each other.
NOTEBOOK = (
    Row(
        "POST",
        "/projects",
        json={"name": "demo", "template": "Python", "default_project_engine_type": "ml_runtime"},
        shows={"creation_status": "success"},
        take={"project": "id"},
    ),
    Row(
        "GET",
        "/projects",
        query={"search_filter": '{"name":"demo"}'},
        shows={"projects.0.name": "demo"},
    ),
    Row(
        "PATCH",
        "/projects/{project}",
        json={"description": "shown"},
        shows={"description": "shown"},
    ),
    Row("GET", "/runtimes", query=PYTHON, take=IMAGE),
    Row(
        "POST",
        "/projects/{project}/jobs",
        json={
            "project_id": "{project}",
            "name": "parent",
            "script": "example.py",
            "cpu": 1.0,
            "memory": 2.0,
            "runtime_identifier": "{image}",
        },
        take={"parent": "id"},
    ),
    Row(
        "POST",
        "/projects/{project}/jobs",
        json={
            "name": "child",
            "script": "example.py",
            "runtime_identifier": "{image}",
            "parent_job_id": "{parent}",
            "timeout": 600,
            "environment": {"A": "1"},
        },
        shows={"parent_id": "{parent}", "timeout": "600", "environment": {"A": "1"}},
    ),
    Row("POST", "/projects/{project}/jobs/{parent}/runs", json={}, take={"run": "id"}),
    WAIT,
    Row("POST", "/projects/{project}/jobs/{parent}/runs/{run}:stop", json={}),
    Row("GET", "/jobs", query={"page_size": "100"}, shows={"jobs.1.name": "child"}),
    Row("GET", "/projectnames", shows={"project_names.1": "demo"}),
    Row(
        "POST",
        "/projects/{project}/applications",
        json={
            "name": "app",
            "subdomain": "app",
            "script": "example.py",
            "cpu": 1,
            "runtime_identifier": "{image}",
            "environment": {"A": "1"},
        },
        take={"app": "id"},
    ),
    Row(
        "PATCH",
        "/projects/{project}/applications/{app}",
        json={"id": "{app}", "memory": 4, "environment": '{"A": "2"}'},
        shows={"memory": 4, "environment": {"A": "2"}},
    ),
    Row("POST", "/projects/{project}/models", 501, json={"name": "m"}, shows={"code": 12}),
    Row("DELETE", "/projects/{project}/applications/{app}", json={}),
    Row("DELETE", "/projects/{project}/jobs/{parent}", json={}),
)

# Calls of a server of tools for assistants: people and names, and a stop before each restart.
TOOLS = (
    Row("GET", "/projects", query={"page_size": "1000"}, take={"project": "projects.0.id"}),
    Row(
        "GET",
        "/projects/batch",
        query={"project_ids": "{project}"},
        shows={"projects.0.id": "{project}"},
    ),
    Row("PUT", "/projects/{project}/collaborators/jdoe", json={"permission": "admin"}),
    Row("GET", "/projects/{project}/collaborators", shows={"collaborators.0.permission": "admin"}),
    Row("DELETE", "/projects/{project}/collaborators/jdoe"),
    Row("POST", "/projects/{project}/files", files={"app.py": WEB}),
    Row("GET", "/runtimes", query=PYTHON, take=IMAGE),
    Row(
        "POST",
        "/projects/{project}/applications",
        json={
            "name": "tool",
            "subdomain": "tool",
            "script": "app.py",
            "runtime_identifier": "{image}",
            "environment_variables": {"LOST": "1"},
        },
        shows={"environment": {}},
        take={"app": "id"},
    ),
    WAIT,
    Row("POST", "/projects/{project}/applications/{app}:stop"),
    WAIT,
    Row("POST", "/projects/{project}/applications/{app}:restart"),
    WAIT,
    Row("GET", "/projects/{project}/applications/{app}", shows={"status": "APPLICATION_RUNNING"}),
    Row("GET", "/workloadstatus"),
    Row("GET", "/usersquota"),
    Row("GET", "/groupsquota"),
    Row("GET", "/projects/{project}/machineusers"),
    Row("GET", "/registry/models", 501, shows={"code": 12}),
)


def filled(value: Any, taken: Mapping[str, str]) -> Any:
    """The value, with what earlier rows took."""
    if isinstance(value, str):
        for name, text in taken.items():
            value = value.replace("{" + name + "}", text)
        return value
    if isinstance(value, Mapping):
        return {key: filled(inner, taken) for key, inner in value.items()}
    return value


def at(body: Any, place: str) -> Any:
    for part in place.split("."):
        body = body[int(part) if part.isdigit() else part]
    return body


@pytest.mark.parametrize(
    "rows", [COMMAND_LINE, NOTEBOOK, TOOLS], ids=["command line", "notebook", "tools"]
)
def test_the_sequence_of_a_public_tool_goes_through(rows: Sequence[Row]) -> None:
    clock = StepClock()
    there = workspace(clock, Options(start_s=1, stop_s=2, delete_s=3), starts_in_s=1)
    transport = httpx.WSGITransport(create_app(there, {KEY: ApiKey(KEY)}))
    headers = {"Authorization": f"Bearer {KEY}"}
    taken: dict[str, str] = {}
    with httpx.Client(base_url=f"{LOOPBACK}/api/v2", transport=transport, headers=headers) as http:
        http.post("/projects", json={"name": "first"})
        for row in rows:
            if row is WAIT:
                for _ in range(10):
                    clock.wait(1)
                    there.tick()
                continue
            body = None if row.json is None else filled(row.json, taken)
            query = filled(row.query, taken) or None
            answer = http.request(
                row.method, filled(row.path, taken), json=body, files=row.files, params=query
            )
            assert answer.status_code == row.status, (row, answer.text)
            for place, value in row.shows.items():
                shown = at(answer.json(), place)
                shown = json.loads(shown) if isinstance(value, Mapping) else shown
                assert shown == filled(value, taken), (row, answer.text)
            taken |= {name: str(at(answer.json(), place)) for name, place in row.take.items()}
