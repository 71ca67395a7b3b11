"""One writer at a time, by courtesy: the lease as the commands use it."""

import httpx
import pytest
from holding import held_by, hold, hold_alive
from stage import Stage

from controller.files.document import render
from controller.files.leases import FOLDER, lease_path


def test_a_held_lease_ends_a_command_with_seven_and_nothing_is_written(stage: Stage) -> None:
    stage.spec()
    hold_alive(stage)
    said = stage.run("reconcile")
    assert said.code == 7
    assert "bob (process 7) holds the lease since 2026-03-01" in said.err
    assert stage.clock.elapsed <= 25, "it is over at the first sign of life"
    assert stage.applications() == {}


@pytest.mark.parametrize("options", [(), ("--once",)])
def test_a_silent_holder_is_waited_out_and_taken_over(
    stage: Stage, options: tuple[str, ...]
) -> None:
    """As a job of CI that was killed leaves one behind, an hour or a week ago."""
    stage.spec()
    hold(stage)
    said = stage.run("reconcile", *options)
    assert said.code == (5 if "--once" in options else 0)
    found = held_by(stage)
    assert found is not None
    assert (found.epoch, found.released) == (5, True)
    assert len(stage.files(FOLDER)) == 1
    told = [line for line in said.err.splitlines() if "holds the lease" in line]
    assert len(told) == 1, "one line, not one for each look"
    assert "taking over in 1m00s unless it is active" in told[0]


@pytest.mark.parametrize("options", [(), ("--once",)])
def test_the_time_of_a_command_holds_while_it_waits_for_the_lease(
    stage: Stage, options: tuple[str, ...]
) -> None:
    stage.spec()
    hold(stage)
    said = stage.run("reconcile", "--timeout", "10s", *options)
    assert said.code == 7
    assert "timed out" in said.err
    assert stage.clock.elapsed == 10
    assert stage.applications() == {}


def test_a_holder_that_gives_the_lease_back_is_followed_at_once(stage: Stage) -> None:
    stage.spec()
    hold(stage)

    def give_back() -> None:
        found = held_by(stage)
        if found is not None and found.holder == "them":
            stage.write(lease_path(stage.project), render(found.given_back()))

    stage.clock.passing.append(give_back)
    said = stage.run("reconcile", "--once")
    assert said.code == 5
    assert stage.clock.elapsed == 5


def test_a_lease_that_cannot_be_written_stops_no_repair(stage: Stage) -> None:
    """A full disk is the commonest fault of a project; a restart needs no file."""
    stage.spec()
    stage.run("reconcile")
    stage.wire.instead = no_uploads
    app = next(a for a in stage.workspace.state.applications.values() if "cpu-0" in a.subdomain)
    stage.workspace.applications.stop(app, stage.clock.now())
    said = stage.run("reconcile")
    assert said.code == 0, said.err
    assert "retrying" not in said.err
    assert stage.applications()["ray-analytics-cpu-0"] == "APPLICATION_RUNNING"


def no_uploads(request: httpx.Request) -> httpx.Response | None:
    full = request.method == "POST" and request.url.path.endswith("/files")
    return httpx.Response(500, json={"message": "no space left on device"}) if full else None


def test_the_lease_is_given_back_at_the_end(stage: Stage) -> None:
    stage.spec()
    assert stage.run("reconcile").code == 0
    found = held_by(stage)
    assert found is not None
    assert found.released


def test_commands_that_only_look_never_touch_the_lease(stage: Stage) -> None:
    stage.spec()
    for command in (["plan"], ["status"], ["validate"]):
        assert stage.run(*command).code == 0
    assert stage.files(".raycml/leases") == []


def test_a_converged_world_is_left_without_a_write_whoever_holds_the_lease(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    hold_alive(stage)
    stage.wire.calls.clear()
    assert stage.run("reconcile").code == 0
    assert stage.wire.writes() == []


def test_status_says_who_writes(stage: Stage) -> None:
    stage.spec()
    hold(stage)
    assert "bob (process 7) holds the lease" in stage.run("status").err
    told = stage.run("status", "-o", "json").json()["lease"]
    assert told == {"who": "bob (process 7)", "since": "2026-03-01T09:00:00Z", "epoch": 4}


def test_delete_asks_for_the_lease_as_well(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    hold_alive(stage)
    assert stage.run("delete", "analytics", "--yes").code == 7
    assert len(stage.applications()) == 3
