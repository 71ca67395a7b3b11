"""`raycml convert` by the real command line, offline."""

import io
import json
import sys
from pathlib import Path

import pytest
from stage import Stage

MANIFEST = """\
apiVersion: ray.io/v1
kind: RayCluster
metadata: {name: Analytics}
spec:
  rayVersion: "2.55.0"
  headGroupSpec:
    serviceType: ClusterIP
    rayStartParams: {num-cpus: "0"}
    template:
      spec:
        containers:
          - name: ray-head
            image: rayproject/ray:2.55.0-py311
            env: [{name: GREETING, value: "##[group]hello"}]
            resources: {limits: {cpu: "2", memory: 8Gi}}
  workerGroupSpecs:
    - groupName: cpu
      replicas: 2
      template:
        spec:
          containers: [{name: w, resources: {limits: {cpu: "4", memory: 16Gi}}}]
"""
RUNTIME = "registry.example.com/ml-runtime-python3.11-standard:1"


def manifest(stage: Stage, text: str = MANIFEST) -> str:
    path = stage.folder / "kuberay.yaml"
    path.write_text(text, "utf-8")
    return str(path)


def test_the_spec_is_printed_and_each_note_is_a_line_with_its_place(stage: Stage) -> None:
    said = stage.run("convert", "kuberay.yaml") if manifest(stage) else None
    assert said is not None
    assert said.code == 0
    assert said.out.startswith("# From KubeRay's RayCluster `Analytics`, by `raycml convert`.\n")
    (stage.folder / "specs").mkdir()
    (stage.folder / "specs" / "analytics.yaml").write_text(said.out, "utf-8")
    assert stage.run("validate").out == "specs/analytics.yaml:2: analytics, 3 members\n"
    lines = said.err.splitlines()
    assert lines[0].startswith("kuberay.yaml:3:12: metadata.name: `Analytics` becomes `analytics`")
    address = "not converted: the head's application is the address of the dashboard"
    assert f"kuberay.yaml:7:5: spec.headGroupSpec.serviceType: {address}" in lines
    assert lines[-1].startswith("1 cluster converted: 2 fields changed, 1 not converted, 0 to")
    assert "##[" not in said.out + said.err, "a CI host would take it for a command"
    rendered = stage.run("render", "-o", "json").json()["applications"]
    assert isinstance(rendered, list)
    assert len(rendered) == 3


def test_standard_input_is_a_manifest_too(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(MANIFEST.encode()))
    monkeypatch.setattr(sys, "stdin", stdin)
    said = stage.run("convert", "-", "--runtime", RUNTIME, "--ray-version", "2.54.0")
    assert said.code == 0
    assert f"runtimeIdentifier: {RUNTIME}\n" in said.out
    assert 'rayVersion: "2.54.0"' in said.out
    assert "-:5:3: spec.rayVersion: `2.55.0` becomes 2.54.0" in said.err


def test_a_file_is_written_once_and_replaced_only_by_force(stage: Stage) -> None:
    manifest(stage)
    target = stage.folder / "specs" / "analytics.yaml"
    said = stage.run("convert", "kuberay.yaml", "--to", "specs/analytics.yaml")
    assert (said.code, said.out) == (0, "specs/analytics.yaml\n")
    assert "next: edit it, then run raycml validate specs/analytics.yaml" in said.err
    first = target.read_text()
    target.write_text("mine\n")
    refused = stage.run("convert", "kuberay.yaml", "--to", "specs/analytics.yaml")
    assert refused.code == 6
    assert "specs/analytics.yaml already exists" in refused.err
    assert target.read_text() == "mine\n"
    forced = stage.run("convert", "kuberay.yaml", "--to", "specs/analytics.yaml", "--force")
    assert forced.code == 0
    assert target.read_text() == first
    assert [path.name for path in target.parent.iterdir()] == ["analytics.yaml"]


def test_a_manifest_that_cannot_be_converted_writes_nothing(stage: Stage) -> None:
    manifest(stage, MANIFEST.replace("8Gi", "8000Gi"))
    said = stage.run("convert", "kuberay.yaml", "--to", "out.yaml")
    assert (said.code, said.out) == (3, "")
    assert "kuberay.yaml: `8000Gi` is too much for one node" in said.err
    assert "nothing was written" in said.err
    assert not (stage.folder / "out.yaml").exists()
    (stage.folder / "old.yaml").write_text("mine\n")
    assert stage.run("convert", "kuberay.yaml", "--to", "old.yaml", "--force").code == 3
    assert (stage.folder / "old.yaml").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["convert", "nowhere.yaml"], 8, "nowhere.yaml cannot be read: No such file"),
        (["convert", "specs"], 8, "cannot be read: Is a directory"),
        (["convert", "kuberay.yaml", "--runtime", "https://x"], 64, "not an image reference"),
        (["convert", "kuberay.yaml", "--ray-version", "new"], 64, "is not a version of Ray"),
        (["convert", "kuberay.yaml", "--to", "kuberay.yaml/x"], 1, "cannot be written"),
        (["convert"], 64, "MANIFEST"),
    ],
)
def test_bad_input_is_one_error_with_its_exit_code(
    stage: Stage, arguments: list[str], code: int, words: str
) -> None:
    manifest(stage)
    (stage.folder / "specs").mkdir(exist_ok=True)
    said = stage.run(*arguments)
    assert said.code == code
    assert words in said.err
    assert "Traceback" not in said.err


def test_a_conversion_is_a_document_for_scripts(stage: Stage) -> None:
    manifest(stage)
    said = stage.run("convert", "kuberay.yaml", "-o", "json")
    body = json.loads(said.out)
    assert (body["schema"], body["manifest"]) == ("raycml.convert/v1", "kuberay.yaml")
    assert body["clusters"] == [
        {"kind": "RayCluster", "original": "Analytics", "name": "analytics"}
    ]
    assert body["output"] is None
    assert {note["kind"] for note in body["notes"]} == {"changed", "dropped"}
    Path(stage.folder / "again.yaml").write_text(body["spec"], "utf-8")
    assert stage.run("validate", "again.yaml").code == 0


def test_a_manifest_among_the_specs_names_the_command(stage: Stage) -> None:
    path = Path(manifest(stage))
    (stage.folder / "specs").mkdir()
    path.rename(stage.folder / "specs" / "kuberay.yaml")
    said = stage.run("plan")
    assert said.code == 3
    assert "convert it with `raycml convert FILE`" in said.err
