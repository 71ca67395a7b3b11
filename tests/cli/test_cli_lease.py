"""One writer at a time, by courtesy: the lease as the commands use it."""

from stage import Stage

from controller.core.lease import Lease
from controller.files.leases import lease_path, parse_lease, render_lease


def place(stage: Stage) -> str:
    return lease_path(stage.project)


def hold(stage: Stage) -> None:
    theirs = Lease(stage.project, "them", "bob (process 7)", 4, 2, 60.0, "2026-03-01T09:00:00Z")
    stage.write(place(stage), render_lease(theirs))


def read(stage: Stage) -> Lease | None:
    data = stage.tree().read(tuple(place(stage).split("/")))
    return parse_lease(data, stage.project)


def test_a_held_lease_ends_a_command_with_seven_and_nothing_is_written(stage: Stage) -> None:
    stage.spec()
    hold(stage)
    said = stage.run("reconcile")
    assert said.code == 7
    assert "bob (process 7) holds the lease since 2026-03-01T09:00:00Z" in said.err
    assert "--take-over" in said.err
    assert stage.applications() == {}


def test_a_dead_holder_is_taken_over_when_asked(stage: Stage) -> None:
    stage.spec()
    hold(stage)
    said = stage.run("reconcile", "--take-over")
    assert said.code == 0
    found = read(stage)
    assert found is not None
    assert (found.epoch, found.released) == (5, True)


def test_the_lease_is_given_back_at_the_end(stage: Stage) -> None:
    stage.spec()
    assert stage.run("reconcile").code == 0
    found = read(stage)
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
    hold(stage)
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
    hold(stage)
    assert stage.run("delete", "analytics", "--yes").code == 7
    assert len(stage.applications()) == 3
