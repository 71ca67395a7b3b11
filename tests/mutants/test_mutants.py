"""Every bug of the catalogue is planted into a copy of the source, and its test must see it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.mutants.catalogue import CATALOGUE
from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.slow


@dataclass
class Copy:
    """A copy of the source and the tests, and a process that runs tests in it."""

    place: Path
    server: "subprocess.Popen[str]"

    def run(self, test: str) -> tuple[int, str]:
        """Pytest's exit code and what it printed."""
        output = self.place / "output.txt"
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(f"{test}\t{output}\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline()), output.read_text()


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Copy]:
    place = tmp_path_factory.mktemp("mutants")
    ignored = shutil.ignore_patterns("__pycache__", "scenarios")
    for folder in ("controller", "tests", "specs"):
        shutil.copytree(ROOT / folder, place / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", place)
    # Compiled once; from here on with -B, so that no bug is ever compiled to a file.
    collect = [sys.executable, "-m", "pytest", "-q", "--collect-only", "-p", "no:cacheprovider"]
    pages = sorted({mutant.killer.partition("::")[0] for mutant in CATALOGUE})
    subprocess.run([*collect, *pages], cwd=place, capture_output=True, timeout=120, check=True)
    command = [sys.executable, "-B", "-m", "tests.mutants.server"]
    pipe = subprocess.PIPE
    server = subprocess.Popen(command, cwd=place, stdin=pipe, stdout=pipe, text=True)
    yield Copy(place, server)
    server.communicate(timeout=60)
    shutil.rmtree(place)


@pytest.mark.parametrize("mutant", CATALOGUE, ids=lambda x: f"{x.bug}: {x.name}")
def test_the_bug_is_seen(copy: Copy, mutant: Mutant) -> None:
    page = copy.place / "controller" / mutant.page
    source, times = page.read_text(), page.stat()
    assert source.count(mutant.old) == 1, "the mutant no longer fits the source"
    page.write_text(source.replace(mutant.old, mutant.new))
    try:
        code, output = copy.run(mutant.killer)
    finally:
        page.write_text(source)
        os.utime(page, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert code == 1, f"it survived {mutant.killer}\n{output}"


def test_the_tests_that_see_them_are_green_on_the_source_as_it_is(copy: Copy) -> None:
    killers = sorted({mutant.killer for mutant in CATALOGUE})
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", *killers]
    done = subprocess.run(
        command, cwd=copy.place, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout


def test_every_class_of_bug_has_a_mutant() -> None:
    assert {mutant.bug for mutant in CATALOGUE} == {f"B{n}" for n in range(1, 23)}
    assert len(CATALOGUE) >= 40
