"""The first look of `raycml run`: it ends where its command line cannot work, and else goes on."""

from collections.abc import Callable
from pathlib import Path

import pytest
from controlled import Controlled, controlled
from stage import Stage

from controller.run.options import Flags, resolve
from controller.run.preflight import check, is_needed
from controller.terminal.errors import CommandError
from controller.web.health import unready
from tests.repositories import Repository

NOWHERE = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def _cache(stage: Stage) -> None:
    stage.environ["XDG_CACHE_HOME"] = str(stage.folder / "cache")


def repository(stage: Stage, name: str = "one") -> Repository:
    found = Repository(stage.folder / "repository")
    path = stage.spec(name, replicas=0)
    found.commit(**{name: path.read_text()})
    return found


def looked(controller: Controlled, source: str, **flags: object) -> int | None:
    """The code with which the command would end after this look; None where it goes on."""
    running = controller.running
    options = resolve(Flags(source, **flags), controller.stage.environ)  # type: ignore[arg-type]
    if not is_needed(options, running.follower):
        return None
    running.follower.poller.poll()
    try:
        check(options, running.follower.poller._source, running.follower.poller.look())
    except CommandError as error:
        return int(error.code)
    return None


@pytest.mark.parametrize(
    ("flags", "code", "said"),
    [
        (("--ref", "nosuch"), 64, "has no branch or tag `nosuch`"),
        (("--ref", NOWHERE), 64, "the commit is not there"),
        (("--path", "nosuch"), 64, "no such folder"),
        (("--path", "specs/one.yaml"), 64, "the path is not a folder"),
    ],
)
def test_what_a_repository_does_not_have_is_a_wrong_command_line(
    stage: Stage, flags: tuple[str, ...], code: int, said: str
) -> None:
    found = stage.run("run", str(repository(stage).folder), "--port", "0", *flags)
    assert found.code == code
    assert said in found.err
    assert not stage.wire.writes()


@pytest.mark.parametrize("url", ["file:///no/such/repository", "http://127.0.0.1:9/team/x.git"])
def test_a_repository_that_cannot_be_read_ends_with_eight(stage: Stage, url: str) -> None:
    found = stage.run("run", url, "--port", "0")
    assert found.code == 8
    assert found.err.count("\n") == 2
    assert not stage.wire.writes()


def away(specs: Repository, stage: Stage) -> None:
    specs.folder.rename(stage.folder / "away")


def without_its_branch(specs: Repository, _: Stage) -> None:
    specs.git("branch", "-m", "main", "other")


def without_its_folder(specs: Repository, _: Stage) -> None:
    specs.git("mv", "specs", "clusters")
    specs.git("commit", "-q", "-m", "another name")


@pytest.mark.parametrize("harm", [away, without_its_branch, without_its_folder])
def test_once_a_revision_is_on_record_nothing_ends_a_controller_that_begins_again(
    stage: Stage, harm: Callable[[Repository, Stage], None]
) -> None:
    specs = repository(stage)
    chosen = {"ref": "main", "path": "specs"}
    url = f"file://{specs.folder}"
    with controlled(stage, url, **chosen) as controller:
        controller.settle()
    harm(specs, stage)
    with controlled(stage, url, dice=8, **chosen) as controller:
        assert looked(controller, url, **chosen) is None
        stage.workspace.state.applications.clear()
        controller.settle()
        assert stage.applications()
        assert controller.source.failure or controller.source.held


def test_an_application_whose_repository_is_away_goes_on_looking(stage: Stage) -> None:
    specs = repository(stage)
    url = stage.environ["RAYCML_SOURCE"] = f"file://{specs.folder}"
    away(specs, stage)
    with controlled(stage, url) as controller:
        assert not is_needed(resolve(Flags(), stage.environ), controller.running.follower)
        controller.turn()
        assert "no such folder" in str(unready(controller.snapshot))
        (stage.folder / "away").rename(specs.folder)
        controller.settle()
        assert stage.applications()


def test_an_application_whose_folder_is_not_mounted_goes_on_looking(stage: Stage) -> None:
    stage.environ["RAYCML_SOURCE"] = "specs"
    with controlled(stage, None) as controller:
        controller.turn()
        assert "specs does not exist" in str(unready(controller.snapshot))
        stage.spec("one", replicas=0)
        controller.settle()
        assert stage.applications()


@pytest.mark.parametrize("flags", [{}, {"path": "."}])
def test_a_repository_without_specs_is_waited_for_and_says_so(
    stage: Stage, flags: dict[str, str]
) -> None:
    specs = Repository(stage.folder / "repository")
    specs.commit()
    with controlled(stage, specs.folder, **flags) as controller:
        assert looked(controller, str(specs.folder), **flags) is None
        stage.capsys.readouterr()
        controller.turn()
        assert "it has no specs" in str(unready(controller.snapshot))
        said = [s for s in stage.capsys.readouterr().err.splitlines() if "standing by" in s]
        assert said
        assert all('"warning"' in line for line in said)
        path: Path = stage.spec("one", replicas=0)
        specs.commit(one=path.read_text())
        controller.settle()
        assert stage.applications()
