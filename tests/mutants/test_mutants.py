"""Every bug of the catalogue is planted into a copy of the source, and its test must see it."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.mutants.catalogue import CATALOGUE
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the source and the tests, to be broken."""
    place = tmp_path_factory.mktemp("mutants")
    ignored = shutil.ignore_patterns("__pycache__", "scenarios", "mutants")
    for folder in ("controller", "tests", "specs"):
        shutil.copytree(ROOT / folder, place / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", place)
    yield place
    shutil.rmtree(place)


def run(place: Path, test: str) -> subprocess.CompletedProcess[str]:
    """The test in the copy; the copy's `controller` comes before any installed one."""
    command = [
        sys.executable,
        "-B",
        "-m",
        "pytest",
        "-qx",
        "--timeout=20",
        "-p",
        "no:cacheprovider",
    ]
    return subprocess.run(
        [*command, test], cwd=place, capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize("mutant", CATALOGUE, ids=lambda x: f"{x.bug}: {x.name}")
def test_the_bug_is_seen(copy: Path, mutant: Mutant) -> None:
    page = copy / "controller" / mutant.page
    source = page.read_text()
    assert source.count(mutant.old) == 1, "the mutant no longer fits the source"
    page.write_text(source.replace(mutant.old, mutant.new))
    try:
        done = run(copy, mutant.killer)
    finally:
        page.write_text(source)
    assert done.returncode == 1, f"it survived {mutant.killer}\n{done.stdout}{done.stderr}"


def test_the_tests_that_see_them_are_green_on_the_source_as_it_is(copy: Path) -> None:
    killers = sorted({mutant.killer for mutant in CATALOGUE})
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *killers]
    done = subprocess.run(
        command, cwd=copy, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_class_of_bug_has_a_mutant() -> None:
    assert {mutant.bug for mutant in CATALOGUE} == {f"B{n}" for n in range(1, 23)}
    assert len(CATALOGUE) >= 40
