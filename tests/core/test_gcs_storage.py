"""A head that remembers, in the spec: what is accepted, what restarts, what is written."""

import json
from typing import Any

import pytest

from controller.core.model.configuration import launcher_settings
from controller.core.model.history import History
from controller.core.model.plan import Stop
from controller.core.planner.planner import plan
from controller.core.situation.situation import situate
from controller.core.spec.revision import Revision, assemble
from controller.source.yaml.parser import parse
from tests.worlds import EDITION, POLICY, RUNTIME, converged, desired, spec

SPEC = """\
apiVersion: raycml/v1
kind: RayCluster
metadata: {{name: demo}}
spec:
  rayVersion: "{version}"
  gcsFaultToleranceOptions: {options}
  runtimeIdentifier: {runtime}
  headGroupSpec:
    resources: {{cpu: 1, memory: 2Gi}}
"""
MEMORY: dict[str, Any] = {"gcsFaultToleranceOptions": {"backend": "rocksdb"}}


def read(options: str, version: str = "2.60.0") -> Revision:
    text = SPEC.format(version=version, options=options, runtime=RUNTIME)
    specs, problems = parse("demo.yaml", text.encode())
    return assemble(specs, problems, origin="x")


@pytest.mark.parametrize("version", ["2.60.0", "2.60.3", "2.60.0rc1"])
def test_a_new_ray_may_remember(version: str) -> None:
    assert read("{backend: rocksdb}", version).problems == ()
    assert read("null", "2.10.0").problems == ()


@pytest.mark.parametrize(
    ("options", "version", "message"),
    [
        ("{backend: rocksdb}", "2.59.1", "Ray 2.59.1 is too old for a head that remembers; "),
        ("{backend: rocksdb}", "2.56.0", "raise rayVersion to 2.60 or later, or remove"),
        ("{backend: redis}", "2.60.0", "there is no `redis` for the state of a head, as CML has"),
        ("{backend: Redis}", "2.60.0", "write rocksdb, which keeps it in files of the project"),
        ("{}", "2.60.0", "`backend` is missing"),
        ("{backend: rocksdb, redisAddress: a}", "2.60.0", "CML has no Redis"),
        ("{backend: rocksdb, externalStorageNamespace: a}", "2.60.0", "in files of the project"),
    ],
)
def test_what_cannot_remember_is_refused_at_its_place(
    options: str, version: str, message: str
) -> None:
    (problem,) = read(options, version).problems
    assert message in problem.message
    assert problem.line == 6


def test_the_fingerprint_and_the_launcher_have_it_only_where_it_is_given() -> None:
    plain, memory = (desired(spec(**more)).clusters[0].groups for more in ({}, MEMORY))
    for before, after in zip(plain, memory, strict=True):
        assert before.fingerprint != after.fingerprint
        assert before.agreement == after.agreement
        assert "gcs_storage" not in json.loads(launcher_settings(before, EDITION))
        assert json.loads(launcher_settings(after, EDITION))["gcs_storage"] == "rocksdb"


def test_members_learn_to_remember_one_after_the_other() -> None:
    """A worker may be without its relay: it restarts Ray when the head does."""
    made = plan(situate(desired(spec(**MEMORY)), converged(spec()), History(), POLICY))
    stopped = [str(step.member) for step in made.steps if isinstance(step.action, Stop)]
    assert (stopped, [str(wait.member) for wait in made.waits]) == (["head", "cpu/0"], ["cpu/1"])


def test_a_recorded_spec_has_it_only_where_it_is_given() -> None:
    assert "gcsFaultToleranceOptions" not in spec().model_dump(by_alias=True)["spec"]
    written = spec(**MEMORY).model_dump(by_alias=True)["spec"]
    assert written["gcsFaultToleranceOptions"] == {"backend": "rocksdb"}
