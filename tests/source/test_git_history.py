"""Ancestors of a commit, and signatures by a trusted key."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from git_world import Repo, names, spec_files

from controller.source.directory import SourceError
from controller.source.git.limits import Limits
from controller.source.git.source import GitOptions, GitSource

pytestmark = pytest.mark.slow

needs_ssh_keygen = pytest.mark.skipif(
    shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed"
)
needs_gpg = pytest.mark.skipif(shutil.which("gpg") is None, reason="gpg is not installed")


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "repo")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_a_later_commit_follows_and_an_earlier_one_does_not(repo: Repo, cache: Path) -> None:
    commits = [repo.commit(spec_files(f"c{number}")) for number in range(5)]
    source = repo.source(cache)
    source.read(commits[0])
    source.read(commits[4])
    assert source.follows(commits[0], commits[0])
    assert source.follows(commits[0], commits[1])
    assert source.follows(commits[0], commits[4])
    assert not source.follows(commits[4], commits[0])
    assert names(source.read(commits[2])) == ["c0", "c1", "c2"]


def test_a_merge_follows_both_its_parents(repo: Repo, cache: Path) -> None:
    base = repo.commit(spec_files("a"))
    repo.git("checkout", "-q", "-b", "side")
    side = repo.commit(spec_files("b"))
    repo.git("checkout", "-q", "main")
    main = repo.commit(spec_files("c"))
    assert not repo.source(cache).follows(side, main)
    repo.git("merge", "-q", "--no-edit", "side")
    merged = repo.git("rev-parse", "HEAD")
    for each in (base, side, main):
        assert repo.source(cache).follows(each, merged)


def test_a_rewritten_commit_does_not_follow_even_when_the_old_one_is_gone(
    repo: Repo, cache: Path
) -> None:
    repo.commit(spec_files("a"))
    old = repo.commit(spec_files("b"))
    source = repo.source(cache)
    source.read(old)
    new = repo.commit(spec_files("c"), "--amend")
    assert not source.follows(old, new)
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert not source.follows(old, new)
    assert not source.follows("1" * 40, new)
    assert source.follows(new, repo.commit(spec_files("d")))


def test_an_unrelated_history_does_not_follow(repo: Repo, cache: Path) -> None:
    old = repo.commit(spec_files("a"))
    repo.git("checkout", "-q", "--orphan", "fresh")
    assert not repo.source(cache).follows(old, repo.commit(spec_files("b")))


def test_history_is_looked_at_to_its_bound_and_what_is_beyond_is_not_known(
    repo: Repo, cache: Path
) -> None:
    commits = [repo.commit(spec_files(f"c{number}")) for number in range(7)]
    limits = Limits(history=(2, 5))
    assert repo.source(cache, limits=limits).follows(commits[2], commits[6])
    assert not repo.source(cache, limits=limits).follows(commits[1], commits[6])
    assert repo.source(cache).follows(commits[1], commits[6])
    assert not repo.source(cache, limits=limits).follows(commits[1], commits[6])


def test_history_brings_no_files(repo: Repo, cache: Path) -> None:
    old = repo.commit({"noise.bin": bytes(range(256)) * 4000})
    new = repo.commit(spec_files("a"))
    assert repo.source(cache).follows(old, new)
    listed = subprocess.run(
        ["git", "cat-file", "--batch-check=%(objecttype)", "--batch-all-objects"],
        cwd=cache / "history-160.git",
        capture_output=True,
        check=True,
    ).stdout.split()
    assert listed == [b"commit", b"commit"]


def test_history_that_costs_too_much_is_not_known(repo: Repo, cache: Path) -> None:
    old, new = repo.commit(spec_files("a")), repo.commit(spec_files("b"))
    assert not repo.source(cache, limits=Limits(fetch_bytes=1)).follows(old, new)
    with pytest.raises(SourceError, match="not there any more"):
        repo.source(cache).follows(old, "1" * 40)
    with pytest.raises(ValueError, match="not a full commit id"):
        repo.source(cache).follows("--all", new)


def ssh_key(folder: Path, name: str) -> Path:
    key = folder / name
    subprocess.run(
        ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", f"{name}@example.com", "-f", key],
        check=True,
    )
    return key


def sign_with(repo: Repo, key: Path) -> None:
    repo.git("config", "gpg.format", "ssh")
    repo.git("config", "user.signingKey", str(key))


@needs_ssh_keygen
@pytest.mark.parametrize("form", ["public key", "allowed signers"])
def test_only_a_commit_that_a_trusted_ssh_key_signed_is_read(
    repo: Repo, cache: Path, tmp_path: Path, form: str
) -> None:
    ada, bob = ssh_key(tmp_path, "ada"), ssh_key(tmp_path, "bob")
    keys = ada.with_suffix(".pub")
    if form == "allowed signers":
        line = f'# who may\n\nada@example.com namespaces="git" {keys.read_text()}'
        keys = tmp_path / "signers"
        keys.write_text(line)
    source = repo.source(cache, keys=keys)
    sign_with(repo, ada)
    good = repo.commit(spec_files("a"), "-S")
    assert names(source.read(good)) == ["a"]
    with pytest.raises(SourceError, match="is not signed; sign it with a key of"):
        source.read(repo.commit(spec_files("b")))
    sign_with(repo, bob)
    with pytest.raises(SourceError, match=r"has no good signature by a key of .*add the signer's"):
        source.read(repo.commit(spec_files("c"), "-S"))
    forged = repo.git("cat-file", "commit", good).replace("a change", "another")
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    bad = repo.git("hash-object", "-w", "-t", "commit", "--stdin", given=forged.encode())
    repo.git("update-ref", "refs/heads/forged", bad)
    with pytest.raises(SourceError, match="has no good signature"):
        source.read(bad)
    assert names(source.read(good)) == ["a"]
    assert names(repo.source(cache).read(bad)) == ["a"]
    assert not list(cache.glob("keys-*"))


@needs_ssh_keygen
def test_a_signature_that_nothing_can_check_is_refused(
    repo: Repo, cache: Path, tmp_path: Path
) -> None:
    key = ssh_key(tmp_path, "ada")
    sign_with(repo, key)
    commit = repo.commit(spec_files("a"), "-S")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "git").symlink_to(str(shutil.which("git")))
    options = GitOptions(str(repo.folder), None, cache, verify_key=key.with_suffix(".pub"))
    with pytest.raises(SourceError, match=r"cannot be checked: .*ssh-keygen.*install that"):
        GitSource(options, {"PATH": str(tmp_path / "bin")}).read(commit)


@needs_ssh_keygen
def test_a_file_of_keys_that_cannot_serve_is_refused(
    repo: Repo, cache: Path, tmp_path: Path
) -> None:
    commit = repo.commit(spec_files("a"))
    private = ssh_key(tmp_path, "ada")
    (tmp_path / "empty").write_text(" \n")
    for keys, said in (
        (tmp_path / "gone", "No such file"),
        (tmp_path, "not a regular file"),
        (tmp_path / "empty", "it is empty"),
        (private, "a private key"),
    ):
        with pytest.raises(SourceError, match=f"{said}.*give an ssh allowed-signers file"):
            repo.source(cache, keys=keys).read(commit)


def gpg(home: Path, *arguments: str) -> bytes:
    command = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", "", *arguments]
    return subprocess.run(command, check=True, capture_output=True).stdout


@pytest.fixture
def gpg_home(repo: Repo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Ada's and Bob's private keys, with which the repository signs; their agent ends with it."""
    home = tmp_path_factory.mktemp("g")
    home.chmod(0o700)
    sign = home / "sign"
    sign.write_text(f'#!/bin/sh\nexec gpg --homedir "{home}" --batch "$@"\n')
    sign.chmod(0o755)
    repo.git("config", "gpg.program", str(sign))
    try:
        for who in ("ada", "bob"):
            gpg(home, "--quick-gen-key", f"{who}@example.com", "ed25519", "sign", "never")
        yield home
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=True)


