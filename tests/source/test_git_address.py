"""Addresses, refs and paths that are taken; a refusal never repeats a credential."""

from pathlib import Path

import pytest
from git_world import ENVIRON

from controller.source.git.source import GitOptions, GitSource

SECRET = "s3cr3t-token"


def source(url: str, ref: str | None = None, path: str = "") -> GitSource:
    return GitSource(GitOptions(url, ref, Path("cache"), path), ENVIRON)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/team/specs.git", "https://host/team/specs.git"),
        (f"https://ada:{SECRET}@host:8443/specs", "https://host:8443/specs"),
        (f"https://{SECRET}@host/specs", "https://host/specs"),
        (f"http://x:{SECRET}@127.0.0.1:80/s", "http://127.0.0.1:80/s"),
        ("http://[::1]:80/s", "http://[::1]:80/s"),
        ("http://localhost/s", "http://localhost/s"),
        ("ssh://git@host:22/team/specs", "ssh://git@host:22/team/specs"),
        ("git@host:team/specs.git", "git@host:team/specs.git"),
        ("host:specs", "host:specs"),
        ("file:///a%20b/c", "/a b/c"),
        ("file://localhost/c", "/c"),
        ("/folder/./a:b", "/folder/a:b"),
    ],
)
def test_an_address_is_shown_without_credentials(url: str, shown: str) -> None:
    made = source(url, "main", "specs")
    assert made.origin == f"{shown}@main:specs"
    assert source(url).origin == f"{shown}@HEAD"


def test_a_folder_is_found_from_where_we_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert source("./a:b").origin == f"{tmp_path}/a:b@HEAD"
    assert source("specs").origin == f"{tmp_path}/specs@HEAD"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "-u./evil",
        "--upload-pack=evil",
        "ext::sh -c evil",
        "fd::17",
        "EXT::x",
        f"git://x:{SECRET}@host/specs",
        f"ftp://x:{SECRET}@host/specs",
        f"http://x:{SECRET}@host/specs",
        f"http://x:{SECRET}@127.0.0.1.example.com/specs",
        f"https://x:{SECRET}@-host/specs",
        f"https://x:{SECRET}@host/specs?private_token={SECRET}",
        f"https://x:{SECRET}@host/specs#{SECRET}",
        f"https://x:{SECRET}%0a@host/specs",
        f"https://x%3a:{SECRET}@host/specs",
        f"https://x:{SECRET}@host:port/specs",
        f"https://x:{SECRET}@[::1/specs",
        "https:///specs",
        f"ssh://x:{SECRET}@host/specs",
        "ssh://-oProxyCommand=evil/specs",
        "ssh://%2doProxyCommand=evil/specs",
        "ssh://-l@host/specs",
        "-oProxyCommand=evil:specs",
        "host:-evil",
        f"x:{SECRET}@host:specs",
        "file://host/specs",
        "https://host/a\nb",
        "https://host/a\x1b[31m",
        "/folder/\udcff",
    ],
)
def test_an_address_that_could_do_harm_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        source(url)
    assert SECRET not in repr(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "ref",
    ["", "-f", "a b", "a\nb", "a..b", "a~1", "a^{}", "a:b", "*", "a?", "a[b]", "a\\b", "@{u}", "@",
     "/a", "a/", "a//b", ".a", "a/.b", "a.lock", "a.lock/b", "a.", "a\x1b", "a" * 256],
)  # fmt: skip
def test_a_ref_that_is_no_name_is_refused(ref: str) -> None:
    with pytest.raises(ValueError, match="give a branch, a tag or a commit id"):
        source("https://host/specs", ref)


@pytest.mark.parametrize("path", ["..", "a/../b", "a\nb", "a\0", "\x1b", "\udcff"])
def test_a_path_that_leads_elsewhere_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="name a folder below its top"):
        source("https://host/specs", None, path)


def test_options_and_sources_show_no_credential() -> None:
    options = GitOptions(f"https://x:{SECRET}@host/s", None, Path("c"), token=SECRET)
    made = GitSource(options, {"RAYCML_GIT_TOKEN": SECRET})
    assert SECRET not in repr((options, made, made._git, made._git.address))
