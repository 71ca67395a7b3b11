"""Head reports and pauses: read with suspicion, never with a traceback."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.core.model.observed import Pause
from controller.core.model.ray.requests import AnswerState, RequestAction, request_id
from controller.files.document import render
from controller.files.pauses import parse_pause, pause_path, read_pauses
from controller.files.reports import SIZE_LIMIT, parse_report, report_path
from controller.files.shared import SharedFiles

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MEMBER = {
    "engine_id": "221pa78rmzau93zf",
    "state": "joined",
    "message": "",
    "node_id": "ab12",
    "node_ip": "10.0.0.7",
    "alive": True,
    "fingerprint": "v1:0123",
    "resources": {"CPU": 4},
    "idle_s": 12.5,
    "since": "2026-03-02T11:00:00Z",
}


def report(**changes: object) -> bytes:
    body: dict[str, object] = {
        "schema": "raycml.ray/v1",
        "cluster": "demo",
        "incarnation": "i1",
        "observed_at": "2026-03-02T12:00:00Z",
        "sequence": 7,
        "ray_version": "2.60.0",
        "python_version": "3.11.9",
        "address": "10.0.0.1:6379",
        "session_name": "s",
        "members": {"head": MEMBER, "gpu/2": MEMBER},
        "unknown_nodes": [{"node_id": "x", "node_ip": "10.0.0.9", "instance_id": "e"}, 7],
        "pending_demand": [],
        "error": None,
        "period_s": 3.0,
        "read_at": "2026-03-02T12:00:00Z",
    }
    return json.dumps(body | changes).encode()


def test_a_report_is_read_whole() -> None:
    reading = parse_report(report(), "demo")
    assert reading is not None
    assert reading.observed_at == NOON
    assert reading.address == "10.0.0.1:6379"
    assert (reading.period_s, reading.error, reading.read_at) == (3.0, "", None)
    assert [node.node_ip for node in reading.unknown_nodes] == ["10.0.0.9"]
    assert sorted(reading.members) == ["gpu/2", "head"]
    member = reading.members["gpu/2"]
    assert (member.alive, member.idle_s, member.engine_id) == (True, 12.5, "221pa78rmzau93zf")
    assert report_path("demo") == ".raycml/clusters/demo/ray.json"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b'{"schema": "raycml.ray/v1", "clus',
        b"[1]",
        b"[" * 1_000_000,
        b'{"n": ' + b"9" * 10_000 + b"}",
        report().ljust(SIZE_LIMIT + 1),
        b"\xff\xfe{}",
        report(schema="raycml.ray/v2"),
        report(cluster="other"),
        report(observed_at="noon"),
        report(observed_at="2026-03-02T12:00:00"),
        report(incarnation=""),
        report(members=[MEMBER]),
    ],
)
def test_a_report_that_cannot_be_placed_is_refused(data: bytes) -> None:
    assert parse_report(data, "demo") is None


def test_a_report_of_the_largest_size_is_read() -> None:
    assert parse_report(report().ljust(SIZE_LIMIT), "demo") is not None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gpu/02", MEMBER),
        ("gpu", MEMBER),
        ("", MEMBER),
        ("gpu/1", None),
        ("gpu/1", MEMBER | {"alive": "yes"}),
        ("gpu/1", {"state": "joined"}),
    ],
)
def test_a_member_that_cannot_be_read_is_left_out_by_itself(name: str, value: object) -> None:
    reading = parse_report(report(members={"head": MEMBER, name: value}), "demo")
    assert reading is not None
    assert list(reading.members) == ["head"]


@pytest.mark.parametrize("idle", [None, "5", -1, True, 1e400, 10**400, [], float("nan")])
def test_an_idle_time_that_is_none_is_unknown(idle: object) -> None:
    members = {"head": MEMBER | {"idle_s": idle}}
    reading = parse_report(report(members=members), "demo")
    assert reading is not None
    assert reading.members["head"].idle_s is None


def test_words_from_a_report_are_printable_and_bounded() -> None:
    members = {"head": MEMBER | {"message": "a\x1b[31m\n" + "x" * 9000 + "\ud800", "state": 7}}
    reading = parse_report(report(members=members), "demo")
    assert reading is not None
    head = reading.members["head"]
    assert head.message.startswith("a [31m xxx")
    assert len(head.message) <= 500
    assert head.message.isprintable()
    assert head.state == ""


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["head", "gpu/1", "alive", "idle_s"]), inner, max_size=2)
    ),
    max_leaves=6,
)
PARTS = st.dictionaries(
    st.sampled_from(["schema", "observed_at", "incarnation", "address", "members", "until"]), JSON
)


@given(data=st.binary(max_size=200) | PARTS.map(lambda parts: report(**parts)))
def test_no_content_of_a_report_or_a_pause_is_too_strange(data: bytes) -> None:
    parse_report(data, "demo")
    assert parse_pause(data, "demo", NOON).cluster == "demo"


PAUSE = Pause("demo", "maintenance", "jdoe", NOON, NOON + timedelta(hours=1))


@pytest.mark.parametrize("until", [None, PAUSE.until])
def test_a_pause_is_read_as_it_was_written(until: datetime | None) -> None:
    pause = Pause("demo", "maintenance", "jdoe", NOON, until)
    assert parse_pause(render(pause), "demo", NOON + timedelta(days=1)) == pause


@pytest.mark.parametrize("data", [b"", b"paused", b"{}", render(PAUSE)[:-20], b"[" * 9999])
def test_a_pause_file_that_cannot_be_read_pauses_for_ever_and_says_why(data: bytes) -> None:
    pause = parse_pause(data, "demo", NOON)
    assert pause.holds(NOON + timedelta(days=9999))
    assert "cannot be read" in pause.reason


def test_a_pause_whose_end_cannot_be_read_does_not_end() -> None:
    body = json.loads(render(PAUSE)) | {"until": "tomorrow"}
    pause = parse_pause(json.dumps(body).encode(), "demo", NOON)
    assert pause.until is None
    assert pause.reason == "maintenance (its end cannot be read)"


def test_a_pause_that_was_copied_from_another_cluster_pauses_all_the_same() -> None:
    assert parse_pause(render(PAUSE), "other", NOON).holds(NOON + timedelta(days=9))


def test_every_pause_of_a_project_is_read_by_the_name_of_its_file(tmp_path: Path) -> None:
    files = SharedFiles(tmp_path)
    assert read_pauses(files, NOON) == {}
    files.replace(pause_path("demo"), render(PAUSE))
    files.replace(pause_path("torn"), b"{")
    files.replace(".raycml/pauses/README.txt", b"hello")
    files.replace(".raycml/pauses/Not a cluster.json", b"{}")
    (tmp_path / ".raycml/pauses/folder.json").mkdir()
    (tmp_path / ".raycml/pauses/big.json").write_bytes(b" " * 9 * 1024 * 1024)
    pauses = read_pauses(files, NOON)
    assert sorted(pauses) == ["big", "demo", "torn"]
    assert pauses["demo"] == PAUSE
    assert "larger than" in pauses["big"].reason


DRAIN = {
    "action": "drain",
    "member": "gpu/2",
    "engine_id": "221pa78rmzau93zf",
    "state": "draining",
    "message": "2 of 4 CPU in use",
    "remaining_s": 41.5,
}
DRAIN_ID = request_id(RequestAction.DRAIN, "gpu/2", "221pa78rmzau93zf")


def test_an_answer_counts_for_the_request_that_its_id_names() -> None:
    told = parse_report(report(answers={DRAIN_ID: DRAIN}), "demo")
    assert told is not None
    assert told.answers is not None
    answer = told.answers[DRAIN_ID]
    assert (answer.state, answer.remaining_s) == (AnswerState.DRAINING, 41.5)
    other = parse_report(report(answers={DRAIN_ID: {**DRAIN, "member": "gpu/3"}}), "demo")
    assert other is not None
    assert other.answers == {}


def test_a_head_that_takes_no_requests_is_known_from_one_without_any() -> None:
    old, new = parse_report(report(), "demo"), parse_report(report(answers={}), "demo")
    assert old is not None
    assert new is not None
    assert old.answers is None
    assert new.answers == {}


@pytest.mark.parametrize(
    "row", [None, 7, [], {}, {**DRAIN, "state": "napping"}, {**DRAIN, "remaining_s": -1}]
)
def test_an_answer_that_cannot_be_read_is_no_answer(row: object) -> None:
    told = parse_report(report(answers={DRAIN_ID: row}), "demo")
    assert told is not None
    assert told.answers == {}


@pytest.mark.parametrize(
    ("value", "amounts"),
    [
        ({"CPU": 2, "GPU": 0.5, "memory": 0}, {"CPU": 2.0, "GPU": 0.5}),
        ("CPU", {}),
        ({"CPU": -1}, {}),
    ],
)
def test_resources_in_use_are_amounts_above_zero(value: object, amounts: dict[str, float]) -> None:
    told = parse_report(report(members={"gpu/2": {**MEMBER, "used": value}}), "demo")
    assert told is not None
    assert told.members["gpu/2"].used == amounts
