"""Uploads to workspaces that honor the path in a PUT only, or serve one of the two methods."""

import pytest
from files_world import LostError, MissingError, Remote, RemoteError, UnservedError

from controller.files.api import ApiFiles, Faults
from controller.files.port import FilesError
from controller.files.uploads import UploadMemory, UploadWay

FAULTS = Faults(
    RemoteError, MissingError, LostError, lambda error: isinstance(error, UnservedError)
)
STATE = ".raycml/pauses/demo.json"
OTHER = ".raycml/pauses/other.json"


def files(remote: Remote, memory: UploadMemory | None = None) -> ApiFiles:
    return ApiFiles(remote, "p", FAULTS, memory)


def uploads(remote: Remote) -> list[str]:
    return [call for call in remote.calls if call in ("upload", "put")]


def test_a_file_that_a_post_left_in_the_home_is_uploaded_by_put_and_removed_there() -> None:
    remote, memory = Remote(in_root=True), UploadMemory()
    files(remote, memory).replace(STATE, b"one")
    assert remote.stored == {STATE: b"one"}
    assert (uploads(remote), memory.way) == (["upload", "put"], UploadWay.PUT)


def test_the_way_is_remembered_for_all_files_of_a_process() -> None:
    remote, memory = Remote(in_root=True), UploadMemory()
    files(remote, memory).replace(STATE, b"one")
    remote.calls.clear()
    files(remote, memory).write_new(OTHER, b"two")
    assert remote.calls == ["download", "put", "list_files"]
    assert remote.stored == {STATE: b"one", OTHER: b"two"}


def test_a_workspace_that_honors_a_post_is_never_sent_a_put() -> None:
    remote, memory = Remote(), UploadMemory()
    for path in (STATE, OTHER):
        files(remote, memory).replace(path, b"one")
    assert (uploads(remote), memory.way) == (["upload", "upload"], UploadWay.POST)
    assert files(remote, memory).way == "uploaded by POST"


@pytest.mark.parametrize("content", [b"theirs", b"one"])
def test_a_file_of_a_user_in_the_home_stays_whatever_it_contains(content: bytes) -> None:
    remote = Remote(in_root=True, stored={"demo.json": content, "demo(1).json": content})
    files(remote).replace(STATE, b"one")
    assert remote.stored == {"demo.json": content, "demo(1).json": content, STATE: b"one"}


def test_a_new_file_of_the_name_with_other_content_stays() -> None:
    """Another person uploads a file between the listing and the upload."""
    remote = Remote(in_root=True)
    honest = remote.upload

    def both(project: str, path: str, data: bytes, *, put: bool = False) -> None:
        if not put:
            remote.stored["demo.json"] = b"two"
        honest(project, path, data, put=put)

    remote.upload = both  # type: ignore[method-assign]  # a person acts within the call
    files(remote).replace(STATE, b"one")
    assert remote.stored == {"demo.json": b"two", STATE: b"one"}


def test_a_lost_answer_to_a_post_that_landed_in_the_home_leaves_nothing_there() -> None:
    remote = Remote(in_root=True, fail={"upload": LostError("lost")})
    files(remote).replace(STATE, b"one")
    assert remote.stored == {STATE: b"one"}


def test_a_workspace_that_serves_a_put_only_is_used_by_put() -> None:
    remote, memory = Remote(methods=("PUT",)), UploadMemory()
    files(remote, memory).replace(STATE, b"one")
    assert (remote.stored, memory.way) == ({STATE: b"one"}, UploadWay.PUT)


def test_a_workspace_without_a_usable_upload_is_named_and_left_clean() -> None:
    remote = Remote(in_root=True, methods=("POST",))
    with pytest.raises(FilesError, match="serves no PUT: run raycml in a session of the project"):
        files(remote).replace(STATE, b"one")
    assert remote.stored == {}


def test_a_workspace_that_serves_neither_method_answers_as_for_the_post() -> None:
    remote = Remote(methods=())
    with pytest.raises(FilesError, match="POST is not served"):
        files(remote).replace(STATE, b"one")


def test_a_refusal_of_a_post_is_no_reason_for_a_put() -> None:
    remote = Remote(refuse={"upload": RemoteError("disk full")})
    with pytest.raises(FilesError, match="disk full"):
        files(remote).replace(STATE, b"one")
    assert uploads(remote) == ["upload"]


def test_a_listing_that_lags_is_no_reason_for_a_put() -> None:
    """Nothing new in the home: the file may yet appear where it was sent."""
    remote = Remote()
    listed = remote.list_files
    remote.list_files = lambda project, path: () if path else listed(project, path)  # type: ignore[method-assign]  # a lag
    remote.stored["notes.txt"] = b"n"
    with pytest.raises(FilesError, match="the folder does not show it"):
        files(remote).replace(STATE, b"one")
    assert uploads(remote) == ["upload"]


def test_a_way_that_stops_working_is_forgotten() -> None:
    remote, memory = Remote(), UploadMemory()
    files(remote, memory).replace(STATE, b"one")
    remote.methods = ("PUT",)
    with pytest.raises(FilesError):
        files(remote, memory).write_new(OTHER, b"two")
    files(remote, memory).write_new(OTHER, b"two")
    assert remote.stored[OTHER] == b"two"


def test_a_file_in_the_home_itself_tells_nothing_about_folders() -> None:
    remote, memory = Remote(in_root=True), UploadMemory()
    files(remote, memory).write_new("notes.txt", b"one")
    assert memory.way is None
    files(remote, memory).write_new(STATE, b"two")
    assert remote.stored == {"notes.txt": b"one", STATE: b"two"}
