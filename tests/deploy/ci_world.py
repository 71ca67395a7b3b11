"""The scripts of the CI examples, run as a runner would: the real `raycml`, and stand-ins for the
programs that speak to a code host."""

import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

DEPLOY = Path(__file__).resolve().parents[2] / "docs" / "deploy"
BIN = Path(sys.executable).parent
KEY = "sk-very-secret-0123456789"
TOKEN = "glpat-very-secret-0123456789"
SPEC = """\
apiVersion: raycml/v1
kind: RayCluster
metadata: {{name: {name}}}
spec:
  rayVersion: "2.60.0"
  runtimeIdentifier: registry.example.com/ml-runtime:1
  {extra}
  headGroupSpec: {{resources: {{cpu: 1, memory: 2Gi}}}}
"""

# Writes down its arguments and what it was to send; answers a question with $ANSWER.
HOST = """\
#!/bin/sh
echo "$0 $*" >> "$CALLS"
case " $* " in
  *" -X "*) cat comment.md > "$SENT" ;;
  *) printf '%s' "$ANSWER" ;;
esac
"""


def github() -> dict[str, dict[str, object]]:
    jobs: dict[str, dict[str, object]] = whole("github-actions.yml")["jobs"]
    return jobs


def gitlab() -> dict[str, dict[str, object]]:
    return {
        name: job
        for name, job in whole("gitlab-ci.yml").items()
        if isinstance(job, dict) and "script" in job
    }


def whole(name: str) -> dict[str, dict[str, dict[str, object]]]:
    found: dict[str, dict[str, dict[str, object]]] = yaml.safe_load((DEPLOY / name).read_text())
    return found


def step(job: str, name: str) -> dict[str, str]:
    steps = github()[job]["steps"]
    found: dict[str, str] = next(s for s in steps if s.get("name") == name)  # type: ignore[attr-defined]
    return found


@dataclass
class Runner:
    """A checkout with a folder of specs.  `answer` is what the code host says to a question."""

    folder: Path
    answer: str = ""
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "specs").mkdir()
        (self.folder / "bin").mkdir()
        for name in ("gh", "curl"):
            path = self.folder / "bin" / name
            path.write_text(HOST)
            path.chmod(0o700)

    def spec(self, name: str = "demo", extra: str = "suspend: false") -> None:
        path = self.folder / "specs" / f"{name}.yaml"
        path.write_text(SPEC.format(name=name, extra=extra))

    def bash(self, script: str, environ: Mapping[str, str], *options: str) -> "Done":
        done = subprocess.run(
            ["bash", *options, "-c", script],
            cwd=self.folder,
            env={
                "PATH": f"{self.folder / 'bin'}:{BIN}:{os.environ['PATH']}",
                "HOME": str(self.folder),
                "CALLS": str(self.folder / "calls.txt"),
                "SENT": str(self.folder / "sent.txt"),
                "ANSWER": self.answer,
                "GITHUB_OUTPUT": str(self.folder / "output.txt"),
                "GITHUB_STEP_SUMMARY": str(self.folder / "summary.txt"),
                **self.environ,
                **environ,
            },
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        return Done(done.returncode, done.stdout + done.stderr)

    def github(self, job: str, name: str, **environ: str) -> "Done":
        """A step, as `bash -e` runs it where no shell is named."""
        return self.bash(step(job, name)["run"], environ, "-e")

    def gitlab(self, job: str, **environ: str) -> "Done":
        """The lines of a job, as GitLab's runner joins them."""
        lines: list[str] = gitlab()[job]["script"]  # type: ignore[assignment]
        return self.bash("\n".join(lines), environ, "-eo", "pipefail")

    def read(self, name: str) -> str:
        path = self.folder / name
        return path.read_text() if path.exists() else ""

    def said(self) -> str:
        """Everything that anybody could read afterwards."""
        return "".join(map(self.read, ("plan.txt", "sent.txt", "summary.txt", "calls.txt")))


@dataclass(frozen=True)
class Done:
    """How a script ended, and what its log shows."""

    code: int
    log: str
