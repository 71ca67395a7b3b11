"""What is particular to files behind an API."""

import pytest
from files_world import LostError, MissingError, Remote, RemoteError

from controller.files.api import ApiFiles, Faults
from controller.files.port import FilesError

PATH = "a/state.json"


@pytest.fixture
def remote() -> Remote:
    return Remote()


@pytest.fixture
def files(remote: Remote) -> ApiFiles:
    return ApiFiles(remote, "p", Faults(any=RemoteError, missing=MissingError, unknown=LostError))


def test_copies_that_an_upload_left_are_removed_and_lookalikes_are_not(
    files: ApiFiles, remote: Remote
) -> None:
    remote.stored = dict.fromkeys(
        ["a/state(1).json", "a/state(12).json", "a/state(x).json", "a/estate(1).json"], b"old"
    )
    files.replace(PATH, b"new")
    assert sorted(remote.stored) == ["a/estate(1).json", "a/state(x).json", PATH]


def test_a_launcher_that_two_controllers_upload_at_once_stays_one(
    files: ApiFiles, remote: Remote
) -> None:
    upload = remote.upload

    def after_the_others(project: str, path: str, data: bytes) -> None:
        remote.stored[path] = data
        upload(project, path, data)

    remote.upload = after_the_others  # type: ignore[method-assign]  # the other controller
    files.write_new("a/head-x.py", b"12345")
    assert remote.stored == {"a/head-x.py": b"12345"}


def test_a_lost_answer_may_have_been_an_upload(files: ApiFiles, remote: Remote) -> None:
    remote.fail["upload"] = LostError("no answer")
    with pytest.raises(FilesError) as caught:
        files.write_new(PATH, b"1")
    assert caught.value.unknown


def test_a_refusal_was_no_upload(files: ApiFiles, remote: Remote) -> None:
    remote.fail["upload"] = RemoteError("no")
    with pytest.raises(FilesError, match=r"a/state\.json: no") as caught:
        files.write_new(PATH, b"1")
    assert not caught.value.unknown


def test_an_upload_that_the_folder_does_not_show_is_unknown(
    files: ApiFiles, remote: Remote
) -> None:
    remote.fail["list_files"] = MissingError("a")
    with pytest.raises(FilesError, match="does not show it") as caught:
        files.replace(PATH, b"1")
    assert caught.value.unknown


def test_an_upload_that_arrived_in_part_is_unknown(files: ApiFiles, remote: Remote) -> None:
    upload = remote.upload
    remote.upload = lambda p, path, d: upload(p, path, d[:1])  # type: ignore[method-assign]  # torn
    with pytest.raises(FilesError) as caught:
        files.replace(PATH, b"123")
    assert caught.value.unknown


def test_a_read_that_fails_is_no_absence(files: ApiFiles, remote: Remote) -> None:
    for call in ("download", "list_files"):
        remote.fail[call] = RemoteError("no")
    with pytest.raises(FilesError):
        files.read(PATH)
    with pytest.raises(FilesError):
        files.listing("a")


def test_a_launcher_that_is_there_costs_one_call(files: ApiFiles, remote: Remote) -> None:
    files.write_new(PATH, b"1")
    remote.calls.clear()
    files.write_new(PATH, b"1")
    assert remote.calls == ["download"]
