"""The record of a source and approvals, in the project's files, whichever way these are reached."""

import json
from contextlib import suppress
from pathlib import Path

import pytest
from files_world import LostError, MissingError, Remote, RemoteError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from controller.core.record import Departed, Record
from controller.core.revision import Holder
from controller.core.spec import RayCluster
from controller.files.api import ApiFiles, Faults
from controller.files.approvals import Approval, approval_path, read_approvals, render_approval
from controller.files.port import FilesError, ProjectFiles
from controller.files.records import (
    RecordFile,
    all_records,
    parse_record,
    record_folder,
    render_record,
)
from controller.files.shared import SharedFiles
from tests.worlds import NOW, named, spec

FAULTS = Faults(any=RemoteError, missing=MissingError, unknown=LostError)
ORIGIN = "https://git.example.com/team/specs.git@main:specs"
RECORD = Record(
    ORIGIN,
    "a" * 40,
    (Holder(named("one", protect=True), "specs/one.yaml", 1), Holder(spec(), "specs/two.yaml", 9)),
    (Departed(Holder(named("left"), "specs/left.yaml", 3), "b" * 40),),
)


@pytest.fixture(params=["shared", "api"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFiles:
    if request.param == "shared":
        return SharedFiles(tmp_path)
    return ApiFiles(Remote(), "p", FAULTS)


def record_file(files: ProjectFiles, owner: str = "team", origin: str = ORIGIN) -> RecordFile:
    return RecordFile(files, record_folder(owner, origin), origin)


def test_every_source_of_a_project_can_be_asked_for(files: ProjectFiles) -> None:
    assert all_records(files) == ()
    other = Record("elsewhere", "c" * 40)
    record_file(files).write(RECORD)
    record_file(files, "other", "elsewhere").write(other)
    found = all_records(files)
    assert len(found) == 2
    assert RECORD in found
    assert other in found


def test_a_record_is_read_as_it_was_written(files: ProjectFiles) -> None:
    kept = record_file(files)
    assert kept.read() == Record(ORIGIN)
    kept.write(RECORD)
    assert record_file(files).read() == RECORD


def test_only_the_newest_state_is_kept(files: ProjectFiles) -> None:
    kept = record_file(files)
    for revision in ("a" * 40, "b" * 40, "c" * 40):
        kept.write(Record(ORIGIN, revision))
    assert kept.read().revision == "c" * 40
    assert len(files.listing(record_folder("team", ORIGIN))) == 1


def test_two_sources_and_two_installations_do_not_meet(files: ProjectFiles) -> None:
    record_file(files).write(RECORD)
    assert record_file(files, "other").read() == Record(ORIGIN)
    assert record_file(files, "team", "elsewhere").read() == Record("elsewhere")


def test_a_controller_that_dies_while_it_writes_loses_no_record() -> None:
    """Whichever call is the last one, the old state or the new one can be read."""
    for died_at in range(8):
        remote = Remote()
        kept = record_file(ApiFiles(remote, "p", FAULTS))
        kept.write(RECORD)
        newer = Record(ORIGIN, "c" * 40, RECORD.clusters)
        remote.cut, remote.last_effect = len(remote.calls) + died_at, died_at % 2 == 1
        with suppress(FilesError):
            kept.write(newer)
        remote.revive()
        assert kept.read() in (RECORD, newer), died_at


def test_a_state_that_cannot_be_read_gives_way_to_the_one_before(files: ProjectFiles) -> None:
    kept = record_file(files)
    kept.write(RECORD)
    files.write_new(f"{record_folder('team', ORIGIN)}/000000002.json", b'{"schema": "raycml.sou')
    assert kept.read() == RECORD


def test_a_record_with_one_spec_that_cannot_be_read_is_none_at_all() -> None:
    whole = render_record(RECORD)
    assert parse_record(whole, ORIGIN) == RECORD
    assert parse_record(whole.replace(b"RollingUpdate", b"Sideways"), ORIGIN) is None


@given(st.binary(max_size=400), st.integers(0, 5000), st.integers(0, 40))
def test_bent_bytes_are_read_as_a_record_or_as_none(new: bytes, at: int, length: int) -> None:
    whole = render_record(RECORD)
    bent = whole[:at] + new + whole[at + length :]
    found = parse_record(bent, ORIGIN)
    assert found is None or found.origin == ORIGIN


def test_an_approval_is_named_after_its_revision(files: ProjectFiles) -> None:
    assert read_approvals(files) == frozenset()
    for revision in ("a" * 40, "0123abc"):
        body = render_approval(Approval(revision, "jdoe", NOW))
        files.replace(approval_path(revision), body)
    files.replace(".raycml/approvals/README.json", b"not one")
    assert read_approvals(files) == {"a" * 40, "0123abc"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("headGroupSpec.resources.memory", 0.5),
        ("headGroupSpec.rayStartParams", {"node-manager-port": "6379"}),
        ("headGroupSpec.rayStartParams", {"resources": '{"special": 0.5}'}),
        ("headGroupSpec.environment", {"RAY_OVERRIDE_LABELS": "{}"}),
        ("environment", {"RAY_num_workers_soft_limit": "many"}),
        ("environment", {f"V{n}": "x" * 32_000 for n in range(9)}),
        ("workerGroupSpecs.0.replicas", 1000),
        ("workerGroupSpecs.0.resources.memory", 0.25),
        ("workerGroupSpecs.0.rayStartParams", {"min-worker-port": "30000"}),
    ],
)
def test_a_record_keeps_a_spec_that_an_earlier_version_took(path: str, value: object) -> None:
    """What is refused since then is refused in files; what runs already is not forgotten."""
    body = json.loads(render_record(RECORD))
    place = body["clusters"][1]["spec"]["spec"]
    *steps, last = path.split(".")
    for step in steps:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    with pytest.raises(ValidationError):
        RayCluster.model_validate(body["clusters"][1]["spec"])
    found = parse_record(json.dumps(body).encode(), ORIGIN)
    assert found is not None
    assert [holder.cluster.name for holder in found.clusters] == ["one", spec().name]
    again = parse_record(render_record(found), ORIGIN)
    assert again == found
