"""A cluster whose environment is built by a job, with the packages and the Ray that it names."""

import json
from pathlib import Path

import pytest

from tests.scenarios.stage import Stage, processes_below

pytestmark = [pytest.mark.ray, pytest.mark.slow, pytest.mark.timeout(900)]


def asking(stage: Stage, packages: str, builder: str = "auto") -> str:
    path = Path(stage.spec(replicas=1))
    page = f'  pythonEnvironment: {{python: "3.11", packages: {packages}, builder: {builder}}}\n'
    text = path.read_text().replace(f"  python: {stage.python}\n", page)
    path.write_text(text)
    return str(path)


def built(stage: Stage) -> dict[str, dict[str, object]]:
    found = (stage.home / ".raycml" / "envs").glob("*/ready.json")
    return {path.parent.name: json.loads(path.read_text()) for path in found}


def test_a_job_builds_the_environment_and_ray_runs_in_it(stage: Stage) -> None:
    spec = asking(stage, '["ray[default]", "six==1.16.0"]')
    done = stage.raycml("reconcile", "--local", spec, "--timeout", "10m", timeout_s=700)
    assert done.code == 0, done.out + done.err
    ((digest, told),) = built(stage).items()
    assert told["ray"] == "2.60.0"
    packages = told["packages"]
    assert isinstance(packages, dict)
    assert packages["six"] == "1.16.0"
    assert (stage.status()["state"], stage.status()["ready"]) == ("Ready", 2)
    assert set(stage.engines()) == {"head", "w/0"}
    place = Path(".raycml") / "envs" / digest
    running = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_below(place)]
    assert any(b"raylet" in line for line in running), "Ray runs from the environment"
    assert stage.plan(spec) == []


def test_a_package_that_is_not_there_fails_and_the_cluster_goes_on(stage: Stage) -> None:
    engines = stage.engines()
    spec = asking(stage, '["ray[default]", "six==0.0.999"]')
    done = stage.raycml("reconcile", "--local", spec, "--timeout", "10m", timeout_s=700)
    assert done.code == 5, done.out + done.err
    assert "six==0.0.999" in done.out + done.err
    assert stage.engines() == engines
    assert len(built(stage)) == 1


def test_an_application_builds_one_too_and_is_gone_afterwards(stage: Stage) -> None:
    spec = asking(stage, '["ray[default]", "six==1.17.0"]', "application")
    done = stage.raycml("reconcile", "--local", spec, "--timeout", "10m", timeout_s=700)
    assert done.code == 0, done.out + done.err
    assert "is being built by application raycml-env-" in done.err
    [digest] = [digest for digest, told in built(stage).items() if _six(told) == "1.17.0"]
    assert (stage.status()["state"], stage.status()["ready"]) == ("Ready", 2)
    place = Path(".raycml") / "envs" / digest
    running = [Path(f"/proc/{pid}/cmdline").read_bytes() for pid in processes_below(place)]
    assert any(b"raylet" in line for line in running), "Ray runs from the environment"
    assert stage.plan(spec) == [], "the builder is gone, and nothing is left to do"


def _six(told: dict[str, object]) -> object:
    packages = told["packages"]
    assert isinstance(packages, dict)
    return packages.get("six")
