"""The cache may be lost, damaged, half made or shared: the next reading is right all the same."""

import os
import shutil
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from git_world import ENVIRON, Repo, names, spec_files

from controller.source.directory import SourceError
from controller.source.git.cache import Cache
from controller.source.git.limits import Limits
from controller.source.git.program import DamagedError
from controller.source.git.tree import contents, id_of

pytestmark = pytest.mark.slow


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "state" / "cache"


def objects(cache: Path) -> Path:
    return cache / "objects-160.git"


def test_the_cache_is_closed_to_other_users(repo: Repo, cache: Path) -> None:
    commit = repo.commit(spec_files("a"))
    repo.source(cache).read(commit)
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    cache.chmod(0o755)
    repo.source(cache).tip()
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser may give files away")
def test_a_cache_of_another_user_is_refused(repo: Repo, cache: Path) -> None:
    repo.commit(spec_files("a"))
    cache.mkdir(parents=True)
    os.chown(cache, 12345, 12345)
    with pytest.raises(SourceError, match="belongs to another user; XDG_CACHE_HOME=FOLDER names"):
        repo.source(cache).tip()


def test_a_cache_that_cannot_be_is_said(repo: Repo, cache: Path) -> None:
    commit = repo.commit(spec_files("a"))
    cache.parent.mkdir()
    cache.write_text("a file")
    for use in (repo.source(cache).tip, lambda: repo.source(cache).read(commit)):
        with pytest.raises(SourceError, match="XDG_CACHE_HOME=FOLDER names another one"):
            use()


def truncate(file: Path) -> None:
    file.chmod(0o644)
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)


def garble(file: Path) -> None:
    file.chmod(0o644)
    file.write_bytes(bytes(each ^ 0xFF for each in file.read_bytes()))


