"""The range of Ray versions, what the older of them lack, and where a person is told."""

from collections.abc import Mapping

import pytest

from controller.core.spec.notices import differing_pythons, notices, ray_notices
from controller.core.spec.ray.start_params import ALLOWED
from controller.core.spec.ray.versions import LEVEL_VARIABLE, NEWEST, OLDEST, OPTIONS
from controller.core.spec.revision import Revision, assemble
from controller.core.spec.spec import ClusterSpec
from controller.source.yaml.parser import parse
from tests.worlds import RUNTIME, spec

SPEC = """\
apiVersion: raycml/v1
kind: RayCluster
metadata: {{name: demo}}
spec:
  rayVersion: "{version}"
  runtimeIdentifier: {runtime}
  environment: {environment}
  headGroupSpec:
    resources: {{cpu: 1, memory: 2Gi}}
  workerGroupSpecs:
    - groupName: w
      resources: {{cpu: 1, memory: 2Gi}}
      rayStartParams: {params}
"""


def read(
    version: str, params: str = "{}", environment: Mapping[str, str] | None = None
) -> Revision:
    variables = dict(environment or {})
    text = SPEC.format(version=version, runtime=RUNTIME, params=params, environment=variables)
    specs, problems = parse("demo.yaml", text.encode())
    return assemble(specs, problems, origin="x")


@pytest.mark.parametrize(
    "version", ["2.10.0", "2.10.0rc0", "2.44.1", "2.60.0", "2.60.7", "2.60.0rc1"]
)
def test_patches_and_candidates_of_the_range_pass(version: str) -> None:
    assert read(version).problems == ()


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        ("2.9.3", "choose Ray 2.10 or newer"),
        ("1.13.0", "choose Ray 2.10 or newer"),
        ("2.61.0", "choose Ray 2.60 or older, or a newer raycml"),
        ("3.0.0", "choose Ray 2.60 or older, or a newer raycml"),
    ],
)
def test_another_version_is_refused_with_the_range_and_a_remedy(version: str, remedy: str) -> None:
    (problem,) = read(version).problems
    assert problem.line == 5
    assert f"Ray {version} is outside the range that raycml was tried with, 2.10 to 2.60" in (
        problem.message
    )
    assert problem.message.endswith(remedy)


@pytest.mark.parametrize(
    ("option", "value", "last", "first"),
    [
        ("include-log-monitor", "false", "2.40.0", "2.41.0"),
        ("object-spilling-directory", "/tmp/x", "2.44.1", "2.45.0"),
    ],
)
def test_an_option_is_refused_for_a_ray_that_does_not_have_it(
    option: str, value: str, last: str, first: str
) -> None:
    params = f'{{{option}: "{value}"}}'
    assert read(first, params).problems == ()
    (problem,) = read(last, params).problems
    assert problem.line == 13
    assert f"Ray {last} has no option `{option}`" in problem.message


def test_the_description_of_the_field_names_the_range() -> None:
    low, high = (".".join(map(str, version)) for version in (OLDEST, NEWEST))
    described = str(ClusterSpec.model_json_schema()["properties"]["rayVersion"]["description"])
    assert f"from {low} to {high}" in described


def test_the_options_with_a_first_version_are_ones_that_a_spec_may_set() -> None:
    assert set(OPTIONS) <= set(ALLOWED)


@pytest.mark.parametrize(
    ("version", "lacks"),
    [
        ("2.51.2", ["does not drain a node", "no token authentication"]),
        ("2.56.1", ["does not drain a node"]),
        ("2.57.0", []),
    ],
)
def test_a_notice_says_what_an_old_ray_lacks(version: str, lacks: list[str]) -> None:
    revision = read(version)
    said = ray_notices(revision)
    assert len(said) == (1 if lacks else 0)
    for word in lacks:
        assert f"demo.yaml:1: Ray {version}: " in said[0]
        assert word in said[0]
    assert [f"demo.yaml:1: {notice}" for notice in notices(revision.clusters[0].cluster)] == said


@pytest.mark.parametrize(("version", "ignored"), [("2.50.1", True), ("2.51.0", False)])
def test_a_match_level_that_ray_does_not_read_is_noticed(version: str, *, ignored: bool) -> None:
    (notice,) = ray_notices(read(version, environment={LEVEL_VARIABLE: "minor"}))
    assert (LEVEL_VARIABLE in notice) is ignored
    (notice,) = ray_notices(read(version))
    assert LEVEL_VARIABLE not in notice


@pytest.mark.parametrize(
    ("cluster", "group", "noticed"),
    [
        ("python3.11-standard", "python3.10-cuda", True),
        ("python3.11-standard", "python3.11-cuda", False),
        ("python3.11-standard", "cuda", False),  # its name does not tell
        ("standard", "python3.10-cuda", False),
    ],
)
def test_a_group_whose_runtime_has_another_python_is_noticed(
    cluster: str, group: str, *, noticed: bool
) -> None:
    image = "registry.example.com/ml/ml-runtime-pbj-{}:1"
    images = {
        "runtimeIdentifier": image.format(cluster),
        "workerGroupSpecs__0__runtimeIdentifier": image.format(group),
    }
    said = [*notices(spec(**images))]
    assert said == [*differing_pythons(spec(**images))]
    assert len(said) == noticed
    for notice in said:
        assert "cpu: its runtime has Python 3.10, and the cluster's is 3.11" in notice
        assert "choose another runtime" in notice


def test_a_match_level_that_ray_does_not_know_is_refused() -> None:
    (problem,) = read("2.60.0", environment={LEVEL_VARIABLE: "major"}).problems
    assert 'write "patch" or "minor"' in problem.message
