"""Over the network: tokens reach the server and nothing else, and each failure has its sentence."""

import os
import socket
import sys
from pathlib import Path

import pytest
from git_world import ENVIRON, Repo, names, served, spec_files
from spec_samples import named

from controller.source.directory import SourceError
from controller.source.git.source import GitOptions, GitSource

pytestmark = pytest.mark.slow

TOKEN = "glpat-s3cr3t/with+odd=signs"


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "served" / "specs")


def wrapped(tmp_path: Path, name: str, then: str) -> dict[str, str]:
    """An environment whose program of this name notes how it was called, and goes on as `then`."""
    program = tmp_path / "bin" / name
    program.parent.mkdir(exist_ok=True)
    note = f"open({str(tmp_path / 'calls')!r}, 'a').write(repr(sys.argv) + '\\n')"
    program.write_text(f"#!{sys.executable}\nimport os, sys\n{note}\n{then}\n")
    program.chmod(0o755)
    return {**ENVIRON, "PATH": f"{program.parent}:{ENVIRON['PATH']}"}


def on_to_git(tmp_path: Path) -> dict[str, str]:
    path = ENVIRON["PATH"]
    return wrapped(
        tmp_path, "git", f"os.environ['PATH'] = {path!r}\nos.execvp('git', ['git', *sys.argv[1:]])"
    )


def test_a_repository_is_read_over_http(repo: Repo, tmp_path: Path) -> None:
    first = repo.commit({**spec_files("a"), "noise.bin": os.urandom(1024 * 1024)})
    repo.git("config", "uploadpack.allowFilter", "true")
    with served(tmp_path / "served") as host:
        options = GitOptions(f"http://{host}/specs/.git", "main", tmp_path / "cache")
        source = GitSource(options, ENVIRON)
        assert names(source.read(source.tip())) == ["a"]
        second = repo.commit(spec_files("b"))
        assert names(source.read(source.tip())) == ["a", "b"]
        assert (source.follows(first, second), source.follows(second, first)) == (True, False)
    found = sum(each.stat().st_size for each in (tmp_path / "cache").rglob("*.pack"))
    assert found < 100_000


@pytest.mark.parametrize("way", ["option", "url", "variable", "file", "user"])
def test_a_token_signs_in_and_is_seen_nowhere(repo: Repo, tmp_path: Path, way: str) -> None:
    repo.commit(spec_files("a"))
    environ = on_to_git(tmp_path)
    user, token = "", None
    file = tmp_path / "token"
    file.write_text(f"{TOKEN}\n")
    login = f"x-access-token:{TOKEN}"
    quoted = TOKEN.replace("/", "%2F").replace("+", "%2B")
    match way:
        case "option":
            token, user, login = TOKEN, "ada@", f"ada:{TOKEN}"
        case "url":
            user, login = f"ada:{quoted}@", f"ada:{TOKEN}"
        case "variable":
            environ["RAYCML_GIT_TOKEN"] = TOKEN
        case "file":
            environ["RAYCML_GIT_TOKEN_FILE"] = str(file)
        case "user":
            user, login = f"{quoted}@", f"{TOKEN}:"
    with served(tmp_path / "served", login) as host:
        url = f"http://{user}{host}/specs/.git"
        source = GitSource(GitOptions(url, None, tmp_path / "cache", token=token), environ)
        assert names(source.read(source.tip())) == ["a"]
    seen = [tmp_path / "calls", *(tmp_path / "cache").rglob("*")]
    texts = [each.read_bytes() for each in seen if each.is_file()]
    assert b"ls-remote" in texts[0]
    assert not [each for each in texts if b"s3cr3t" in each]


def test_refused_credentials_are_said_without_them(repo: Repo, tmp_path: Path) -> None:
    repo.commit(spec_files("a"))
    with served(tmp_path / "served", "ada:other") as host:
        for url in (
            f"http://{host}/specs/.git",
            f"http://ada:{TOKEN}@{host}/specs/.git".replace("/with", ""),
        ):
            source = GitSource(GitOptions(url, None, tmp_path / "cache"), ENVIRON)
            with pytest.raises(SourceError, match="credentials are refused, or missing") as caught:
                source.tip()
            assert "s3cr3t" not in repr(caught.value)
            assert "s3cr3t" not in str(caught.value)


