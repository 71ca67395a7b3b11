"""The knowledge of an editor about a spec."""

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator
from spec_samples import VALID

from controller.source.directory import read
from controller.source.yaml.parser import parse
from controller.source.yaml.schema import FILE_NAME, fields_at, json_schema
from controller.source.yaml.template import starter

ROOT = Path(__file__).parents[2]
SPECS = sorted([*(ROOT / "specs").glob("*.yaml"), *(ROOT / "docs" / "examples").glob("*.yaml")])
CHANGES = ("restarts", "counts", "guides")


def errors(text: str) -> list[str]:
    found = Draft7Validator(json_schema()).iter_errors(yaml.safe_load(text))
    return [".".join(map(str, error.absolute_path)) for error in found]


def test_the_schema_is_valid_draft_7() -> None:
    schema = json_schema()
    Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert str(schema["$id"])


def test_the_schema_has_no_words_that_draft_7_lacks_or_hides() -> None:
    def walk(node: object) -> None:
        if isinstance(node, dict):
            assert not {"$defs", "prefixItems", "dependentRequired", "unevaluatedProperties"} & set(
                node
            )
            assert "$ref" not in node or set(node) == {"$ref"}, "draft 7 hides what stands beside"
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json_schema())


def test_a_caller_may_change_the_schema_it_got() -> None:
    before = copy.deepcopy(json_schema())
    json_schema()["definitions"] = {}
    assert json_schema() == before


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.name)
def test_each_example_is_a_valid_spec(path: Path) -> None:
    documents, problems = parse(path.name, path.read_bytes())
    assert (len(documents), problems, errors(path.read_text())) == (1, (), [])


def test_the_starter_of_the_readme_has_a_name_that_no_spec_here_has() -> None:
    assert [path.name for path in (ROOT / "specs").glob("*.yaml")] == ["quickstart.yaml"]


def test_the_examples_may_live_together() -> None:
    revision = read(SPECS)
    assert [held.cluster.name for held in revision.clusters] == [
        "analytics",
        "quickstart",
        "training",
    ]
    assert revision.problems == ()


@pytest.mark.parametrize(
    ("old", "new", "place"),
    [
        ("kind: RayCluster", "kind: Deployment", "kind"),
        ("analytics", "Analytics", "metadata.name"),
        ('"2.60.0"', "2.60", "spec.rayVersion"),
        ("suspend: false", "suspended: false", "spec"),
        ("RollingUpdate", "Rolling", "spec.upgradeStrategy.type"),
        ("25%", "0", "spec.upgradeStrategy.maxUnavailable"),
        ("memory: 2Gi", "memory: 2GB", "spec.headGroupSpec.resources.memory"),
        ("{cpu: 1, memory: 2Gi}", "{cpu: 1}", "spec.headGroupSpec.resources"),
        ("num-cpus", "head", "spec.headGroupSpec.rayStartParams"),
        ("OMP_NUM_THREADS", "1A", "spec.environment"),
        ("replicas: 2", "replicas: -1", "spec.workerGroupSpecs.0.replicas"),
        ("groupName: worker", "groupName: head", "spec.workerGroupSpecs.0.groupName"),
        (".venv/bin/python", "python3", "spec.python"),
    ],
)
def test_an_editor_marks_what_validate_refuses(old: str, new: str, place: str) -> None:
    spoilt = VALID.replace(old, new)
    assert errors(spoilt) == [place]
    assert parse("f", spoilt.encode())[1]


def properties(schema: dict[str, Any]) -> dict[str, dict[str, Any]]:
    pages = [schema, *schema["definitions"].values()]
    return {name: each for page in pages for name, each in page.get("properties", {}).items()}


def test_hover_text_says_what_a_change_does() -> None:
    for name, each in properties(json_schema()).items():
        assert each["title"], name
        assert "A change" in each["description"], name
        assert each["examples"], name
        assert each["x-raycml-change"] in CHANGES, name


def test_what_may_be_left_out_shows_its_default() -> None:
    schema: Any = json_schema()
    for page in [schema, *schema["definitions"].values()]:
        for name, each in page["properties"].items():
            assert ("default" in each) != (name in page.get("required", [])), name


def test_each_example_of_a_field_satisfies_its_own_schema() -> None:
    schema: Any = json_schema()
    for name, each in properties(schema).items():
        checker = Draft7Validator({**each, "definitions": schema["definitions"]})
        for example in each["examples"]:
            assert checker.is_valid(example), (name, example)


@pytest.mark.parametrize("name", ["demo", "2024", "on", "a" * 30, "null", "1e3"])
def test_the_starter_is_valid_for_any_name(name: str) -> None:
    text = starter(name)
    ((document,), problems) = parse("demo.yaml", text.encode())
    assert (document.cluster.name, problems, errors(text)) == (name, (), [])
    assert text.splitlines()[0] == f"# yaml-language-server: $schema=./{FILE_NAME}"


def test_the_starter_tells_of_fields_by_their_real_names() -> None:
    written = {
        line.strip("# -").split(":")[0] for line in starter("demo").splitlines() if ":" in line
    }
    known = set(properties(json_schema()))
    assert {
        "suspend",
        "paused",
        "protect",
        "minReplicas",
        "maxReplicas",
        "project",
    } <= written & known


def test_a_starter_for_an_impossible_name_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a cluster name"):
        starter("Demo")


def test_the_starter_takes_what_init_found_out() -> None:
    text = starter("demo", runtime_identifier="a/b:1", ray_version="2.59.0")
    ((document,), _) = parse("demo.yaml", text.encode())
    spec = document.cluster.spec
    assert (spec.runtime_identifier, spec.ray_version) == ("a/b:1", "2.59.0")


def test_the_fields_of_a_place_are_known_for_hints() -> None:
    assert "replicas" in fields_at(("spec", "workerGroupSpecs", 0, "replica"))
    assert "cpu" in fields_at(("spec", "headGroupSpec", "resources", "cpus"))
    assert fields_at(("nothing", "below")) == ()
