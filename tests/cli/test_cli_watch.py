"""`raycml status`, once with its pauses, and again and again with `--watch`."""

import io
import json
import re
import signal
import sys
from collections.abc import Callable

import httpx
import pytest
from stage import Said, Stage


class Terminal(io.StringIO):
    """A stream that says that a person is at its other end."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def ready(stage: Stage) -> Stage:
    """A stage on which the cluster of specs/ is well."""
    stage.spec()
    assert stage.run("reconcile").code == 0
    return stage


def meanwhile(stage: Stage, *happens: Callable[[], object]) -> None:
    """One of these happens at each pause, and at the one after them somebody presses Ctrl-C."""
    left = [*happens, lambda: signal.raise_signal(signal.SIGINT)]
    stage.clock.passing.append(lambda: left.pop(0)())  # noqa: PLW0108 - one at each call


def fall(stage: Stage) -> None:
    """CML loses a worker."""
    stage.silent.add("ray-analytics-cpu-1")
    stage.report()


def answering(stage: Stage, path: str, status: int) -> Callable[[], None]:
    def answer(request: httpx.Request) -> httpx.Response | None:
        return httpx.Response(status, text="away") if path in request.url.path else None

    return lambda: setattr(stage.wire, "instead", answer)


def stamped(said: Said) -> list[str]:
    """Lines of changes, without their times."""
    return re.findall(r"^2026-03-02T12:\d\d:\d\dZ (.*)$", said.out, re.MULTILINE)


def test_a_pause_is_shown_also_where_nothing_is_to_be_done(ready: Stage) -> None:
    ready.run("pause", "analytics", "--reason", "migration")
    shown = ready.run("status")
    assert "analytics  Paused" in shown.out
    assert "paused by jdoe: migration" in shown.out


def test_without_the_files_the_rest_is_shown_and_what_is_not_known_is_said(ready: Stage) -> None:
    answering(ready, "/files/.raycml/pauses", 500)()
    said = ready.run("status")
    assert said.code == 0
    assert "analytics  Ready" in said.out
    assert "pauses cannot be read" in said.err


def test_status_writes_nothing(ready: Stage) -> None:
    ready.wire.calls.clear()
    ready.run("status")
    meanwhile(ready)
    ready.run("status", "-w")
    assert ready.wire.writes() == []


def test_watching_shows_all_once_and_then_what_changes(ready: Stage) -> None:
    meanwhile(ready, lambda: None, lambda: fall(ready), lambda: None)
    said = ready.run("status", "--watch")
    assert said.code == 0
    assert said.out.startswith("CLUSTER    STATE  READY  GROUPS")
    assert said.out.count("CLUSTER") == 1
    assert stamped(said) == [
        "analytics  NotReady 2/3  cpu/1: Ray does not list its node",
        "analytics cpu/1  RUNNING, Ray not joined: Ray does not list its node",
    ]


def test_watching_one_cluster_shows_it_in_detail_and_no_other(ready: Stage) -> None:
    ready.spec("other")
    ready.run("reconcile")
    meanwhile(ready, lambda: fall(ready), lambda: ready.silent.add("ray-other-cpu-0"))
    said = ready.run("status", "analytics", "-w")
    assert "dashboard" in said.out
    assert len(stamped(said)) == 2
    assert "other" not in said.out


def test_watching_a_name_that_no_cluster_has_ends_at_once(ready: Stage) -> None:
    said = ready.run("status", "analytic", "-w")
    assert said.code == 64
    assert "did you mean `analytics`?" in said.err


def test_watching_goes_on_when_the_cluster_has_gone(ready: Stage) -> None:
    def gone() -> None:
        (ready.folder / "specs" / "analytics.yaml").unlink()
        applications, now = ready.workspace.applications, ready.workspace.tick()
        for app in applications.of(ready.project):
            applications.delete(app, now)
        ready.clock.elapsed += 60

    ready.spec("other")
    meanwhile(ready, gone, lambda: None)
    said = ready.run("status", "analytics", "-w")
    assert said.code == 0
    assert stamped(said)[-1] == "analytics  deleted"


def test_whoever_edits_a_spec_sees_it_while_watching(ready: Stage) -> None:
    meanwhile(ready, lambda: ready.spec(replicas=3), lambda: None)
    said = ready.run("status", "-w")
    assert stamped(said) == [
        "analytics  OutOfSync 3/4  cpu/2: The member is not created yet.",
        "analytics cpu/2  -: to be created: The member is not created yet.",
    ]


def test_a_spec_that_is_broken_for_a_while_is_said_once_and_watching_goes_on(ready: Stage) -> None:
    path = ready.spec()
    good = path.read_text()
    meanwhile(
        ready,
        lambda: path.write_text("kind: ["),
        lambda: None,
        lambda: path.write_text(good.replace("replicas: 2", "replicas: 1")),
    )
    said = ready.run("status", "-w")
    assert said.code == 0
    assert said.err.count("specs/analytics.yaml:2:1: not YAML") == 1
    assert "analytics  Running 3/3" in "\n".join(stamped(said)), "what runs is shown all the same"
    assert any("analytics cpu/1" in line for line in stamped(said))


def test_watching_in_json_gives_one_document_for_each_change(ready: Stage) -> None:
    meanwhile(ready, lambda: None, lambda: fall(ready), lambda: None)
    said = ready.run("status", "-w", "-o", "json")
    documents = [json.loads(line) for line in said.out.splitlines()]
    assert [d["schema"] for d in documents] == ["raycml.status/v1"] * 2
    assert [d["clusters"][0]["ready"] for d in documents] == [3, 2]
    assert documents[0]["lease"] is None


def test_a_key_that_is_refused_meanwhile_ends_it(ready: Stage) -> None:
    meanwhile(ready, answering(ready, "/applications", 401))
    assert ready.run("status", "-w").code == 4


def test_what_a_terminal_has_no_room_for_is_printed_whole_and_then_changes(
    ready: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(ready, lambda: fall(ready))
    out = Terminal()
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        patch.setenv("LINES", "12")
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stdout", out)
        assert ready.run("status", "analytics", "-w").code == 0
    shown = out.getvalue()
    assert "No changes. Everything is in sync." in shown
    assert "stop with Ctrl-C" not in shown
    assert len(stamped(Said(0, re.sub(r"\x1b\[[0-9;]*m", "", shown), ""))) == 2


def test_on_a_terminal_the_table_is_drawn_anew(
    ready: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(ready, lambda: fall(ready))
    out = Terminal()
    with monkeypatch.context() as patch:
        patch.setenv("COLUMNS", "120")
        patch.setenv("TERM", "xterm")
        patch.setattr(sys, "stdout", out)
        assert ready.run("status", "-w").code == 0
    drawn = out.getvalue()
    well, fallen = drawn.index("3/3"), drawn.index("Ray does not list its node")
    assert "\x1b[2K" in drawn[well:fallen]  # the lines of the first table are taken away
    assert drawn.count("stop with Ctrl-C") >= 2
    assert stamped(Said(0, drawn, "")) == []
