"""Bounds: a large repository is refused in time, and a large file in one does no harm."""

import os
import select
from contextlib import suppress
from pathlib import Path

import pytest
from git_world import ENVIRON, Repo, names, problems, spec_files
from spec_samples import VALID, named

from controller.source.directory import SourceError
from controller.source.git.limits import STDERR_BYTES, Limits
from controller.source.git.process import LimitError
from controller.source.git.program import GitCommand
from controller.source.git.source import GitOptions, GitSource

pytestmark = pytest.mark.slow

MIB = 1024 * 1024


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def cached(cache: Path) -> int:
    return sum(each.stat().st_size for each in cache.rglob("*") if each.is_file())


def wait_for_the_end(pid: int) -> None:
    """Returns once the process is gone, or a zombie; it hangs, and the test with it, otherwise."""
    with suppress(ProcessLookupError):
        ended = os.pidfd_open(pid)
        select.select([ended], [], [])
        os.close(ended)


def many(repo: Repo, folders: int) -> str:
    """A commit of so many folders of a thousand files each; one more folder holds a spec."""
    file, spec = repo.blob(b"x"), repo.blob(VALID.encode())
    thousand = repo.tree(*(("100644", b"%04d.txt" % number, file) for number in range(1000)))
    specs = repo.tree(("100644", b"a.yaml", spec))
    found = [("40000", b"%04d" % number, thousand) for number in range(folders)]
    return repo.commit_of(repo.tree(*found, ("40000", b"specs", specs)))


def test_ten_thousand_files_are_read_and_two_hundred_thousand_are_refused(
    repo: Repo, cache: Path
) -> None:
    assert names(repo.source(cache).read(many(repo, 10))) == ["analytics"]
    commit = many(repo, 200)
    with pytest.raises(LimitError, match="more than 100000 files; name a smaller folder"):
        repo.source(cache).read(commit)
    assert names(repo.source(cache, path="specs").read(commit)) == ["analytics"]


def test_a_listing_without_end_is_ended(repo: Repo, cache: Path) -> None:
    # Each folder holds the next one ten times: 10^9 files in ten trees.
    tree = repo.tree(("100644", b"a.txt", repo.blob(b"x")))
    for _ in range(9):
        tree = repo.tree(*(("40000", b"%d" % number, tree) for number in range(10)))
    with pytest.raises(LimitError, match="printed more than"):
        repo.source(cache).read(repo.commit_of(tree))


def test_a_large_file_is_not_even_fetched(repo: Repo, cache: Path) -> None:
    commit = repo.commit({**spec_files("a"), "noise.bin": os.urandom(4 * MIB)})
    assert names(repo.source(cache).read(commit)) == ["a"]
    assert cached(cache) < MIB


@pytest.mark.slow
def test_a_file_of_a_gibibyte_does_no_harm(repo: Repo, cache: Path) -> None:
    with (repo.folder / "zeros.yaml").open("wb") as file:
        file.truncate(1024 * MIB)
    repo.git("config", "core.compression", "1")
    repo.git("config", "core.bigFileThreshold", "1m")
    commit = repo.commit(spec_files("a"))
    for filtered in ("true", "false"):
        repo.git("config", "uploadpack.allowFilter", filtered)
        revision = repo.source(cache / filtered).read(commit)
        assert names(revision) == ["a"]
        assert problems(revision) == [("zeros.yaml", "the file has more than 1 MiB")]
        assert cached(cache / filtered) < 8 * MIB


def test_a_fetch_that_brings_too_much_is_ended_and_leaves_nothing(repo: Repo, cache: Path) -> None:
    # A server that leaves nothing out, and a file that no compression makes smaller.
    repo.git("config", "uploadpack.allowFilter", "false")
    commit = repo.commit({**spec_files("a"), "noise.bin": os.urandom(8 * MIB)})
    limited = repo.source(cache, limits=Limits(fetch_bytes=MIB))
    with pytest.raises(LimitError, match=r"brought more than 1024 KiB .*keep large files out"):
        limited.read(commit)
    assert cached(cache) < MIB
    assert names(repo.source(cache).read(commit)) == ["a"]


def test_a_spec_file_above_its_bound_is_one_problem(repo: Repo, cache: Path) -> None:
    commit = repo.commit({**spec_files("a"), "b.yaml": VALID + "#" * MIB})
    revision = repo.source(cache).read(commit)
    assert names(revision) == ["a"]
    assert problems(revision) == [("b.yaml", "the file has more than 1 MiB")]


def test_too_many_and_too_large_spec_files_are_refused(repo: Repo, cache: Path) -> None:
    commit = repo.commit(spec_files("a", "b", "c"))
    with pytest.raises(LimitError, match="more than 2 spec files; name a smaller folder"):
        repo.source(cache, limits=Limits(files=2)).read(commit)
    with pytest.raises(LimitError, match="MiB of spec files; name a smaller folder"):
        repo.source(cache, limits=Limits(total_bytes=len(named("a")) * 2)).read(commit)
    assert names(repo.source(cache, limits=Limits(files=3)).read(commit)) == ["a", "b", "c"]


def test_a_git_that_hangs_is_ended_with_its_children(repo: Repo, cache: Path) -> None:
    pid = repo.folder / "pid"
    program = repo.folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1" = version ] && { echo git version 2.40.0; exit; }\n'
        f"sleep 600 & echo $! > '{pid}'\nwait\n"
    )
    program.chmod(0o755)
    environ = {"PATH": f"{program.parent}:{ENVIRON['PATH']}"}
    options = GitOptions(str(repo.folder), None, cache, limits=Limits(listing_s=1.0))
    with pytest.raises(LimitError, match="took more than 1 s and was ended"):
        GitSource(options, environ).tip()
    wait_for_the_end(int(pid.read_text()))


@pytest.mark.parametrize("stream", [1, 2])
def test_a_git_that_never_stops_talking_is_bounded(repo: Repo, cache: Path, stream: int) -> None:
    program = repo.folder / "bin" / "git"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\n[ "$1" = version ] && { echo git version 2.40.0; exit; }\n'
        f"head -c 50000000 /dev/zero | tr '\\0' x >&{stream}\nexit 1\n"
    )
    program.chmod(0o755)
    environ = {"PATH": f"{program.parent}:{ENVIRON['PATH']}"}
    source = GitSource(GitOptions(str(repo.folder), None, cache), environ)
    with pytest.raises(SourceError) as caught:
        source.tip()
    assert len(str(caught.value)) < 1000
    if stream == 2:
        assert len(source._git.run(GitCommand(("x",), 1000)).err) == STDERR_BYTES
