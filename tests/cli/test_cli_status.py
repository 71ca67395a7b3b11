"""`raycml status` from anywhere: no healthy cluster looks ill, whatever specs are at hand."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from controlled import Controlled, controlled
from stage import Stage

ALARMS = ("Orphan", "delete", "adopt", "Stalled", "Reconciling", "somebody edited")


@pytest.fixture
def elsewhere(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without specs, to be in."""
    folder = stage.folder / "elsewhere"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def followed(stage: Stage) -> Iterator[Controlled]:
    """A controller that lives, and has made the cluster of a folder."""
    stage.spec()
    with controlled(stage, stage.folder / "specs") as controller:
        yield controller.settle()


def alarms(text: str) -> list[str]:
    return [word for word in ALARMS if word in text]


def test_what_a_controller_follows_needs_no_spec_at_hand(
    stage: Stage, followed: Controlled, elsewhere: Path
) -> None:
    overview, detail = stage.run("status"), stage.run("status", "analytics")
    assert (overview.code, detail.code) == (0, 0)
    assert "analytics  Ready  3/3    head 1/1 cpu 2/2" in overview.out
    assert "ready      3 of 3 members" in detail.out
    assert "address    10.0.0.7:6379" in detail.out
    assert "No changes. Everything is in sync." in detail.out
    assert "no specs found in specs/ (see --specs): compared with the specs in force" in detail.err
    assert alarms(overview.out + detail.out) == []


def test_what_a_controller_has_still_to_do_is_reconciling(
    stage: Stage, followed: Controlled, elsewhere: Path
) -> None:
    stage.spec(replicas=3)
    followed.turn()
    assert "analytics  Reconciling  3/4" in stage.run("status").out


def test_a_cluster_that_no_spec_and_no_record_declares_runs_and_is_not_compared(
    stage: Stage, elsewhere: Path
) -> None:
    stage.spec()
    assert stage.run("reconcile", str(stage.folder / "specs")).code == 0
    overview, detail = stage.run("status"), stage.run("status", "analytics")
    assert (
        "analytics  Running  3/3    head 1/1 cpu 2/2  no spec available for comparison"
        in overview.out
    )
    assert "no specs found in specs/ (see --specs): showing live state only" in overview.err
    assert "Synced  Unknown  NotCompared" in detail.out
    assert "Ready   True     AllNodesAlive  3 of 3 nodes are alive" in detail.out
    assert "address    10.0.0.7:6379" in detail.out
    assert "RUNNING  joined" in detail.out
    assert "in sync" not in detail.out, "it was compared with nothing"
    assert alarms(overview.out + detail.out) == []


@pytest.mark.parametrize(
    ("harm", "word", "ready"),
    [
        (lambda s: s.silent.add("ray-analytics-cpu-1"), "Degraded", "2/3"),
        (
            lambda s: s.silent.update({"ray-analytics-cpu-1", "ray-analytics-head"}),
            "Degraded",
            "1/3",
        ),
    ],
)
def test_how_well_it_runs_is_told_without_a_spec(
    stage: Stage, elsewhere: Path, harm: object, word: str, ready: str
) -> None:
    stage.spec()
    stage.run("reconcile", str(stage.folder / "specs"))
    assert callable(harm)
    harm(stage)
    stage.clock.wait(40)
    assert f"analytics  {word}" in stage.run("status").out
    assert ready in stage.run("status").out


def test_a_suspended_cluster_is_stopped_without_a_spec(stage: Stage, elsewhere: Path) -> None:
    stage.spec()
    stage.run("reconcile", str(stage.folder / "specs"))
    stage.spec(extra="suspend: true")
    stage.run("reconcile", str(stage.folder / "specs"))
    stage.clock.wait(40)
    assert "analytics  Stopped  0/3" in stage.run("status").out


def test_other_specs_here_are_compared_beside_what_a_controller_follows(
    stage: Stage, followed: Controlled, elsewhere: Path
) -> None:
    (elsewhere / "specs").mkdir()
    moved = stage.spec("training", replicas=1)
    shutil.move(moved, elsewhere / "specs" / "training.yaml")
    shown = stage.run("status")
    assert "analytics  Ready " in shown.out
    assert "training   NotCreated  0/2" in shown.out
    assert alarms(shown.out) == []


