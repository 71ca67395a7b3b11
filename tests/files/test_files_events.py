"""Events in the project's files: what is written is read, whatever else lies there."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from files_world import LostError, MissingError, Remote, RemoteError
from hypothesis import given
from hypothesis import strategies as st

from controller.core.status.events import Event, EventLog, Kind, note, restored
from controller.files.api import ApiFiles, Faults
from controller.files.events import (
    FILE_LIMIT,
    FILES_KEPT,
    FOLDER,
    LINE_LIMIT,
    PENDING_KEPT,
    EventFile,
    parse_events,
    render_event,
)
from controller.files.port import FilesError, ProjectFiles
from controller.files.shared import SharedFiles
from tests.worlds import NOW, at

FAULTS = Faults(any=RemoteError, missing=MissingError, unknown=LostError)
EVENT = Event(
    Kind.WARNING, "StepFailed", "create: no röom", "demo", "gpu/2", 3, NOW, at(9), "p7", "abc"
)


@pytest.fixture(params=["shared", "api"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFiles:
    if request.param == "shared":
        return SharedFiles(tmp_path)
    return ApiFiles(Remote(), "p", FAULTS)


def numbered(number: int, message: str = "x") -> Event:
    return replace(EVENT, member=f"gpu/{number}", message=message, last_at=at(number))


def paths(files: ProjectFiles) -> list[str]:
    return [one.name for one in files.listing(FOLDER)]


def test_what_was_appended_is_read_by_whoever_comes_next(files: ProjectFiles) -> None:
    EventFile(files, "team").append([EVENT])
    assert EventFile(files, "team").read() == (EVENT,)
    assert paths(files) == ["000001.jsonl"]


def test_without_events_there_is_no_file_and_nothing_is_written(files: ProjectFiles) -> None:
    assert EventFile(files).read() == ()
    EventFile(files).append([])
    assert paths(files) == []


def test_the_last_line_of_a_matter_counts_and_the_latest_matter_comes_first(
    files: ProjectFiles,
) -> None:
    log = EventFile(files)
    log.append([numbered(1), numbered(2)])
    log.append([replace(numbered(1), count=8, last_at=at(60))])
    assert [(e.member, e.count) for e in log.read()] == [("gpu/1", 8), ("gpu/2", 3)]


def test_of_one_moment_the_one_that_was_written_last_comes_first(files: ProjectFiles) -> None:
    log = EventFile(files)
    log.append([replace(numbered(n), last_at=NOW) for n in range(3)])
    assert [e.member for e in log.read()] == ["gpu/2", "gpu/1", "gpu/0"]


def test_the_same_words_on_another_day_are_another_matter(files: ProjectFiles) -> None:
    log = EventFile(files)
    log.append([EVENT, replace(EVENT, first_at=at(90_000), last_at=at(90_000), count=1)])
    assert [e.count for e in log.read()] == [1, 3]


def test_each_installation_goes_on_with_its_own_events(files: ProjectFiles) -> None:
    EventFile(files, "a").append([numbered(1)])
    EventFile(files, "b").append([numbered(2)])
    assert [e.member for e in EventFile(files, "a").read()] == ["gpu/1"]
    assert [e.member for e in EventFile(files).read()] == ["gpu/2", "gpu/1"]


def test_a_controller_that_was_started_again_goes_on_counting(files: ProjectFiles) -> None:
    found = [Event(Kind.NORMAL, "Ready", "3 of 3", "demo")]
    event_log, written = note(EventLog(), found, NOW, "p1", "abc")
    EventFile(files).append(written)
    event_log, written = note(restored(EventFile(files).read()), found, at(60), "p1", "abc")
    EventFile(files).append(written)
    assert [e.count for e in event_log.events] == [2]
    assert EventFile(files).read() == event_log.events


def test_files_are_rotated_and_the_oldest_ones_go(files: ProjectFiles) -> None:
    log = EventFile(files)
    for start in range(0, 6000, 200):
        log.append([numbered(n, "word " * 60) for n in range(start, start + 200)])
    assert len(paths(files)) == FILES_KEPT
    assert paths(files)[0] != "000001.jsonl"
    assert all(one.size <= FILE_LIMIT for one in files.listing(FOLDER))
    read = log.read()
    assert read[0].member == "gpu/5999"
    assert [e.member for e in read] == [f"gpu/{n}" for n in range(5999, 5999 - len(read), -1)]


def test_a_number_that_cannot_be_followed_begins_anew(files: ProjectFiles) -> None:
    files.append(f"{FOLDER}/999999.jsonl", b"x" * FILE_LIMIT)
    log = EventFile(files)
    log.append([EVENT])
    log.append([numbered(1)])
    assert paths(files) == ["000001.jsonl"]
    assert len(log.read()) == 2


def test_a_line_that_a_killed_writer_left_half_costs_itself_only(files: ProjectFiles) -> None:
    log = EventFile(files)
    log.append([numbered(1)])
    files.append(f"{FOLDER}/000001.jsonl", render_event(numbered(2))[:-30])
    log.append([numbered(3)])
    assert [e.member for e in log.read()] == ["gpu/3", "gpu/1"]


@pytest.mark.parametrize(
    "line",
    [
        b"hello",
        b"\xff\xfe\x00",
        b"{}",
        b"[1]",
        b"[" * 9000,
        b"9" * 6000,
        render_event(EVENT)[:-1].replace(b"event/v1", b"event/v2"),
        render_event(EVENT)[:-1].replace(b"Warning", b"Alarm"),
        render_event(EVENT)[:-1].replace(b"StepFailed", b""),
        render_event(EVENT)[:-1].replace(b"2026-03-01T12:00:09+00:00", b"noon"),
        render_event(EVENT)[:-1].replace(b"create", b"x" * LINE_LIMIT),
    ],
    ids=lambda line: repr(line[:16]),
)
def test_a_line_that_is_none_of_ours_is_left_out_by_itself(line: bytes) -> None:
    data = render_event(numbered(1)) + line + b"\n" + render_event(numbered(2))
    assert [e.member for e in parse_events(data)] == ["gpu/1", "gpu/2"]


@pytest.mark.parametrize(("count", "read"), [(0, 1), (-4, 1), ("9", 1), (True, 1), (10**30, 2**31)])
def test_a_count_that_cannot_be_is_bounded(count: object, read: int) -> None:
    body = json.loads(render_event(EVENT)) | {"count": count}
    assert [e.count for e in parse_events(json.dumps(body).encode())] == [read]


def test_of_a_file_that_somebody_made_huge_only_the_end_is_read() -> None:
    data = render_event(EVENT) + b"x" * FILE_LIMIT + b"\n" + render_event(numbered(1))
    assert [e.member for e in parse_events(data)] == ["gpu/1"]


@given(data=st.binary(max_size=300), end=st.integers(0, 300))
def test_no_content_is_too_strange(data: bytes, end: int) -> None:
    valid = render_event(EVENT)
    assert parse_events(data + b"\n" + valid[:end] + data + b"\n" + valid)[-1] == EVENT


def test_a_file_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    files = SharedFiles(tmp_path)
    EventFile(files).append([EVENT])
    broken = tmp_path / FOLDER / "000002.jsonl"
    broken.write_bytes(b" " * 9 * 1024 * 1024)
    assert EventFile(files).read() == (EVENT,)
    (tmp_path / FOLDER / "000001.jsonl").unlink()
    with pytest.raises(FilesError, match="larger than"):
        EventFile(files).read()


def test_what_lies_beside_our_files_is_left_alone(files: ProjectFiles) -> None:
    files.replace(f"{FOLDER}/README.txt", render_event(EVENT))
    files.replace(f"{FOLDER}/1000000.jsonl", render_event(EVENT))
    log = EventFile(files)
    assert log.read() == ()
    log.append([EVENT])
    assert paths(files) == ["000001.jsonl", "1000000.jsonl", "README.txt"]


def test_what_could_not_be_written_goes_with_the_next_append() -> None:
    remote = Remote()
    log = EventFile(ApiFiles(remote, "p", FAULTS))
    remote.fail["list_files"] = RemoteError("no")
    with pytest.raises(FilesError):
        log.append([numbered(1)])
    log.append([numbered(2)])
    assert [e.member for e in log.read()] == ["gpu/2", "gpu/1"]
    log.append([])
    assert len(log.read()) == 2


def test_an_append_whose_answer_was_lost_is_repeated_and_read_once() -> None:
    remote = Remote()
    log = EventFile(ApiFiles(remote, "p", FAULTS))
    remote.cut, remote.last_effect = 3, True  # after the listing and two downloads: the upload
    with pytest.raises(FilesError) as caught:
        log.append([EVENT])
    assert caught.value.unknown
    remote.revive()
    log.append([])
    assert log.read() == (EVENT,)


def test_what_is_pending_is_bounded_and_keeps_the_latest() -> None:
    remote = Remote()
    log = EventFile(ApiFiles(remote, "p", FAULTS))
    remote.fail["list_files"] = RemoteError("no")
    with pytest.raises(FilesError):
        log.append([numbered(n) for n in range(PENDING_KEPT + 20)])
    log.append([])
    read = log.read()
    assert (len(read), read[-1].member) == (PENDING_KEPT, "gpu/20")


def test_a_message_of_any_length_and_kind_becomes_one_short_line(files: ProjectFiles) -> None:
    EventFile(files).append([replace(EVENT, message="a\n" * LINE_LIMIT)])
    (event,) = EventFile(files).read()
    assert event.message == ("a " * 250).strip()


def test_a_secret_reaches_no_file(files: ProjectFiles) -> None:
    log = EventFile(files, redact=lambda text: text.replace("sk-secret", "[redacted]"))
    log.append([replace(EVENT, message="refused: sk-secret")])
    assert [e.message for e in log.read()] == ["refused: [redacted]"]
    assert b"sk-secret" not in (files.read(f"{FOLDER}/000001.jsonl") or b"")
