"""The emulator as people run it: a background process, real pods, a front door, crashes."""

import json
import os
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import httpx
import pytest
from emulated import RUNTIME

from controller.emulator import daemon
from controller.emulator.daemon import Connection, EmulatorError
from controller.emulator.pods import supervisor
from controller.emulator.pods.namespace import CDSW

pytestmark = pytest.mark.slow

SERVE = """
import asyncio, http.server, json, os, subprocess, sys
print("said by the script", flush=True)
FACTS = {
    "argv": sys.argv, "cwd": os.getcwd(), "file": "__file__" in globals(), "name": __name__,
    "loop": asyncio.get_running_loop().is_running(), "environ": dict(os.environ),
}
subprocess.Popen(["sleep", "3600"], start_new_session=True)
subprocess.Popen(["sh", "-c", "(exec env -i sleep 3601) & "], start_new_session=True)
class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        length = int(self.headers.get("Content-Length") or 0)
        told = {**FACTS, "path": self.path, "headers": dict(self.headers.items()),
                "method": self.command, "body": self.rfile.read(length).decode()}
        content = json.dumps(told).encode()
        code = 302 if self.path == "/moved" else 200
        self.send_response(code)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
    do_POST = do_PUT = do_DELETE = do_GET
ADDRESS = ("127.0.0.1", int(os.environ["CDSW_APP_PORT"]))
http.server.ThreadingHTTPServer(ADDRESS, Page).serve_forever()
"""
Answer = TypeVar("Answer")
PATIENCE_S = 90.0  # it takes a second or two; a loaded machine needs longer


def until(look: Callable[[], Answer], seconds: float = PATIENCE_S) -> Answer:
    """What `look` finds once it finds something."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found or time.monotonic() > deadline:
            assert found, "it did not happen in time"
            return found
        time.sleep(0.05)


class Local:
    """A running emulator, as a client sees it."""

    def __init__(self, state: Path, scratch: Path, *settings: str) -> None:
        self.state = state
        # The hosts of these tests are names, also where the machine does not find them.
        names = "localhost_names=always"
        self.connection = daemon.start(state, settings=(names, *settings))
        self.scratch = scratch
        self.verify: ssl.SSLContext | bool = True
        if self.connection.ca_cert is not None:
            self.verify = ssl.create_default_context(cafile=self.connection.ca_cert)
        self.client = self.stranger()
        self.client.headers["Authorization"] = f"Bearer {self.connection.api_key}"
        self.base = f"/api/v2/projects/{self.connection.project_id}"

    def stranger(self) -> httpx.Client:
        """A client without a key."""
        return httpx.Client(
            base_url=self.connection.url, trust_env=False, timeout=PATIENCE_S, verify=self.verify
        )

    def create(self, script: str, name: str = "app", **changes: object) -> str:
        file = (f"{name}.py", script.encode())
        path = f"{name}.py"
        self.client.delete(f"{self.base}/files/{path}")
        assert self.client.post(f"{self.base}/files", files={path: file}).status_code == 200
        wanted = {"name": name, "subdomain": name, "script": path, "runtime_identifier": RUNTIME}
        answer = self.client.post(f"{self.base}/applications", json={**wanted, **changes})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["id"])

    @property
    def seen_home(self) -> str:
        """The project's home as a pod sees it."""
        own = self.state / "projects" / self.connection.project_id
        return CDSW if f"{CDSW} is the project" in self.connection.pods else str(own)

    def status(self, app: str) -> str:
        answer = self.client.get(f"{self.base}/applications/{app}")
        if answer.status_code == 404:
            return "GONE"
        return str(answer.json()["status"]).removeprefix("APPLICATION_")

    def reach(self, app: str, status: str) -> None:
        until(lambda: self.status(app) == status)

    def verb(self, app: str, verb: str) -> None:
        assert self.client.post(f"{self.base}/applications/{app}:{verb}").status_code == 200

    def visit(
        self, name: str, path: str = "/", method: str = "GET", **more: object
    ) -> httpx.Response:
        """A request as a browser sends it that resolved `name.cml.localhost`."""
        headers = {"Host": f"{name}.{self.connection.domain}", **more.pop("headers", {})}
        with self.stranger() as client:
            return client.request(method, path, headers=headers, **more)

    def facts(self, name: str = "app", path: str = "/") -> dict[str, object]:
        key = {"Authorization": f"Bearer {self.connection.api_key}"}
        return self.visit(name, path, headers=key).json()

    def engines(self) -> set[str]:
        rows = json.loads((self.state / "state.json").read_text())["engines"]
        return {row["id"] for row in rows}

    def log(self, app: str) -> str:
        path = self.state / "logs" / f"{app}.log"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def local(tmp_path: Path) -> Iterator[Local]:
    made = Local(tmp_path / "state", tmp_path)
    try:
        yield made
    finally:
        made.client.close()
        daemon.stop(made.state)


