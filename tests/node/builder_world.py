"""A home where environments are built as a job of CML would, from wheels on disk alone."""

import base64
import hashlib
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

from controller.node import processes
from controller.node.builder import render

HERE = Path(__file__).parent
HASH = "0123456789abcdef"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def wheel(folder: Path, name: str, version: str, text: str = "", script: str = "") -> Path:
    """A wheel of one module; `script` names a command that calls the module's `main`."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = '{version}'\n{text}",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    if script:
        files[f"{info}/entry_points.txt"] = f"[console_scripts]\n{script} = {name}:main\n"
    rows = [f"{path},sha256={_digest(body)},{len(body)}" for path, body in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*rows, f"{info}/RECORD,,", ""])
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(made, "w") as archive:
        for path, body in files.items():
            archive.writestr(path, body)
    return made


def _digest(body: str) -> str:
    digest = hashlib.sha256(body.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


class Home:
    """A project's home; nothing but its own shelf of wheels can be installed there."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "home"
        self.shelf = folder / "shelf"
        self.shelf.mkdir()
        self.envs = self.path / ".raycml" / "envs"
        self.envs.mkdir(parents=True)
        ray = "import sys\ndef main():\n    print('ray', __version__, sys.prefix)\n"
        wheel(self.shelf, "ray", "2.60.0", ray, "ray")

    def script(self, **changes: object) -> Path:
        order = {
            "hash": HASH,
            "python": PYTHON,
            "ray_version": "2.60.0",
            "packages": ["ray"],
            "requirements": [],
            "stale_s": 2,
            **changes,
        }
        path = self.envs / f"build-{order['hash']}.py"
        path.write_text(render.builder(order))
        return path

    def start(self, script: Path, engine: str, **more: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, str(HERE / "kernel.py"), str(script)],
            cwd=self.path,
            env=self._environment(engine, more),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )

    def _environment(self, engine: str, more: dict[str, str]) -> dict[str, str]:
        return {
            "HOME": str(self.path),
            "PATH": os.environ["PATH"],
            "CDSW_ENGINE_ID": engine,
            "CDSW_APIV2_KEY": "key-of-the-job",
            "PIP_CONFIG_FILE": os.devnull,
            "PIP_FIND_LINKS": str(self.shelf),
            "PIP_NO_INDEX": "1",
            "PIP_USER": "1",
            "TMPDIR": str(self.shelf.parent),
            **more,
        }

    def build(self, engine: str = "engine1", **changes: object) -> int:
        process = self.start(self.script(**changes), engine)
        process.communicate(timeout=120)
        return process.returncode

    @property
    def final(self) -> Path:
        return self.envs / HASH

    def ready(self) -> dict[str, object]:
        document: dict[str, object] = json.loads((self.final / "ready.json").read_text())
        return document

    def log(self) -> str:
        return (self.envs / f"{HASH}.log").read_text()

    def log_so_far(self) -> str:
        path = self.envs / f"{HASH}.log"
        return path.read_text() if path.exists() else ""

    def end(self, run: subprocess.Popen[bytes]) -> None:
        """Kill a run with all its processes, as the end of a pod does."""
        for process in processes.descendants(run.pid):
            processes.kill(process)
        run.kill()
        run.communicate()

    def leftovers(self) -> list[str]:
        """All that is in the folder beside the environment, its script and its log."""
        kept = {HASH, f"{HASH}.log", f"build-{HASH}.py"}
        return sorted(p.name for p in self.envs.iterdir() if p.name not in kept)


def said_by(command: list[str | Path]) -> str:
    done = subprocess.run(command, check=True, capture_output=True, text=True, cwd="/", timeout=60)
    return done.stdout
