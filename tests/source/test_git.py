"""Specs of commits: the commit of each ref, the files that count, and no file in between."""

import os
from pathlib import Path

import pytest
from git_world import ENVIRON, Repo, names, problems, spec_files
from spec_samples import VALID, named

from controller.source.directory import SourceError
from controller.source.git.source import GitOptions, GitSource

pytestmark = pytest.mark.slow


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    return Repo(tmp_path / "team specs ü%41")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def test_a_commit_is_one_revision_with_its_origin(repo: Repo, cache: Path) -> None:
    commit = repo.commit({**spec_files("b", "a"), "README.md": "hello"})
    source = repo.source(cache, ref="main", path="specs/")
    assert source.tip() == commit
    revision = source.read(commit)
    assert (names(revision), revision.problems, revision.commit) == (["a", "b"], (), commit)
    assert revision.origin == source.origin == f"{repo.folder}@main:specs"
    assert [holder.place for holder in revision.clusters] == ["specs/a.yaml:1", "specs/b.yaml:1"]


def test_what_the_folder_ignores_is_not_read(repo: Repo, cache: Path) -> None:
    kuberay = "apiVersion: ray.io/v1\nkind: RayCluster\n"
    files = {**spec_files("a", "b"), "specs/kuberay.yaml": kuberay, "specs/old/c.yaml": "x: ["}
    rules = {"specs/.raycmlignore": "kuberay.yaml\n/b.yaml\nold/\n", ".raycmlignore": "a.yaml\n"}
    commit = repo.commit({**files, **rules})
    revision = repo.source(cache, path="specs").read(commit)
    assert (names(revision), revision.problems) == (["a"], ())
    whole = repo.source(cache).read(commit)
    assert names(whole) == ["b"], "the rules at the root of the source count, and no others"
    everything = repo.commit({"specs/.raycmlignore": "*\n"})
    assert repo.source(cache, path="specs").read(everything).clusters == ()


@pytest.mark.parametrize("rules", [b"[a", b"\xff", b"a" * 70_000, b"a" * 1_100_000])
def test_rules_that_cannot_be_used_stop_the_reading_of_a_commit(
    repo: Repo, cache: Path, rules: bytes
) -> None:
    commit = repo.commit({**spec_files("a"), ".raycmlignore": rules})
    with pytest.raises(SourceError, match=r"\.raycmlignore"):
        repo.source(cache).read(commit)


def test_rules_behind_a_link_stop_the_reading_of_a_commit(repo: Repo, cache: Path) -> None:
    repo.write(spec_files("a"))
    (repo.folder / ".raycmlignore").symlink_to("specs/a.yaml")
    with pytest.raises(SourceError, match="is a symbolic link"):
        repo.source(cache).read(repo.commit())


def test_only_what_is_committed_counts(repo: Repo, cache: Path) -> None:
    commit = repo.commit(spec_files("a"))
    repo.write(spec_files("b"))
    repo.git("add", "--all")
    repo.write({"specs/a.yaml": "half of an ed"})
    assert names(repo.source(cache).read(commit)) == ["a"]


def test_old_commits_stay_readable_beside_new_ones(repo: Repo, cache: Path) -> None:
    first = repo.commit(spec_files("a"))
    source = repo.source(cache)
    assert names(source.read(source.tip())) == ["a"]
    repo.commit(spec_files("b"))
    assert names(source.read(source.tip())) == ["a", "b"]
    repo.git("rm", "-q", "specs/a.yaml")
    repo.commit()
    assert names(source.read(source.tip())) == ["b"]
    assert names(source.read(first)) == ["a"]


def test_a_bare_repository_a_file_url_and_a_linked_work_tree_are_read_too(
    repo: Repo, cache: Path, tmp_path: Path
) -> None:
    commit = repo.commit(spec_files("a"))
    repo.git("clone", "-q", "--bare", ".", str(tmp_path / "bare.git"))
    repo.git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"))
    places = [str(tmp_path / "linked"), str(tmp_path / "bare.git")]
    for place in [*places, f"file://{tmp_path}/bare.git"]:
        source = GitSource(GitOptions(place, None, cache), ENVIRON)
        assert (source.tip(), names(source.read(commit))) == (commit, ["a"])