def sleepers(local: Local) -> set[int]:
    """The detached grandchildren of this emulator's pods, also the one without an environment."""
    return supervisor.descendants(local.connection.pid)


def alive(pids: set[int]) -> set[int]:
    return {pid for pid in pids if supervisor.started_at(pid) is not None}


def test_a_script_runs_as_cml_runs_it(local: Local) -> None:
    app = local.create(SERVE, cpu=0.5, memory=2, environment={"MINE": "yes", "CDSW_ENGINE_ID": "x"})
    local.reach(app, "RUNNING")
    facts = local.facts()
    environ = facts.pop("environ")
    home = local.state / "projects" / local.connection.project_id
    assert facts["argv"][0].endswith("/ipykernel_launcher.py")
    assert facts["argv"][1] == "-f"
    assert (facts["file"], facts["name"], facts["loop"]) == (False, "__main__", True)
    assert facts["cwd"] == environ["HOME"] == local.seen_home
    assert environ["CDSW_IP_ADDRESS"].startswith("127.")
    assert environ["CDSW_IP_ADDRESS"] != "127.0.0.1"
    assert len(environ["CDSW_ENGINE_ID"]) == 16
    assert (environ["CDSW_CPU_MILLICORES"], environ["CDSW_MEMORY_MB"]) == ("500", "2048")
    assert environ["CDSW_PROJECT_ID"] == local.connection.project_id
    assert environ["CDSW_APIV2_KEY"] == local.connection.api_key
    assert (environ["PIP_USER"], environ["MINE"]) == ("1", "yes")
    assert len(environ["TMPDIR"]) < 30
    assert "PYTEST_CURRENT_TEST" not in environ
    assert (Path(environ["PYTHONPATH"]) / "cmladdon_hadoop.py").is_file()
    assert (home / ".venv" / "bin" / "python").exists()
    assert "said by the script" in local.log(app)


IMPORT = (
    """
import os
try:
    import ray
except ImportError as error:
    print("no ray:", error, flush=True)
"""
    + SERVE
)


def test_an_add_on_can_hide_ray_from_scripts(tmp_path: Path) -> None:
    local = Local(tmp_path / "state", tmp_path, "addon_hides_ray=true")
    try:
        app = local.create(IMPORT)
        local.reach(app, "RUNNING")
        assert "no ray: this ray is of a runtime add-on" in local.log(app)
    finally:
        local.client.close()
        daemon.stop(local.state)


def test_a_restart_gives_a_new_engine_and_leaves_nothing_of_the_old(local: Local) -> None:
    app = local.create(SERVE)
    local.reach(app, "RUNNING")
    before, processes = local.facts()["environ"], sleepers(local)
    local.verb(app, "restart")
    local.reach(app, "RUNNING")
    after = local.facts()["environ"]
    for name in ("CDSW_ENGINE_ID", "CDSW_IP_ADDRESS", "TMPDIR"):
        assert before[name] != after[name]
    assert not alive(processes)
    assert not Path(before["TMPDIR"]).exists()


def test_stop_and_delete_leave_no_process(local: Local) -> None:
    app = local.create(SERVE)
    local.reach(app, "RUNNING")
    processes = sleepers(local)
    assert len(processes) >= 4
    local.verb(app, "stop")
    local.reach(app, "STOPPED")
    assert not alive(processes)
    local.verb(app, "restart")
    local.reach(app, "RUNNING")
    processes = sleepers(local)
    local.client.delete(f"{local.base}/applications/{app}")
    local.reach(app, "GONE")
    assert not alive(processes)


