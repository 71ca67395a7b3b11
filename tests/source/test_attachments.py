"""A requirements file is read with its spec, from folders and from git, and is a part of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from git_world import ENVIRON, Repo, named
from spec_samples import VALID

from controller.core.spec.revision import Revision, content_id
from controller.source.directory import read
from controller.source.git.source import GitOptions, GitSource

ASKS = VALID.replace(
    "  python: .venv/bin/python\n",
    "  pythonEnvironment: {python: '3.11', packages: ['ray[default]'], "
    "requirements: deps/requirements.txt}\n",
    1,
)


Reading = Callable[[dict[str, str | bytes]], Revision]


def by_folder(tmp_path: Path, files: dict[str, str | bytes]) -> Revision:
    for name, content in files.items():
        path = tmp_path / "specs" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read([tmp_path / "specs"], root=tmp_path)


def by_git(tmp_path: Path, files: dict[str, str | bytes]) -> Revision:
    repo = Repo(tmp_path / "repo")
    commit = repo.commit({f"specs/{name}": content for name, content in files.items()})
    options = GitOptions(str(repo.folder), "main", tmp_path / "cache", path="specs")
    return GitSource(options, ENVIRON).read(commit)


@pytest.fixture(params=[by_folder, by_git])
def reading(request: pytest.FixtureRequest, tmp_path: Path) -> Reading:
    return lambda files: request.param(tmp_path, files)


def problems(revision: Revision) -> list[str]:
    return [str(problem) for problem in revision.problems]


def test_what_the_file_says_is_in_the_spec(reading: Reading) -> None:
    text = "# ours\npandas==2.2.3\n\nsix  # small\n"
    revision = reading({"a.yaml": ASKS, "deps/requirements.txt": text})
    assert problems(revision) == []
    environment = revision.clusters[0].cluster.spec.python_environment
    assert environment is not None
    assert environment.lines == ("pandas==2.2.3", "six")


def test_a_file_that_is_missing_is_a_problem_of_the_spec(reading: Reading) -> None:
    revision = reading({"a.yaml": ASKS, "b.yaml": named("other")})
    assert [h.cluster.name for h in revision.clusters] == ["other"]
    (problem,) = problems(revision)
    assert problem.startswith("specs/a.yaml:1:1: `spec.pythonEnvironment.requirements`: deps/")
    assert "beside the spec" in problem
    assert "correct the path" in problem


def test_faults_of_the_file_have_their_own_places(reading: Reading) -> None:
    text = "six\n-r other.txt\n--index-url https://me:secret@x.invalid/\ngit+https://x/y\n"
    revision = reading({"a.yaml": ASKS, "deps/requirements.txt": text})
    assert revision.clusters == ()
    places = [problem.split(": ")[0] for problem in problems(revision)]
    assert places == [f"specs/deps/requirements.txt:{line}:1" for line in (2, 3, 4)]
    assert "secret" not in "".join(problems(revision))


@pytest.mark.parametrize(("content", "says"), [(b"\xff\n", "UTF-8"), (b"#" * 300_000, "256 KiB")])
def test_a_file_that_is_no_text_or_too_large_is_refused(
    reading: Reading,
    content: bytes,
    says: str,
) -> None:
    revision = reading({"a.yaml": ASKS, "deps/requirements.txt": content})
    assert says in "".join(problems(revision))
    assert revision.clusters == ()


def test_a_link_that_leads_out_is_a_problem(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("six\n")
    (tmp_path / "specs" / "deps").mkdir(parents=True)
    (tmp_path / "specs" / "deps" / "requirements.txt").symlink_to(secret)
    revision = by_folder(tmp_path, {"a.yaml": ASKS})
    assert "leads out of its folder" in "".join(problems(revision))
    assert revision.clusters == ()


@pytest.mark.parametrize(("hidden", "reads"), [(".git", False), ("..2026_11_26", True)])
def test_a_link_to_a_hidden_file_is_a_problem_but_for_a_mounted_one(
    tmp_path: Path, hidden: str, *, reads: bool
) -> None:
    """As a checkout has a token in `.git/config`, and a mounted ConfigMap is links throughout."""
    folder = tmp_path / "specs" / hidden
    folder.mkdir(parents=True)
    (folder / "config").write_text("six\n" if reads else "extraheader = basic c2VjcmV0\n")
    (tmp_path / "specs" / "deps").mkdir()
    (tmp_path / "specs" / "deps" / "requirements.txt").symlink_to(folder / "config")
    revision = by_folder(tmp_path, {"a.yaml": ASKS})
    assert [h.cluster.name for h in revision.clusters] == ["analytics"] * reads
    assert ("hidden" in "".join(problems(revision))) is not reads
    assert "c2VjcmV0" not in "".join(problems(revision))


def test_a_file_that_asks_for_another_ray_is_a_problem_of_the_spec(reading: Reading) -> None:
    revision = reading({"a.yaml": ASKS, "deps/requirements.txt": "six\nray[serve]==2.9.0\n"})
    (problem,) = problems(revision)
    assert problem.startswith("specs/a.yaml:1:1: `spec.pythonEnvironment.requirements`: `ray[serve")
    assert "which is rayVersion" in problem


def test_a_link_in_git_is_not_followed(tmp_path: Path) -> None:
    repo = Repo(tmp_path / "repo")
    (repo.folder / "deps").mkdir()
    (repo.folder / "deps" / "requirements.txt").symlink_to("/etc/hostname")
    commit = repo.commit({"a.yaml": ASKS})
    revision = GitSource(GitOptions(str(repo.folder), "main", tmp_path / "c"), ENVIRON).read(commit)
    assert "commit the file itself" in "".join(problems(revision))


def test_another_file_is_another_content_of_the_source(tmp_path: Path) -> None:
    first = by_folder(tmp_path, {"a.yaml": ASKS, "deps/requirements.txt": "six==1.16.0\n"})
    second = by_folder(tmp_path, {"deps/requirements.txt": "six==1.17.0\n"})
    assert content_id(first) != content_id(second)