def test_a_shallow_clone_is_read_at_its_newest_commit(
    repo: Repo, cache: Path, tmp_path: Path
) -> None:
    old, new = repo.commit(spec_files("a")), repo.commit(spec_files("b"))
    repo.git("clone", "-q", "--depth=1", f"file://{repo.folder}".replace("%", "%25"), "../shallow")
    source = GitSource(GitOptions(str(tmp_path / "shallow"), "main", cache), ENVIRON)
    assert names(source.read(source.tip())) == ["a", "b"]
    assert source.follows(old, new) is False


def test_a_repository_of_sha256_is_read(tmp_path: Path, cache: Path) -> None:
    repo = Repo(tmp_path / "modern", "--object-format=sha256")
    first = repo.commit(spec_files("a"))
    source = repo.source(cache)
    assert (len(source.tip()), names(source.read(first))) == (64, ["a"])
    second = repo.commit(spec_files("b"))
    assert source.follows(first, second)
    assert not source.follows("a" * 40, second)


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser may give files away")
def test_a_repository_of_another_user_is_read(repo: Repo, cache: Path) -> None:
    commit = repo.commit(spec_files("a"))
    for path in [repo.folder, *repo.folder.rglob("*")]:
        os.chown(path, 12345, 12345)
    assert names(repo.source(cache).read(commit)) == ["a"]


def test_every_kind_of_ref_leads_to_a_commit(repo: Repo, cache: Path) -> None:
    first = repo.commit(spec_files("a"))
    repo.git("tag", "light")
    repo.git("tag", "-a", "-m", "one", "noted")
    repo.git("tag", "-a", "-m", "of a tag", "noted-again", "noted")
    repo.git("update-ref", "refs/changes/7/head", first)
    repo.git("branch", "feature/x")
    second = repo.commit(spec_files("b"))
    for ref in ["light", "noted", "noted-again", "refs/tags/noted", "feature/x", "changes/7/head"]:
        assert repo.source(cache, ref=ref).tip() == first, ref
    for ref in [None, "HEAD", "main", "heads/main", second, second.upper()]:
        assert repo.source(cache, ref=ref).tip() == second, ref


def test_a_branch_goes_before_a_tag_of_the_same_name(repo: Repo, cache: Path) -> None:
    repo.commit(spec_files("a"))
    repo.git("tag", "-a", "-m", "x", "both")
    on_branch = repo.commit(spec_files("b"))
    repo.git("branch", "both")
    repo.git("branch", "other/both", "HEAD~1")
    assert repo.source(cache, ref="both").tip() == on_branch


def test_an_old_commit_can_be_named_though_no_ref_points_at_it(repo: Repo, cache: Path) -> None:
    old = repo.commit(spec_files("a"))
    repo.commit(spec_files("b"))
    source = repo.source(cache, ref=old)
    assert names(source.read(source.tip())) == ["a"]


def test_what_is_not_there_is_said_with_a_remedy(repo: Repo, cache: Path, tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"has no commit yet.*name a ref"):
        repo.source(cache).tip()
    commit = repo.commit(spec_files("a"))
    with pytest.raises(SourceError, match="no branch or tag `gone`; correct the ref"):
        repo.source(cache, ref="gone").tip()
    with pytest.raises(SourceError, match="needs its full id"):
        repo.source(cache, ref=commit[:10]).tip()
    with pytest.raises(SourceError, match="not there any more"):
        repo.source(cache).read("1" * 40)
    with pytest.raises(SourceError, match="path is not a folder"):
        repo.source(cache, path="specs/a.yaml").read(commit)
    (tmp_path / "empty").mkdir()
    for place, said in (("empty", "there is no git repository"), ("gone", "no such folder")):
        source = GitSource(GitOptions(str(tmp_path / place), None, cache), ENVIRON)
        with pytest.raises(SourceError, match=said):
            source.tip()
        with pytest.raises(SourceError, match=said):
            source.read("1" * 40)


def test_an_id_that_is_no_commit_is_refused(repo: Repo, cache: Path) -> None:
    repo.commit(spec_files("a"))
    with pytest.raises(SourceError, match="is a tree and not a commit"):
        repo.source(cache).read(repo.git("rev-parse", "HEAD^{tree}"))
    with pytest.raises(ValueError, match="not a full commit id"):
        repo.source(cache).read("main")


