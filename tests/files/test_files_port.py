"""One contract, told to both ways of reaching a project's files."""

from pathlib import Path

import pytest
from files_world import LostError, MissingError, Remote, RemoteError

from controller.files.api import ApiFiles, Faults
from controller.files.launchers import stored_launchers
from controller.files.port import READ_LIMIT, FilesError, ProjectFiles
from controller.files.shared import SharedFiles

FAULTS = Faults(any=RemoteError, missing=MissingError, unknown=LostError)
LAUNCHER = ".raycml/launchers/demo/gpu-x-1.py"
STATE = ".raycml/pauses/demo.json"


@pytest.fixture(params=["shared", "api"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> ProjectFiles:
    if request.param == "shared":
        return SharedFiles(tmp_path)
    return ApiFiles(Remote(), "p", FAULTS)


def names(files: ProjectFiles, folder: str) -> list[tuple[str, int, bool]]:
    return [(one.path, one.size, one.is_dir) for one in files.listing(folder)]


def test_what_was_written_is_read(files: ProjectFiles) -> None:
    files.write_new(LAUNCHER, b"print(1)\n")
    assert files.read(LAUNCHER) == b"print(1)\n"


def test_what_is_absent_is_read_as_nothing_and_listed_as_nothing(files: ProjectFiles) -> None:
    assert files.read(LAUNCHER) is None
    assert files.listing(".raycml/launchers/demo") == ()


def test_a_folder_lists_what_it_holds_and_not_what_its_folders_hold(files: ProjectFiles) -> None:
    files.write_new(LAUNCHER, b"12345")
    files.write_new(".raycml/launchers/index.txt", b"123")
    assert names(files, ".raycml/launchers") == [
        (".raycml/launchers/demo", 0, True),
        (".raycml/launchers/index.txt", 3, False),
    ]
    assert names(files, ".raycml/launchers/demo") == [(LAUNCHER, 5, False)]


def test_writing_the_same_again_is_fine_and_leaves_one_file(files: ProjectFiles) -> None:
    for _ in range(3):
        files.write_new(LAUNCHER, b"12345")
    assert names(files, ".raycml/launchers/demo") == [(LAUNCHER, 5, False)]


@pytest.mark.parametrize("other", [b"123456", b"12344"])
def test_another_content_under_a_launchers_name_is_never_overwritten(
    files: ProjectFiles, other: bytes
) -> None:
    files.write_new(LAUNCHER, b"12345")
    with pytest.raises(FilesError, match="never overwritten"):
        files.write_new(LAUNCHER, other)
    assert files.read(LAUNCHER) == b"12345"
    assert len(files.listing(".raycml/launchers/demo")) == 1


def test_a_state_file_is_replaced_and_leaves_one_file(files: ProjectFiles) -> None:
    for content in (b"one", b"two", b"longer"):
        files.replace(STATE, content)
        assert files.read(STATE) == content
    assert names(files, ".raycml/pauses") == [(STATE, 6, False)]


LOG = ".raycml/events/000001.jsonl"


def test_what_is_appended_comes_after_what_was_there(files: ProjectFiles) -> None:
    for chunk in (b"one\n", b"two\n", b"three\n"):
        files.append(LOG, chunk)
    assert files.read(LOG) == b"one\ntwo\nthree\n"
    assert names(files, ".raycml/events") == [(LOG, 14, False)]


def test_a_file_grows_no_further_than_it_can_be_read(files: ProjectFiles) -> None:
    files.append(LOG, b"x" * (READ_LIMIT - 1))
    with pytest.raises(FilesError, match="no room for 2 bytes more"):
        files.append(LOG, b"ab")
    files.append(LOG, b"c")
    assert len(files.read(LOG) or b"") == READ_LIMIT


def test_a_removed_file_is_gone_and_may_be_removed_again(files: ProjectFiles) -> None:
    files.replace(STATE, b"one")
    files.remove(STATE)
    files.remove(STATE)
    assert files.read(STATE) is None


def test_a_folder_goes_with_all_that_is_in_it_and_nothing_else(files: ProjectFiles) -> None:
    folder = ".raycml/envs/0123456789abcdef"
    inside = ("bin/python", "ready.json", "store/000001-ab/db/kv/CURRENT")
    for path in (*(f"{folder}/{name}" for name in inside), f"{folder}.log"):
        files.replace(path, b"one")
    for _ in range(2):
        files.remove_tree(folder)
    assert names(files, ".raycml/envs") == [(f"{folder}.log", 3, False)]
    files.remove_tree(f"{folder}.log")
    assert files.read(f"{folder}.log") is None


@pytest.mark.parametrize(
    "path",
    [
        *("", "/etc/passwd", "..", "../x", "a/../../x", "a//b", "a/", "./a"),
        *("a\x00b", "a\\b", "a\nb", "x" * 201, "a/" * 260 + "a"),
    ],
)
def test_a_path_that_is_not_plainly_inside_the_project_is_refused(
    files: ProjectFiles, path: str
) -> None:
    for call in (files.read, files.listing, files.remove, files.remove_tree):
        with pytest.raises(FilesError, match="not a path inside the project"):
            call(path)
    for write in (files.write_new, files.replace, files.append):
        with pytest.raises(FilesError, match="not a path inside the project"):
            write(path, b"x")


def test_nothing_and_too_much_cannot_be_stored(files: ProjectFiles) -> None:
    for data in (b"", b"x" * (READ_LIMIT + 1)):
        for write in (files.write_new, files.replace, files.append):
            with pytest.raises(FilesError, match="cannot be stored"):
                write(STATE, data)
    assert files.read(STATE) is None


def test_launchers_are_found_below_their_clusters(files: ProjectFiles) -> None:
    files.write_new(LAUNCHER, b"1")
    files.write_new(".raycml/launchers/other/head-y-1.py", b"1")
    files.write_new(".raycml/launchers/other/notes.txt", b"1")
    files.write_new(".raycml/launchers/stray.py", b"1")
    assert [one.path for one in stored_launchers(files)] == [
        LAUNCHER,
        ".raycml/launchers/other/head-y-1.py",
    ]
