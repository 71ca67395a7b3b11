"""The page of JSON formats, with an example of each format as a command prints it."""

import json
from datetime import timedelta

import jsonschema
from acceptance_world import World
from stage import NOON, Said, Stage
from test_cli_convert import MANIFEST

from controller.cli.output.json_schemas import document_schemas
from controller.core.status.events import Event, Kind
from controller.files.events import render_event
from tests.documents.accept import compare
from tests.documents.json_formats import FORMATS, json_formats
from tests.documents.markdown import REFERENCE


def examples(stage: Stage) -> dict[str, object]:
    """One document of each format, in the order of a cluster's life."""
    trial = World(Stage(stage.capsys, stage.folder)).run("-o", "json")
    stage.environ["RAYCML_EMULATOR_DIR"] = "state"
    stage.spec(replicas=1)
    found = [trial, *(stage.run(word, "-o", "json") for word in ("validate", "render"))]
    (stage.folder / "kuberay.yaml").write_text(MANIFEST, "utf-8")
    found.append(stage.run("convert", "kuberay.yaml", "-o", "json"))
    assert stage.run("reconcile").code == 0
    stage.write(".raycml/events/000001.jsonl", b"\n" + b"".join(map(render_event, happened())))
    found += [stage.run(word, "-o", "json") for word in ("status", "events", "doctor")]
    found.append(stage.run("doctor", "--runtimes", "-o", "json"))
    stage.spec(replicas=1, cpu=3)
    found.append(stage.run("plan", "-o", "json"))
    stage.spec("other", file="other/other.yaml")
    found.append(stage.run("orphans", "--specs", "specs/other", "-o", "json"))
    assert stage.run("release", "analytics", "--specs", "specs/other", "--yes").code == 0
    found.append(stage.run("adopt", "analytics", "--yes", "-o", "json"))
    found.append(stage.run("emulator", "status", "-o", "json"))
    return {str(body["schema"]): body for body in map(_document, found)}


def _document(said: Said) -> dict[str, object]:
    assert said.out, said.err
    body: dict[str, object] = json.loads(said.out)
    return body


def happened() -> list[Event]:
    came = NOON - timedelta(minutes=30)
    ready = "3 of 3 nodes are alive"
    fell = "2 of 3 nodes are alive"
    return [
        Event(Kind.NORMAL, "Ready", ready, "analytics", "", 1, came, came, "p1", "3f9c1ab"),
        Event(Kind.WARNING, "NotReady", fell, "analytics", "", 2, came, NOON, "p7", "3f9c1ab"),
    ]


def test_the_page_of_json_formats_is_up_to_date(stage: Stage) -> None:
    found = examples(stage)
    assert set(FORMATS) == set(found)
    for schema, described in document_schemas().items():
        jsonschema.validate(found[schema], described)
    compare(REFERENCE / "json.md", json_formats(found))
