"""`.raycmlignore`: its rules are git's, and ignoring a spec is a removal by a person."""

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from spec_samples import named

from controller.core.spec.revision import Revision
from controller.source.directory import EmptySourceError, SourceError, read
from controller.source.folder import FolderSource
from controller.source.ignore import IGNORE_FILE, MAX_RULES, IgnoreRulesError, ignore_rules

FOREIGN = "apiVersion: ray.io/v1\nkind: RayCluster\nmetadata: {name: x}\n"


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def names(revision: Revision) -> list[str]:
    return [holder.cluster.name for holder in revision.clusters]


def is_ignored(rules: str, path: str) -> bool:
    return ignore_rules("x", rules.encode()).ignores(path)


# The rules


@pytest.mark.parametrize(
    ("rules", "ignored", "kept"),
    [
        ("a.yaml", ["a.yaml", "b/a.yaml"], ["b.yaml", "aa.yaml"]),
        ("/a.yaml", ["a.yaml"], ["b/a.yaml"]),
        ("b/a.yaml", ["b/a.yaml"], ["a.yaml", "c/b/a.yaml"]),
        ("old/", ["old/a.yaml", "x/old/y/a.yaml"], ["old", "old.yaml"]),
        ("*.yaml\n!keep.yaml", ["a.yaml", "b/a.yaml"], ["keep.yaml", "b/keep.yaml", "a.yml"]),
        ("old/\n!old/keep.yaml", ["old/keep.yaml"], []),
        ("old/*\n!old/keep.yaml", ["old/a.yaml"], ["old/keep.yaml"]),
        ("**/tmp/*.yml", ["tmp/a.yml", "a/b/tmp/a.yml"], ["tmp/b/a.yml"]),
        ("a/**/z.yaml", ["a/z.yaml", "a/b/c/z.yaml"], ["z.yaml", "b/a/z.yaml"]),
        ("a/**", ["a/b.yaml", "a/b/c.yaml"], ["a", "b/a/c"]),
        ("[a-c]?.yaml", ["a1.yaml", "c_.yaml"], ["d1.yaml", "a.yaml"]),
        ("[!a-c].yaml", ["d.yaml"], ["a.yaml"]),
        ("[]].yaml\n[\\]x].yml", ["].yaml", "].yml", "x.yml"], ["\\.yml"]),
        ("# a.yaml\n\n\\#b.yaml\n\\!c.yaml", ["#b.yaml", "!c.yaml"], ["# a.yaml", "a.yaml"]),
        ("a.yaml   \nb\\ ", ["a.yaml", "b "], ["a.yaml   ", "b"]),
        ("a.yaml\r\nb.yaml\r\n", ["a.yaml", "b.yaml"], []),
        ("\ufeffa.yaml", ["a.yaml"], []),
        ("", [], ["a.yaml"]),
        ("A.yaml", [], ["a.yaml"]),
    ],
)
def test_the_rules_are_those_of_gitignore(rules: str, ignored: list[str], kept: list[str]) -> None:
    assert [path for path in ignored if not is_ignored(rules, path)] == []
    assert [path for path in kept if is_ignored(rules, path)] == []


PARTS = st.text("ab.", min_size=1, max_size=3).filter(lambda part: part.strip(".") != "")
PATHS = st.lists(PARTS, min_size=1, max_size=4).map("/".join)
GLOBS = st.lists(
    st.sampled_from(["a", "b", ".", "*", "?", "[ab]", "[!a]", "[a-b]", "[.\\-b]", "\\a"]),
    min_size=1,
    max_size=4,
)
LINES = st.builds(
    lambda mark, start, parts, end: f"{mark}{start}{'/'.join(parts)}{end}",
    st.sampled_from(["", "", "!"]),
    st.sampled_from(["", "/"]),
    st.lists(GLOBS.map("".join) | st.just("**"), min_size=1, max_size=3),
    st.sampled_from(["", "", "/"]),
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("git")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@settings(max_examples=40)
@given(
    st.lists(LINES, min_size=1, max_size=4), st.lists(PATHS, min_size=1, max_size=8, unique=True)
)
def test_git_itself_ignores_the_same_files(
    repository: Path, lines: list[str], paths: list[str]
) -> None:
    (repository / ".gitignore").write_text("\n".join(lines))
    asked = subprocess.run(
        ["git", "-C", str(repository), "check-ignore", "--no-index", "-z", "--stdin"],
        input="".join(f"{path}\0" for path in paths).encode(),
        capture_output=True,
        check=False,
        env={**os.environ, "LC_ALL": "C"},
    )
    assert asked.returncode in (0, 1), asked.stderr
    expected = {path.decode() for path in asked.stdout.split(b"\0")[:-1]}
    rules = ignore_rules("x", "\n".join(lines).encode())
    assert {path for path in paths if rules.ignores(path)} == expected


def test_a_pattern_of_many_stars_takes_no_time() -> None:
    rules = ignore_rules("x", ("*a" * 2000 + "b\n" + "**/a/" * 500 + "b").encode())
    assert not rules.ignores("a" * 5000)
    assert not rules.ignores("/".join(["a"] * 500))


def test_a_path_may_be_of_any_depth() -> None:
    rules = ignore_rules("x", b"a/**/b\n!c\n")
    deep = "/".join(["a"] * 5000)
    assert not rules.ignores(f"{deep}/c")
    assert rules.ignores(f"{deep}/b/c")
    assert rules.ignores_folder(f"{deep}/b")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"ok\n[a\n", "x:2: `[` without `]`"),
        (b"a\\", "x:1: ends in a backslash"),
        (b"!", "x:1: a pattern needs a name"),
        (b"a//b", "x:1: a pattern needs a name"),
        (b"[[:alpha:]]", "x:1: classes such as [:alpha:]"),
        (b"[z-a]", "x:1: `z-a` is no range"),
        (b"a\0b", "x:1: holds a character"),
        (b"\xff", "x: not UTF-8"),
        (b"a" * 70_000, "x: more than 64 KiB"),
        (b"a\n" * (MAX_RULES + 1), f"x: more than {MAX_RULES} patterns"),
    ],
)
def test_rules_that_cannot_be_used_are_one_error_with_place_and_remedy(
    data: bytes, words: str
) -> None:
    with pytest.raises(IgnoreRulesError) as caught:
        ignore_rules("x", data)
    assert words in str(caught.value)


