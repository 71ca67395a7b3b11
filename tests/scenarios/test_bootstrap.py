"""From an empty workspace to a live cluster by one command, and from then on by commits alone.

The controller is an application of the embedded CML, in an environment that a job built from a
wheel of this very package; the cluster's Ray is in another one, which the controller has built.
"""

import json
import subprocess
import urllib.request
from pathlib import Path

import pytest

from controller.clock import SystemClock
from controller.cml.connection import parse_application_url
from tests.scenarios.stage import CLOUDERA, Stage

pytestmark = [pytest.mark.ray, pytest.mark.timeout(600)]

CLOCK = SystemClock()
SPEC = f"""\
apiVersion: raycml/v1
kind: RayCluster
metadata: {{name: one}}
spec:
  rayVersion: "2.60.0"
  runtimeIdentifier: {CLOUDERA}
  pythonEnvironment: {{python: "3.11", packages: ["ray[default]==2.60.0"]}}
  headGroupSpec:
    resources: {{cpu: 1, memory: 2Gi}}
    rayStartParams: {{num-cpus: "0"}}
  workerGroupSpecs:
    - {{groupName: w, replicas: REPLICAS, resources: {{cpu: 1, memory: 1536Mi}}}}
"""


def commit(repository: Path, replicas: int) -> None:
    path = repository / "specs" / "one.yaml"
    if not path.exists():
        path.parent.mkdir(parents=True)
        git(repository, "init", "-q", "-b", "main")
    path.write_text(SPEC.replace("REPLICAS", str(replicas)))
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", f"{replicas} workers")


def git(repository: Path, *words: str) -> None:
    who = ["-c", "user.name=jdoe", "-c", "user.email=jdoe@example.com"]
    subprocess.run(["git", "-C", str(repository), *who, *words], check=True)


class Page:
    """The controller's own page, through the front door of the embedded CML."""

    def __init__(self, stage: Stage, said: str) -> None:
        self._told = json.loads((stage.folder / "cml" / "connection.json").read_text())
        self._address, self._path = parse_application_url(said.split()[1])

    def clusters(self) -> list[dict[str, object]]:
        request = urllib.request.Request(
            f"{self._address.reach}{self._path}/api/v1/clusters",
            headers={
                "Host": self._address.authority,
                "Authorization": f"Bearer {self._told['api_key']}",
            },
        )
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                found: list[dict[str, object]] = json.load(answer)["clusters"]
        except OSError:
            return []
        return found

    def wait_for(self, ready: int) -> None:
        """Until the only cluster is Ready with so many nodes."""
        ends = CLOCK.monotonic() + 240
        seen: list[tuple[object, object]] = []
        while CLOCK.monotonic() < ends:
            seen = [(one["state"], one["ready"]) for one in self.clusters()]
            if seen == [("Ready", ready)]:
                return
            CLOCK.wait(0.5)
        raise AssertionError(f"not Ready with {ready} nodes in time: {seen}")


def test_one_command_brings_a_cluster_and_a_commit_changes_it(stage: Stage) -> None:
    repository = stage.folder / "repository"
    commit(repository, replicas=1)
    asked = ("--project-name", "demo", "--git-url", f"file://{repository}")
    words = ("bootstrap", "--local", *asked, "--set", "RAYCML_POLL=1s")
    done = stage.raycml(*words, timeout_s=400)
    assert done.code == 0, done.out + done.err
    page = Page(stage, done.out)
    page.wait_for(ready=2)

    commit(repository, replicas=2)
    page.wait_for(ready=3)

    again = stage.raycml(*words)
    assert again.code == 0, again.out + again.err
    assert "nothing to do" in again.err
