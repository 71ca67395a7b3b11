"""The container and the hook for commits: read as text, and run where no other program is due."""

import json
import re
import subprocess
import sys
import threading
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import yaml
from ci_world import BIN, DEPLOY, Runner

from controller.settings import CONNECTION_VARIABLES, RUN_VARIABLES

ROOT = Path(__file__).resolve().parents[2]
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()


def instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^#.*\n", "", CONTAINERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip()]
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in lines]


def of(kind: str) -> list[str]:
    return [rest for name, rest in instructions() if name == kind]


@contextmanager
def answering(status: int) -> Iterator[int]:
    """Something on a port of 127.0.0.1 that says so of /healthz, and 404 of all else."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/healthz" else 404)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


# The container


def test_the_image_is_built_of_files_that_there_are() -> None:
    copied = [rest.split() for rest in of("COPY") if not rest.startswith("--from")]
    sources = [source for words in copied for source in words[:-1]]
    assert sources == ["pyproject.toml", "README.md", "constraints.txt", "controller"]
    assert all((ROOT / source).exists() for source in sources)


def test_the_controller_gets_signals_itself_and_is_no_root() -> None:
    assert of("ENTRYPOINT") == ['["raycml"]']
    assert of("CMD") == ['["run"]']
    assert of("STOPSIGNAL") == ["SIGTERM"]
    assert of("USER") == ["10001:10001"]


def test_the_image_holds_no_secret_and_only_settings_that_there_are() -> None:
    assert not of("ARG")
    names = set(re.findall(r"\b([A-Z][A-Z0-9_]+)=", " ".join(of("ENV"))))
    ours = {name for name in names if name.startswith(("RAYCML_", "CML_"))}
    assert ours == {"RAYCML_PORT"}
    assert ours <= set(RUN_VARIABLES) | set(CONNECTION_VARIABLES)
    assert "XDG_CACHE_HOME" in names
    assert of("VOLUME") == ["/cache"]


@pytest.mark.parametrize(("status", "healthy"), [(200, True), (503, False)])
def test_the_health_check_asks_healthz(status: int, healthy: bool) -> None:
    [check] = of("HEALTHCHECK")
    name, *arguments = json.loads(check.partition("CMD ")[2])
    assert name == "python"
    with answering(status) as port:
        done = subprocess.run(
            [sys.executable, *arguments],
            env={"RAYCML_PORT": str(port)},
            capture_output=True,
            timeout=30,
            check=False,
        )
    assert (done.returncode == 0) is healthy


# The hook


def hook() -> dict[str, object]:
    found: list[dict[str, object]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    [one] = found
    return one


def test_the_hook_runs_the_command_that_the_package_installs() -> None:
    found = hook()
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    program, *words = str(found["entry"]).split()
    assert program in scripts
    assert (BIN / program).exists()
    assert (found["language"], words) == ("python", ["validate"])


def test_the_hook_looks_at_files_of_yaml() -> None:
    pattern = re.compile(str(hook()["files"]))
    assert pattern.search("specs/a.yaml")
    assert pattern.search("specs/deep/a.yml")
    assert not pattern.search("specs/a.yaml.orig")


def test_the_hook_sees_what_no_single_file_shows(tmp_path: Path) -> None:
    runner = Runner(tmp_path)
    runner.spec("demo")
    text = (tmp_path / "specs" / "demo.yaml").read_text()
    (tmp_path / "specs" / "copy.yaml").write_text(text)
    assert hook()["pass_filenames"] is False
    done = runner.bash(str(hook()["entry"]), {})
    assert done.code == 3
    assert "cluster `demo` is also declared at" in done.log
    assert runner.bash(f"{hook()['entry']} specs/copy.yaml", {}).code == 0
