"""`validate` in the forms of code hosts: each problem at its line, no word of a spec obeyed."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stage import Stage

from controller.cli.output.annotations import github_lines, gitlab_report
from controller.core.spec.revision import Problem

HERE = Path("/home/cdsw/clusters")
HOSTILE = Problem(
    "specs/a,line=9::b%0A\n::add-mask::x.yaml", 3, 7, "no `100%`\r\n::stop-commands::now"
)
anything = st.text(st.sampled_from("ab%:,\r\n0ADC ") | st.characters(), max_size=20)


def unescaped(text: str, *, of_a_property: bool) -> str:
    """As the runner of GitHub reads it."""
    escapes = ["%0D", "%0A", *(["%3A", "%2C"] if of_a_property else []), "%25"]
    meant = dict(zip(["%0D", "%0A", "%3A", "%2C", "%25"], "\r\n:,%", strict=True))
    for escape in escapes:
        text = text.replace(escape, meant[escape])
    return text


def as_read(line: str) -> tuple[dict[str, str], str]:
    """The properties and the message of a workflow command."""
    found = re.fullmatch(r"::error ([^\r\n]*?)::([^\r\n]*)", line)
    assert found is not None, line
    pairs = [pair.split("=", 1) for pair in found[1].split(",")]
    properties = {name: unescaped(value, of_a_property=True) for name, value in pairs}
    return properties, unescaped(found[2], of_a_property=False)


def test_github_gets_a_command_for_each_problem_at_its_line(stage: Stage) -> None:
    stage.spec()
    stage.spec("two", extra="replicas: 2")
    said = stage.run("validate", "-o", "github")
    assert said.code == 3
    [line] = said.out.splitlines()
    assert line.startswith(
        "::error file=specs/two.yaml,line=8,col=3,title=raycml::unknown field `replicas`"
    )
    assert said.err == "1 valid spec, 1 problem\n"


def test_valid_specs_give_github_nothing_to_show(stage: Stage) -> None:
    stage.spec()
    said = stage.run("validate", "-o", "github")
    assert (said.code, said.out, said.err) == (0, "", "1 valid spec, 0 problems\n")


def test_a_problem_of_a_whole_file_names_no_line() -> None:
    [line] = github_lines([Problem("specs/a.yaml", 0, 0, "cannot be read")], HERE)
    assert line == "::error file=specs/a.yaml,title=raycml::cannot be read"


def test_a_hostile_name_or_message_stays_inside_of_its_command() -> None:
    [line] = github_lines([HOSTILE], HERE)
    properties, message = as_read(line)
    assert (properties["file"], message) == (HOSTILE.file, HOSTILE.message)
    assert properties["line"] == "3"


@given(anything, anything)
def test_github_reads_back_whatever_a_problem_says(name: str, message: str) -> None:
    [line] = github_lines([Problem(f"x{name}", 1, 1, message)], HERE)
    properties, read = as_read(line)
    assert read == message
    assert properties == {
        "file": str(Path(f"x{name}")),
        "line": "1",
        "col": "1",
        "title": "raycml",
    }


def test_no_word_of_a_spec_or_its_name_begins_a_line_for_github(stage: Stage) -> None:
    stage.spec(file="::add-mask::x.yaml", extra="'##[add-mask]x': 2")
    said = stage.run("validate", "specs", "-o", "github")
    [line] = said.out.splitlines()
    assert line.startswith("::error file=specs/%3A%3Aadd-mask%3A%3Ax.yaml,line=8,")
    assert "##[add-mask]x" in line.partition("::unknown field")[2]
    assert said.err == "0 valid specs, 1 problem\n"


def test_gitlab_gets_a_code_quality_report_and_a_person_the_same_lines(stage: Stage) -> None:
    stage.spec()
    stage.spec("two", extra="replicas: 2")
    said = stage.run("validate", "-o", "gitlab")
    assert said.code == 3
    [found] = json.loads(said.out)
    assert found.pop("description").startswith("unknown field `replicas`")
    assert re.fullmatch(r"[0-9a-f]{64}", found.pop("fingerprint"))
    assert found == {
        "check_name": "raycml-validate",
        "severity": "critical",
        "location": {"path": "specs/two.yaml", "lines": {"begin": 8}},
    }
    assert said.err.startswith("specs/two.yaml:8:3: unknown field `replicas`")


def test_valid_specs_give_gitlab_an_empty_report(stage: Stage) -> None:
    stage.spec()
    said = stage.run("validate", "-o", "gitlab")
    assert (said.code, json.loads(said.out), said.err) == (0, [], "")


def test_gitlab_is_told_hostile_text_as_it_is_and_line_one_where_there_is_none() -> None:
    told = json.loads(gitlab_report([HOSTILE, Problem("a.yaml", 0, 0, "is bad")], HERE))
    assert told[0]["location"] == {"path": HOSTILE.file, "lines": {"begin": 3}}
    assert told[0]["description"] == HOSTILE.message
    assert told[1]["location"]["lines"] == {"begin": 1}


def test_a_fingerprint_follows_a_problem_to_another_line_and_is_never_shared() -> None:
    def fingerprints(*problems: Problem) -> list[str]:
        return [found["fingerprint"] for found in json.loads(gitlab_report(problems, HERE))]

    problem, moved = Problem("a.yaml", 3, 1, "is bad"), Problem("a.yaml", 9, 1, "is bad")
    assert fingerprints(problem) == fingerprints(moved)
    assert len({*fingerprints(problem, moved), *fingerprints(Problem("b", 3, 1, "is bad"))}) == 3


def test_names_are_told_from_the_root_of_the_repository(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.spec(extra="replicas: 2")
    said = stage.run("validate", str(tmp_path / "specs"), "-o", "github")
    assert said.out.startswith("::error file=specs/analytics.yaml,line=8")
    monkeypatch.chdir(tmp_path / "specs")
    [found] = json.loads(stage.run("validate", str(tmp_path / "specs"), "-o", "gitlab").out)
    assert found["location"]["path"] == "analytics.yaml"
