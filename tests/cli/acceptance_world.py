"""A stage on which an acceptance test can pass: a head's page that takes jobs, and Ray's reports.

The page is a fake at the outer edge: it stands where CML's proxy and Ray's dashboard would answer.
"""

import json
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import httpx
from stage import KEY, Said, Stage

from controller.acceptance.programs import MARKER
from controller.emulator.pods.processes import PodExit
from tests.scripted_pods import Behaviour, ScriptedProcesses

Instead = Callable[[httpx.Request], httpx.Response | None]
NAME = "acceptance-"
TOKEN = "zQ9-token-of-the-test-cluster"


@dataclass
class World:
    """`instead` may answer any request before CML or the page does.

    Ray does not list members in `mute`; without `kills`, a pod outlives the job that kills it;
    `strays` are members whose tasks run in the pods of others; a report says of a member what it
    `says` here; a head keeps its `token` in the project.
    """

    stage: Stage
    instead: Instead = lambda _: None
    jobs: dict[str, str] = field(default_factory=dict)
    submitted: list[str] = field(default_factory=list)
    mute: set[str] = field(default_factory=set)
    kills: bool = True
    strays: dict[str, str] = field(default_factory=dict)
    says: dict[str, dict[str, object]] = field(default_factory=dict)
    token: str = TOKEN

    def __post_init__(self) -> None:
        self.stage.stories[""] = Behaviour(1.0, 4.0, PodExit(0))  # of a job
        self.stage.wire.instead = self._answer
        self.stage.clock.passing.append(self._report)

    def run(self, *more: str) -> Said:
        return self.stage.run("acceptance", "--wait-seconds", "4", *more)

    # What Ray says

    def engines(self) -> dict[str, str]:
        """Engine ids of the living members of the test's cluster, by member."""
        self.stage.workspace.tick()
        return {mark["RAYCML_MEMBER"]: engine for mark, engine in self._running()}

    def _running(self) -> Iterator[tuple[dict[str, str], str]]:
        for row in self.stage.workspace.state.applications.values():
            shown = row.wire()
            mark = json.loads(str(shown["environment"]))
            if shown["status"] == "APPLICATION_RUNNING" and "RAYCML_MEMBER" in mark:
                yield mark, str(row.engine_id)

    def _report(self) -> None:
        """The stage's report, with engines and nodes as pods have them."""
        tree = self.stage.tree()
        engines = self.engines()
        for cluster in self.stage.files(".raycml/clusters"):
            path = (".raycml", "clusters", cluster, "ray.json")
            if not tree.exists(path):
                continue
            self.stage.write(f".raycml/clusters/{cluster}/token", self.token.encode())
            body = json.loads(tree.read(path))
            for member, node in body["members"].items():
                engine = engines.get(member, "")
                gone = engine in self.stage.heads.ended
                alive = bool(engine) and member not in self.mute and not gone
                node.update(
                    engine_id=engine,
                    node_id=f"node-of-{engine}",
                    alive=alive,
                    state="joined" if alive else "drained" if gone else "waiting-for-head",
                    **self.says.get(member, {}),
                )
            self.stage.write("/".join(path), json.dumps(body).encode())

    # The head's page

    def _answer(self, request: httpx.Request) -> httpx.Response | None:
        replaced = self.instead(request)
        if replaced is not None:
            return replaced
        host = request.headers["host"]
        return self._page(request) if host.startswith(f"ray-{NAME}") else None

    def _page(self, request: httpx.Request) -> httpx.Response:
        if request.headers["authorization"] != f"Bearer {KEY}":
            return httpx.Response(401, text="The key is not valid for applications.")
        return _unauthorized(request) or self._jobs(request)

    def _jobs(self, request: httpx.Request) -> httpx.Response:
        if (request.method, request.url.path) == ("POST", "/api/jobs/"):
            body = json.loads(request.content)
            job = body["submission_id"]
            self.submitted.append(job)
            self.jobs[job] = self._work(shlex.split(body["entrypoint"]))
            return httpx.Response(200, json={"job_id": None, "submission_id": job})
        job, logs = request.url.path.removeprefix("/api/jobs/").partition("/")[::2]
        if job not in self.jobs:
            return httpx.Response(404, text=f"Job {job} does not exist")
        if logs:
            return httpx.Response(200, json={"logs": f"noise\n{MARKER}{self.jobs[job]}\n"})
        return httpx.Response(200, json={"status": "SUCCEEDED", "message": ""})

    def _work(self, words: list[str]) -> str:
        """Do as the two programs would."""
        assert words[:2] == ["python", "-c"]
        if not words[3:]:
            engines = self.engines()
            return json.dumps({m: engines[self.strays.get(m, m)] for m in engines})
        processes = self.stage.workspace.engines.processes
        assert isinstance(processes, ScriptedProcesses)
        if self.kills:
            processes.kill(words[3].removeprefix("node-of-"))
        return json.dumps({"ended": "NodeDiedError"})

    # What is left

    def left(self) -> list[str]:
        """Applications, and files of test clusters."""
        files = ["/".join(path) for path in self.stage.all_files()]
        return [
            *self.stage.applications(),
            *(job.name for job in self.stage.workspace.state.jobs.values()),
            *(path for path in files if f"/{NAME}" in path),
        ]


def _unauthorized(request: httpx.Request) -> httpx.Response | None:
    """As Ray answers a request without its token, or with another one."""
    shown = request.headers.get("x-ray-authorization")
    if shown is None:
        return httpx.Response(401, text="Unauthorized: Missing authentication token")
    if shown != f"Bearer {TOKEN}":
        return httpx.Response(403, text="Forbidden: Invalid authentication token")
    return None
