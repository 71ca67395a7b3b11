"""What a spec may say.  That messages point to the right line is for tests/source to show."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from controller.core.model.member import Member, application_name
from controller.core.spec.fields import SpecModel
from controller.core.spec.groups import Resources, WorkerGroup
from controller.core.spec.names import CLUSTER_LENGTH, GROUP_LENGTH
from controller.core.spec.ray import start_params
from controller.core.spec.spec import RayCluster, UpgradeStrategy

IMAGE = "registry.example.com:5000/ml/runtime-python3.11:2025.09.1-b5"


def group(name: str = "gpu", **fields: Any) -> dict[str, Any]:
    return {"groupName": name, "resources": {"cpu": 1, "memory": "2Gi"}, **fields}


def document(*groups: dict[str, Any], name: str = "analytics", **fields: Any) -> dict[str, Any]:
    spec = {
        "rayVersion": "2.60.0",
        "runtimeIdentifier": IMAGE,
        "headGroupSpec": {"resources": {"cpu": 1, "memory": "2Gi"}},
        "workerGroupSpecs": list(groups),
        **fields,
    }
    return {
        "apiVersion": "raycml/v1",
        "kind": "RayCluster",
        "metadata": {"name": name},
        "spec": spec,
    }


def refusals(written: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as refusal:
        RayCluster.model_validate(written)
    return {
        ".".join(str(step) for step in found["loc"]): found["msg"]
        for found in refusal.value.errors()
    }


def test_what_a_spec_leaves_out_has_a_default() -> None:
    cluster = RayCluster.model_validate(document(group()))
    spec = cluster.spec
    assert (cluster.name, spec.project, spec.python) == ("analytics", None, ".venv/bin/python")
    assert (spec.suspend, spec.paused, spec.protect) == (False, False, False)
    assert spec.upgrade_strategy == UpgradeStrategy(type="RollingUpdate", max_unavailable=1)
    assert (spec.head_group_spec.resources.gpu, dict(spec.environment)) == (0, {})
    worker = spec.worker_group_specs[0]
    assert (worker.replicas, worker.min_replicas, worker.max_replicas) == (1, 0, None)
    assert (worker.suspend, worker.runtime_identifier, worker.ray_start_params) == (False, None, {})


def test_a_cluster_may_have_a_head_alone() -> None:
    assert RayCluster.model_validate(document()).spec.worker_group_specs == ()


def test_a_spec_survives_being_written_and_read() -> None:
    cluster = RayCluster.model_validate(document(group(replicas=3, environment={"A": "1"})))
    assert RayCluster.model_validate(cluster.model_dump(by_alias=True)) == cluster
    assert RayCluster.model_validate_json(cluster.model_dump_json(by_alias=True)) == cluster


def test_a_spec_never_changes() -> None:
    cluster = RayCluster.model_validate(document())
    with pytest.raises(ValidationError, match="frozen"):
        cluster.spec.suspend = True  # type: ignore[misc]  # that is what is tested


@pytest.mark.parametrize(
    ("written", "replicas", "budget"),
    [(1, 10, 1), (3, 10, 3), ("25%", 10, 2), ("25%", 3, 1), ("100%", 7, 7), ("1%", 0, 1)],
)
def test_a_percentage_rounds_down_to_at_least_one(
    written: int | str, replicas: int, budget: int
) -> None:
    assert UpgradeStrategy(max_unavailable=written).budget(replicas) == budget


@pytest.mark.parametrize("name", ["A", "a_b", "a--b", "-a", "a-", "", "a b", "a\n", "ä", "a" * 31])
def test_a_cluster_name_that_is_no_label_is_refused(name: str) -> None:
    assert "metadata.name" in refusals(document(name=name))


@pytest.mark.parametrize("name", ["head", "A", "a_b", "a--b", "-a", "", "a" * 21])
def test_a_group_name_that_is_no_label_is_refused(name: str) -> None:
    assert "spec.workerGroupSpecs.0.groupName" in refusals(document(group(name)))


def test_every_repeated_group_is_refused_beside_other_faults() -> None:
    found = refusals(document(group("a"), group("b", replicas=-1), group("a"), group("a")))
    assert set(found) == {
        f"spec.workerGroupSpecs.{place}" for place in ("1.replicas", "2.groupName", "3.groupName")
    }


def test_more_than_fifty_groups_are_refused() -> None:
    RayCluster.model_validate(document(*(group(f"g{n}") for n in range(50))))
    assert "spec.workerGroupSpecs" in refusals(document(*(group(f"g{n}") for n in range(51))))


@pytest.mark.parametrize(
    ("fields", "place"),
    [
        ({"replicas": -1}, "replicas"),
        ({"replicas": 1001}, "replicas"),
        ({"replicas": True}, "replicas"),
        ({"replicas": "2"}, "replicas"),
        ({"replicas": 2.0}, "replicas"),
        ({"minReplicas": 2, "replicas": 1}, "replicas"),
        ({"minReplicas": 2, "maxReplicas": 1}, "maxReplicas"),
        ({"replicas": 101}, "replicas"),
        ({"minReplicas": 101}, "replicas"),
        ({"replicas": 2, "maxReplicas": 1}, "replicas"),
        ({"minReplicas": 3, "maxReplicas": 2, "replicas": 3}, "maxReplicas"),
        ({"resources": {"cpu": 1, "memory": 1, "gpu": -1}}, "resources.gpu"),
        ({"resources": {"cpu": 1, "memory": 1, "gpu": 65}}, "resources.gpu"),
        ({"resources": {"cpu": 1}}, "resources.memory"),
        ({"suspend": 1}, "suspend"),
        ({"runtimeIdentifier": "http://x"}, "runtimeIdentifier"),
        ({"replica": 2}, "replica"),
    ],
)
def test_a_group_outside_its_bounds_is_refused(fields: dict[str, Any], place: str) -> None:
    assert f"spec.workerGroupSpecs.0.{place}" in refusals(document(group(**fields)))


def test_a_protected_cluster_may_not_be_suspended() -> None:
    assert "remove" in refusals(document(protect=True, suspend=True))["spec.protect"]


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("RAYCML_OWNER", "marks"),
        ("CDSW_APP_PORT", "platform"),
        ("RAY_AUTH_MODE", "trust"),
        ("RAY_ADDRESS", "starts Ray"),
        ("RAY_CLOUD_INSTANCE_ID", "starts Ray"),
        ("RAY_NODE_TYPE_NAME", "starts Ray"),
        ("PYTHONPATH", "spec.python"),
        ("1A", "rename"),
        ("A-B", "rename"),
        ("", "rename"),
        ("A\n", "rename"),
    ],
)
def test_a_variable_that_is_not_the_users_is_refused(name: str, why: str) -> None:
    (message,) = refusals(document(environment={name: "x"})).values()
    assert why in message


@pytest.mark.parametrize("value", [1, True, None, "a\0b", "\ud800", "a" * 32_769])
def test_a_variable_holds_text(value: object) -> None:
    assert "spec.environment.A" in refusals(document(environment={"A": value}))


def test_a_variable_may_have_several_lines() -> None:
    cluster = RayCluster.model_validate(document(environment={"A": "first\nsecond"}))
    assert cluster.spec.environment["A"] == "first\nsecond"


@pytest.mark.parametrize(
    "python",
    ["python3", "../bin/python", "a/../b", "/a b/python", "a/$HOME", "~/x", "/", "-a/b", ""],
)
def test_an_interpreter_is_a_plain_path(python: str) -> None:
    assert "spec.python" in refusals(document(python=python))


@pytest.mark.parametrize("python", [".venv/bin/python", "/usr/bin/python3.11", "./env/bin/python"])
def test_an_interpreter_may_be_absolute_or_relative(python: str) -> None:
    assert RayCluster.model_validate(document(python=python)).spec.python == python


@pytest.mark.parametrize(
    "version", ["2.60", "v2.60.0", "latest", "2.60.0\n", "2.060.0", ">=2.60.0"]
)
def test_a_ray_version_has_three_numbers(version: str) -> None:
    assert "2.60.0" in refusals(document(rayVersion=version))["spec.rayVersion"]


@pytest.mark.parametrize("version", ["2.60.0", "2.60.0rc1", "2.59.0.dev0"])
def test_a_ray_version_may_be_a_preview(version: str) -> None:
    assert RayCluster.model_validate(document(rayVersion=version)).spec.ray_version == version


@pytest.mark.parametrize("image", ["https://a/b:1", "a b", "A/B:1 ", "", "a/b:", "a//b", "a" * 513])
def test_a_runtime_is_an_image_reference(image: str) -> None:
    assert "spec.runtimeIdentifier" in refusals(document(runtimeIdentifier=image))


@pytest.mark.parametrize("budget", [0, -1, True, "1", "0%", "101%", "1.5%", 1.5, None, "1%\n"])
def test_a_budget_lets_an_update_go_on(budget: object) -> None:
    found = refusals(document(upgradeStrategy={"maxUnavailable": budget}))
    assert "spec.upgradeStrategy.maxUnavailable" in found


@pytest.mark.parametrize("project", ["", " a", "a\n", "a" * 201, 5])
def test_a_project_is_an_id_or_a_name(project: object) -> None:
    assert "spec.project" in refusals(document(project=project))


@pytest.mark.parametrize(
    ("params", "remedy"),
    [
        ({"head": "true"}, "remove it"),
        ({"address": "1.2.3.4:6379"}, "remove it"),
        ({"temp-dir": "/x"}, "remove it"),
        ({"redis-password": "x"}, "remove it"),
        ({"--num-cpus": "1"}, "write the option as `num-cpus`"),
        ({"num_cpus": "1"}, "write the option as `num-cpus`"),
        ({"num-cpu": "1"}, "did you mean `num-cpus`?"),
        ({"frobnicate": "1"}, "remove it"),
        ({"num-cpus": "1.5"}, "whole number"),
        ({"num-cpus": "-1"}, "whole number"),
        ({"num-cpus": "1 --head"}, "whole number"),
        ({"num-cpus": "\u0661"}, "whole number"),
        ({"metrics-export-port": "80"}, "1024"),
        ({"worker-port-list": "2000,2000"}, "different ports"),
        ({"min-worker-port": "3000", "max-worker-port": "2000"}, "swap"),
        ({"resources": "special=1"}, "JSON"),
        ({"resources": '{"CPU": 1}'}, "Ray's own"),
        ({"resources": '{"a": NaN}'}, "JSON"),
        ({"resources": "[" * 4000}, "JSON"),
        ({"resources": "x" * 4097}, "4096"),
        ({"object-spilling-directory": "tmp/../x"}, "absolute path"),
        ({"include-log-monitor": "yes"}, '"true"'),
        ({"object-store-memory": str(2 * 2**30)}, "lower it"),
        ({"ray-client-server-port": "10001"}, "move it to headGroupSpec"),
        ({"num-cpus": 0}, "valid string"),
    ],
)
def test_a_start_parameter_that_ray_or_raycml_would_not_take_is_refused(
    params: dict[str, Any], remedy: str
) -> None:
    found = refusals(document(group(rayStartParams=params)))
    key = next(iter(params))
    assert remedy in found[f"spec.workerGroupSpecs.0.rayStartParams.{key}"]


def test_start_parameters_that_ray_takes_are_kept() -> None:
    params = {"num-cpus": "0", "resources": '{"special": 1}', "ray-client-server-port": "10001"}
    head = {"resources": {"cpu": 1, "memory": "2Gi"}, "rayStartParams": params}
    cluster = RayCluster.model_validate(document(headGroupSpec=head))
    assert cluster.spec.head_group_spec.ray_start_params == params


@pytest.mark.parametrize(
    ("key", "value", "remedy"),
    [
        ("ray.io/market-type", "spot", "choose a key of your own"),
        ("raycml.group", "x", "choose another key"),
        ("raycml.io/tier", "x", "choose another key"),
        ("-tier", "x", "example.com/tier"),
        ("a,b", "x", "example.com/tier"),
        ("a=b", "x", "example.com/tier"),
        ("t" * 64, "x", "up to 63 characters"),
        (f"{'d' * 63}.{'d' * 63}.{'d' * 63}.{'d' * 62}/k", "x", "after a domain"),
        ("tier", "a b", "letter or digit at both ends"),
        ("tier", "x" * 64, "up to 63 characters"),
        ("tier", "spot\n", "letter or digit at both ends"),
        ("tier", 1, "valid string"),
    ],
)
def test_a_label_that_ray_or_raycml_would_not_take_is_refused_at_its_place(
    key: str, value: object, remedy: str
) -> None:
    found = refusals(document(group(labels={key: value})))
    assert remedy in found[f"spec.workerGroupSpecs.0.labels.{key}"]


def test_a_node_has_at_most_fifty_labels() -> None:
    labels = {f"k{number}": "" for number in range(51)}
    assert (
        "at most 50" in refusals(document(group(labels=labels)))["spec.workerGroupSpecs.0.labels"]
    )
    labels.popitem()
    RayCluster.model_validate(document(group(labels=labels)))


def test_labels_in_start_parameters_are_refused_with_the_field_to_use() -> None:
    found = refusals(document(group(rayStartParams={"labels": "tier=spot"})))
    assert "field `labels`" in found["spec.workerGroupSpecs.0.rayStartParams.labels"]


@pytest.mark.ray
def test_the_start_parameters_are_those_of_the_installed_ray() -> None:
    from ray.scripts.scripts import start

    options = {name.removeprefix("--"): option for option in start.params for name in option.opts}
    options.pop("-v", None)
    assert set(options) == set(start_params.ALLOWED) | set(start_params.REFUSED)
    assert not any(getattr(options[name], "is_flag", False) for name in start_params.ALLOWED)


LABELS = st.from_regex(r"[a-c0-1]{1,3}(-[a-c0-1]{1,2}){0,3}", fullmatch=True)


@given(
    st.lists(LABELS.filter(lambda name: len(name) <= GROUP_LENGTH), min_size=1, unique=True),
    st.sets(st.integers(0, 9999), min_size=1, max_size=5),
)
def test_no_two_members_of_a_cluster_share_a_name(groups: list[str], ordinals: set[int]) -> None:
    members = [Member("head"), *(Member(g, n) for g in groups for n in ordinals)]
    names = {application_name("c", member) for member in members}
    assert len(names) == len(members)


def test_the_longest_name_is_a_dns_label() -> None:
    name = application_name("c" * CLUSTER_LENGTH, Member("g" * GROUP_LENGTH, 9999))
    RayCluster.model_validate(document(group("g" * GROUP_LENGTH), name="c" * CLUSTER_LENGTH))
    assert len(name) <= 63
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)


def test_values_can_be_made_in_code_by_their_python_names() -> None:
    made = WorkerGroup(group_name="a", resources=Resources(cpu=1, memory=2), replicas=4)
    assert made == WorkerGroup.model_validate(
        {"groupName": "a", "resources": {"cpu": 1, "memory": 2}, "replicas": 4}
    )


def pages(page: type[SpecModel]) -> list[type[SpecModel]]:
    return [page, *(deeper for each in page.__subclasses__() for deeper in pages(each))]


@pytest.mark.parametrize("page", pages(SpecModel)[1:], ids=lambda page: page.__name__)
def test_each_field_has_a_manual_and_says_what_a_change_does(page: type[SpecModel]) -> None:
    for name, info in page.model_fields.items():
        extra = info.json_schema_extra
        assert all((info.title, info.description, info.examples)), name
        assert isinstance(extra, dict), name
        assert extra["x-raycml-change"] in ("restarts", "counts", "guides"), name


@pytest.mark.parametrize(
    ("fields", "replicas"),
    [
        ({}, 1),
        ({"minReplicas": 0}, 0),
        ({"minReplicas": 3}, 3),
        ({"minReplicas": 3, "maxReplicas": 5}, 3),
        ({"minReplicas": 3, "replicas": 4}, 4),
        ({"replicas": 100}, 100),
        ({"replicas": 101, "maxReplicas": 101}, 101),
        ({"replicas": 300, "maxReplicas": 1000}, 300),
    ],
)
def test_replicas_left_out_are_the_fewest_that_are_written(
    fields: dict[str, Any], replicas: int
) -> None:
    spec = RayCluster.model_validate(document(group(**fields))).spec
    assert spec.worker_group_specs[0].replicas == replicas


def test_a_slip_in_a_number_of_replicas_is_refused_with_a_way_to_mean_it() -> None:
    found = refusals(document(group(replicas=1000)))
    assert "write `maxReplicas: 1000` beside it" in found["spec.workerGroupSpecs.0.replicas"]


def test_a_cluster_has_a_bound_on_its_members() -> None:
    groups = [group(f"g{n}", replicas=n, maxReplicas=1000) for n in (500, 499)]
    assert RayCluster.model_validate(document(*groups))
    found = refusals(document(*groups, group("one", replicas=1)))
    assert "1001 members, of at most 1000" in found["spec.workerGroupSpecs"]


@pytest.mark.parametrize(
    ("head", "memory", "refused"),
    [
        (True, "1535Mi", True),
        (True, "1536Mi", False),
        (False, "767Mi", True),
        (False, "768Mi", False),
        (False, "256Mi", True),
    ],
)
def test_memory_below_what_ray_itself_takes_is_refused(
    *, head: bool, memory: str, refused: bool
) -> None:
    resources = {"resources": {"cpu": 1, "memory": memory}}
    written = document(headGroupSpec=resources) if head else document(group(**resources))
    if not refused:
        assert RayCluster.model_validate(written)
        return
    ((place, message),) = refusals(written).items()
    where = "headGroupSpec" if head else "workerGroupSpecs.0"
    assert place == f"spec.{where}.resources.memory"
    assert f"raise memory to at least {1536 if head else 768}Mi" in message


def test_an_environment_that_no_list_could_carry_is_refused_where_it_is_written() -> None:
    most = {f"V{n}": "x" * 32_000 for n in range(4)}
    more = {"W": "x" * 32_000}
    assert RayCluster.model_validate(document(group(environment=most)))
    found = refusals(document(environment={**most, **more}))
    assert list(found) == ["spec.environment"]
    found = refusals(document(group("a"), group("b", environment=more), environment=most))
    assert list(found) == ["spec.workerGroupSpecs.1.environment"]
    head = {"resources": {"cpu": 1, "memory": "2Gi"}, "environment": more}
    found = refusals(document(group(), environment=most, headGroupSpec=head))
    assert list(found) == ["spec.headGroupSpec.environment"]


@pytest.mark.parametrize("where", ["cluster", "head", "group"])
def test_variables_are_judged_alike_at_every_level(where: str) -> None:
    bad = {"RAY_OVERRIDE_LABELS": "{}", "RAY_num_workers_soft_limit": "many", "MINE": "1"}
    for name in list(bad)[:2]:
        variables = {name: bad[name], "MINE": "1"}
        head = {"resources": {"cpu": 1, "memory": "2Gi"}}
        groups: list[dict[str, Any]] = []
        fields: dict[str, Any] = {"headGroupSpec": head}
        if where == "cluster":
            fields["environment"] = variables
        elif where == "head":
            head["environment"] = variables
        else:
            groups = [group(environment=variables)]
        ((place, _),) = refusals(document(*groups, **fields)).items()
        assert f"environment.{name}" in place
