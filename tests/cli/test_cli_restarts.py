"""Commands on workspaces that restart only what runs: they heal, and say the same."""

from pathlib import Path

import pytest
from controlled import controlled
from stage import Stage

from controller.emulator.options import Options

SETTINGS = {
    "as documented": {},
    "failed ones are stopped first": {"restart_of_failed": False},
    "only what runs": {"restart_needs_live_run": True},
    "only what runs, and queued": {"restart_needs_live_run": True, "restart_while_stopping": True},
}
WORKER = "ray-analytics-cpu-0"


@pytest.fixture(params=[*SETTINGS])
def there(request: pytest.FixtureRequest, capsys: pytest.CaptureFixture[str], tmp_path: Path,
          monkeypatch: pytest.MonkeyPatch) -> Stage:  # fmt: skip
    """A cluster of which a worker was killed."""
    monkeypatch.chdir(tmp_path)
    options = Options(start_s=3.0, auto_restarts=0, **SETTINGS[request.param])  # type: ignore[arg-type]  # as in the table
    stage = Stage(capsys, tmp_path, options=options)
    stage.spec(replicas=1)
    assert stage.run("reconcile").code == 0
    crash(stage)
    return stage


def crash(stage: Stage) -> None:
    app = next(a for a in stage.workspace.state.applications.values() if a.subdomain == WORKER)
    stage.workspace.engines.processes.kill(app.engine_id)  # type: ignore[attr-defined]  # scripted
    stage.clock.wait(1.0)
    assert stage.applications()[WORKER] == "APPLICATION_FAILED"


def test_reconcile_heals_and_every_command_agrees(there: Stage) -> None:
    assert "restart" in there.run("plan").out
    assert "cpu/0: The application failed" in there.run("status").out
    said = there.run("reconcile")
    assert said.code == 0, said.err
    assert set(there.applications().values()) == {"APPLICATION_RUNNING"}
    assert there.run("plan", "--exit-code").code == 0
    assert there.run("status").code == 0


def test_single_passes_heal_too(there: Stage) -> None:
    for _ in range(12):
        there.run("reconcile", "--once")
        there.clock.wait(5.0)
    assert set(there.applications().values()) == {"APPLICATION_RUNNING"}
    assert there.run("plan", "--exit-code").code == 0


def test_a_cluster_is_suspended_and_resumed_by_its_spec(there: Stage) -> None:
    there.spec(replicas=1, extra="suspend: true")
    assert there.run("reconcile").code == 0
    assert set(there.applications().values()) <= {"APPLICATION_STOPPED", "APPLICATION_FAILED"}
    there.spec(replicas=1)
    assert there.run("reconcile").code == 0
    assert set(there.applications().values()) == {"APPLICATION_RUNNING"}


def test_the_controller_heals_an_update_and_a_crash(there: Stage) -> None:
    with controlled(there, there.folder / "specs") as controller:
        controller.settle()
        there.spec(replicas=1, cpu=3)
        controller.turn(2)
        crash_if_it_runs(there)
        controller.settle()
        assert controller.snapshot.status is not None
        assert {cluster.word for cluster in controller.snapshot.status.clusters} == {"Ready"}
    cpu = {a.subdomain: a.cpu for a in there.workspace.state.applications.values()}
    assert cpu[WORKER] == 3


def crash_if_it_runs(stage: Stage) -> None:
    if stage.applications().get(WORKER) == "APPLICATION_RUNNING":
        crash(stage)
