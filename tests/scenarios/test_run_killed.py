"""The long-running controller killed again and again, with real Ray: the world comes to match, and
nothing is created twice or restarted without a reason."""

import random
import subprocess
import threading
from collections import Counter

import httpx
import pytest

from controller.emulator import daemon
from tests.scenarios.stage import COMMAND, Stage, kill

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]

SECONDS = 60
SEED = 20261124


class Witness(threading.Thread):
    """Writes down every application and every start of one, by asking CML all the time."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(daemon=True)
        found = daemon.status(stage.folder / "cml")
        assert found is not None
        self.http = httpx.Client(
            base_url=found.url,
            headers={"Authorization": f"Bearer {found.api_key}"},
            timeout=60,
        )
        self.path = f"/api/v2/projects/{found.project_id}/applications"
        self.over = threading.Event()
        self.ids: set[tuple[str, str]] = set()
        self.starts: set[tuple[str, str]] = set()

    def run(self) -> None:
        while not self.over.wait(0.3):
            self.look()

    def look(self) -> None:
        answer = self.http.get(self.path, params={"page_size": 100})
        for app in answer.json()["applications"]:
            name = app["subdomain"].removeprefix("ray-one-")
            self.ids.add((name, app["id"]))
            if app["starting_at"]:
                self.starts.add((name, app["starting_at"]))

    def end(self) -> None:
        self.over.set()
        self.join()
        self.look()
        self.http.close()


def live(stage: Stage, seconds: float, dice: random.Random) -> int:
    """Run the controller for so long, killing it hard at random moments; how often."""
    command = [str(COMMAND), "run", "--local", "specs", "--port", "0", "--interval", "5s"]
    killed = 0
    while seconds > 0:
        span = min(dice.uniform(0.5, 8), seconds)
        with open(stage.folder / "run.log", "ab") as log:
            process = subprocess.Popen(
                command, cwd=stage.folder, env=stage.environment(), stdout=log, stderr=log
            )
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(timeout=span)  # it never ends by itself
        process.kill()
        process.wait()
        seconds -= span
        killed += 1
    return killed


def test_a_controller_killed_at_random_moments_leaves_a_world_that_matches(stage: Stage) -> None:
    path = stage.spec(replicas=2)
    assert stage.raycml("emulator", "start").code == 0
    witness, dice = Witness(stage), random.Random(SEED)
    witness.start()
    killed = live(stage, SECONDS * 0.4, dice)
    stage.reconcile(path)  # whatever is left to do, so that there is a worker to kill
    kill(stage.engines()["w/0"])
    killed += live(stage, SECONDS * 0.3, dice)
    path = stage.spec(replicas=3)
    killed += live(stage, SECONDS * 0.3, dice)
    stage.reconcile(path)
    witness.end()
    assert set(stage.engines()) == {"head", "w/0", "w/1", "w/2"}
    assert stage.plan(path) == []
    created = Counter(name for name, _ in witness.ids)
    assert created == {"head": 1, "w-0": 1, "w-1": 1, "w-2": 1}, "each was created once"
    started = Counter(name for name, _ in witness.starts)
    assert started == {"head": 1, "w-0": 2, "w-1": 1, "w-2": 1}, "and the killed one restarted"
    assert killed >= 10
    assert "Traceback" not in (stage.folder / "run.log").read_text()
