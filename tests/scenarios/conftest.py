"""A stage for each module of scenarios; when its curtain falls, nothing of it may be left."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.stage import Stage, processes_below


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    # Ray's sockets need short paths.
    folder = Path(tempfile.mkdtemp(prefix="rs-", dir="/tmp"))
    try:
        yield Stage(folder)
        Stage(folder).raycml("emulator", "stop")
        assert processes_below(folder) == [], "the emulator left processes"
    finally:
        for pid in processes_below(folder):
            subprocess.run(["kill", "-9", str(pid)], check=False)
        shutil.rmtree(folder, ignore_errors=True)
