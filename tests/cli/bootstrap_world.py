"""A stage for bootstrap: a workspace without the project, a repository to clone, a job that builds,
and a controller that answers when its application runs.

Where a pod would be there is a story; what a story leaves behind (the environment, the readiness)
is put where the pod would put it.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx
from stage import KEY, Said, Stage

from controller.emulator.pods.processes import PodExit
from controller.emulator.state.records import Project
from tests.scripted_pods import Behaviour, ScriptedProcesses

URL = "https://git.example.com/team/specs.git"
SPEC = b"apiVersion: raycml/v1\n"
BUILDS = Behaviour(answers_after=1.0, ends_after=6.0, ending=PodExit(0))


class Killed(BaseException):
    """As by `kill -9`: nobody catches it."""


@dataclass
class World:
    """`cut` is told of each call before and after its effect, and may raise.

    `unready` is what `/readyz` says as long as it is not empty; `opens` whether the proxy lets
    strangers pass.  Runs of the job in `broken` mode leave nothing but a log.
    """

    stage: Stage
    cut: Callable[[int, str, httpx.Request], None] = lambda *_: None
    unready: str = ""
    opens: bool = True
    broken: bool = False
    calls: int = 0
    ready_asked: int = 0
    repository: dict[str, bytes] = field(default_factory=lambda: {"specs/a.yaml": SPEC})

    def __post_init__(self) -> None:
        self.stage.environ.pop("CML_PROJECT_ID", None)
        self.pods.repositories = {URL: self.repository}
        self.stage.stories[""] = BUILDS
        self.stage.clock.passing.append(self.leave)
        wire, inner = self.stage.wire, self.stage.wire.inner
        wire.instead = self._answer
        wire.inner = _Cut(self, inner)

    @property
    def pods(self) -> ScriptedProcesses:
        processes = self.stage.workspace.engines.processes
        assert isinstance(processes, ScriptedProcesses)
        return processes

    def run(self, *more: str, url: str | None = URL, **environ: str) -> Said:
        git = () if url is None else ("--git-url", url)
        words = ("bootstrap", "--project-name", "demo", *git, *more)
        return self.stage.run(*words, environ={**self.stage.environ, **environ})

    def remove(self, *more: str, **environ: str) -> Said:
        return self.run("--delete", "--yes", *more, url=None, **environ)

    def writes(self) -> list[tuple[str, str]]:
        """Those since the last time that somebody asked."""
        found = self.stage.wire.writes()
        self.stage.wire.calls.clear()
        return found

    # CML's side

    @property
    def project(self) -> Project:
        [found] = [p for p in self.projects() if p.name == "demo"]
        return found

    def projects(self) -> list[Project]:
        self.stage.workspace.tick()
        return [p for p in self.stage.workspace.state.projects.values() if not p.deleting]

    def applications(self) -> list[dict[str, object]]:
        self.stage.workspace.tick()
        rows = self.stage.workspace.state.applications.values()
        return [row.wire() for row in rows]

    def application(self) -> dict[str, object]:
        [found] = self.applications()
        return found

    def environment(self) -> dict[str, str]:
        told: dict[str, str] = json.loads(str(self.application()["environment"]))
        return told

    def jobs(self) -> list[str]:
        return [job.name for job in self.stage.workspace.state.jobs.values()]

    def runs(self) -> list[str]:
        return [run.status.short for run in self.stage.workspace.state.runs.values()]

    def files(self, project: str | None = None) -> list[str]:
        tree = self.stage.workspace.files(project or self.project.id).tree
        found: list[str] = []
        ahead: list[tuple[str, ...]] = [()]
        while ahead:
            at = ahead.pop()
            for name in tree.names(at):
                path = (*at, name)
                ahead.append(path) if tree.is_dir(path) else found.append("/".join(path))
        return sorted(found)

    def write(self, path: str, data: bytes) -> None:
        tree = self.stage.workspace.files(self.project.id).tree
        tree.write(tuple(path.split("/")), data)

    # What pods leave behind

    def leave(self) -> None:
        """The environment that a run which is over has built, or the log that says why not."""
        self.stage.workspace.tick()
        for run in self.stage.workspace.state.runs.values():
            job = self.stage.workspace.state.jobs[run.job_id]
            digest = {**job.environment, **run.environment}.get("RAYCML_ENVIRONMENT")
            if digest is None or not run.status.is_over:
                continue
            tree = self.stage.workspace.files(run.project_id).tree
            folder = (".raycml", "envs")
            tree.write((*folder, f"{digest}.log"), b"2026-03-02T12:00:00Z FAILED: no such wheel\n")
            if run.status.short == "succeeded" and not self.broken:
                tree.write((*folder, digest, "ready.json"), b"{}")
                tree.write((*folder, digest, "bin", "python"), b"#!")
        for app in self.stage.workspace.state.applications.values():
            digest = app.environment.get("RAYCML_BUILDS")
            if digest is not None and app.status.short == "running":
                tree = self.stage.workspace.files(app.project_id).tree
                tree.write((".raycml", "envs", digest, "ready.json"), b"{}")
                tree.write((".raycml", "envs", digest, "bin", "python"), b"#!")

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        if request.url.path != "/readyz":
            return None
        self.ready_asked += 1
        assert KEY not in str(request.headers.raw), "an application is sent the key"
        if not self.opens:
            return httpx.Response(302, headers={"location": "http://cml.localhost/sign-in"})
        body = {"ok": not self.unready, "reasons": [self.unready] if self.unready else []}
        return httpx.Response(503 if self.unready else 200, json=body)


class _Cut(httpx.BaseTransport):
    """The network, that may fail before or after the effect of a call."""

    def __init__(self, world: World, inner: httpx.BaseTransport) -> None:
        self._world = world
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        number = self._world.calls
        self._world.calls += 1
        self._world.cut(number, "before", request)
        answer = self._inner.handle_request(request)
        self._world.cut(number, "after", request)
        return answer


def changes(request: httpx.Request) -> bool:
    return request.method != "GET" and not request.url.path.endswith(":download")
