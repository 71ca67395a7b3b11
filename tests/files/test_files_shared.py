"""What is particular to files on the file system that pods share."""

import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from controller.files import shared
from controller.files.port import READ_LIMIT, FilesError
from controller.files.shared import SharedFiles

MODES = ("b.py", "c.json", "d.jsonl")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return home


@pytest.fixture
def files(home: Path) -> SharedFiles:
    return SharedFiles(home)


def test_others_may_read_what_we_write_whatever_our_umask(files: SharedFiles, home: Path) -> None:
    before = os.umask(0o077)
    try:
        files.write_new("a/b.py", b"1")
        files.replace("a/c.json", b"1")
        files.append("a/d.jsonl", b"1")
    finally:
        os.umask(before)
    assert {(home / "a" / name).stat().st_mode & 0o777 for name in MODES} == {0o644}


@pytest.mark.parametrize("inside", [True, False])
def test_no_symbolic_link_is_followed(
    files: SharedFiles, home: Path, tmp_path: Path, *, inside: bool
) -> None:
    target = home / "real" if inside else tmp_path / "outside"
    target.mkdir()
    (target / "file").write_text("secret")
    (home / "link").symlink_to(target)
    (home / "leaf").symlink_to(target / "file")
    for path in ("link/file", "leaf"):
        with pytest.raises(FilesError, match="symbolic link"):
            files.read(path)
    with pytest.raises(FilesError):
        files.listing("link")
    for write in (files.write_new, files.replace, files.append):
        with pytest.raises(FilesError):
            write("link/new", b"x")
    with pytest.raises(FilesError, match="symbolic link"):
        files.append("leaf", b"x")
    assert (target / "file").read_text() == "secret"
    with pytest.raises(FilesError):
        files.remove("link/file")
    assert sorted(p.name for p in target.iterdir()) == ["file"]


def test_replacing_a_link_replaces_the_link_and_not_its_target(
    files: SharedFiles, home: Path, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    target.write_text("kept")
    (home / "leaf").symlink_to(target)
    files.replace("leaf", b"new")
    assert target.read_text() == "kept"
    assert files.read("leaf") == b"new"


def test_a_listing_leaves_out_links_pipes_and_half_written_files(
    files: SharedFiles, home: Path
) -> None:
    folder = home / "a"
    folder.mkdir()
    (folder / "link").symlink_to(home)
    os.mkfifo(folder / "pipe")
    (folder / ".b.py.0123abcd.tmp").write_text("half")
    (folder / "b.py").write_text("whole")
    os.utime(folder / "b.py", (1_700_000_000, 1_700_000_000))
    (one,) = files.listing("a")
    assert (one.path, one.size) == ("a/b.py", 5)
    assert one.modified_at == datetime(2023, 11, 14, 22, 13, 20, tzinfo=UTC)


def test_a_pipe_or_a_folder_is_no_file_and_holds_nobody_up(files: SharedFiles, home: Path) -> None:
    os.mkfifo(home / "pipe")
    (home / "folder").mkdir()
    for path in ("pipe", "folder"):
        with pytest.raises(FilesError, match="not a regular file"):
            files.read(path)


def test_a_file_beyond_the_limit_is_not_read(files: SharedFiles, home: Path) -> None:
    with (home / "big").open("wb") as file:
        file.truncate(READ_LIMIT + 1)
    with pytest.raises(FilesError, match="larger"):
        files.read("big")


def test_a_folder_beyond_the_limit_is_not_listed_in_part(
    files: SharedFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shared, "LISTING_LIMIT", 2)
    for name in "abc":
        files.replace(f"d/{name}", b"1")
    with pytest.raises(FilesError, match="more than 2"):
        files.listing("d")


def test_no_temporary_file_stays_behind_even_when_a_write_fails(
    files: SharedFiles, home: Path
) -> None:
    (home / "a").mkdir()
    (home / "a" / "taken").mkdir()
    with pytest.raises(FilesError):
        files.replace("a/taken", b"1")
    files.replace("a/x", b"1")
    assert sorted(os.listdir(home / "a")) == ["taken", "x"]


def test_a_home_that_is_not_there_is_like_an_empty_one_to_read_and_an_error_to_write(
    tmp_path: Path,
) -> None:
    files = SharedFiles(tmp_path / "absent")
    assert files.read("a") is None
    with pytest.raises(FilesError, match="No such file"):
        files.write_new("a", b"1")


def test_a_reader_never_sees_half_a_replacement(files: SharedFiles) -> None:
    contents = [bytes([n]) * 200_000 for n in range(2)]
    files.replace("state", contents[0])
    done = threading.Event()
    seen: list[bytes | None] = []

    def read() -> None:
        while not done.is_set():
            seen.append(files.read("state"))

    reader = threading.Thread(target=read)
    reader.start()
    try:
        for n in range(40):
            files.replace("state", contents[n % 2])
    finally:
        done.set()
        reader.join()
    assert set(seen) <= set(contents)


def test_writers_of_one_launcher_at_once_leave_one_and_no_error(
    files: SharedFiles, home: Path
) -> None:
    errors: list[Exception] = []

    def write() -> None:
        try:
            files.write_new("a/b/launcher.py", b"same" * 1000)
        except FilesError as error:
            errors.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert os.listdir(home / "a" / "b") == ["launcher.py"]


def test_no_descriptor_leaks(files: SharedFiles, home: Path) -> None:
    (home / "folder").mkdir()

    def everything() -> None:
        files.replace("a/x", b"1")
        files.write_new("a/y", b"1")
        files.listing("a")
        files.remove("a/z")
        for path in ("folder", "a/x/below"):
            with pytest.raises(FilesError):
                files.read(path)

    everything()
    before = os.listdir("/proc/self/fd")
    for _ in range(5):
        everything()
    assert len(os.listdir("/proc/self/fd")) == len(before)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_nothing_is_appended_to_what_is_no_file(
    files: SharedFiles, home: Path, make: Callable[[Path], None]
) -> None:
    make(home / "log")
    with pytest.raises(FilesError, match="log"):
        files.append("log", b"x")


def test_appends_of_several_writers_stay_whole(files: SharedFiles) -> None:
    marks = [bytes([letter]) for letter in b"abcdefgh"]
    begin = threading.Barrier(len(marks))

    def write(mark: bytes) -> None:
        for _ in range(40):
            begin.wait(timeout=60)
            files.append("log", mark * 100 + b"\n")

    writers = [threading.Thread(target=write, args=(mark,)) for mark in marks]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = (files.read("log") or b"").split()
    assert sorted(lines) == sorted(mark * 100 for mark in marks for _ in range(40))


def test_what_killed_writers_left_goes_with_the_next_write(tmp_path: Path) -> None:
    """By the file system's own clock; what may still be written stays."""
    folder = tmp_path / ".raycml" / "pauses"
    folder.mkdir(parents=True)
    old, young, other = ".x.json.01234567.tmp", ".x.json.89abcdef.tmp", "notes.tmp"
    for name in (old, young, other):
        (folder / name).write_text("half")
    hours_ago = (folder / old).stat().st_mtime - 7200
    for name in (old, other):
        os.utime(folder / name, (hours_ago, hours_ago))
    SharedFiles(tmp_path).replace(".raycml/pauses/demo.json", b"{}")
    left = sorted(path.name for path in folder.iterdir())
    assert left == sorted([young, "demo.json", other])
