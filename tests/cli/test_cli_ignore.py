"""`.raycmlignore` in every command: what it leaves out, and what becomes of a cluster there."""

import pytest
from controlled import controlled
from repository_specs import SPECS, clusters, three
from stage import Stage

KUBERAY = "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: old}\n"
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"


def write(stage: Stage, name: str, text: str) -> None:
    path = stage.folder / "specs" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, "utf-8")


def test_foreign_yaml_is_one_line_each_and_can_be_left_out(stage: Stage) -> None:
    stage.spec()
    write(stage, "kuberay.yaml", KUBERAY)
    write(stage, "config.yaml", CONFIG)
    write(stage, "values.yaml", "image: x\nreplicas: 2\n")
    said = stage.run("validate")
    assert said.code == 3
    lines = said.err.splitlines()
    assert lines[0].startswith(
        "specs/config.yaml:2:7: not a raycml spec (kind ConfigMap); leave it"
    )
    assert "this is a manifest of KubeRay" in lines[1]
    assert lines[2].startswith("specs/values.yaml:1:1: not a raycml spec (no apiVersion); leave it")
    assert lines[3] == "3 problems found"
    write(stage, ".raycmlignore", "kuberay.yaml\nconfig.yaml\nvalues.yaml\n")
    for command in ("validate", "plan", "reconcile"):
        assert stage.run(command).code == 0
    assert clusters(stage) == {"analytics"}


def test_rules_that_cannot_be_used_end_a_command_before_cml_is_asked(stage: Stage) -> None:
    stage.spec()
    write(stage, ".raycmlignore", "ok.yaml\n[a\n")
    for command in ("validate", "plan", "reconcile"):
        said = stage.run(command)
        assert said.code == 8
        assert "specs/.raycmlignore:2: `[` without `]`" in said.err
    assert stage.wire.calls == []


def test_an_ignored_spec_counts_as_removed_for_reconcile(stage: Stage) -> None:
    stage.spec()
    stage.spec("second", replicas=0)
    assert stage.run("reconcile").code == 0
    write(stage, ".raycmlignore", "second.yaml\n")
    assert stage.run("reconcile").code == 0
    assert clusters(stage) == {"analytics", "second"}, "nothing is pruned without --prune"
    assert stage.run("reconcile", "--prune").code == 6
    assert stage.run("reconcile", "--prune", "--yes").code == 0
    assert clusters(stage) == {"analytics"}


@pytest.mark.slow
def test_a_spec_that_becomes_ignored_is_pruned_after_its_grace(stage: Stage) -> None:
    stage.environ["RAYCML_PRUNE_GRACE_S"] = "60"
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        (repository.folder / "specs" / ".raycmlignore").write_text("three.yaml\n")
        repository.commit()
        controller.turn()
        assert clusters(stage) == set(SPECS)
        controller.settle()
        assert clusters(stage) == {"one", "two"}


@pytest.mark.slow
def test_rules_that_ignore_everything_wait_for_a_person(stage: Stage) -> None:
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        (repository.folder / "specs" / ".raycmlignore").write_text("*\n")
        repository.commit()
        controller.settle()
        assert clusters(stage) == set(SPECS)
        held = controller.snapshot.source.held
        assert held is not None
        assert held.reason == "PruneLimit"


@pytest.mark.slow
def test_rules_that_cannot_be_used_keep_everything_as_it_was(stage: Stage) -> None:
    """Neither the spec that the same commit removes leaves, nor the one that it adds comes."""
    stage.environ["RAYCML_PRUNE_GRACE_S"] = "60"
    repository = three(stage)
    with controlled(stage, repository.folder) as controller:
        controller.settle()
        good = controller.source.revision
        (repository.folder / "specs" / ".raycmlignore").write_text("[a\n")
        repository.commit(three=None)
        controller.settle()
        assert clusters(stage) == set(SPECS)
        assert controller.source.revision == good
        assert ".raycmlignore:1: `[` without `]`" in controller.source.failure
        (repository.folder / "specs" / ".raycmlignore").write_text("a\n")
        repository.commit()
        controller.settle()
        assert clusters(stage) == {"one", "two"}
