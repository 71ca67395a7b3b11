"""A stage for each test, with its own folder to be in."""

from pathlib import Path

import pytest
from stage import Stage


@pytest.fixture
def stage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    monkeypatch.chdir(tmp_path)
    return Stage(capsys, tmp_path)
