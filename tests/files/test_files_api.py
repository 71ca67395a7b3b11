"""What is particular to files behind an API."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from files_world import LostError, MissingError, Remote, RemoteError

from controller.files.api import ApiFiles, Faults
from controller.files.port import FilesError
from controller.files.shared import SharedFiles
from controller.files.uploads import UploadMemory, UploadWay

PATH = "a/state.json"
FAULTS = Faults(any=RemoteError, missing=MissingError, unknown=LostError)


@pytest.fixture
def remote() -> Remote:
    return Remote()


@pytest.fixture
def files(remote: Remote) -> ApiFiles:
    return ApiFiles(remote, "p", FAULTS)


@pytest.fixture
def later(remote: Remote) -> ApiFiles:
    """After the first upload of the process, which lists the home too."""
    return ApiFiles(remote, "p", FAULTS, UploadMemory(UploadWay.POST))


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

    def after_the_others(project: str, path: str, data: bytes, *, put: bool = False) -> None:
        remote.stored[path] = data
        upload(project, path, data, put=put)

    remote.upload = after_the_others  # type: ignore[method-assign]  # the other controller
    files.write_new("a/head-x.py", b"12345")
    assert remote.stored == {"a/head-x.py": b"12345"}


def test_a_lost_answer_of_an_upload_is_looked_after(files: ApiFiles, remote: Remote) -> None:
    remote.fail["upload"] = LostError("no answer")
    files.write_new(PATH, b"1")
    assert remote.stored == {PATH: b"1"}


def test_a_lost_answer_may_have_been_an_upload(later: ApiFiles, remote: Remote) -> None:
    remote.fail |= {"upload": LostError("no answer"), "list_files": RemoteError("no")}
    with pytest.raises(FilesError, match="no answer") as caught:
        later.write_new(PATH, b"1")
    assert caught.value.unknown


def test_a_refusal_was_no_upload(files: ApiFiles, remote: Remote) -> None:
    remote.refuse["upload"] = RemoteError("no")
    with pytest.raises(FilesError, match=r"a/state\.json: no") as caught:
        files.write_new(PATH, b"1")
    assert not caught.value.unknown


def test_an_upload_that_the_folder_does_not_show_is_unknown(
    later: ApiFiles, remote: Remote
) -> None:
    remote.fail["list_files"] = MissingError("a")
    with pytest.raises(FilesError, match="does not show it") as caught:
        later.replace(PATH, b"1")
    assert caught.value.unknown


def test_an_upload_that_arrived_in_part_is_unknown(files: ApiFiles, remote: Remote) -> None:
    remote.torn = 0.5
    with pytest.raises(FilesError) as caught:
        files.replace(PATH, b"123")
    assert caught.value.unknown
    assert remote.stored == {}


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


OLD, NEW = b'{"reason": "moving data"}', b'{"reason": "moving data, and longer than thought"}'
KEPT = "a/.state.json.raycml-kept"
FAULTS_OF_CALLS = [RemoteError("disk full"), LostError("no answer")]


def read_by_both(remote: Remote, files: ApiFiles, home: Path) -> tuple[bytes | None, bytes | None]:
    """The state file as a controller outside of the project and a pod in it read it."""
    remote.revive()
    for path, data in remote.stored.items():
        (home / path).parent.mkdir(parents=True, exist_ok=True)
        (home / path).write_bytes(data)
    shared = SharedFiles(home)
    assert [one.path for one in files.listing("a")] == [one.path for one in shared.listing("a")]
    return files.read(PATH), shared.read(PATH)


@pytest.mark.parametrize("last_effect", [False, True])
@pytest.mark.parametrize("cut", range(7))
def test_a_writer_that_is_killed_leaves_the_old_content_or_the_new(
    files: ApiFiles, remote: Remote, tmp_path: Path, cut: int, last_effect: bool
) -> None:
    remote.stored[PATH] = OLD
    remote.cut, remote.last_effect = cut, last_effect
    with suppress(FilesError):
        files.replace(PATH, NEW)
    outside, inside = read_by_both(remote, files, tmp_path)
    assert outside == inside
    assert outside in (OLD, NEW)
    files.replace(PATH, b"third")
    assert remote.stored == {PATH: b"third"}


@pytest.mark.parametrize("fault", FAULTS_OF_CALLS, ids=["refused", "lost"])
@pytest.mark.parametrize("call", ["download", "upload", "list_files", "delete_file"])
@pytest.mark.parametrize("nth", range(3))
def test_a_write_that_fails_leaves_the_old_content_or_the_new(
    files: ApiFiles, remote: Remote, tmp_path: Path, fault: RemoteError, call: str, nth: int
) -> None:
    remote.stored[PATH] = OLD
    told = before_the_nth(remote, call, nth, fault)
    try:
        files.replace(PATH, NEW)
    except FilesError as error:
        allowed = (OLD, NEW) if error.unknown else (OLD,)
    else:
        allowed = (NEW,)
    delattr(remote, call)
    assert told() or nth
    assert set(read_by_both(remote, files, tmp_path)) <= {*allowed}


def before_the_nth(remote: Remote, call: str, nth: int, fault: RemoteError) -> Callable[[], bool]:
    """The nth call of this name has no effect and ends in the fault; whether it came to that."""
    real: Callable[..., object] = getattr(remote, call)
    count = [0]

    def instead(*arguments: object, **more: object) -> object:
        count[0] += 1
        if count[0] == nth + 1:
            raise fault
        return real(*arguments, **more)

    setattr(remote, call, instead)
    return lambda: count[0] > nth


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
@pytest.mark.parametrize("which", [0, 1])
def test_an_upload_that_is_cut_short_leaves_the_old_content(
    files: ApiFiles, remote: Remote, tmp_path: Path, which: int, share: float
) -> None:
    """Of the kept content as of the new one; a file of no bytes is cut short as well."""
    remote.stored[PATH] = OLD
    upload, count = remote.upload, [0]

    def cut(project: str, path: str, data: bytes, *, put: bool = False) -> None:
        if count[0] == which:
            remote.torn = share
        count[0] += 1
        upload(project, path, data, put=put)

    remote.upload = cut  # type: ignore[method-assign]  # the server stores less than was sent
    with pytest.raises(FilesError):
        files.replace(PATH, NEW)
    assert read_by_both(remote, files, tmp_path) == (OLD, OLD)


def test_a_removed_file_does_not_come_back_from_what_was_kept(
    files: ApiFiles, remote: Remote, tmp_path: Path
) -> None:
    remote.stored |= {PATH: NEW, KEPT: OLD}
    for path in (PATH, KEPT):
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_bytes(remote.stored[path])
    for either in (files, SharedFiles(tmp_path)):
        either.remove(PATH)
        assert either.read(PATH) is None
        assert either.listing("a") == ()


def test_another_writer_of_the_same_length_is_not_taken_for_this_one(
    files: ApiFiles, remote: Remote
) -> None:
    upload = remote.upload

    def after_the_other(project: str, path: str, data: bytes, *, put: bool = False) -> None:
        remote.stored[path] = b"theirs"
        upload(project, path, data, put=put)

    remote.upload = after_the_other  # type: ignore[method-assign]  # the other controller
    with pytest.raises(FilesError) as caught:
        files.replace(PATH, b"mine!!")
    assert caught.value.unknown
    assert remote.stored == {PATH: b"theirs"}


def test_a_pod_that_writes_clears_what_was_kept(tmp_path: Path) -> None:
    shared = SharedFiles(tmp_path)
    shared.replace(KEPT, OLD)
    assert shared.read(PATH) == OLD
    shared.replace(PATH, NEW)
    assert [one.name for one in (tmp_path / "a").iterdir()] == ["state.json"]
