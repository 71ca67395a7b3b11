"""The CI examples: least rights, no secret shown, one comment, the right end for each exit code."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ci_world import BIN, KEY, TOKEN, Runner, github, gitlab, step, whole

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """The variables of a connection to a workspace of this module's own."""
    folder = tmp_path_factory.mktemp("cml")
    (folder / "a").mkdir()
    runner = Runner(folder / "a", environ={"RAYCML_EMULATOR_DIR": str(folder / "state")})
    assert runner.bash("raycml emulator start", {}).code == 0
    found = json.loads((folder / "state" / "connection.json").read_text())
    yield {
        "CML_HOST": found["url"],
        "CML_API_KEY": found["api_key"],
        "CML_PROJECT_ID": found["project_id"],
    }
    assert runner.bash("raycml emulator stop", {}).code == 0


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


NOWHERE = {"CML_HOST": "http://127.0.0.1:9", "CML_API_KEY": KEY, "CML_PROJECT_ID": "p"}
COMMENT = {"REPOSITORY": "team/clusters", "NUMBER": "7", "GH_TOKEN": TOKEN}
REQUEST = {
    "RAYCML_COMMENT_TOKEN": TOKEN,
    "CI_API_V4_URL": "https://gitlab.example.com/api/v4",
    "CI_PROJECT_ID": "12",
    "CI_MERGE_REQUEST_IID": "7",
}


# What is written


def test_actions_are_pinned_to_a_major_version_and_keep_no_credentials() -> None:
    steps = [s for job in github().values() for s in job["steps"]]  # type: ignore[attr-defined]
    uses = [s["uses"] for s in steps if "uses" in s]
    assert all(re.fullmatch(r"actions/[a-z-]+@v[0-9]+", used) for used in uses), uses
    checkouts = [s for s in steps if s.get("uses", "").startswith("actions/checkout")]
    assert len(checkouts) == 3
    assert all(s["with"] == {"persist-credentials": False} for s in checkouts)


def test_each_job_has_the_least_rights() -> None:
    assert whole("github-actions.yml")["permissions"] == {}
    rights = {name: job["permissions"] for name, job in github().items()}
    read = {"contents": "read"}
    assert rights == {
        "validate": read,
        "plan": {**read, "pull-requests": "write"},
        "reconcile": read,
    }


def test_no_value_of_the_host_is_pasted_into_a_script() -> None:
    for job in github().values():
        for one in job["steps"]:  # type: ignore[attr-defined]
            assert "${{" not in one.get("run", ""), one


def test_the_key_of_cml_is_given_to_the_step_that_needs_it_and_to_no_other() -> None:
    holders = [
        (name, one.get("name"))
        for name, job in github().items()
        for one in job["steps"]  # type: ignore[attr-defined]
        if "secrets." in json.dumps(one)
    ]
    assert holders == [("plan", "Plan"), ("reconcile", "Reconcile")]
    assert "secrets" not in json.dumps({n: {**j, "steps": []} for n, j in github().items()})


def test_requests_from_forks_reach_no_secret() -> None:
    assert "head.repo.full_name == github.repository" in str(github()["plan"]["if"])
    [rule] = gitlab()["plan"]["rules"]  # type: ignore[misc]
    assert "$CI_MERGE_REQUEST_SOURCE_PROJECT_ID == $CI_PROJECT_ID" in rule["if"]


def test_one_reconcile_runs_at_a_time_and_none_is_cut_off() -> None:
    group = github()["reconcile"]["concurrency"]
    assert group == {"group": "raycml-reconcile", "cancel-in-progress": False}
    assert github()["reconcile"]["if"] == "github.event_name == 'push'"
    assert gitlab()["reconcile"]["resource_group"] == "raycml"
    assert gitlab()["reconcile"]["interruptible"] is False


# What happens


def test_problems_are_put_at_their_line(runner: Runner) -> None:
    runner.spec(extra="replicas: 2")
    done = runner.github("validate", "Validate")
    assert done.code == 3
    assert "::error file=specs/demo.yaml,line=7,col=3,title=raycml::unknown field" in done.log
    assert runner.gitlab("validate").code == 3
    [found] = json.loads(runner.read("gl-code-quality-report.json"))
    assert found["location"] == {"path": "specs/demo.yaml", "lines": {"begin": 7}}
    report = gitlab()["validate"]["artifacts"]["reports"]["codequality"]  # type: ignore[index]
    assert report == "gl-code-quality-report.json"


@pytest.mark.parametrize(
    ("extra", "code", "title"),
    [
        ("suspend: true", 0, "raycml: nothing to do"),
        ("suspend: false", 2, "raycml: changes after the merge"),
        ("replicas: 2", 3, "raycml: no plan (exit code 3)"),
    ],
)
def test_pending_changes_are_no_failure_and_every_other_end_is(
    runner: Runner, workspace: dict[str, str], extra: str, code: int, title: str
) -> None:
    runner.spec(extra=extra)
    assert runner.github("plan", "Plan", **workspace).code == 0
    assert runner.read("output.txt") == f"code={code}\n"
    commented = runner.github("plan", "Comment", CODE=str(code), **COMMENT)
    assert commented.code == (0 if code in (0, 2) else 1)
    assert f"### {title}\n" in runner.read("sent.txt")
    assert runner.read("summary.txt") == runner.read("sent.txt")
    runner.answer = "[]"
    again = runner.gitlab("plan", **workspace, **REQUEST)
    assert again.code == (0 if code in (0, 2) else 1)
    assert f"### {title}\n" in runner.read("sent.txt")


