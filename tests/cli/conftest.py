"""A stage for each test, with its own folder to be in."""

from collections.abc import Callable
from pathlib import Path

import pytest
from controlled import Controlled
from stage import Stage


@pytest.fixture
def stage(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Stage:
    monkeypatch.chdir(tmp_path)
    return Stage(capsys, tmp_path)


@pytest.fixture
def leader(stage: Stage) -> Callable[[Controlled], None]:
    """Has a controller go on while a command waits."""

    def goes_on(controller: Controlled) -> None:
        busy: list[bool] = []

        def turn() -> None:
            if not busy:
                busy.append(True)
                controller.running.follower.poller.poll()
                controller.loop.turn()
                busy.clear()

        stage.clock.passing.append(turn)

    return goes_on
