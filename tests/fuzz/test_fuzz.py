"""Bytes from outside, bent: whatever reads them answers, and no more memory is held than allowed.

Each reader gets documents that were valid once: cut, doubled, flipped, nested, with numbers that
nothing can hold.  What may be raised is said for each; anything else fails the test.
"""

import json
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from controller.cml import wire
from controller.cml.errors import CmlError
from controller.cml.operations import LIST_APPLICATIONS, Request, Response
from controller.cml.paging import read_list
from controller.cml.translate import project_listing
from controller.cml.wire import environment
from controller.core.model.lease import Lease
from controller.core.model.observed import Pause
from controller.core.status.events import Event, Kind
from controller.files.document import render
from controller.files.events import parse_events, render_event
from controller.files.leases import parse_lease
from controller.files.pauses import parse_pause
from controller.files.reports import parse_report
from controller.node.project_files import HeadRecord, MemberFiles, read_head, read_json, write_head
from controller.node.requests.request import (
    DRAIN,
    LONGEST_S,
    read_requests,
    request_id,
)
from controller.source.yaml.parser import parse

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[2] / "docs" / "examples"
REPORT = {
    "schema": "raycml.ray/v1",
    "cluster": "demo",
    "incarnation": "a1",
    "observed_at": "2026-03-01T12:00:00Z",
    "address": "10.0.0.7:6379",
    "ray_version": "2.60.0",
    "python_version": "3.11.9",
    "members": {"gpu/0": {"alive": True, "engine_id": "e", "idle_s": 3.5, "state": "joined"}},
}
PAGE = {
    "applications": [
        {
            "id": "aaaa-bbbb-cccc-dddd",
            "name": "ray-demo-head",
            "subdomain": "ray-demo-head",
            "status": "APPLICATION_RUNNING",
            "cpu": 2,
            "memory": 8.0,
            "nvidia_gpu": 0,
            "environment": '{"RAYCML_CLUSTER":"demo"}',
            "created_at": "2026-03-01T12:00:00.5Z",
            "accelerator_label_id": "0",
        }
    ],
    "next_page_token": "",
}
HEAD = HeadRecord("demo", "a1", "e1", "10.0.0.7:6379", 8100, "2.60.0", "3.11.9", "v1:ab", "now")

REQUEST = {
    "schema": "raycml.request/v1",
    "id": request_id(DRAIN, "gpu/0", "e1"),
    "cluster": "demo",
    "action": DRAIN,
    "member": "gpu/0",
    "engine_id": "e1",
    "incarnation": "a1",
    "timeout_s": 300.0,
    "reason": "scaled down",
}


def read_page(data: bytes) -> None:
    """A list's page as the client reads it."""
    request = Request(LIST_APPLICATIONS, "/projects/project/applications", "project")
    answer = Response(200, {}, data)
    with suppress(CmlError):
        listing = read_list(lambda _: answer, request, "applications", wire.Application, sort="")
        project_listing("project", listing)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> MemberFiles:
    found = MemberFiles(tmp_path_factory.mktemp("home"), "demo")
    write_head(found, HEAD)
    return found


READERS: dict[str, tuple[bytes, Callable[[bytes], object]]] = {
    "spec": ((EXAMPLES / "mixed.yaml").read_bytes(), lambda data: parse("specs/x.yaml", data)),
    "list": (json.dumps(PAGE).encode(), read_page),
    "environment": (b'{"A":"1","B":"a\\/b"}', lambda d: environment(d.decode("utf-8", "replace"))),
    "head report": (json.dumps(REPORT).encode(), lambda data: parse_report(data, "demo")),
    "pause": (
        render(Pause("demo", "why", "jdoe", NOON)),
        lambda data: parse_pause(data, "demo", NOON),
    ),
    "lease": (
        render(Lease("team", "h", "jdoe", 1, 2, 60.0)),
        lambda data: parse_lease(data, "team"),
    ),
    "events": (
        render_event(Event(Kind.WARNING, "StepFailed", "no", "demo", "gpu/0", 2, NOON, NOON)) * 3,
        parse_events,
    ),
}

HUGE = [b"9" * 5000, b"1e999", b"-0", b"NaN", b"\xff\xfe", b"\\ud800", b"\x00", b"\xe2\x80\xae"]
DEEP = [b"[" * 3000, b'{"a":' * 3000, b"- " * 3000, b"&a [*a]", b"{" * 3000, b"!!python/x "]


@st.composite
def bent(draw: st.DrawFn, valid: bytes) -> bytes:
    """The valid bytes after up to four accidents."""
    data = valid
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(data)))
        end = min(len(data), at + draw(st.integers(0, 40)))
        put = draw(
            st.sampled_from([b"", *HUGE, *DEEP]) | st.binary(max_size=8) | st.just(data[at:end] * 3)
        )
        data = data[:at] + put + data[end:]
    return data


@pytest.mark.parametrize("name", READERS)
@settings(
    max_examples=300, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_a_bent_document_is_answered(name: str, data: st.DataObject) -> None:
    valid, read = READERS[name]
    read(data.draw(bent(valid)))


@pytest.mark.parametrize("name", READERS)
@pytest.mark.parametrize("hostile", [*HUGE, *DEEP], ids=lambda b: repr(b[:12]))
def test_a_document_that_is_hostile_from_end_to_end_is_answered(name: str, hostile: bytes) -> None:
    _, read = READERS[name]
    for count in (1, 2000):
        read(hostile * count)


@settings(max_examples=300)
@given(data=bent(json.dumps({"schema": "raycml.head/v1", **vars(HEAD)}).encode()))
@example(data=b"")
def test_a_bent_head_note_is_answered(files: MemberFiles, data: bytes) -> None:
    files.head.write_bytes(data)
    note = read_head(files)
    assert note is None or note.host_and_port()[1] > 0


@settings(max_examples=300)
@given(data=bent(json.dumps(REQUEST).encode()))
@example(data=json.dumps(REQUEST).encode())
def test_a_bent_request_is_one_or_none(files: MemberFiles, data: bytes) -> None:
    path = files.request(str(REQUEST["id"]))
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    requests = read_requests(files, "a1")
    assert requests is not None
    for request in requests.values():
        assert request.id == REQUEST["id"]
        assert 0 <= request.timeout_s <= LONGEST_S
        assert request.reason.isprintable()


LIMIT = 64 * 1024 * 1024


@pytest.mark.parametrize("name", ["head report", "pause", "lease", "events", "spec"])
def test_a_document_of_many_megabytes_is_refused_in_little_memory(name: str) -> None:
    valid, read = READERS[name]
    large = valid + b" " * (16 * 1024 * 1024)
    tracemalloc.start()
    try:
        read(large)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LIMIT


def test_a_file_of_many_megabytes_is_read_no_further_than_its_limit(files: MemberFiles) -> None:
    files.head.write_bytes(b'{"a": "' + b"x" * (16 * 1024 * 1024) + b'"}')
    tracemalloc.start()
    try:
        assert read_json(files.head) is None
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < LIMIT
