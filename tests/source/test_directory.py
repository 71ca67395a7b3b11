"""Reading folders: nothing is missed in silence, and nothing outside is read."""

import os
from pathlib import Path

import pytest
from spec_samples import VALID, named

from controller.core.spec.revision import Revision
from controller.source import directory
from controller.source.directory import SourceError, read


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(revision: Revision) -> list[str]:
    return [holder.cluster.name for holder in revision.clusters]


def problems(revision: Revision) -> list[tuple[str, str]]:
    return [(Path(each.file).name, each.message.split(";")[0]) for each in revision.problems]


def test_a_folder_is_read_with_its_folders_and_without_what_is_hidden(tmp_path: Path) -> None:
    write(tmp_path / "b.yaml", named("b"))
    write(tmp_path / "deep" / "er" / "a.yml", named("a"))
    for ignored in (".hidden.yaml", ".git/c.yaml", "notes.txt", "yaml"):
        write(tmp_path / ignored, named("c"))
    revision = read([tmp_path])
    assert (names(revision), revision.problems) == (["a", "b"], ())
    assert (revision.origin, revision.commit) == (str(tmp_path), None)


def test_a_file_that_is_named_twice_counts_once(tmp_path: Path) -> None:
    file = write(tmp_path / "a.yaml", named("a"))
    (tmp_path / "link.yaml").symlink_to(file)
    assert names(read([tmp_path, file, tmp_path])) == ["a"]


def test_the_root_is_left_off_the_names_of_files(tmp_path: Path) -> None:
    write(tmp_path / "specs" / "a.yaml", named("A"))
    revision = read([tmp_path / "specs"], root=tmp_path, origin="git", commit="c0ffee")
    assert [str(each).split(": ")[0] for each in revision.problems] == ["specs/a.yaml:4:9"]
    assert (revision.origin, revision.commit) == ("git", "c0ffee")


def test_two_files_with_one_name_are_both_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", named("same"))
    write(tmp_path / "b.yaml", named("same"))
    revision = read([tmp_path])
    assert names(revision) == []
    assert [file for file, _ in problems(revision)] == ["a.yaml", "b.yaml"]


def test_a_link_that_leaves_the_folder_is_a_problem(tmp_path: Path) -> None:
    outside = write(tmp_path / "outside" / "a.yaml", named("a"))
    inside = write(tmp_path / "in" / "b.yaml", named("b")).parent
    (inside / "c.yaml").symlink_to(outside)
    (inside / "folder").symlink_to(outside.parent)
    (inside / "nowhere.yaml").symlink_to(tmp_path / "gone")
    (inside / "circle.yaml").symlink_to("circle.yaml")
    (inside / "data.csv").symlink_to(tmp_path / "elsewhere")
    revision = read([inside])
    assert names(revision) == ["b"]
    assert problems(revision) == [
        ("c.yaml", "leads out of the folder"),
        ("circle.yaml", "is a link that leads nowhere"),
        ("folder", "leads out of the folder"),
        ("nowhere.yaml", "is a link that leads nowhere"),
    ]


def test_links_inside_the_folder_are_read_once_and_never_in_circles(tmp_path: Path) -> None:
    write(tmp_path / "..data" / "a.yaml", named("a"))
    (tmp_path / "a.yaml").symlink_to(Path("..data") / "a.yaml")
    (tmp_path / "loop").symlink_to(tmp_path)
    revision = read([tmp_path])
    assert (names(revision), revision.problems) == (["a"], ())


@pytest.mark.parametrize("paths", [[], ["gone"], ["gone/a.yaml"], ["empty"], ["a\0b"]])
def test_a_source_without_specs_is_an_error_and_not_an_empty_answer(
    tmp_path: Path, paths: list[str]
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(SourceError):
        read([tmp_path / path for path in paths])


def test_what_cannot_be_read_is_a_problem_beside_what_can(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", named("a"))
    (tmp_path / "b.yaml").mkdir()
    os.mkfifo(tmp_path / "c.yaml")
    (tmp_path / "d.yaml").write_bytes(b"\xff")
    revision = read([tmp_path])
    assert names(revision) == ["a"]
    assert problems(revision) == [
        ("c.yaml", "is not a regular file"),
        ("d.yaml", "not UTF-8 here"),
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_without_permission_is_a_problem(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", named("a")).chmod(0)
    ((_, message),) = problems(read([tmp_path]))
    assert "Permission denied" in message


def test_a_file_that_vanishes_before_it_is_read_is_a_problem(tmp_path: Path) -> None:
    reader = directory._FolderReader(root=None)
    reader.add(write(tmp_path / "a.yaml", named("a")))
    (tmp_path / "a.yaml").unlink()
    reader.read_all()
    assert [each.message for each in reader.problems] == [
        "cannot be read: No such file or directory"
    ]


def test_a_file_that_changes_while_it_is_read_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write(tmp_path / "a.yaml", named("a"))
    real_open = os.open

    def open_and_let_an_editor_save(path: Path, flags: int) -> int:
        descriptor = real_open(path, flags)
        write(tmp_path / "new", named("another")).replace(file)
        return descriptor

    monkeypatch.setattr(directory.os, "open", open_and_let_an_editor_save)
    revision = read([tmp_path])
    assert names(revision) == []
    assert problems(revision) == [("a.yaml", "changed while it was read")]


def test_a_file_above_its_bound_is_one_problem(tmp_path: Path) -> None:
    write(tmp_path / "a.yaml", VALID + "#" * 1024 * 1024)
    assert problems(read([tmp_path])) == [("a.yaml", "the file has more than 1 MiB")]


def test_more_than_a_thousand_files_are_refused(tmp_path: Path) -> None:
    for number in range(1001):
        (tmp_path / f"{number}.yaml").touch()
    with pytest.raises(SourceError, match="more than 1000 spec files"):
        read([tmp_path])


def test_more_than_64_mib_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(directory, "MAX_TOTAL_BYTES", 100)
    write(tmp_path / "a.yaml", VALID)
    with pytest.raises(SourceError, match="64 MiB"):
        read([tmp_path])


def test_folders_below_the_bound_of_depth_are_a_problem(tmp_path: Path) -> None:
    write(tmp_path.joinpath(*"d" * 33, "a.yaml"), VALID)
    assert problems(read([tmp_path])) == [("d", "more than 32 folders deep")]


def test_a_name_that_is_not_text_is_printable_in_a_problem(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff.yaml")).write_text("[]")
    (problem,) = read([tmp_path]).problems
    assert str(problem).isprintable()


def test_a_folder_without_a_spec_file_is_named_and_one_with_a_file_below_is_not(
    tmp_path: Path,
) -> None:
    write(tmp_path / "full" / "deep" / "a.yaml", named("a"))
    for name in ("empty", "notes/.hidden"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "notes" / "README.md").write_text("no spec")
    found = read([tmp_path], root=tmp_path).empty_folders
    assert found == ("empty", "notes")


def test_the_schema_that_init_writes_is_no_spec(tmp_path: Path) -> None:
    spec = write(tmp_path / "a.yaml", named("a"))
    schema = write(tmp_path / "raycml.schema.json", "{}")
    assert names(read([spec, schema])) == ["a"]
    assert problems(read([spec, schema])) == []
    with pytest.raises(SourceError, match=r"no \*\.yaml"):
        read([schema])