def test_a_plan_that_cannot_be_made_is_told_and_fails(runner: Runner) -> None:
    runner.spec()
    assert runner.github("plan", "Plan", **NOWHERE).code == 0
    assert runner.read("output.txt") == "code=1\n"
    assert runner.github("plan", "Comment", CODE="1", **COMMENT).code == 1
    assert "    raycml: list projects: CML cannot be reached" in runner.read("sent.txt")
    runner.answer = "[]"
    assert runner.gitlab("plan", **NOWHERE, **REQUEST).code == 1
    assert "    raycml: list projects: CML cannot be reached" in runner.read("sent.txt")


def test_the_comment_is_made_once_and_then_updated(
    runner: Runner, workspace: dict[str, str]
) -> None:
    runner.spec()
    runner.github("plan", "Plan", **workspace)
    runner.github("plan", "Comment", CODE="2", **COMMENT)
    assert "-X POST repos/team/clusters/issues/7/comments" in runner.read("calls.txt")
    runner.answer = "41\n42\n"
    runner.github("plan", "Comment", CODE="2", **COMMENT)
    last = runner.read("calls.txt").splitlines()[-1]
    assert "-X PATCH repos/team/clusters/issues/comments/41 " in last


def test_the_note_is_made_once_and_then_updated(runner: Runner, workspace: dict[str, str]) -> None:
    runner.spec()
    other = {"id": 3, "body": "I wrote <!-- raycml plan --> too"}
    runner.answer = json.dumps([other])
    assert runner.gitlab("plan", **workspace, **REQUEST).code == 0
    notes = "https://gitlab.example.com/api/v4/projects/12/merge_requests/7/notes"
    last = runner.read("calls.txt").splitlines()[-1]
    assert last.endswith(f"-X POST --data-urlencode body@comment.md {notes}")
    ours = {"id": 41, "body": "<!-- raycml plan -->\n### raycml"}
    runner.answer = json.dumps([other, ours])
    assert runner.gitlab("plan", **workspace, **REQUEST).code == 0
    last = runner.read("calls.txt").splitlines()[-1]
    assert last.endswith(f"-X PUT --data-urlencode body@comment.md {notes}/41")


def test_nothing_in_a_plan_ends_the_code_that_shows_it(runner: Runner) -> None:
    hostile = "```\n@everyone <script>\n~~~\n# a heading\n"
    (runner.folder / "plan.txt").write_text(hostile * 5000)
    (runner.folder / "messages.txt").write_text(hostile)
    assert runner.github("plan", "Comment", CODE="2", **COMMENT).code == 0
    mark, title, blank, *lines = runner.read("sent.txt").splitlines()
    heading = "### raycml: changes after the merge"
    assert (mark, title, blank) == ("<!-- raycml plan -->", heading, "")
    assert all(line.startswith("    ") for line in lines if line)
    assert len(runner.read("sent.txt")) < 65_536 < len(hostile * 5000)


def test_no_secret_is_shown_or_passed_as_an_argument(
    runner: Runner, workspace: dict[str, str]
) -> None:
    runner.spec()
    log = runner.github("plan", "Plan", **workspace).log
    log += runner.github("plan", "Comment", CODE="2", **COMMENT).log
    runner.answer = "[]"
    log += runner.gitlab("plan", **workspace, **REQUEST).log
    for secret in (workspace["CML_API_KEY"], TOKEN):
        assert secret not in log + runner.said()
    assert (runner.folder / "token.conf").stat().st_mode & 0o077 == 0
    assert TOKEN in runner.read("token.conf")
    runner.bash("\n".join(gitlab()["plan"]["after_script"]), {})  # type: ignore[arg-type]
    assert not (runner.folder / "token.conf").exists()


@pytest.mark.parametrize(
    ("extra", "code", "words"),
    [("paused: true", 5, "not converged"), ("replicas: 2", 3, "exit code 3")],
)
def test_a_reconcile_that_does_not_get_there_fails_and_says_why(
    runner: Runner, workspace: dict[str, str], extra: str, code: int, words: str
) -> None:
    runner.spec(extra=extra)
    by_github = runner.github("reconcile", "Reconcile", **workspace)
    assert by_github.code == code
    assert f"::error title=raycml::{words}" in by_github.log
    by_gitlab = runner.gitlab("reconcile", **workspace)
    assert by_gitlab.code == code
    assert words in by_gitlab.log


def test_a_reconcile_that_gets_there_is_green(runner: Runner, workspace: dict[str, str]) -> None:
    runner.spec(extra="suspend: true")
    assert runner.github("reconcile", "Reconcile", **workspace).code == 0
    assert runner.gitlab("reconcile", **workspace).code == 0


def test_the_scripts_find_the_command_that_is_tested() -> None:
    assert (BIN / "raycml").exists()
    assert "raycml plan specs/ --exit-code" in step("plan", "Plan")["run"]