@pytest.mark.parametrize(
    ("script", "code", "words"),
    [
        ("x = 1", 0, ""),
        ("raise ValueError('it broke')", 1, "ValueError: it broke"),
        ("import sys; sys.exit(3)", 3, "SystemExit: 3"),
        ("import asyncio; await asyncio.sleep(0); 1 / 0", 1, "ZeroDivisionError"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", 137, ""),
    ],
)
def test_the_end_of_a_script_is_the_failure_of_its_application(
    local: Local, script: str, code: int, words: str
) -> None:
    app = local.create(script)
    local.reach(app, "FAILED")
    (row,) = local.client.get("/api/v2/usage").json()["usage_response"]
    assert (row["status"], row["k8s_info"]["k8s_exit_code"]) == ("failed", code)
    assert words in local.log(app)


def test_only_a_200_at_the_polling_endpoint_makes_it_running(local: Local) -> None:
    moved = {"CDSW_APP_POLLING_ENDPOINT": "/moved"}
    app = local.create(SERVE, environment=moved)
    until(lambda: local.log(app).count('"GET /moved') >= 2)
    assert local.status(app) == "STARTING"


def test_a_pod_that_ignores_term_is_killed_after_the_grace(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "controller.emulator", "--state", tmp_path / "s"]
    server = subprocess.Popen([*command, "--grace", "0.5", "--set", "localhost_names=always"])
    try:
        until(lambda: daemon.status(tmp_path / "s"))
        local = Local(tmp_path / "s", tmp_path)
        deaf = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        app = local.create(deaf + SERVE)
        local.reach(app, "RUNNING")
        processes = sleepers(local)
        local.verb(app, "stop")
        local.reach(app, "STOPPED")
        assert not alive(processes)
        local.client.close()
    finally:
        server.send_signal(signal.SIGINT)
        assert server.wait(PATIENCE_S) == 0


def test_no_process_survives_a_kill_of_the_emulator(local: Local) -> None:
    apps = [local.create(SERVE, name) for name in ("one", "two")]
    for app in apps:
        local.reach(app, "RUNNING")
    processes, engines = sleepers(local), local.engines()
    scratch = [Path(local.facts(name)["environ"]["TMPDIR"]) for name in ("one", "two")]
    assert len(processes) >= 8
    os.kill(local.connection.pid, signal.SIGKILL)
    until(lambda: not alive(processes))
    assert not supervisor.processes_of(engines)
    until(lambda: not any(folder.exists() for folder in scratch))
    assert daemon.status(local.state) is None


def test_a_folder_that_somebody_writes_to_after_its_pod_is_removed_with_the_emulator(
    local: Local,
) -> None:
    app = local.create(SERVE)
    local.reach(app, "RUNNING")
    scratch = Path(local.facts()["environ"]["TMPDIR"])
    local.verb(app, "stop")
    local.reach(app, "STOPPED")
    (scratch / "raycml-of-a-head" / "logs").mkdir(parents=True)
    local.client.close()
    daemon.stop(local.state)
    assert not scratch.exists()


def test_no_process_survives_a_kill_of_its_supervisor(local: Local) -> None:
    app = local.create(SERVE)
    local.reach(app, "RUNNING")
    parents = supervisor.parents()
    (guard,) = [pid for pid, parent in parents.items() if parent == local.connection.pid]
    processes = sleepers(local) - {guard}
    os.kill(guard, signal.SIGKILL)
    local.reach(app, "FAILED")
    assert not alive(processes)


def test_a_restarted_emulator_is_as_before_and_starts_what_ran(local: Local) -> None:
    running = local.create(SERVE, "running", environment={"A": "1"})
    stopped = local.create(SERVE, "stopped")
    failed = local.create("x = 1", "failed")
    local.reach(running, "RUNNING")
    local.verb(stopped, "stop")
    local.reach(stopped, "STOPPED")
    local.reach(failed, "FAILED")
    processes = sleepers(local)
    assert daemon.stop(local.state)
    assert not alive(processes)
    again = daemon.start(local.state)
    assert again.api_key == local.connection.api_key
    assert (again.project_id, again.url) == (local.connection.project_id, local.connection.url)
    local.reach(running, "RUNNING")
    assert [local.status(app) for app in (stopped, failed)] == ["STOPPED", "FAILED"]
    assert local.facts("running")["environ"]["A"] == "1"


def test_start_finds_the_one_that_runs_and_two_starts_give_one(tmp_path: Path) -> None:
    state = tmp_path / "state"
    found: list[Connection] = []
    threads = [threading.Thread(target=lambda: found.append(daemon.start(state))) for _ in "abc"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    try:
        assert len(set(found)) == 1
        assert daemon.start(state) == found[0] == daemon.status(state)
        assert (state.stat().st_mode & 0o777) == 0o700
        for name in ("connection.json", "state.json"):
            assert ((state / name).stat().st_mode & 0o777) == 0o600
        assert found[0].api_key not in repr(found[0])
    finally:
        assert daemon.stop(state)
    assert not daemon.stop(state)
    assert daemon.status(state) is None
    assert supervisor.started_at(found[0].pid) is None


def test_a_stale_connection_is_not_believed(tmp_path: Path) -> None:
    state = tmp_path / "state"
    first = daemon.start(state)
    daemon.stop(state)
    raw = json.loads((state / "connection.json").read_text())
    for pid in (first.pid, os.getpid()):
        (state / "connection.json").write_text(json.dumps({**raw, "pid": pid}))
        assert daemon.status(state) is None
        assert not daemon.stop(state)
    (state / "connection.json").write_text("{")
    assert daemon.status(state) is None


def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    state = tmp_path / "state"
    state.mkdir()
    (state / "state.json").write_text("{broken")
    with pytest.raises(EmulatorError, match="JSONDecodeError"):
        daemon.start(state)


# the front door


def test_a_visitor_signs_in_once_and_is_named_to_the_application(local: Local) -> None:
    local.reach(local.create(SERVE), "RUNNING")
    domain = local.connection.domain
    turned = local.visit("app", "/a?b=c")
    assert turned.status_code == 302
    assert turned.headers["location"].startswith(f"http://{domain}/sign-in?next=http%3A%2F%2Fapp.")
    back = f"http://app.{domain}/a?b=c"
    given = {"next": back, "key": local.connection.api_key}
    with httpx.Client(base_url=local.connection.url, timeout=PATIENCE_S) as stranger:
        page = stranger.get("/sign-in", params={"next": f'http://app.{domain}/"><script>'})
        signed = stranger.post("/sign-in", data=given, headers={"Host": domain})
    assert "<script>" not in page.text
    assert (signed.status_code, signed.headers["location"]) == (303, back)
    cookie = signed.headers["set-cookie"]
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Lax", "Domain=cml.localhost"))
    session = cookie.split(";")[0]
    seen = local.visit("app", "/a?b=c", headers={"Cookie": f"{session}; mine=1"}).json()
    assert seen["path"] == "/a?b=c"
    assert seen["headers"]["REMOTE-USER"] == "developer"
    assert seen["headers"]["Cookie"] == "mine=1"


def test_a_key_opens_an_application_and_is_not_passed_on(local: Local) -> None:
    local.reach(local.create(SERVE), "RUNNING")
    headers = local.facts()["headers"]
    assert not {"authorization", "cookie"} & {name.lower() for name in headers}
    wrong = local.visit("app", headers={"Authorization": "Bearer wrong"})
    assert wrong.status_code == 401
    spoofed = {"Authorization": f"Bearer {local.connection.api_key}", "REMOTE-USER": "root"}
    assert local.visit("app", headers=spoofed).json()["headers"]["REMOTE-USER"] == "developer"


def test_an_open_application_is_open_to_all_methods(local: Local) -> None:
    local.reach(local.create(SERVE, bypass_authentication=True), "RUNNING")
    for method in ("GET", "POST", "PUT", "DELETE"):
        content = "x" * 100_000 if method in {"POST", "PUT"} else ""
        seen = local.visit("app", "/p%20q", method, content=content).json()
        assert (seen["method"], seen["path"], seen["body"]) == (method, "/p%20q", content)
        assert "REMOTE-USER" not in seen["headers"]


def test_an_application_that_does_not_run_and_unknown_hosts_are_told_apart(local: Local) -> None:
    app = local.create("x = 1", bypass_authentication=True)
    local.reach(app, "FAILED")
    assert local.visit("app").status_code == 503
    assert local.visit("none").status_code == 404
    assert local.client.get("/", headers={"Host": "evil.example"}).status_code == 421


def test_the_index_shows_applications_and_logs_escaped(local: Local) -> None:
    app = local.create("print('<script>log</script>')", "shown")
    local.client.patch(f"{local.base}/applications/{app}", json={"name": "<script>name"})
    local.reach(app, "FAILED")
    index = local.client.get("/")
    assert "&lt;script&gt;name" in index.text
    assert f"http://shown.{local.connection.domain}/" in index.text
    log = until(lambda: "log" in (t := local.client.get(f"/logs/{app}").text) and t)
    assert "&lt;script&gt;log" in log
    assert "<script>" not in index.text + log
    assert local.client.get("/logs/..%2Fstate").status_code == 404
    assert local.client.post("/").status_code == 405
