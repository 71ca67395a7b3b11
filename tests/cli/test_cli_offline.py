"""What needs no workspace: `init`, `validate`, `schema`, `render`."""

import json
from pathlib import Path

import jsonschema
import pytest
import yaml
from stage import Stage

from controller.cli.output.json_schemas import DOCUMENTS, Schema, document_schemas


def test_init_writes_a_valid_spec_and_its_schema(stage: Stage) -> None:
    said = stage.run("init", "--name", "analytics")
    assert (said.code, said.out) == (0, "specs/analytics.yaml\n")
    schema = json.loads(Path("specs/raycml.schema.json").read_text())
    jsonschema.validate(yaml.safe_load(Path("specs/analytics.yaml").read_text()), schema)
    assert stage.run("validate").out == "specs/analytics.yaml:5: analytics, 3 members\n"
    assert stage.wire.calls == []


def test_init_never_overwrites(stage: Stage) -> None:
    stage.run("init")
    Path("specs/quickstart.yaml").write_text("mine")
    Path("specs/raycml.schema.json").write_text("mine")
    said = stage.run("init")
    assert said.code == 6
    assert "specs/quickstart.yaml already exists" in said.err
    other = stage.run("init", "--name", "other")
    assert other.code == 0
    assert "raycml.schema.json is from another version; to update it" in other.err
    assert Path("specs/quickstart.yaml").read_text() == "mine"
    assert Path("specs/raycml.schema.json").read_text() == "mine"


def test_init_takes_a_file_or_a_folder(stage: Stage) -> None:
    assert stage.run("init", "deep/er/one.yaml", "--name", "a").out == "deep/er/one.yaml\n"
    assert stage.run("init", "deep", "--name", "b").out == "deep/b.yaml\n"
    assert Path("deep/er/raycml.schema.json").exists()


@pytest.mark.parametrize("name", ["Bad_Name", "a" * 31, "../up", ""])
def test_init_refuses_a_name_that_no_cluster_may_have(stage: Stage, name: str) -> None:
    said = stage.run("init", "--name", name)
    assert said.code == 64
    assert list(Path().iterdir()) == []


def test_validate_puts_problems_on_stderr_with_their_places(stage: Stage) -> None:
    stage.spec()
    stage.spec("two", extra="replicas: 2")
    said = stage.run("validate")
    assert said.code == 3
    assert said.out == "specs/analytics.yaml:1: analytics, 3 members\n"
    assert said.err.startswith("specs/two.yaml:8:3: unknown field `replicas`")


def test_validate_says_the_same_as_a_document(stage: Stage) -> None:
    stage.spec()
    stage.spec("two", extra="replicas: 2")
    said = stage.run("validate", "-o", "json")
    assert said.code == 3
    body = said.json()
    assert body["schema"] == "raycml.validation/v1"
    assert body["valid"] is False
    assert body["clusters"] == [{"name": "analytics", "file": "specs/analytics.yaml", "line": 1}]
    [problem] = body["problems"]  # type: ignore[misc]  # a JSON-like value
    assert problem.pop("message").startswith("unknown field `replicas`")
    assert problem == {"file": "specs/two.yaml", "line": 8, "column": 3}
    assert said.err == ""


def test_schema_is_one_that_draft_7_understands(stage: Stage) -> None:
    jsonschema.Draft7Validator.check_schema(json.loads(stage.run("schema").out))


@pytest.mark.parametrize("of", list(DOCUMENTS), ids=lambda of: of.value)
def test_each_document_has_a_schema(stage: Stage, of: Schema) -> None:
    printed = json.loads(stage.run("schema", "--of", of.value).out)
    jsonschema.Draft202012Validator.check_schema(printed)
    assert printed in document_schemas().values()


def test_render_shows_applications_without_asking_anybody(stage: Stage) -> None:
    stage.spec(replicas=1)
    said = stage.run("render", environ={})
    assert said.code == 0
    head, cpu = said.out.splitlines()[1:]
    assert head.startswith("ray-analytics-head   (the connection's project)  1    2Gi     0 ")
    assert cpu.split()[-1].startswith(".raycml/launchers/analytics/cpu-")
    assert stage.wire.calls == []


def test_render_agrees_with_what_reconcile_creates(stage: Stage) -> None:
    stage.spec()
    rendered = stage.run("render", "-o", "json").json()["applications"]
    stage.run("reconcile")
    created = {row.subdomain: row for row in stage.workspace.state.applications.values()}
    assert len(created) == len(rendered)  # type: ignore[arg-type]  # a JSON-like value
    for one in rendered:  # type: ignore[attr-defined]  # a JSON-like value
        row = created[one["subdomain"]].wire()
        assert (row["name"], row["script"]) == (one["name"], one["launcher"])
        assert (row["cpu"], row["memory"], row["nvidia_gpu"]) == (
            one["cpu"],
            one["memory"],
            one["gpu"],
        )


def test_render_prints_the_launcher_that_reconcile_writes(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    for member in ("head", "cpu/1", "analytics:cpu/0"):
        text = stage.run("render", "--launcher", member).out
        compile(text, "launcher", "exec")
        group = member.rpartition(":")[2].partition("/")[0]
        [name] = [f for f in stage.files(".raycml/launchers/analytics") if f.startswith(group)]
        stored = stage.tree().read((".raycml", "launchers", "analytics", name))
        assert text.rstrip("\n") == stored.decode().rstrip("\n")


def test_render_of_one_member_shows_that_member(stage: Stage) -> None:
    stage.spec()
    assert len(stage.run("render", "--member", "cpu/1").out.splitlines()) == 2
    said = stage.run("render", "--member", "gpu/1")
    assert said.code == 64
    assert "analytics:head" in said.err


def test_a_launcher_of_several_clusters_must_be_told_apart(stage: Stage) -> None:
    stage.spec()
    stage.spec("training")
    said = stage.run("render", "--launcher", "head")
    assert said.code == 64
    assert "raycml render --launcher analytics:head" in said.err
    assert stage.run("render", "--launcher", "training:head").code == 0


def test_validate_takes_a_folder_by_its_files(stage: Stage) -> None:
    stage.run("init")
    said = stage.run("validate", *map(str, sorted(Path("specs").iterdir())))
    assert (said.code, said.err) == (0, "")


def test_validate_says_that_a_fraction_of_a_core_is_rounded_up(stage: Stage) -> None:
    stage.run("init")
    file = Path("specs/quickstart.yaml")
    file.write_text(file.read_text().replace("cpu: 1, memory: 2Gi, gpu: 0", "cpu: 1.5, memory: 2"))
    said = stage.run("validate")
    assert said.code == 0
    assert said.err == (
        "specs/quickstart.yaml:5: worker: Ray counts whole cores and gets 2 for 1.5; "
        "set `num-cpus` in rayStartParams for another number\n"
    )
    (notice,) = json.loads(stage.run("validate", "-o", "json").out)["notices"]
    assert notice["line"] == 5
    assert "gets 2 for 1.5" in notice["message"]


@pytest.mark.parametrize("option", ["--launcher", "--member"])
def test_render_lists_members_and_its_own_option_for_a_wrong_one(stage: Stage, option: str) -> None:
    stage.spec(replicas=9)
    said = stage.run("render", option, "nope")
    assert said.code == 64
    assert "analytics:head" in said.err
    assert "and 5 more" in said.err
    assert f"raycml render {option} head" in said.err
