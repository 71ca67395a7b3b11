"""The story of one cluster, told by the command on the CML emulator with real Ray.

It joins, runs a task on each node, loses a worker, then its head, gives its workers more memory,
lets a task end on a worker that is stopped, and is deleted.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from controller.core.spec.ray.start_params import ALLOWED
from controller.core.spec.ray.versions import option_faults
from controller.node import processes
from controller.node.ray.versions import habits
from tests.matrix.installs import Install
from tests.scenarios.stage import Stage, kill, processes_below, processes_of

HERE = Path(__file__).parent
MEMBERS = {"head", "w/0", "w/1"}
TASK_S = 4.0  # below the grace of a stop


@dataclass
class Story:
    """The cluster `one`, and what was measured of it."""

    stage: Stage
    install: Install
    facts: dict[str, Any] = field(default_factory=dict)

    def joins(self) -> None:
        begun = time.monotonic()
        self.stage.reconcile(self.stage.spec())
        self.facts["seconds"] = round(time.monotonic() - begun)
        status = self.stage.status()
        assert (status["state"], status["ready"]) == ("Ready", 3)
        members = self.report()["members"]
        assert isinstance(members, dict)
        assert all(isinstance(member["idle_s"], float) for member in members.values())
        assert all(member["fingerprint"].startswith("v1:") for member in members.values())
        head = self.head()
        told = self.python("facts.py", str(head["address"]), str(head["dashboard_port"]))
        self.facts.update(json.loads(told.splitlines()[-1]))
        folders = {self.folder_of(engine) for engine in self.stage.engines().values()}
        self.facts["own_temp_dir"] = len(folders) == len(MEMBERS)

    def runs_a_task_on_each_node(self) -> None:
        assert set(self.python("tasks.py", str(self.head()["address"]), "each").split()) == MEMBERS

    def heals_a_killed_worker(self) -> None:
        engines = self.stage.engines()
        kill(engines["w/0"])
        self.stage.reconcile(self.stage.spec())
        after = self.stage.engines()
        assert after.keys() == MEMBERS
        assert after["w/0"] != engines["w/0"]
        assert {**after, "w/0": ""} == {**engines, "w/0": ""}

    def heals_a_killed_head(self) -> None:
        engines = self.stage.engines()
        kill(engines["head"])
        self.stage.reconcile(self.stage.spec())
        after = self.stage.engines()
        assert after.keys() == MEMBERS
        assert after["head"] != engines["head"]
        assert {**after, "head": ""} == {**engines, "head": ""}
        self.runs_a_task_on_each_node()

    def gives_workers_more_memory(self) -> None:
        engines = self.stage.engines()
        bigger = self.stage.spec(memory="1792Mi")
        assert self.stage.plan(bigger) == ["drain w/0"]
        self.stage.reconcile(bigger)
        after = self.stage.engines()
        assert after["head"] == engines["head"]
        assert not {after["w/0"], after["w/1"]} & {*engines.values()}

    def lets_a_task_end_where_the_launcher_is_stopped(self) -> None:
        """TERM for the node program alone: at a stop of a pod every process may get it.

        Where Ray does not drain by itself, it is asked to within the grace, and a loaded machine
        may take longer: three tries.
        """
        tries = 1 if habits(self.install.version).drains_at_term else 3
        results = []
        while len(results) < tries and "finished" not in results:
            engines = self.stage.engines()
            results.append(self._stop_below_a_task())
            self.stage.reconcile(self.stage.spec(memory="1792Mi"))
            after = self.stage.engines()
            assert after["w/1"] != engines["w/1"]
            assert {**after, "w/1": ""} == {**engines, "w/1": ""}
        assert results[-1] == "finished", f"{results}\n{self.log('w-1')}"

    def _stop_below_a_task(self) -> str:
        """Stop the launcher of `w/1` while a task runs there; what became of the task."""
        sign = self.stage.folder / "sign-of-a-task"
        sign.unlink(missing_ok=True)
        words = ["tasks.py", str(self.head()["address"]), "long", "w/1", str(TASK_S)]
        driver = subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, **self.world())
        assert driver.stdout is not None
        assert driver.stdout.readline().strip() == "started"
        self.facts["busy_idle_drain"] = driver.stdout.readline().strip()
        assert self.facts["busy_idle_drain"] == "refused"
        pid = self._file("members/w-1.json")["pid"]
        assert isinstance(pid, int)
        os.kill(pid, signal.SIGTERM)
        return str(driver.communicate(timeout=90)[0]).strip()

    def is_deleted(self) -> None:
        engines = self.stage.engines()
        done = self.stage.raycml("delete", "one", "--local", "--yes")
        assert done.code == 0, done.out + done.err
        assert [pid for engine in engines.values() for pid in processes_of(engine)] == []
        assert [*(self.stage.home / ".raycml" / "launchers").rglob("*.py")] == []

    def is_as_the_tables_say(self) -> None:
        version = str(self.facts["ray"])
        assert version == self.install.version
        expected = asdict(habits(version))
        assert {name: self.facts[name] for name in expected} == expected
        options = {name.lstrip("-") for name in self.facts.pop("options")}
        there = {name: not [*option_faults({name: ""}, version)] for name in ALLOWED}
        assert {name: name in options for name in ALLOWED} == there

    def report(self) -> dict[str, object]:
        return self._file("ray.json")

    def head(self) -> dict[str, object]:
        return self._file("head.json")

    def _file(self, name: str) -> dict[str, object]:
        path = self.stage.home / ".raycml" / "clusters" / "one" / name
        values: dict[str, object] = json.loads(path.read_text())
        return values

    def log(self, member: str) -> str:
        folder = self.stage.home / ".raycml" / "logs" / "one"
        return "\n".join((folder / f"{member}.log").read_text().splitlines()[-30:])

    def folder_of(self, engine: str) -> str:
        """The folder for Ray's files of a member, by the arguments of its raylet."""
        words = [word for pid in processes_of(engine) for word in processes.arguments(pid)]
        option = "--temp_dir="
        return next(word[len(option) :] for word in words if word.startswith(option))

    def python(self, *words: str) -> str:
        done = subprocess.run(
            self.command(*words), capture_output=True, timeout=120, check=False, **self.world()
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return str(done.stdout)

    def command(self, script: str, *words: str) -> list[str]:
        return [str(self.install.python), str(HERE / script), *words]

    def world(self) -> dict[str, object]:
        """The environment of a program beside the cluster."""
        environ = {"PATH": "/usr/bin:/bin", "HOME": str(self.stage.folder)}
        environ |= self.stage.token("one")
        return {"env": environ, "cwd": self.stage.folder, "text": True}


STEPS: tuple[Callable[[Story], None], ...] = (
    Story.joins,
    Story.runs_a_task_on_each_node,
    Story.heals_a_killed_worker,
    Story.heals_a_killed_head,
    Story.gives_workers_more_memory,
    Story.lets_a_task_end_where_the_launcher_is_stopped,
    Story.is_deleted,
    Story.is_as_the_tables_say,
)


@contextmanager
def story(install: Install) -> Iterator[Story]:
    """A story on a stage of its own; at its end nothing of it may be left."""
    # Ray's sockets need short paths.
    folder = Path(tempfile.mkdtemp(prefix="rm-", dir="/tmp"))
    stage = Stage(folder, install.version, str(install.python))
    try:
        yield Story(stage, install)
        stage.raycml("emulator", "stop")
        assert processes_below(folder) == [], "the emulator left processes"
    finally:
        for pid in processes_below(folder):
            subprocess.run(["kill", "-9", str(pid)], check=False)
        shutil.rmtree(folder, ignore_errors=True)
