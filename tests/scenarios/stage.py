"""A stage for scenarios: the `raycml` command, the embedded CML, and real Ray processes.

Everything lives below one short folder, for Ray's sockets need short paths.
"""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.worlds import RUNTIME

COMMAND = Path(sys.executable).with_name("raycml")
SPEC = """\
apiVersion: raycml/v1
kind: RayCluster
metadata: {{name: {name}}}
spec:
  rayVersion: "{ray}"
  runtimeIdentifier: {runtime}
  python: {python}
  suspend: {suspend}
  headGroupSpec:
    resources: {{cpu: 1, memory: 2Gi}}
    rayStartParams: {{num-cpus: "0"}}
  workerGroupSpecs:
    - groupName: w
      replicas: {replicas}
      resources: {{cpu: 1, memory: {memory}}}
"""
CLOUDERA = "docker.repository.cloudera.com/cloudera/cdsw/" + RUNTIME.rsplit("/", 1)[1]


@dataclass
class Done:
    """A finished command."""

    code: int
    out: str
    err: str


@dataclass
class Stage:
    """The folder of one scenario module, the command run in it, and the Ray of its clusters."""

    folder: Path
    ray: str = "2.60.0"
    python: str = ".venv/bin/python"

    def environment(self) -> dict[str, str]:
        """Of every command: nothing of the machine's own but where programs are."""
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "TMPDIR": str(self.folder),
            "RAYCML_EMULATOR_DIR": str(self.folder / "cml"),
        }

    def raycml(self, *words: str, timeout_s: float = 240) -> Done:
        command = [str(COMMAND), *words]
        done = subprocess.run(
            command,
            cwd=self.folder,
            env=self.environment(),
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    def spec(self, name: str = "one", **changes: object) -> str:
        """Write the spec of a cluster and return its path."""
        fields = {"replicas": 2, "memory": "1536Mi", "suspend": "false", **changes}
        path = self.folder / "specs" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        chosen = {"runtime": CLOUDERA, "ray": self.ray, "python": self.python}
        path.write_text(SPEC.format(name=name, **chosen, **fields))
        return str(path)

    def reconcile(self, path: str) -> Done:
        done = self.raycml("reconcile", "--local", path, "--timeout", "3m")
        assert done.code == 0, done.out + done.err
        return done

    def plan(self, path: str) -> list[str]:
        """The steps of the plan, as `action member`."""
        done = self.raycml("plan", "--local", path, "-o", "json")
        assert done.code == 0, done.err
        steps = json.loads(done.out)["steps"]
        return [f"{s['action']} {s['member']}" for s in steps if s["member"]]

    def status(self, name: str = "one") -> dict[str, object]:
        done = self.raycml("status", "--local", name, "-o", "json", str(self.folder / "specs"))
        if done.code != 0:
            done = self.raycml("status", "--local", name, "-o", "json")
        assert done.code == 0, done.err
        found: dict[str, object] = json.loads(done.out)["clusters"][0]
        return found

    @property
    def home(self) -> Path:
        """The home folder of the embedded CML's project."""
        [home] = (self.folder / "cml" / "projects").iterdir()
        return home

    def token(self, name: str = "one") -> dict[str, str]:
        """The variables by which a program in a pod of the project shows the cluster's token."""
        folder = self.home / ".raycml" / "clusters" / name
        if json.loads((folder / "head.json").read_text())["auth_mode"] != "token":
            return {}
        return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(folder / "token")}

    def engines(self, name: str = "one") -> dict[str, str]:
        """Engine ids by member: those that the head reports alive and that have a process.

        Ray goes on listing a node that just left, for some ten seconds after its end.
        """
        report = self.home / ".raycml" / "clusters" / name / "ray.json"
        members = json.loads(report.read_text())["members"]
        alive = {member: told["engine_id"] for member, told in members.items() if told["alive"]}
        return {member: engine for member, engine in alive.items() if processes_of(engine)}


def processes_of(engine: str) -> list[int]:
    """Process ids of a pod: whatever has its engine id in its environment."""
    mark = f"CDSW_ENGINE_ID={engine}".encode()
    return [pid for pid in _all() if mark in _environment(pid).split(b"\0")]


def processes_below(folder: Path) -> list[int]:
    """Processes that any environment, argument or mount places in the folder."""
    text = str(folder).encode()
    places = (_environment, _arguments, _mounts)
    found = [pid for pid in _all() if any(text in place(pid) for place in places)]
    return [pid for pid in found if pid != os.getpid()]


def kill(engine: str) -> None:
    for pid in processes_of(engine):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def _all() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()]


def _environment(pid: int) -> bytes:
    return _read(pid, "environ")


def _arguments(pid: int) -> bytes:
    return _read(pid, "cmdline")


def _mounts(pid: int) -> bytes:
    return _read(pid, "mountinfo")


def _read(pid: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return b""
