"""Runs, clones and what pods can reach, with real processes."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from emulated import RUNTIME
from test_emulated_pods import Local, alive, sleepers, until

from controller.emulator import daemon
from controller.emulator.pods import supervisor

pytestmark = pytest.mark.slow

FACTS = """
import asyncio, json, os, pathlib, sys
print("said by the script", flush=True)
facts = {"argv": sys.argv, "cwd": os.getcwd(), "file": "__file__" in globals(),
         "loop": asyncio.get_running_loop().is_running(), "environ": dict(os.environ)}
pathlib.Path("facts.json").write_text(json.dumps(facts))
"""
WORK = """
import subprocess, time
subprocess.Popen(["sleep", "3600"], start_new_session=True)
subprocess.Popen(["sh", "-c", "(exec env -i sleep 3601) & "], start_new_session=True)
open("began", "w").close()
time.sleep(3600)
"""
CONTROLLER = """
import json, pathlib
from controller.workspace.connection import locate
from controller.process.system import this_system
from controller.cml.client import Client

machine = this_system()
where = locate(machine, local=False)
with Client(where.host, where.api_key, clock=machine.clock, random=machine.rng,
            domain=where.domain) as client:
    seen = client.list_applications(where.project)
    told = {"names": sorted(a.name for a in seen.applications), "version": client.describe(),
            "home": str(where.home[1]), "url": client.application_url("x")}
