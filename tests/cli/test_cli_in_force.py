"""What a source says and what is in force, over the production composition."""

import shutil
from pathlib import Path

import pytest
from controlled import Controlled, controlled
from stage import Stage

from tests.repositories import Repository

SPECS = ("one", "two", "three")


def fill(stage: Stage, names: tuple[str, ...] = SPECS, **changes: object) -> None:
    for name in names:
        stage.spec(name, replicas=0, **changes)


def specs(stage: Stage) -> Path:
    return stage.folder / "specs"


def clusters(stage: Stage) -> set[str]:
    return {name.split("-")[1] for name in stage.applications()}


def text_of(stage: Stage, name: str, **changes: object) -> str:
    path = stage.spec(name, replicas=0, **changes)
    text = path.read_text()
    path.unlink()
    return text


def three(stage: Stage) -> Repository:
    repository = Repository(stage.folder / "repository")
    repository.commit(**{name: text_of(stage, name) for name in SPECS})
    return repository


def patiently(controller: Controlled, seconds: float = 420.0) -> Controlled:
    """Turn until so much time has passed: longer than any grace."""
    clock = controller.stage.clock
    ends = clock.elapsed + seconds
    while clock.elapsed < ends:
        controller.turn()
    return controller


@pytest.mark.parametrize("left", [b"", b"# to be written\n---\n"])
def test_a_spec_file_that_shrank_to_nothing_freezes_its_cluster_and_is_named(
    stage: Stage, left: bytes
) -> None:
    fill(stage)
    with controlled(stage, "specs") as controller:
        controller.settle()
        (specs(stage) / "three.yaml").write_bytes(left)
        patiently(controller)
        assert clusters(stage) == set(SPECS)
        assert controller.source.problems[0].startswith("specs/three.yaml:1:1: no spec")
        (specs(stage) / "three.yaml").unlink()
        patiently(controller)
        assert clusters(stage) == {"one", "two"}


def test_a_folder_that_is_not_mounted_waits_for_a_person_and_a_deleted_one_does_not(
    stage: Stage,
) -> None:
    fill(stage)
    stage.spec("four", file="team/four.yaml", replicas=0)
    with controlled(stage, "specs", allow_prune=100) as controller:
        controller.settle()
        (specs(stage) / "team" / "four.yaml").unlink()
        patiently(controller)
        assert "four" in clusters(stage)
        assert controller.source.held is not None
        assert controller.source.held.reason == "FolderEmptied"
        shutil.rmtree(specs(stage) / "team")
        patiently(controller)
        assert clusters(stage) == set(SPECS)


def test_the_whole_folder_emptied_waits_for_a_person_whatever_was_allowed(stage: Stage) -> None:
    fill(stage)
    with controlled(stage, "specs", allow_prune=100) as controller:
        controller.settle()
        for name in SPECS:
            (specs(stage) / f"{name}.yaml").unlink()
        patiently(controller)
        assert clusters(stage) == set(SPECS)


def test_a_commit_that_lacks_the_path_waits_for_a_person_whatever_was_allowed(
    stage: Stage,
) -> None:
    stage.environ["XDG_CACHE_HOME"] = str(stage.folder / "cache")
    repository = three(stage)
    with controlled(stage, repository.folder, allow_prune=100) as controller:
        controller.settle()
        repository.git("mv", "specs", "clusters")
        repository.git("commit", "-q", "-m", "another name for the folder")
        controller.settle()
        assert clusters(stage) == set(SPECS)
        assert controller.source.held is not None
