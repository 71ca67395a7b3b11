"""`raycml events`: what a controller wrote down, shown like a log."""

import json
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import httpx
import pytest
from stage import NOON, Said, Stage

from controller.core.status.events import Event, Kind
from controller.files.events import render_event

LOG = ".raycml/events/000001.jsonl"


def event(minute: int, reason: str, cluster: str = "analytics", count: int = 1) -> Event:
    when = NOON + timedelta(minutes=minute)
    kind = Kind.WARNING if reason == "NotReady" else Kind.NORMAL
    message = f"{reason} it is"
    return Event(kind, reason, message, cluster, "", count, when, when, "p1", "abc")


READY, FELL, OTHER = event(-30, "Ready"), event(-5, "NotReady"), event(-20, "Ready", "other")


@pytest.fixture
def log(stage: Stage) -> "Log":
    return Log(stage)


class Log:
    """What the controller has written so far."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.lines = stage, b""

    def write(self, *events: Event) -> None:
        self.lines += b"\n" + b"".join(map(render_event, events))
        self.stage.write(LOG, self.lines)


def meanwhile(stage: Stage, *happens: Callable[[], object], end: float) -> None:
    """One of these happens at each even second from the second on; then somebody presses Ctrl-C."""
    left = list(happens)

    def passing() -> None:
        if left and stage.clock.elapsed >= 2 * (len(happens) - len(left) + 1):
            left.pop(0)()
        if stage.clock.elapsed >= end:
            signal.raise_signal(signal.SIGINT)

    stage.clock.passing.append(passing)


def rows(said: Said) -> list[list[str]]:
    return [line.split(maxsplit=5) for line in said.out.splitlines()]


def test_events_are_shown_oldest_first_with_their_counts(log: Log) -> None:
    log.write(FELL, READY, OTHER)
    log.write(replace(FELL, count=4))
    said = log.stage.run("events")
    assert (said.code, said.err) == (0, "")
    assert said.out == (
        "LAST SEEN             KIND     REASON    OBJECT     COUNT  MESSAGE\n"
        "2026-03-02T11:30:00Z  Normal   Ready     analytics  1      Ready it is\n"
        "2026-03-02T11:40:00Z  Normal   Ready     other      1      Ready it is\n"
        "2026-03-02T11:55:00Z  Warning  NotReady  analytics  4      NotReady it is\n"
    )


def test_events_of_one_cluster_of_late_and_only_so_many(log: Log) -> None:
    log.write(READY, OTHER, FELL)
    shown = {
        arguments: [row[0][11:16] for row in rows(log.stage.run("events", *arguments))[1:]]
        for arguments in (
            ("analytics",),
            ("--since", "25m"),
            ("--limit", "1"),
            ("analytics", "--since", "1h", "--limit", "1"),
        )
    }
    assert [*shown.values()] == [["11:30", "11:55"], ["11:40", "11:55"], ["11:55"], ["11:55"]]


def test_json_is_one_document(log: Log) -> None:
    log.write(READY, FELL)
    body = log.stage.run("events", "-o", "json").json()
    assert body["schema"] == "raycml.events/v1"
    assert body["as_of"] == NOON.isoformat()
    first, second = body["events"]  # type: ignore[misc]  # the list that it is
    assert (first["reason"], second["reason"], second["count"]) == ("Ready", "NotReady", 1)
    assert (first["cluster"], first["member"], first["pass"]) == ("analytics", "", "p1")


def test_without_any_events_it_says_where_they_come_from(stage: Stage) -> None:
    said = stage.run("events")
    assert (said.code, said.out) == (0, "")
    assert "`raycml run`" in said.err
    assert stage.run("events", "-o", "json").json()["events"] == []


def test_a_name_that_no_event_has_gets_a_hint(log: Log) -> None:
    log.write(READY)
    assert "did you mean `analytics`?" in log.stage.run("events", "analytic").err
    assert "known clusters: analytics" in log.stage.run("events", "zzz").err
    assert "in that time" in log.stage.run("events", "--since", "1s").err


def test_looking_at_events_writes_nothing(log: Log) -> None:
    log.write(READY)
    log.stage.wire.calls.clear()
    log.stage.run("events")
    assert log.stage.wire.writes() == []


def test_whoever_follows_sees_what_is_new_or_was_counted_up_until_ctrl_c(log: Log) -> None:
    log.write(READY, FELL)
    meanwhile(
        log.stage,
        lambda: None,
        lambda: log.write(OTHER),
        lambda: log.write(replace(FELL, count=2)),
        end=8,
    )
    said = log.stage.run("events", "-f", "--limit", "1")
    assert said.code == 0
    assert [(row[2], row[3], row[4]) for row in rows(said)[1:]] == [
        ("NotReady", "analytics", "1"),
        ("Ready", "other", "1"),
        ("NotReady", "analytics", "2"),
    ]
    assert log.stage.clock.elapsed == 8.0


def test_following_in_json_gives_one_line_for_each_event(log: Log) -> None:
    log.write(READY)
    meanwhile(log.stage, lambda: log.write(FELL), end=4)
    said = log.stage.run("events", "-f", "-o", "json")
    lines = [json.loads(line) for line in said.out.splitlines()]
    assert [(line["schema"], line["reason"]) for line in lines] == [
        ("raycml.event/v1", "Ready"),
        ("raycml.event/v1", "NotReady"),
    ]


def test_whoever_follows_nothing_yet_is_told_once_and_waits(log: Log) -> None:
    meanwhile(log.stage, lambda: None, lambda: log.write(READY), end=8)
    said = log.stage.run("events", "-f")
    assert said.err.count("waiting for events") == 1
    assert [row[2] for row in rows(said)[1:]] == ["Ready"]


def test_a_cml_that_cannot_be_reached_for_a_while_is_waited_for(log: Log) -> None:
    log.write(READY)
    wire = log.stage.wire

    def answer(request: httpx.Request) -> httpx.Response | None:
        down = 2 <= log.stage.clock.elapsed < 60
        return httpx.Response(503, text="away") if down and "/files" in request.url.path else None

    wire.instead = answer
    meanwhile(log.stage, lambda: log.write(FELL), end=120)
    said = log.stage.run("events", "-f")
    assert said.code == 0
    assert said.err.count("retrying") == 1
    assert [row[2] for row in rows(said)[1:]] == ["Ready", "NotReady"]


def test_a_key_that_is_refused_meanwhile_ends_it(log: Log) -> None:
    log.write(READY)
    refused = httpx.Response(401, json={"error": "no", "code": 16, "message": "no", "details": []})
    meanwhile(log.stage, lambda: setattr(log.stage.wire, "instead", lambda _: refused), end=99)
    said = log.stage.run("events", "-f")
    assert said.code == 4
    assert "Traceback" not in said.err


def test_following_ends_when_nobody_reads_any_more(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.write(READY)
    reader, writer = os.pipe()
    os.close(reader)
    meanwhile(log.stage, end=99)
    with open(writer, "w") as pipe, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", pipe)
        assert log.stage.run("events", "-f").code == 0


@pytest.mark.parametrize(
    "arguments", [("--since", "soon"), ("--limit", "0"), ("--limit", "x"), ("a", "b")]
)
def test_a_wrong_command_line_is_said(stage: Stage, arguments: tuple[str, ...]) -> None:
    said = stage.run("events", *arguments)
    assert said.code == 64
    assert "Traceback" not in said.err