def test_what_a_server_says_is_shown_without_the_token(tmp_path: Path) -> None:
    said = f"fatal: odd {TOKEN} at https://ada:{TOKEN[:5]}@host/ \\x1b[31m"
    environ = wrapped(
        tmp_path,
        "git",
        "if 'version' in sys.argv: print('git version 2.40.0'); sys.exit()\n"
        f"sys.stderr.write({said!r})\nsys.exit(128)",
    )
    options = GitOptions("https://host/specs", None, tmp_path / "cache", token=TOKEN)
    with pytest.raises(SourceError, match=r"fatal: odd .redacted. at") as caught:
        GitSource(options, environ).tip()
    assert "s3cr3t" not in str(caught.value)
    assert "glpat" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_token_file_is_read_anew_and_its_faults_are_said(repo: Repo, tmp_path: Path) -> None:
    repo.commit(spec_files("a"))
    file = tmp_path / "token"
    environ = {**ENVIRON, "RAYCML_GIT_TOKEN_FILE": str(file)}
    with served(tmp_path / "served", f"x-access-token:{TOKEN}") as host:
        source = GitSource(
            GitOptions(f"http://{host}/specs/.git", None, tmp_path / "cache"), environ
        )
        with pytest.raises(SourceError, match="cannot be read as text; correct the variable"):
            source.tip()
        file.write_text("old\nwith more lines")
        with pytest.raises(SourceError, match="holds control characters"):
            source.tip()
        file.write_text(TOKEN)
        assert source.tip()


def test_a_server_that_sends_elsewhere_does_not_get_followed(repo: Repo, tmp_path: Path) -> None:
    repo.commit(spec_files("a"))
    with served(tmp_path / "served") as host:
        options = GitOptions(f"http://{host}/moved/specs/.git", None, tmp_path / "cache")
        with pytest.raises(SourceError, match="sends on to another address; name that one"):
            GitSource(options, ENVIRON).tip()


def test_an_unreachable_server_and_a_missing_repository_are_different_errors(
    tmp_path: Path,
) -> None:
    (tmp_path / "served").mkdir()
    with served(tmp_path / "served") as host:
        options = GitOptions(f"http://{host}/gone/.git", None, tmp_path / "cache")
        with pytest.raises(SourceError, match="there is no git repository"):
            GitSource(options, ENVIRON).tip()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    options = GitOptions(f"http://127.0.0.1:{port}/specs", None, tmp_path / "cache")
    with pytest.raises(SourceError, match="cannot be reached; check the network"):
        GitSource(options, ENVIRON).tip()
    with pytest.raises(SourceError, match="cannot be reached"):
        GitSource(options, ENVIRON).read("1" * 40)
    with pytest.raises(SourceError, match="cannot be reached"):
        GitSource(options, ENVIRON).follows("1" * 40, "2" * 40)


def test_ssh_is_asked_without_prompts_and_without_a_shell_of_ours(
    repo: Repo, tmp_path: Path
) -> None:
    commit = repo.commit(spec_files("a"))
    # Stands in for ssh and the server behind it: runs the command that it was given.
    environ = wrapped(tmp_path, "ssh", "os.execv('/bin/sh', ['sh', '-c', sys.argv[-1]])")
    for url in (f"ssh://git@host:2222{repo.folder}", f"git@host:{repo.folder}"):
        source = GitSource(GitOptions(url, None, tmp_path / "cache"), environ)
        assert source.tip() == commit
        assert names(source.read(commit)) == ["a"]
    calls = (tmp_path / "calls").read_text()
    assert calls.count("BatchMode=yes") == calls.count("\n") > 0
    assert "'git@host'" in calls


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("Host key verification failed.", "ssh key is not known; add it to"),
        ("git@host: Permission denied (publickey).", "give this user a key"),
        ("ERROR: Repository not found.", "there is no git repository"),
        ("fatal: repository 'https://host/x.git/' not found", "there is no git repository"),
        ("remote: ERROR: The project you were looking for could not be found.", "is no git repo"),
        ("ssh: Could not resolve hostname host", "cannot be reached"),
    ],
)
def test_what_ssh_says_becomes_a_sentence(tmp_path: Path, said: str, meant: str) -> None:
    environ = wrapped(tmp_path, "ssh", f"sys.stderr.write({said!r} + '\\n')\nsys.exit(255)")
    source = GitSource(GitOptions("git@host:specs", None, tmp_path / "cache"), environ)
    with pytest.raises(SourceError, match=meant):
        source.tip()


def test_a_file_that_a_server_left_out_is_asked_for_again(repo: Repo, tmp_path: Path) -> None:
    repo.git("config", "uploadpack.allowFilter", "true")
    commit = repo.commit({f"specs/{n}.yaml": named(f"c{n}") for n in range(300)})
    with served(tmp_path / "served") as host:
        options = GitOptions(f"http://{host}/specs/.git", None, tmp_path / "cache", "specs")
        assert len(GitSource(options, ENVIRON).read(commit).clusters) == 300
    # Now everything is there, and no server is needed.
    assert len(GitSource(options, ENVIRON).read(commit).clusters) == 300