def test_specs_here_that_differ_from_those_in_force_are_said_to_be_compared(
    stage: Stage, followed: Controlled, elsewhere: Path
) -> None:
    (elsewhere / "specs").mkdir()
    text = (stage.folder / "specs" / "analytics.yaml").read_text()
    (elsewhere / "specs" / "mine.yaml").write_text(text.replace("replicas: 2", "replicas: 4"))
    shown = stage.run("status", "analytics")
    assert "analytics  OutOfSync" in shown.out
    assert (
        "analytics: compared with specs/mine.yaml:1; the controller has another spec" in shown.err
    )
    assert alarms(shown.out.partition("\n\nCLUSTER")[0].replace("Reconciling  False", "")) == []


def test_a_comparison_that_nothing_acts_on_does_not_say_reconciling(stage: Stage) -> None:
    stage.spec()
    assert "analytics  NotCreated  0/3" in stage.run("status").out
    detail = stage.run("status", "analytics", "-o", "json").json()
    (cluster,) = detail["clusters"]  # type: ignore[misc]
    states = {c["type"]: (c["status"], c["reason"]) for c in cluster["conditions"]}
    assert states["Reconciling"] == ("False", "NoController")
    stage.run("reconcile")
    stage.spec(cpu=3)
    assert "analytics  OutOfSync   3/3" in stage.run("status").out.replace(
        "OutOfSync  ", "OutOfSync   "
    )


def test_a_broken_spec_hides_nothing(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.spec("broken", replicas="many")
    shown = stage.run("status")
    assert shown.code == 3
    assert "specs/broken.yaml:" in shown.err
    assert "`replicas` must be a whole number" in shown.err
    assert "analytics  Ready  3/3" in shown.out
    assert stage.run("status", "analytics", "-o", "json").json()["clusters"]


def test_the_spec_of_a_running_cluster_may_be_the_broken_one(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.spec(replicas="many")
    shown = stage.run("status", "analytics")
    assert shown.code == 3
    assert "analytics  Running" in shown.out
    assert "ready      3 of 3 members" in shown.out


@pytest.mark.parametrize("named", [False, True])
def test_a_folder_without_a_spec_is_no_obstacle(stage: Stage, elsewhere: Path, named: bool) -> None:
    stage.spec()
    stage.run("reconcile", str(stage.folder / "specs"))
    (elsewhere / "specs").mkdir()
    shown = stage.run("status", *(["--specs", "specs"] if named else []))
    assert shown.code == 0
    assert "no *.yaml or *.yml in specs: showing live state only" in shown.err
    assert "analytics  Running  3/3" in shown.out


def test_a_path_that_does_not_exist_is_a_mistake(stage: Stage) -> None:
    assert stage.run("status", "--specs", "nosuch").code == 8


def test_a_pause_is_shown_without_a_spec(stage: Stage, elsewhere: Path) -> None:
    stage.spec()
    stage.run("reconcile", str(stage.folder / "specs"))
    stage.run("pause", "analytics", "--reason", "migration")
    shown = stage.run("status")
    assert "analytics  Paused" in shown.out
    assert "paused by jdoe: migration" in shown.out


def test_another_project_is_seen_as_its_own_controller_sees_it(
    stage: Stage, elsewhere: Path
) -> None:
    stage.spec()
    other = stage.workspace.create_project(stage.user, {"name": "rays"}).id
    there = {**stage.environ, "CML_PROJECT_ID": other}
    specs = str(stage.folder / "specs")
    assert stage.run("reconcile", specs, environ=there).code == 0
    for name in ("rays", other):
        shown = stage.run("status", "analytics", "--project", name, "--specs", specs)
        assert "analytics  Ready" in shown.out, shown.out + shown.err
        assert alarms(shown.out) == []
    assert "analytics  Running" in stage.run("status", "--project", "rays").out


def test_a_project_of_several_owners_is_said_to_be_one(stage: Stage, elsewhere: Path) -> None:
    stage.spec()
    stage.spec("training")
    specs = stage.folder / "specs"
    for owner, name in (("one", "analytics"), ("two", "training")):
        environ = {**stage.environ, "RAYCML_OWNER": owner}
        assert stage.run("reconcile", str(specs / f"{name}.yaml"), environ=environ).code == 0
    shown = stage.run("status", "--project", "fraud-models")
    assert "several owners: one, two" in shown.err
    assert alarms(shown.out) == []
    environ = {**stage.environ, "RAYCML_OWNER": "two"}
    assert "training  Running" in stage.run("status", environ=environ).out


def test_an_application_of_another_installation_is_named_as_that(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    shown = stage.run("status", "analytics", environ={**stage.environ, "RAYCML_OWNER": "mine"})
    assert f"is analytics head of another installation, `{stage.project}`" in shown.out
    assert [word for word in ("delete", "adopt", "edited") if word in shown.out] == []
