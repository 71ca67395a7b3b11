"""A project's home with launchers in it, and pods that run them as CML would: for tests only.

Each pod has its own loopback address, application port, engine id and temporary folder, a kernel
that is not the interpreter of the node, and an environment without anything of the test's.
"""

import contextlib
import http.client
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from controller.node import processes, render
from controller.node.project_files import MemberFiles, write_json
from controller.node.requests.request import request_id

HERE = Path(__file__).parent
CLUSTER = "demo"
PATIENCE_S = 90.0  # it takes a second or two; a loaded machine needs longer
_ADDRESSES = itertools.count(os.getpid() % 3900 * 16)  # other runs of the tests have others


def settings(**changes: object) -> dict[str, object]:
    whole: dict[str, object] = {
        "cluster": CLUSTER,
        "group": "cpu",
        "fingerprint": "v1:0123456789abcdef",
        "launcher": ".raycml/launchers/demo/cpu-0123456789abcdef-aaaaaaaaaa.py",
        "python": ".venv/bin/python",
        "ray_version": "2.60.0",
        "cpu": 1.0,
        "memory_gib": 1.0,
        "gpu": 0,
        "ray_start_params": {},
    }
    return {**whole, **changes}


def wait_for(truth: Callable[[], object], what: str, seconds: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + seconds
    while not truth():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def fake_environment(folder: Path) -> Path:
    """A virtual environment whose Ray is the stand-in; returns the environment's folder."""
    venv.create(folder, symlinks=True, with_pip=False)
    packages = next((folder / "lib").glob("python3*")) / "site-packages"
    shutil.copytree(HERE / "fake_ray" / "ray", packages / "ray")
    info = packages / "ray-2.60.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ray\nVersion: 2.60.0\n")
    return folder


@dataclass
class Pod:
    home: Path
    member: str
    engine_id: str
    ip: str
    port: int
    scratch: Path
    kernel: subprocess.Popen[bytes]

    def member_document(self) -> dict[str, object]:
        name = self.member.replace("/", "-")
        return read(self.home / f".raycml/clusters/{CLUSTER}/members/{name}.json")

    def node_pid(self) -> int:
        pid = self.member_document().get("pid")
        return pid if isinstance(pid, int) else 0

    def is_(self, state: str) -> bool:
        document = self.member_document()
        return document.get("engine_id") == self.engine_id and document.get("state") == state

    def wait(self, state: str, seconds: float = PATIENCE_S) -> None:
        def there() -> bool:
            return self.is_(state)

        try:
            wait_for(there, f"{self.member} is {state}", seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}; {self.member_document()}\n{self.log()}") from None

    def log(self) -> str:
        name = self.member.replace("/", "-")
        path = self.home / f".raycml/logs/{CLUSTER}/{name}.log"
        return path.read_text() if path.exists() else ""

    def answers(self, path: str) -> tuple[int, str] | None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        with contextlib.closing(connection), contextlib.suppress(OSError):
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        return None

    def processes(self) -> list[int]:
        """All of this pod, without zombies, also those that hid their environment."""
        mark = f"CDSW_ENGINE_ID={self.engine_id}"
        marked = processes.with_variable(mark)
        below = [d for p in marked for d in processes.descendants(p.pid)]
        return sorted({p.pid for p in [*marked, *below] if not p.is_zombie})

    def part(self, name: str) -> int:
        """The process of this pod that runs the program `name` (`raylet`, `gcs_server`)."""
        for pid in self.processes():
            if any(a.rpartition("/")[2] == name for a in processes.arguments(pid)[:3]):
                return pid
        return 0

    def terminate(self) -> int:
        self.kernel.send_signal(signal.SIGTERM)
        return self.kernel.wait(PATIENCE_S)

    def kill(self) -> None:
        """The whole pod at once, as when its host is lost."""
        for _ in range(3):
            for pid in self.processes():
                with contextlib.suppress(OSError):
                    os.kill(pid, signal.SIGKILL)
        self.kernel.wait(PATIENCE_S)


@dataclass
class Project:
    home: Path
    pods: list[Pod] = field(default_factory=list)

    def start(
        self, member: str, *, environ: dict[str, str] | None = None, **changes: object
    ) -> Pod:
        group = member.partition("/")[0]
        path = f".raycml/launchers/{CLUSTER}/{group}-0123456789abcdef-{render.edition()}.py"
        whole = settings(**{"group": group, "launcher": path, **changes})
        launcher = self.home / path
        launcher.parent.mkdir(parents=True, exist_ok=True)
        launcher.write_text(render.launcher(whole), encoding="utf-8")
        pod = self._pod(member, launcher, environ or {})
        self.pods.append(pod)
        return pod

    def _pod(self, member: str, launcher: Path, more: dict[str, str]) -> Pod:
        number = next(_ADDRESSES)
        ip, port = f"127.77.{number // 250}.{number % 250 + 2}", free_port()
        scratch = Path(tempfile.mkdtemp(prefix="pod-", dir="/tmp"))
        engine = f"engine{os.getpid()}x{number}"
        environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "TMPDIR": str(scratch),
            "PIP_USER": "1",
            "PYTHONPATH": str(_addon(self.home)),
            "CDSW_ENGINE_ID": engine,
            "CDSW_IP_ADDRESS": ip,
            "CDSW_APP_PORT": str(port),
            "RAYCML_CLUSTER": CLUSTER,
            "RAYCML_MEMBER": member,
            "RAYCML_FINGERPRINT": "v1:0123456789abcdef",
            **more,
        }
        with (self.home / f"{engine}.out").open("wb") as output:
            kernel = subprocess.Popen(
                [sys.executable, str(HERE / "kernel.py"), str(launcher)],
                cwd=self.home,
                env=environ,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return Pod(self.home, member, engine, ip, port, scratch, kernel)

    def output(self, pod: Pod) -> str:
        return (self.home / f"{pod.engine_id}.out").read_text()

    def head_note(self) -> dict[str, object]:
        return read(self.home / f".raycml/clusters/{CLUSTER}/head.json")

    def report(self) -> dict[str, object]:
        return read(self.home / f".raycml/clusters/{CLUSTER}/ray.json")

    def request(self, action: str, pod: Pod, *, timeout_s: float = 300.0) -> Path:
        """Write the controller's request for the node of this pod; returns its file."""
        name = request_id(action, pod.member, pod.engine_id)
        values = {
            "schema": "raycml.request/v1",
            "id": name,
            "cluster": CLUSTER,
            "action": action,
            "member": pod.member,
            "engine_id": pod.engine_id,
            "incarnation": self.head_note()["incarnation"],
            "timeout_s": timeout_s,
            "reason": "scaled down",
        }
        path = MemberFiles(self.home, CLUSTER).request(name)
        write_json(path, values)
        return path

    def answer(self, path: Path) -> dict[str, object]:
        """The head's answer to a request; empty without one."""
        answers = self.report().get("answers", {})
        assert isinstance(answers, dict)
        answer = answers.get(path.stem, {})
        assert isinstance(answer, dict)
        return answer

    def end(self) -> None:
        for pod in self.pods:
            pod.kill()
            shutil.rmtree(pod.scratch, ignore_errors=True)


def _addon(home: Path) -> Path:
    """A folder of a runtime add-on, as CML puts it into PYTHONPATH; it would hide Ray."""
    folder = home / "runtime-addons" / "cmladdon-1" / "site-packages"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ray.py").write_text("raise ImportError('a package of an add-on')")
    return folder


def read(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text())
    except OSError:
        return {}
    assert isinstance(value, dict)
    return value