def test_a_commit_without_specs_is_a_revision_without_clusters(repo: Repo, cache: Path) -> None:
    """A person may delete the last one; whether the clusters may go is not for a reader to say."""
    commit = repo.commit({"specs/notes.txt": "", "specs/.hidden.yaml": VALID, ".x/a.yaml": VALID})
    for path in ("specs", "", "elsewhere/below"):
        revision = repo.source(cache, path=path).read(commit)
        assert (revision.clusters, revision.problems, revision.commit) == ((), (), commit)


def test_folders_below_are_read_and_hidden_and_other_files_are_not(repo: Repo, cache: Path) -> None:
    commit = repo.commit(
        {
            "specs/deep/er/a.yml": named("a"),
            "specs/b.yaml/inside.yaml": named("b"),
            "specs/.hidden/c.yaml": named("c"),
            "specs/c.YAML": named("c"),
            "specs/yaml": named("c"),
            "c.yaml": named("c"),
        }
    )
    revision = repo.source(cache, path="./specs//").read(commit)
    assert (names(revision), revision.problems) == (["a", "b"], ())


def test_a_path_means_itself_and_never_a_pattern(repo: Repo, cache: Path) -> None:
    commit = repo.commit({":(glob)*/a.yaml": named("odd"), **spec_files("a")})
    assert names(repo.source(cache, path=":(glob)*").read(commit)) == ["odd"]
    assert names(repo.source(cache, path="spec*").read(commit)) == []


def test_problems_name_the_file_from_the_top_of_the_repository(repo: Repo, cache: Path) -> None:
    commit = repo.commit({**spec_files("a"), "specs/b.yaml": named("B"), "specs/c.yaml": b"\xff"})
    revision = repo.source(cache, path="specs").read(commit)
    assert names(revision) == ["a"]
    assert [str(each).partition(": ")[0] for each in revision.problems] == [
        "specs/b.yaml:4:9",
        "specs/c.yaml:1:1",
    ]


def test_links_and_submodules_in_the_place_of_specs_are_problems(repo: Repo, cache: Path) -> None:
    blob, link = repo.blob(named("a").encode()), repo.blob(b"/etc/passwd")
    commit = repo.commit_of(
        repo.tree(
            ("100755", b"a.yaml", blob),
            ("120000", b"link", link),
            ("120000", b"link.yaml", link),
            ("160000", b"module", "1" * 40),
            ("160000", b"module.yml", "1" * 40),
        )
    )
    revision = repo.source(cache).read(commit)
    assert names(revision) == ["a"]
    assert problems(revision) == [
        ("link.yaml", "is a symbolic link, and links are not followed"),
        ("module.yml", "is a submodule, and submodules are not read"),
    ]
    for path in ("link", "module"):
        with pytest.raises(SourceError, match="path is not a folder"):
            repo.source(cache, path=path).read(commit)


def test_hostile_names_do_no_harm(repo: Repo, cache: Path, tmp_path: Path) -> None:
    def blob(name: str) -> str:
        return repo.blob(named(name).encode())

    inner = repo.tree(("100644", b"x.yaml", blob("up")))
    commit = repo.commit_of(
        repo.tree(
            ("40000", b"..", inner),
            ("100644", b"../../evil.yaml", blob("evil")),
            ("40000", b".git", inner),
            ("100644", b"A.yaml", blob("upper")),
            ("100644", b"a.yaml", blob("lower")),
            ("100644", b"b\\c.yaml", blob("backslash")),
            ("100644", b"d\ne.yaml", blob("newline")),
            ("100644", b"\xff.yaml", blob("not-text")),
            ("100644", b"bad\x1b[31m\xfe.yaml", repo.blob(b"[]")),
            ("100644", b"twice.yaml", blob("one")),
            ("100644", b"twice.yaml", blob("two")),
        )
    )
    before = sorted(tmp_path.iterdir())
    revision = repo.source(cache).read(commit)
    assert names(revision) == ["backslash", "lower", "newline", "not-text", "upper"]
    assert problems(revision) == [
        ("../../evil.yaml", "its name leads elsewhere"),
        ("../x.yaml", "its name leads elsewhere"),
        ("bad\\x1b[31m\\udcfe.yaml", "not a spec"),
        ("twice.yaml", "stands twice in its folder"),
    ]
    assert all(str(each).isprintable() for each in revision.problems)
    assert sorted(tmp_path.iterdir()) == sorted([*before, cache])
    assert not [each for each in tmp_path.rglob("*.yaml") if repo.folder not in each.parents]


