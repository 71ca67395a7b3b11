"""What `raycml run` is told, by flags and by the environment of a CML application."""

import random
from pathlib import Path

import pytest
from stage import StepClock

from controller.process.identity import is_dead, this_place
from controller.process.system import System
from controller.run.options import Flags, resolve
from controller.run.sources import FOLDER_POLL_S, GIT_POLL_S, open_source
from controller.source.folder import FolderSource
from controller.source.git.source import GitSource
from controller.terminal.errors import CommandError

SECRET = "0123456789abcdef"


def test_every_flag_has_its_variable_and_wins_over_it() -> None:
    environ = {
        "RAYCML_SOURCE": "specs",
        "RAYCML_REF": "main",
        "RAYCML_PATH": "clusters",
        "RAYCML_POLL": "5m",
        "RAYCML_INTERVAL": "1m",
        "RAYCML_NO_PRUNE": "1",
        "RAYCML_ALLOW_PRUNE": "3",
        "RAYCML_VERIFY_KEY": "keys",
        "RAYCML_PORT": "9000",
        "CDSW_APP_PORT": "8080",
        "RAYCML_WEB_TOKEN": SECRET,
    }
    found = resolve(Flags(), environ)
    assert (found.source, found.ref, found.path) == ("specs", "main", "clusters")
    assert (found.poll_s, found.interval_s, found.port) == (300, 60, 9000)
    assert (found.prune, found.allow_prune, found.verify_key) == (False, 3, Path("keys"))
    flags = Flags("other", "v1", "p", "10s", "20s", allow_prune=0, port=1234)
    found = resolve(flags, environ)
    assert (found.source, found.ref, found.path) == ("other", "v1", "p")
    assert (found.poll_s, found.interval_s, found.port) == (10, 20, 1234)
    assert found.allow_prune == 0


def test_what_nobody_said_is_what_most_want() -> None:
    found = resolve(Flags("specs"), {})
    assert (found.poll_s, found.interval_s, found.port, found.prune) == (None, 30, 8100, True)


def test_inside_a_pod_the_page_is_on_the_port_that_cml_shows() -> None:
    assert resolve(Flags("specs"), {"CDSW_APP_PORT": "8080"}).port == 8080


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("RAYCML_POLL", "often", "RAYCML_POLL or --poll: `often` is not a duration"),
        ("RAYCML_INTERVAL", "-3", "RAYCML_INTERVAL or --interval"),
        ("RAYCML_PORT", "99999", "RAYCML_PORT is not between 0 and 65535"),
        ("RAYCML_PORT", "http", "RAYCML_PORT is not a whole number"),
        ("CDSW_APP_PORT", "http", "CDSW_APP_PORT is not a whole number"),
        ("RAYCML_ALLOW_PRUNE", "many", "RAYCML_ALLOW_PRUNE is not a whole number"),
        ("RAYCML_NO_PRUNE", "perhaps", "RAYCML_NO_PRUNE is neither 1 nor 0"),
    ],
)
def test_a_variable_that_cannot_be_used_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(CommandError) as caught:
        resolve(Flags("specs"), {name: value})
    assert said in str(caught.value)
    assert caught.value.code == 64


@pytest.mark.parametrize("name", ["RAYCML_WEB_TOKEN", "RAYCML_HOOK_SECRET", "RAYCML_GIT_TOKEN"])
def test_a_secret_that_anybody_could_guess_is_refused_and_not_repeated(name: str) -> None:
    with pytest.raises(CommandError) as caught:
        resolve(Flags("specs"), {name: "swordfish"})
    assert name in str(caught.value)
    assert "swordfish" not in str(caught.value)
    assert SECRET not in repr(resolve(Flags("specs"), {name: SECRET}))


def opened(source: str, **flags: object) -> tuple[object, float]:
    machine = System({"HOME": "/nowhere"}, StepClock(), random.Random(1))
    return open_source(resolve(Flags(source, **flags), {}), machine)  # type: ignore[arg-type]


def test_a_folder_is_followed_as_it_is_and_the_root_of_a_repository_through_git(
    tmp_path: Path,
) -> None:
    folder, repository, bare = tmp_path / "specs", tmp_path / "work", tmp_path / "bare.git"
    folder.mkdir()
    (repository / ".git").mkdir(parents=True)
    (bare / "objects").mkdir(parents=True)
    (bare / "HEAD").write_text("ref: refs/heads/main\n")
    assert isinstance(opened(str(folder))[0], FolderSource)
    for found in (repository, bare):
        assert isinstance(opened(str(found))[0], GitSource)
    assert opened(str(folder))[1] == FOLDER_POLL_S
    assert opened(str(bare))[1] == GIT_POLL_S


@pytest.mark.parametrize(
    "url", ["https://git.example.com/team/specs.git", "git@git.example.com:team/specs.git"]
)
def test_an_address_is_git(url: str) -> None:
    found, _ = opened(url)
    assert isinstance(found, GitSource)


def test_a_ref_of_a_plain_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="is a folder"):
        opened(str(tmp_path), ref="main")


def test_a_source_that_is_not_there_ends_with_eight(tmp_path: Path) -> None:
    with pytest.raises(CommandError) as caught:
        opened(str(tmp_path / "no-such"))
    assert caught.value.code == 8


@pytest.mark.parametrize("name", ["README.md", "cluster", "specs.json"])
@pytest.mark.parametrize("by_variable", [False, True])
def test_a_file_that_is_no_yaml_is_not_followed(
    tmp_path: Path, name: str, by_variable: bool
) -> None:
    (tmp_path / name).write_text("# not a spec\n")
    flags, environ = Flags(), {"RAYCML_SOURCE": str(tmp_path / name)}
    options = resolve(flags, environ) if by_variable else resolve(Flags(environ.popitem()[1]), {})
    with pytest.raises(
        CommandError, match=r"neither a folder nor a \.yaml or \.yml file"
    ) as caught:
        open_source(options, System({"HOME": "/nowhere"}, StepClock(), random.Random(1)))
    assert caught.value.code == 64


def test_one_spec_file_is_followed(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yml"):
        (tmp_path / name).write_text("")
        assert isinstance(opened(str(tmp_path / name))[0], FolderSource)


def test_a_process_of_this_machine_is_known_to_live_or_to_be_gone() -> None:
    here = this_place()
    machine, pid, started = here.rsplit(" ", 2)
    assert not is_dead(here)
    assert is_dead(f"{machine} {pid} {int(started) + 1}")
    assert is_dead(f"{machine} 999999999 {started}")


@pytest.mark.parametrize("place", ["", "elsewhere/boot 1 1", "x", "a b", "  ", "a b c d"])
def test_of_another_machine_nobody_can_tell(place: str) -> None:
    assert not is_dead(place)


def test_a_variable_that_a_form_garbled_is_to_be_typed_again_and_a_blank_one_is_unset() -> None:
    garbled = {"RAYCML_SOURCE": "specs", "RAYCML_REF": '{"isTrusted":true}'}
    with pytest.raises(CommandError, match="RAYCML_REF holds what a form stored") as error:
        resolve(Flags(), garbled)
    assert "isTrusted" not in f"{error.value} {error.value.remedy}"
    blank = {"RAYCML_SOURCE": "specs", "RAYCML_REF": " ", "RAYCML_POLL": "", "RAYCML_PATH": "\t"}
    options = resolve(Flags(), blank)
    assert (options.ref, options.poll_s, options.path) == (None, None, None)
