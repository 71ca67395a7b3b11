"""A workspace with jobs, as `emulated.World` has one with applications."""

from collections.abc import Mapping
from dataclasses import dataclass

from emulated import RUNTIME, World

from controller.emulator.pods.processes import PodExit, PodRequest
from tests.scripted_pods import Behaviour

DONE = PodExit(0)


def script(
    *,
    begins: float | None = 5,
    takes: float | None = 20,
    ending: PodExit = DONE,
    stop_takes: float | None = 3,
) -> Behaviour:
    """A script that begins and ends so many seconds after its pod was started."""
    return Behaviour(begins, takes, ending, stop_takes)


def lives_and_works(order: PodRequest) -> Behaviour:
    return script() if order.engine.workload_type == "job" else Behaviour(answers_after=20)


@dataclass
class JobWorld(World):
    """`jobs` is the path of all; a job is called by its id, a run by both."""

    def __post_init__(self) -> None:
        if self.story.__name__ == "lives":
            self.story = lives_and_works
        super().__post_init__()

    @property
    def jobs(self) -> str:
        return f"/projects/{self.project}/jobs"

    def job_body(self, name: str = "job", **changes: object) -> dict[str, object]:
        return {"name": name, "script": "app.py", "runtime_identifier": RUNTIME, **changes}

    def new_job(self, name: str = "job", **changes: object) -> str:
        made = self.ok("POST", self.jobs, "Job", json=self.job_body(name, **changes))
        return str(made["id"])

    def job(self, job: str) -> dict[str, object]:
        return self.ok("GET", f"{self.jobs}/{job}", "Job")

    def run(self, job: str, **body: object) -> str:
        made = self.ok("POST", f"{self.jobs}/{job}/runs", "JobRun", json=body)
        return str(made["id"])

    def seen(self, job: str, run: str) -> dict[str, object]:
        return self.ok("GET", f"{self.jobs}/{job}/runs/{run}", "JobRun")

    def state_of(self, job: str, run: str) -> str:
        return str(self.seen(job, run)["status"]).removeprefix("ENGINE_")

    def states(self, job: str, **query: object) -> list[str]:
        found = self.ok("GET", f"{self.jobs}/{job}/runs", "ListJobRunsResponse", params=query)
        return [str(run["status"]).removeprefix("ENGINE_") for run in found["job_runs"]]

    def stop(self, job: str, run: str) -> str:
        body = self.ok("POST", f"{self.jobs}/{job}/runs/{run}:stop", "JobRun")
        return str(body["status"]).removeprefix("ENGINE_")

    def history(self, job: str, run: str, seconds: int) -> list[str]:
        """The states that a run goes through, each once, looked at every second."""
        found = [self.state_of(job, run)]
        for _ in range(seconds):
            self.pass_time(1)
            state = self.state_of(job, run)
            if state != found[-1]:
                found.append(state)
        return found

    def only_order(self) -> PodRequest:
        (pod,) = self.pods.pods.values()
        return pod.order

    def project_state(self, project: str) -> str:
        return str(self.ok("GET", f"/projects/{project}", "Project")["creation_status"])

    def new_project(self, **body: object) -> str:
        return str(self.ok("POST", "/projects", "Project", json=body)["id"])

    def files(self, project: str) -> Mapping[str, object]:
        path = f"/projects/{project}/files"
        found = self.ok("GET", path, "ListProjectFilesResponse")["files"]
        return {one["path"]: one["file_size"] for one in found}