# Folders


def test_what_a_folder_ignores_is_not_read(tmp_path: Path) -> None:
    write(tmp_path / IGNORE_FILE, "kuberay.yaml\nold/\n")
    write(tmp_path / "a.yaml", named("a"))
    write(tmp_path / "kuberay.yaml", FOREIGN)
    write(tmp_path / "old" / "deep" / "b.yaml", "not: [a spec")
    (tmp_path / "old" / "link.yaml").symlink_to("/nowhere")
    revision = read([tmp_path])
    assert (names(revision), revision.problems) == (["a"], ())
    assert revision.empty_folders == ()


def test_only_the_file_at_the_root_of_the_source_counts(tmp_path: Path) -> None:
    write(tmp_path / "deep" / IGNORE_FILE, "b.yaml\n")
    write(tmp_path / "deep" / "b.yaml", named("b"))
    assert names(read([tmp_path])) == ["b"]
    write(tmp_path / "deep" / "c.yaml", named("c"))
    assert names(read([tmp_path / "deep"])) == ["c"]


def test_each_folder_of_several_has_rules_of_its_own(tmp_path: Path) -> None:
    for folder in ("one", "two"):
        write(tmp_path / folder / "a.yaml", named(folder))
    write(tmp_path / "one" / IGNORE_FILE, "a.yaml\n")
    assert names(read([tmp_path / "one", tmp_path / "two"])) == ["two"]


def test_a_file_that_is_named_itself_is_read_whatever_is_ignored(tmp_path: Path) -> None:
    write(tmp_path / IGNORE_FILE, "a.yaml\n")
    file = write(tmp_path / "a.yaml", named("a"))
    assert names(read([file])) == ["a"]
    assert names(read([tmp_path, file])) == ["a"]


def test_a_folder_whose_files_are_all_ignored_counts_as_emptied(tmp_path: Path) -> None:
    write(tmp_path / "team" / "a.yaml", named("a"))
    write(tmp_path / "b.yaml", named("b"))
    write(tmp_path / IGNORE_FILE, "team/*\n")
    revision = read([tmp_path])
    assert names(revision) == ["b"]
    assert revision.empty_folders == (str(tmp_path / "team"),)
    write(tmp_path / IGNORE_FILE, "*\n")
    with pytest.raises(EmptySourceError, match=r"every spec file is ignored by \.raycmlignore"):
        read([tmp_path])
    source = FolderSource([tmp_path], lambda _: None)
    assert source.read("").clusters == ()


@pytest.mark.parametrize("kind", ["pattern", "bytes", "folder", "link out", "dead link", "pipe"])
def test_rules_that_cannot_be_read_stop_the_reading_of_the_whole_source(
    tmp_path: Path, kind: str
) -> None:
    root = tmp_path / "specs"
    write(root / "a.yaml", named("a"))
    rules = root / IGNORE_FILE
    match kind:
        case "pattern":
            rules.write_text("[a")
        case "bytes":
            rules.write_bytes(b"\xff")
        case "folder":
            rules.mkdir()
        case "link out":
            rules.symlink_to(write(tmp_path / "outside", "a.yaml"))
        case "dead link":
            rules.symlink_to("nowhere")
        case "pipe":
            os.mkfifo(rules)
    with pytest.raises(SourceError, match=r"\.raycmlignore"):
        read([root])
