"""A stage on which jobs and applications build environments: what a builder would leave is written
as one ends.

The builder itself is tried elsewhere; here it is a story, as pods are.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field

from stage import Stage

from controller.emulator.pods.processes import PodExit, PodRequest
from tests.scripted_pods import Behaviour, ScriptedProcesses

BUILD_S = 20.0
ENVS = ".raycml/envs"


@dataclass
class Builders:
    """`lacks`: packages that no index has, so that builds with them fail; `hangs`: none ends."""

    stage: Stage
    lacks: set[str] = field(default_factory=set)
    under_way: dict[str, tuple[float, str]] = field(default_factory=dict)
    runs: list[str] = field(default_factory=list)
    hangs: bool = False

    def __post_init__(self) -> None:
        processes = self.stage.workspace.engines.processes
        assert isinstance(processes, ScriptedProcesses)
        self._others = processes.story
        processes.story = self._story
        self.stage.clock.passing.insert(0, self._pass)

    def _story(self, order: PodRequest) -> Behaviour:
        is_job = order.engine.workload_type == "job"
        if not is_job and "RAYCML_BUILDER" not in order.environment:
            return self._others(order)
        settings = self._settings(order.script)
        digest = str(settings["hash"])
        if self.hangs:
            return Behaviour(2.0)
        fails = self.lacks & set(settings["packages"])  # type: ignore[call-overload]
        self.runs.append(digest)
        self.under_way[digest] = (self.stage.clock.monotonic() + BUILD_S, ", ".join(fails))
        if not is_job:  # it answers until it is deleted, unless it fails
            return Behaviour(2.0, BUILD_S if fails else None, PodExit(1))
        return Behaviour(2.0, BUILD_S, PodExit(1 if fails else 0))

    def _settings(self, script: str) -> dict[str, object]:
        path = tuple(script.removeprefix("/home/cdsw/").split("/"))
        text = self.stage.tree().read(path).decode()
        found: dict[str, object] = json.loads(text.partition('r"""')[2].partition('"""')[0])
        return found

    def _pass(self) -> None:
        for digest, (ends, fails) in list(self.under_way.items()):
            if self.stage.clock.monotonic() >= ends:
                del self.under_way[digest]
                self._leave(digest, fails)

    def _leave(self, digest: str, fails: str) -> None:
        if fails:
            said = f"2026-03-02T12:00:20Z ERROR: No matching distribution found for {fails}\n"
            said += "2026-03-02T12:00:20Z FAILED: the packages cannot be installed\n"
            self.stage.write(f"{ENVS}/{digest}.log", said.encode())
            return
        body = {"schema": "raycml.environment/v1", "hash": digest}
        self.stage.write(f"{ENVS}/{digest}/bin/python", b"#!")
        self.stage.write(f"{ENVS}/{digest}/ready.json", json.dumps(body).encode())
        self.stage.write(f"{ENVS}/{digest}.log", b"2026-03-02T12:00:20Z ready\n")

    def jobs(self) -> list[str]:
        return sorted(job.name for job in self.stage.workspace.state.jobs.values())

    def environments(self) -> list[str]:
        return [name for name in self.stage.files(ENVS) if len(name) == 16]


def asking(*packages: str) -> dict[str, str]:
    """Changes of a spec so that it asks for these packages."""
    listed = json.dumps(["ray[default]", *packages])
    return {"extra": f'pythonEnvironment: {{python: "3.11", packages: {listed}}}'}


def lines(text: str, *words: str) -> Iterator[str]:
    return (line for line in text.splitlines() if any(word in line for word in words))