def each_pack(change: Callable[[Path], None], *suffixes: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        for file in sorted((folder / "objects" / "pack").iterdir()):
            if file.suffix in suffixes:
                change(file)

    return damage


def one_pack(folder: Path) -> None:
    for suffix in (".pack", ".idx"):
        min((folder / "objects" / "pack").glob(f"*{suffix}")).unlink()


def as_a_file(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"\0nonsense")

    return damage


def as_a_folder(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
        (path / "x").mkdir(parents=True)

    return damage


DAMAGES: dict[str, Callable[[Path], None]] = {
    "gone": shutil.rmtree,
    "objects a file": as_a_file("objects"),
    "no packs": each_pack(Path.unlink, ".pack", ".idx", ".promisor"),
    "one pack gone": one_pack,
    "no indexes": each_pack(Path.unlink, ".idx"),
    "packs cut off": each_pack(truncate, ".pack"),
    "indexes cut off": each_pack(truncate, ".idx"),
    "packs garbled": each_pack(garble, ".pack"),
    "indexes garbled": each_pack(garble, ".idx"),
    "HEAD garbled": as_a_file("HEAD"),
    "HEAD a folder": as_a_folder("HEAD"),
    "config garbled": as_a_file("config"),
    "config a folder": as_a_folder("config"),
    "refs a file": as_a_file("refs"),
    "last ref garbled": as_a_file("refs/raycml/last"),
    "packed refs garbled": as_a_file("packed-refs"),
    "shallow garbled": as_a_file("shallow"),
    "shallow a folder": as_a_folder("shallow"),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_cache_is_mended_by_the_next_reading(
    repo: Repo, cache: Path, damage: Callable[[Path], None]
) -> None:
    first = repo.commit(spec_files("a"))
    source = repo.source(cache)
    source.read(first)
    damage(objects(cache))
    assert names(source.read(first)) == ["a"]
    damage(objects(cache))
    assert names(source.read(repo.commit(spec_files("b")))) == ["a", "b"]


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_history_is_mended_by_the_next_question(
    repo: Repo, cache: Path, damage: Callable[[Path], None]
) -> None:
    first, second = repo.commit(spec_files("a")), repo.commit(spec_files("b"))
    source = repo.source(cache)
    assert source.follows(first, second)
    damage(cache / "history-160.git")
    assert source.follows(first, second)
    assert not source.follows(second, first)


def test_locks_and_pieces_of_a_git_that_was_killed_are_swept_away(repo: Repo, cache: Path) -> None:
    repo.source(cache).read(repo.commit(spec_files("a")))
    packs = set((objects(cache) / "objects" / "pack").glob("*.pack"))
    left = ["shallow.lock", "config.lock", "HEAD.lock", "refs/raycml/last.lock"]
    left += ["packed-refs.lock", "objects/pack/tmp_pack_x", "objects/pack/tmp_idx_x"]
    for name in left:
        (objects(cache) / name).write_bytes(b"half")
    assert names(repo.source(cache).read(repo.commit(spec_files("b")))) == ["a", "b"]
    assert not [name for name in left if (objects(cache) / name).exists()]
    assert packs <= set((objects(cache) / "objects" / "pack").glob("*.pack"))


def test_content_that_is_not_what_its_id_says_is_never_taken() -> None:
    good = id_of(b"good", 40)
    batch = f"{good} blob 4\n".encode()
    assert contents(batch + b"good\n", {good: 4}) == {good: b"good"}
    for bad in (batch + b"evil\n", batch + b"go", b"", batch.replace(b"4", b"5") + b"good\n"):
        with pytest.raises(DamagedError):
            contents(bad, {good: 4})


def test_a_git_that_outlives_its_killed_controller_keeps_the_cache_until_it_ends(
    repo: Repo, cache: Path, tmp_path: Path
) -> None:
    commit = repo.commit(spec_files("a"))
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        f'[ "$1" = fetch ] || PATH="{ENVIRON["PATH"]}" exec git "$@"\n'
        f"touch '{objects(cache)}/shallow.lock'; echo $$ > '{tmp_path}/now'\n"
        f"mv '{tmp_path}/now' '{tmp_path}/pid'; exec sleep 300\n"
    )
    program.chmod(0o755)
    reader = (
        "import os, sys; from pathlib import Path\n"
        "from controller.source.git.source import GitOptions, GitSource\n"
        "url, cache, commit = sys.argv[1:]\n"
        "GitSource(GitOptions(url, None, Path(cache)), os.environ).read(commit)\n"
    )
    controller = subprocess.Popen(
        [sys.executable, "-c", reader, str(repo.folder), str(cache), commit],
        env={"PATH": f"{program.parent}:{ENVIRON['PATH']}"},
    )
    while not (tmp_path / "pid").exists():
        assert controller.poll() is None
    controller.kill()
    controller.wait()
    try:
        with pytest.raises(SourceError, match="another process has been using"):
            repo.source(cache, limits=Limits(lock_s=0.3)).read(commit)
    finally:
        os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert names(repo.source(cache).read(commit)) == ["a"]
    assert not (objects(cache) / "shallow.lock").exists()


def test_a_cache_that_grew_is_begun_anew(repo: Repo, cache: Path) -> None:
    limits = Limits(cache_packs=4)
    for number in range(8):
        commit = repo.commit(spec_files(f"c{number}"))
        assert len(repo.source(cache, limits=limits).read(commit).clusters) == number + 1
        assert len(list((objects(cache) / "objects" / "pack").glob("*.pack"))) <= 6


def test_many_threads_may_use_one_cache(repo: Repo, cache: Path) -> None:
    commits = [repo.commit(spec_files(f"c{number}")) for number in range(4)]
    source = repo.source(cache)
    with ThreadPoolExecutor(4) as pool:
        read = list(pool.map(source.read, commits * 2))
    assert [len(each.clusters) for each in read] == [1, 2, 3, 4] * 2


def test_many_processes_may_use_one_cache(repo: Repo, cache: Path) -> None:
    commits = [repo.commit(spec_files(f"c{number}")) for number in range(3)]
    program = (
        "import os, sys; from pathlib import Path\n"
        "from controller.source.git.source import GitOptions, GitSource\n"
        "url, cache, *commits = sys.argv[1:]\n"
        "source = GitSource(GitOptions(url, None, Path(cache)), os.environ)\n"
        "print([len(source.read(commit).clusters) for commit in commits])\n"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-c", program, str(repo.folder), str(cache), *commits],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(3)
    ]
    assert [each.communicate()[0].strip() for each in started] == ["[1, 2, 3]"] * 3


def test_a_wait_for_another_process_has_an_end(repo: Repo, cache: Path) -> None:
    commit = repo.commit(spec_files("a"))
    with (
        Cache(cache, Limits()).locked("objects", 40),
        pytest.raises(SourceError, match="another process has been using the git cache"),
    ):
        repo.source(cache, limits=Limits(lock_s=0.3)).read(commit)
    assert names(repo.source(cache).read(commit)) == ["a"]


def test_asking_for_the_tip_needs_no_lock(repo: Repo, cache: Path) -> None:
    commit = repo.commit(spec_files("a"))
    with Cache(cache, Limits()).locked("objects", 40):
        assert repo.source(cache, limits=Limits(lock_s=0.1)).tip() == commit


def test_a_reading_ends_with_no_process_thread_or_open_file_left(repo: Repo, cache: Path) -> None:
    commit = repo.commit(spec_files("a"))
    source = repo.source(cache)
    source.read(commit)
    before = (threading.active_count(), len(list(Path("/proc/self/fd").iterdir())))
    for _ in range(3):
        source.read(source.tip())
    assert (threading.active_count(), len(list(Path("/proc/self/fd").iterdir()))) == before