part = pathlib.Path("told.json.part")
part.write_text(json.dumps(told))
part.rename("told.json")
"""


class Jobs(Local):
    """A running emulator, as one who runs jobs sees it."""

    @property
    def home(self) -> Path:
        return self.state / "projects" / self.connection.project_id

    def job(self, script: str, name: str = "job", **changes: object) -> str:
        path = f"{name}.py"
        (self.home / path).write_text(script)
        wanted = {"name": name, "script": path, "runtime_identifier": RUNTIME}
        answer = self.client.post(f"{self.base}/jobs", json={**wanted, **changes})
        assert answer.status_code == 200, answer.text
        return f"{self.base}/jobs/{answer.json()['id']}"

    def run(self, job: str, **body: object) -> str:
        answer = self.client.post(f"{job}/runs", json=body)
        assert answer.status_code == 200, answer.text
        return f"{job}/runs/{answer.json()['id']}"

    def state_of(self, run: str) -> str:
        return str(self.client.get(run).json()["status"]).removeprefix("ENGINE_")

    def ends(self, run: str) -> str:
        """How it ends."""
        going = {"SCHEDULING", "STARTING", "RUNNING", "STOPPING"}
        return until(lambda: (s := self.state_of(run)) not in going and s)

    def works(self, script: str = WORK, **changes: object) -> tuple[str, str, set[int]]:
        """A job at work, its run, and its processes, detached ones included."""
        job = self.job(script, "work", **changes)
        run = self.run(job)
        until((self.home / "began").exists)
        until(lambda: self.state_of(run) == "RUNNING")
        return job, run, until(lambda: len(found := sleepers(self)) >= 4 and found)


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Jobs]:
    made = Jobs(tmp_path / "state", tmp_path)
    try:
        yield made
    finally:
        made.client.close()
        daemon.stop(made.state)


def test_a_run_runs_as_cml_runs_it(local: Jobs) -> None:
    job = local.job(FACTS, environment={"MINE": "job", "TOO": "1"}, cpu=0.5, arguments="--fast")
    run = local.run(job, environment={"MINE": "run"})
    assert local.ends(run) == "SUCCEEDED"
    facts = json.loads((local.home / "facts.json").read_text())
    environ = facts["environ"]
    assert (facts["argv"][1], facts["file"], facts["loop"]) == ("-f", False, True)
    assert facts["cwd"] == environ["HOME"] == local.seen_home
    assert (environ["CDSW_ENGINE_TYPE"], environ["JOB_ARGUMENTS"]) == ("job", "--fast")
    assert (environ["MINE"], environ["TOO"], environ["PIP_USER"]) == ("run", "1", "1")
    assert environ["CDSW_CPU_MILLICORES"] == "500"
    engine = run.rsplit("/", 1)[-1]
    assert environ["CDSW_ENGINE_ID"] == engine
    assert not Path(environ["TMPDIR"]).exists()
    seen = local.client.get(run).json()
    assert seen["starting_at"] <= seen["running_at"] <= seen["finished_at"]
    log = until(lambda: "said" in (t := local.client.get(f"/logs/{engine}").text) and t)
    assert "said by the script" in log
    assert f"/logs/{engine}" in local.client.get("/").text


@pytest.mark.parametrize(
    ("script", "state", "code", "words"),
    [
        ("x = 1", "SUCCEEDED", 0, ""),
        ("raise ValueError('it broke')", "FAILED", 1, "ValueError: it broke"),
        ("import sys; sys.exit(3)", "FAILED", 3, "SystemExit: 3"),
        ("import sys; sys.exit(0)", "FAILED", 1, "SystemExit: 0"),
        ("import sys; sys.exit()", "FAILED", 1, "SystemExit"),
        ("import os; os._exit(0)", "SUCCEEDED", 0, ""),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "FAILED", 137, ""),
    ],
)
def test_the_end_of_a_script_is_the_end_of_its_run(
    local: Jobs, script: str, state: str, code: int, words: str
) -> None:
    run = local.run(local.job(script))
    assert local.ends(run) == state
    (row,) = local.client.get("/api/v2/usage").json()["usage_response"]
    assert (row["status"], row["k8s_info"]["k8s_exit_code"]) == (state.lower(), code)
    assert words in local.log(run.rsplit("/", 1)[-1])


def test_a_stopped_run_leaves_no_process(local: Jobs) -> None:
    _, run, processes = local.works()
    stopping = local.client.post(f"{run}:stop")
    assert (stopping.status_code, stopping.json()["status"]) == (200, "ENGINE_STOPPING")
    assert local.ends(run) == "STOPPED"
    assert not alive(processes)


def test_a_run_past_its_timeout_leaves_no_process(local: Jobs) -> None:
    _, run, processes = local.works(timeout=6, kill_on_timeout=True)
    assert local.ends(run) == "TIMEDOUT"
    assert not alive(processes)


def test_a_deleted_job_leaves_no_process(local: Jobs) -> None:
    job, run, processes = local.works()
    assert local.client.delete(job).status_code == 200
    assert local.client.get(run).status_code == 404
    until(lambda: not alive(processes))


def test_no_process_of_a_run_survives_the_emulator(local: Jobs) -> None:
    job, run, processes = local.works()
    engine = run.rsplit("/", 1)[-1]
    os.kill(local.connection.pid, signal.SIGKILL)
    until(lambda: not alive(processes))
    assert not supervisor.processes_of({engine})
    daemon.start(local.state)
    assert local.state_of(run) == "FAILED"
    (local.home / "began").unlink()
    again = local.run(job)
    until((local.home / "began").exists)
    processes = sleepers(local)
    assert daemon.stop(local.state)
    assert not alive(processes)
    daemon.start(local.state)
    assert local.state_of(again) == "FAILED"


def test_a_dependent_job_runs_after_its_parent(local: Jobs) -> None:
    parent = local.job("open('first', 'w').close()", "parent")
    child = local.job(
        "import os; assert os.path.exists('first'); open('second', 'w').close()",
        "child",
        parent_id=parent.rsplit("/", 1)[-1],
    )
    assert local.ends(local.run(parent)) == "SUCCEEDED"
    until((local.home / "second").exists)
    (run,) = local.client.get(f"{child}/runs").json()["job_runs"]
    assert local.ends(f"{child}/runs/{run['id']}") == "SUCCEEDED"


# what a pod can reach


@pytest.mark.parametrize("kind", ["application", "job"])
def test_a_program_in_a_pod_finds_the_workspace_by_its_own_environment(
    local: Jobs, kind: str
) -> None:
    if kind == "job":
        local.create("x = 1", "other")
        run = local.run(local.job(CONTROLLER, "lister"))
        local.ends(run)
        log, names = local.log(run.rsplit("/", 1)[-1]), ["other"]
    else:
        app = local.create(CONTROLLER, "lister")
        local.reach(app, "FAILED")
        log, names = local.log(app), ["lister"]
    told = local.home / "told.json"
    assert told.exists(), log
    assert json.loads(told.read_text()) == {
        "names": names,
        "version": "26.06.13",
        "home": local.seen_home,
        "url": f"http://x.{local.connection.domain}",
    }
    assert local.connection.api_key not in told.read_text()


# projects from git


def repository(folder: Path) -> Path:
    """Two commits, the first of them tagged."""
    folder.mkdir()
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com"]
    subprocess.run([*git, "init", "-q", "-b", "main"], cwd=folder, check=True)
    for number in (1, 2):
        (folder / "spec.yaml").write_text(f"version: {number}\n")
        subprocess.run([*git, "add", "."], cwd=folder, check=True)
        subprocess.run([*git, "commit", "-q", "-m", f"v{number}"], cwd=folder, check=True)
        subprocess.run([*git, "tag", f"v{number}"], cwd=folder, check=True)
    return folder


def cloned(local: Jobs, **body: object) -> tuple[str, Path]:
    answer = local.client.post("/api/v2/projects", json={"template": "git", **body})
    assert answer.status_code == 200, answer.text
    assert answer.json()["creation_status"] == "creating"
    where = f"/api/v2/projects/{answer.json()['id']}"
    over = {"success", "failure"}
    state = until(lambda: (s := local.client.get(where).json()["creation_status"]) in over and s)
    return state, local.state / "projects" / answer.json()["id"]


def test_a_project_is_cloned_at_the_branch_or_tag_that_was_asked_for(
    local: Jobs, tmp_path: Path
) -> None:
    source = repository(tmp_path / "source")
    state, home = cloned(local, name="newest", git_url=str(source))
    assert (state, (home / "spec.yaml").read_text()) == ("success", "version: 2\n")
    state, tagged = cloned(local, name="tagged", git_url=f"file://{source}", git_ref="v1")
    assert (state, (tagged / "spec.yaml").read_text()) == ("success", "version: 1\n")
    log = subprocess.run(
        ["git", "rev-list", "--count", "HEAD"], cwd=home, check=True, capture_output=True
    )
    assert log.stdout == b"1\n"
    assert not (home / ".venv").exists()
    assert (local.home / ".venv").is_symlink()


def test_a_clone_that_fails_says_why_in_its_log(local: Jobs, tmp_path: Path) -> None:
    source = repository(tmp_path / "source")
    for name, body in (
        ("none", {"git_url": str(tmp_path / "none")}),
        ("branch", {"git_url": str(source), "git_ref": "no-such-branch"}),
    ):
        state, home = cloned(local, name=name, **body)
        assert state == "failure"
        log = (local.state / "logs" / f"{home.name}.log").read_text()
        assert "fatal" in log
        assert "fatal" in local.client.get(f"/logs/{home.name}").text
        assert local.client.delete(f"/api/v2/projects/{home.name}").status_code == 200
        until(lambda gone=home: not gone.exists())


def test_a_project_of_the_api_comes_empty(local: Jobs) -> None:
    made = local.client.post("/api/v2/projects", json={"name": "bare"}).json()
    assert made["creation_status"] == "success"
    assert list((local.state / "projects" / made["id"]).iterdir()) == []