@needs_gpg
@pytest.mark.parametrize("armour", [True, False])
def test_only_a_commit_that_a_trusted_gpg_key_signed_is_read(
    repo: Repo, cache: Path, gpg_home: Path, armour: bool
) -> None:
    keys = repo.folder.parent / "ada.gpg"
    keys.write_bytes(gpg(gpg_home, *["--armor"] * armour, "--export", "ada@example.com"))
    source = repo.source(cache, keys=keys)
    good = repo.commit(spec_files("a"), "-Sada@example.com")
    assert names(source.read(good)) == ["a"]
    with pytest.raises(SourceError, match="is not signed"):
        source.read(repo.commit(spec_files("b")))
    by_bob = repo.commit(spec_files("c"), "-Sbob@example.com")
    with pytest.raises(SourceError, match="has no good signature"):
        source.read(by_bob)


@needs_gpg
@needs_ssh_keygen
@pytest.mark.usefixtures("gpg_home")
def test_a_gpg_signature_counts_for_nothing_where_ssh_keys_are_asked_for(
    repo: Repo, cache: Path, tmp_path: Path
) -> None:
    commit = repo.commit(spec_files("a"), "-Sada@example.com")
    keys = ssh_key(tmp_path, "ada").with_suffix(".pub")
    with pytest.raises(SourceError, match="signed with another kind of key"):
        repo.source(cache, keys=keys).read(commit)
