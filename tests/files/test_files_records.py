"""The record of a source and approvals, in the project's files, whichever way these are reached."""

import hashlib
import json
import random
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from files_world import LostError, MissingError, Remote, RemoteError
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from controller.core.model.approval import Approval, Held
from controller.core.model.record import Departed, Record
from controller.core.spec.revision import SpecDocument
from controller.core.spec.spec import RayCluster
from controller.files.api import ApiFiles, Faults
from controller.files.approvals import HoldFile, all_held, approval_path, approve
from controller.files.port import READ_LIMIT, FilesError, ProjectFiles
from controller.files.record_text import WHOLE_MAX, parse_record, render_record
from controller.files.records import RecordFile, all_records, record_folder, record_id
from controller.files.shared import SharedFiles
from tests.worlds import NOW, named, spec

FAULTS = Faults(any=RemoteError, missing=MissingError, unknown=LostError)
ORIGIN = "https://git.example.com/team/specs.git@main:specs"
RECORD = Record(
    ORIGIN,
    "a" * 40,
    (
        SpecDocument(named("one", protect=True), "specs/one.yaml", 1),
        SpecDocument(spec(), "specs/two.yaml", 9),
    ),
    (Departed(SpecDocument(named("left"), "specs/left.yaml", 3), "b" * 40, NOW, agreed=True),),
    number=7,
    places={"left": ("abcd-abcd-abcd-abcd", "fraud-models"), "one": ("",)},
    kept={"one": "c" * 40},
    grace_s=40.0,
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


def test_an_approval_is_found_by_its_source_and_revision_and_used_up(files: ProjectFiles) -> None:
    """That of another source stays; one of an older raycml, which names no source, goes."""
    mine, other = record_folder("team", ORIGIN), record_folder("team", "elsewhere")
    waits = HoldFile(files, mine)
    held = Held("a" * 40, "PruneLimit", "it removes 2 of 2", NOW, "b" * 40, 7, ("one",), ORIGIN)
    assert waits.approval(held) is None
    approval = Approval("b" * 40, "a" * 40, 7, "jdoe", NOW)
    approve(files, record_id("team", ORIGIN), approval)
    approve(files, record_id("team", "elsewhere"), approval)
    files.replace(".raycml/approvals/0123abc.json", b"of an older raycml")
    assert waits.approval(held) == approval
    waits.use_up()
    left = [stored.name for stored in files.listing(".raycml/approvals")]
    assert left == [approval_path(record_id("team", "elsewhere"), "a" * 40).rsplit("/", 1)[-1]]
    assert HoldFile(files, other).approval(held) == approval


def test_what_waits_is_read_as_it_was_published(files: ProjectFiles) -> None:
    folder = record_folder("team", ORIGIN)
    held = Held("a" * 40, "PruneLimit", "it removes 2 of 2", NOW, "b" * 40, 7, ("one",), ORIGIN)
    record_file(files).write(RECORD)
    HoldFile(files, folder).publish(held)
    assert all_held(files) == ((record_id("team", ORIGIN), held),)
    assert record_file(files).read() == RECORD
    HoldFile(files, folder).publish(None)
    assert all_held(files) == ()


# A record of any size


def large(clusters: int, lines: int) -> Record:
    """Clusters that share a requirements file with hashes, as pip-compile writes it."""
    pins = tuple(
        f"package-{n}==1.{n} --hash=sha256:{hashlib.sha256(str(n).encode()).hexdigest()}"
        for n in range(lines)
    )
    shared = named("c", pythonEnvironment={"python": "3.11", "packages": ["ray[default]"]})
    held = shared.with_requirements(pins)
    return Record(
        ORIGIN, "a" * 40, tuple(SpecDocument(held, f"{n}.yaml", 1) for n in range(clusters))
    )


def noisy(clusters: int) -> Record:
    """Nothing in it is shared, and hardly anything can be compressed."""
    rng = random.Random(7)
    noise = ({f"NOISE_{v}": rng.randbytes(15_000).hex() for v in range(4)} for _ in range(clusters))
    holders = (SpecDocument(named(f"c{n}", environment=e), f"{n}", 1) for n, e in enumerate(noise))
    return Record(ORIGIN, "b" * 40, tuple(holders))


def test_what_many_specs_share_is_stored_once() -> None:
    one, many = render_record(large(1, 2000)), render_record(large(40, 2000))
    assert parse_record(many, ORIGIN) == large(40, 2000)
    assert len(many) < len(one) + 40 * 2000


@pytest.mark.parametrize("text", ["x" * 2000, "\n" * 2000, "$text", "\n" + "a\n" * 2000])
def test_a_long_text_is_read_as_it_was_written(text: str) -> None:
    record = Record(
        ORIGIN, "a" * 40, (SpecDocument(named("c", environment={"LONG": text}), "f", 1),)
    )
    assert parse_record(render_record(record), ORIGIN) == record


def test_a_record_that_is_larger_than_any_file_can_be_is_stored_in_parts(
    files: ProjectFiles,
) -> None:
    record = noisy(200)
    assert len(render_record(record)) > READ_LIMIT > WHOLE_MAX
    kept = record_file(files)
    kept.write(record)
    assert record_file(files).read() == record
    kept.write(RECORD)
    assert record_file(files).read() == RECORD
    assert len(files.listing(record_folder("team", ORIGIN))) == 1, "no part is left"


def test_a_part_that_is_cut_or_gone_gives_way_to_the_state_before(files: ProjectFiles) -> None:
    kept, folder = record_file(files), record_folder("team", ORIGIN)
    kept.write(noisy(80))
    parts = [s for s in files.listing(folder) if s.name.endswith(".part")]
    files.write_new(f"{folder}/000000000.json", render_record(RECORD))
    whole = files.read(parts[0].path)
    assert whole is not None
    for bent in (whole[:-1], b"\0" + whole[1:], None):
        files.remove(parts[0].path)
        if bent is not None:
            files.write_new(parts[0].path, bent)
        assert record_file(files).read() == RECORD


def test_a_record_of_an_older_raycml_is_read() -> None:
    body = json.loads(render_record(RECORD)) | {"schema": "raycml.source/v1"}
    for new in ("number", "places", "kept", "texts"):
        del body[new]
    for row in body["departed"]:
        del row["since"], row["agreed"]
    found = parse_record(json.dumps(body).encode(), ORIGIN)
    assert found is not None
    assert (found.clusters, found.number, found.places) == (RECORD.clusters, 0, {})
    assert found.departed == (replace(RECORD.departed[0], since=None, agreed=False),)
