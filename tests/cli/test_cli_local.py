"""The embedded CML from the command line, and local folders that cannot be used."""

import random
import re
from pathlib import Path

import pytest
from pydantic import SecretStr
from stage import HOST, RUNTIME, Stage

from controller.cli.main import run
from controller.cml.inspector import Inspector
from controller.core.model.offers import Offers, Requirement
from controller.core.spec.notices import other_pythons
from controller.emulator.daemon import Connection
from controller.process.system import System
from controller.source.directory import SourceError, read
from controller.source.git.cache import Cache
from controller.source.git.limits import Limits
from controller.terminal.errors import explained
from controller.terminal.exit_codes import Exit
from controller.workspace.connection import Where, embedded
from controller.workspace.session import open_files
from controller.workspace.workspace import Workspace

RUNS = Connection("http://127.0.0.1:4711", "key", "first-project", "cml.localhost:4711", 1, Path())


def test_each_command_of_the_emulator_says_what_it_does(stage: Stage) -> None:
    shown = stage.run("emulator", "--help").out
    said = {name: re.search(rf"\b{name}\b +(\S.*)", shown) for name in ("start", "stop", "status")}
    texts = [found[1] for found in said.values() if found is not None]
    assert len(set(texts)) == 3
    assert not [text for text in texts if "Example" in text]
    assert texts[1].startswith("Stop the local CML emulator")


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("auto_restart=1", "did you mean auto_restarts or auto_restart_s?"),
        ("check_script=maybe", "check_script is true or false, not 'maybe'"),
        ("check_script", "'check_script' is not NAME=VALUE"),
        ("nodes=cpu=many", "nodes: 'cpu=many' is not a node; write words such as"),
        ("profiles=large", "profiles: 'large' is not a CPU profile; write cores x GB"),
    ],
)
def test_a_wrong_option_of_the_emulator_is_a_usage_error(
    stage: Stage, setting: str, words: str
) -> None:
    said = stage.run("emulator", "start", "--set", setting)
    assert said.code == Exit.USAGE
    assert words in said.err


@pytest.mark.parametrize(
    ("environ", "project", "is_said"),
    [
        ({}, "first-project", False),
        ({"CML_PROJECT_ID": "rays"}, "rays", False),
        ({"CML_PROJECT_ID": "rays", "CML_HOST": "http://127.0.0.1:4711/"}, "rays", False),
        ({"CML_PROJECT_ID": "rays", "CML_HOST": "https://ml.example.com"}, "first-project", True),
        ({"CDSW_PROJECT_ID": "of-the-pod"}, "first-project", False),
    ],
)
def test_with_local_a_project_that_is_named_counts_or_is_said_not_to(
    environ: dict[str, str], project: str, is_said: bool
) -> None:
    where = embedded(environ, RUNS)
    assert where.project == project
    assert bool(where.remark) == is_said
    assert not is_said or "CML_PROJECT_ID" in where.remark


STATE = ("RAYCML_EMULATOR_DIR", "choose another one with RAYCML_EMULATOR_DIR")


@pytest.mark.parametrize(
    ("words", "variable", "remedy"),
    [
        (("emulator", "start"), *STATE),
        (("plan", "--local"), *STATE),
        (("status", "--local"), *STATE),
        (("doctor", "--local"), *STATE),
        (("init", "taken/specs"), "HOME", "taken/specs/quickstart.yaml cannot be written"),
        (("doctor", "--bundle", "taken/b.tar.gz"), "HOME", "taken/b.tar.gz cannot be written"),
        (("acceptance", "--report", "taken/report"), "HOME", "choose another folder"),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, tuple) else "",
)
def test_a_local_folder_that_cannot_be_used_is_named_with_a_remedy(
    stage: Stage, words: tuple[str, ...], variable: str, remedy: str
) -> None:
    stage.spec()
    taken = stage.folder / "taken"
    taken.write_text("a file where a folder should be")
    environ = {**stage.environ, "HOME": str(stage.folder)}
    if variable != "HOME":
        environ[variable] = str(taken / "state")
    machine = System(environ, stage.clock, random.Random(1), stage.wire)
    stage.capsys.readouterr()
    code = run(words, machine)
    shown = stage.capsys.readouterr()
    said = shown.out + shown.err
    assert code not in (0, None)
    assert remedy in said, said
    assert str(taken) in said or "taken/" in said
    for word in ("internal error", "Traceback", "report its output"):
        assert word not in said


def test_a_cache_of_git_that_cannot_be_used_names_the_variable(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file where a folder should be")
    with pytest.raises(SourceError, match="XDG_CACHE_HOME=FOLDER names another one"):
        Cache(tmp_path / "taken" / "git", Limits()).prepare()


def test_any_other_file_that_cannot_be_used_is_named_too(stage: Stage) -> None:
    known = explained(PermissionError(13, "Permission denied", "/somewhere/file"))
    assert known is not None
    assert str(known) == "/somewhere/file cannot be used: Permission denied"
    assert "permissions" in known.remedy
    assert explained(OSError("without a file")) is None


PRODUCTION = "registry.example/ml-runtime-pbj-workbench-python3.12-standard:2025.06.1-b9"


def offers(stage: Stage, *, registers: bool) -> Offers:
    """Offers of a workspace whose specs name an image that its catalogue lacks."""
    key = SecretStr(stage.environ["CML_API_KEY"])
    rng = random.Random(3)
    with Inspector(HOST, key, clock=stage.clock, random=rng, transport=stage.wire) as client:
        files = open_files(client, Where(HOST, key, stage.project))
        world = Workspace(client, files, stage.project, stage.clock, registers=registers)
        return world.offers(Requirement(images=True, named_images=frozenset({PRODUCTION})))


def test_the_local_emulator_gets_the_images_that_specs_name_and_no_other_workspace_does(
    stage: Stage,
) -> None:
    assert PRODUCTION not in (offers(stage, registers=False).runtimes or {})
    assert stage.wire.writes() == []
    assert (offers(stage, registers=True).runtimes or {})[PRODUCTION] == "ENABLED"
    (added,) = stage.workspace.state.runtimes.values()
    assert (added.kernel, added.edition) == ("Python 3.12", "Standard")
    stage.wire.calls.clear()
    offers(stage, registers=True)
    assert stage.wire.writes() == [], "it is registered once"


def test_only_the_local_emulator_is_registered_at() -> None:
    assert embedded({}, RUNS).is_local
    assert not Where("https://ml.example.com", SecretStr("key"), "rays").is_local


def test_a_spec_of_another_python_is_said_with_its_place(stage: Stage) -> None:
    path = stage.spec()
    path.write_text(path.read_text().replace(RUNTIME, PRODUCTION))
    revision = read((path,))
    (said,) = other_pythons(revision, "3.11")
    assert "analytics.yaml:1: its runtime has Python 3.12" in said
    assert "the members run the interpreter that `python` names" in said
    assert other_pythons(revision, "3.12") == []
