"""A copy of the source and the tests, into which bugs are planted one at a time."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.mutants.mutant import Mutant
from tests.mutants.server import EVERY_PAGE, READY

ROOT = Path(__file__).parents[2]
SAMPLED = 5  # of so many tests one is run without a bug
ENDING = ("--timeout=20", "--tb=native")  # a bug may make its test wait for ever: a failure as well


@dataclass
class Copy:
    """The copy, and a process that runs tests in it."""

    place: Path
    server: "subprocess.Popen[str]"

    def run(self, page: str, *words: str) -> tuple[int, str]:
        """Run tests after a change of a page; pytest's exit code and what it printed."""
        output = self.place / "output.txt"
        assert self.server.stdin is not None
        assert self.server.stdout is not None
        self.server.stdin.write(json.dumps([page, words, str(output)]) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline()), output.read_text()

    def see(self, mutant: Mutant) -> None:
        """Plant the bug; its test must see it."""
        page = self.place / "controller" / mutant.page
        source, times = page.read_text(), page.stat()
        assert source.count(mutant.old) == 1, "the mutant no longer fits the source"
        page.write_text(source.replace(mutant.old, mutant.new))
        try:
            code, output = self.run(mutant.page, *ENDING, mutant.killer)
        finally:
            page.write_text(source)
            os.utime(page, ns=(times.st_atime_ns, times.st_mtime_ns))
        assert code == 1, f"it survived {mutant.killer}\n{output}"

    def stay_green(self, mutants: Iterable[Mutant]) -> None:
        """Tests that see the bugs pass without them, imported anew as for a bug: what fails with a
        bug does not fail for being run here.  That they all pass is the suite's own business."""
        code, output = self.run(EVERY_PAGE, *sorted({m.killer for m in mutants})[::SAMPLED])
        assert code == 0, output


@contextmanager
def copied(place: Path, killers: Iterable[str]) -> Iterator[Copy]:
    # What is compiled is copied with its source; not what is being written just now.
    ignored = shutil.ignore_patterns("*.pyc.*", "scenarios")
    for folder in ("controller", "tests", "specs"):
        shutil.copytree(ROOT / folder, place / folder, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", place)
    pages = sorted({killer.partition("::")[0] for killer in killers})
    command = [sys.executable, "-m", "tests.mutants.server", *pages]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=place, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == f"{READY}\n"
        yield Copy(place, server)
        server.communicate(timeout=60)
    shutil.rmtree(place)