def test_names_that_differ_only_in_case_contest_a_cluster_as_any_two_do(
    repo: Repo, cache: Path
) -> None:
    blob = repo.blob(VALID.encode())
    commit = repo.commit_of(repo.tree(("100644", b"A.yaml", blob), ("100644", b"a.yaml", blob)))
    revision = repo.source(cache).read(commit)
    assert names(revision) == []
    assert [file for file, _ in problems(revision)] == ["A.yaml", "a.yaml"]


def test_a_broken_tree_is_an_error_and_not_an_empty_answer(repo: Repo, cache: Path) -> None:
    spec = ("100644", b"a.yaml", repo.blob(VALID.encode()))
    cut = repo.git("hash-object", "-w", "-t", "tree", "--literally", "--stdin", given=b"100644 x")
    no_file = repo.tree(spec, ("100644", b"b.yaml", repo.tree(spec)))
    no_folder = repo.tree(spec, ("40000", b"c", repo.blob(b"x")))
    for broken in (cut, no_file, no_folder):
        with pytest.raises(SourceError):
            repo.source(cache).read(repo.commit_of(broken))
    assert names(repo.source(cache).read(repo.commit_of(repo.tree(spec)))) == ["analytics"]


def test_folders_below_the_bound_of_depth_are_a_problem(repo: Repo, cache: Path) -> None:
    commit = repo.commit({**spec_files("a"), "/".join("d" * 33) + "/a.yaml": VALID})
    revision = repo.source(cache).read(commit)
    assert names(revision) == ["a"]
    assert [message for _, message in problems(revision)] == ["more than 32 folders deep"]


def test_hooks_filters_attributes_and_settings_of_others_change_nothing(
    repo: Repo, cache: Path, tmp_path: Path
) -> None:
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch '{tmp_path}/caught'\ncat\n")
    trap.chmod(0o755)
    of_repository = (
        f'[core]\n fsmonitor = "{trap}"\n hooksPath = "{tmp_path}"\n'
        f'[filter "t"]\n smudge = "{trap}"\n clean = "{trap}"\n required = true\n'
        f'[uploadpack]\n packObjectsHook = "{trap}"\n'
    )
    of_user = '[url "file:///nowhere/"]\n insteadOf = "file:///"\n[protocol]\n allow = never\n'
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(of_repository + of_user)
    repo.commit({**spec_files("a"), ".gitattributes": "*.yaml filter=t text eol=crlf\n"})
    with (repo.folder / ".git" / "config").open("a") as config:
        config.write(of_repository)
    environ = {
        **ENVIRON,
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / ".gitconfig"),
        "GIT_DIR": str(tmp_path),
        "GIT_TRACE": str(tmp_path / "caught"),
        "GIT_SSH_COMMAND": str(trap),
    }
    source = GitSource(GitOptions(str(repo.folder), None, cache), environ)
    assert names(source.read(source.tip())) == ["a"]
    assert not (tmp_path / "caught").exists()


def test_the_same_file_in_two_places_contests_its_own_name(repo: Repo, cache: Path) -> None:
    commit = repo.commit({"a.yaml": VALID, "b.yaml": VALID, **spec_files("c")})
    revision = repo.source(cache).read(commit)
    assert names(revision) == ["c"]
    assert [file for file, _ in problems(revision)] == ["a.yaml", "b.yaml"]


def test_git_that_is_not_installed_is_said(repo: Repo, cache: Path, tmp_path: Path) -> None:
    repo.commit(spec_files("a"))
    options = GitOptions(str(repo.folder), None, cache)
    with pytest.raises(SourceError, match="git is not installed here; install it"):
        GitSource(options, {"PATH": str(tmp_path)}).tip()
    old = tmp_path / "git"
    old.write_text("#!/bin/sh\necho git version 2.25.1\n")
    old.chmod(0o755)
    with pytest.raises(SourceError, match=r"older than 2.31.*install a newer one"):
        GitSource(options, {"PATH": f"{tmp_path}:/bin:/usr/bin"}).tip()
