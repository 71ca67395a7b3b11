"""The documents, held to the code: reference pages, commands, settings, remedies, links, files.

`make reference` writes generated pages and recorded sessions anew.
"""

import os
import re
from pathlib import Path

import pytest
import yaml

from controller.core.model.reasons import Outlook, Reason
from controller.core.status.event_reasons import EventReason
from controller.core.status.events import Kind
from controller.settings import CONNECTION_VARIABLES, RUN_VARIABLES, Settings, variable
from controller.source.yaml.parser import parse
from controller.terminal.exit_codes import Exit
from tests.documents.accept import compare
from tests.documents.command_tree import parse as parse_command
from tests.documents.command_tree import tree
from tests.documents.markdown import (
    DOCS,
    README,
    REFERENCE,
    ROOT,
    SCRIPTS,
    Block,
    anchors,
    blocks,
    command_lines,
    commands_in_code,
    commands_in_prose,
    documents,
    links,
    manuals,
    name_of,
    prose,
)
from tests.documents.reference import PAGES, page
from tests.documents.spec_fields import all_fields
from tests.mutants.catalogue import CATALOGUE
from tests.test_house import ARROWS

README_BYTES_MAX = 10_000
TROUBLESHOOTING = DOCS / "troubleshooting.md"
READ = [*manuals(), *SCRIPTS]
# Named in the documents as what a reader has or will have, not as files of the repository.
EXAMPLES = {"specs/analytics.yaml", "specs/raycml.schema.json", "specs/training.yaml"}


def text_of(document: Path) -> str:
    return document.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", PAGES)
def test_a_reference_page_is_what_the_code_says(name: str) -> None:
    compare(REFERENCE / f"{name}.md", page(name))


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= README_BYTES_MAX


def test_the_readme_has_every_law_that_the_audit_names() -> None:
    listed = set(re.findall(r"^(\d+)\. ", text_of(README), re.MULTILINE))
    laws = (ROOT / "controller" / "core" / "audit").glob("*.py")
    named = {n for law in laws for n in re.findall(r"[Ll]aw (\d+)", text_of(law))}
    assert named
    assert named <= listed


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_a_link_leads_to_a_file_and_a_heading(document: Path) -> None:
    for link in links(text_of(document)):
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (document.parent / name).resolve() if name else document
        assert target.exists(), link
        assert not anchor or anchor in anchors(text_of(target)), link
        # The site holds docs/ alone.
        assert DOCS not in document.parents or target.is_relative_to(DOCS), link


def test_the_site_shows_every_document() -> None:
    shown = re.findall(r"^ +- (?:\w+: )?(\S+\.md)$", text_of(ROOT / "mkdocs.yml"), re.MULTILINE)
    there = {str(d.relative_to(DOCS)) for d in DOCS.rglob("*.md") if d.parent.name != "decisions"}
    assert set(shown) == there


def test_the_architecture_has_every_folder_above_those_that_it_imports() -> None:
    text = text_of(DOCS / "architecture.md")
    rows = re.findall(r"^\| `controller/([\w/]+)` \|", text, re.MULTILINE)
    folders = [name for name in ARROWS if (ROOT / "controller" / name).is_dir()]
    assert sorted(rows) == sorted(folders)
    for place, folder in enumerate(rows):
        assert not ARROWS[folder] & {*rows[:place]}, folder


@pytest.mark.parametrize("document", manuals(), ids=name_of)
def test_a_file_that_is_named_exists(document: Path) -> None:
    named = re.findall(r"`((?:controller|docs|specs|tests)/[\w./-]*)`", prose(text_of(document)))
    assert not {name for name in named if not (ROOT / name).exists()} - EXAMPLES


@pytest.mark.parametrize("document", READ, ids=name_of)
def test_a_command_that_is_named_is_one(document: Path) -> None:
    for words in command_lines(document):
        mentioned = all(re.fullmatch(r"[a-z]+", word) for word in words)
        if mentioned and " ".join(words) in tree():
            continue  # a sentence about the command
        if words not in (["--help"], ["--version"]):
            parse_command(words)


@pytest.mark.parametrize("words", [["plan", "--prunes"], ["status", "-o", "yaml"], ["plans"]])
def test_a_command_that_does_not_exist_is_seen(words: list[str]) -> None:
    with pytest.raises(Exception, match=r"(?i)no such (option|command)|is not one of|invalid"):
        parse_command(words)


def test_commands_are_found_where_documents_have_them() -> None:
    shown = (
        "raycml status NAME \\\n  --watch | cat\n$ raycml adopt x  # a comment\nraycml: an answer\n"
    )
    assert list(commands_in_prose("raycml is `raycml plan --prune`")) == [["plan", "--prune"]]
    assert list(commands_in_code(shown)) == [["status", "NAME", "--watch"], ["adopt", "x"]]


@pytest.mark.parametrize("document", manuals(), ids=name_of)
def test_a_target_of_make_that_is_named_is_one(document: Path) -> None:
    targets = set(re.findall(r"^(\w+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    code = [block.text for block in blocks(text_of(document))]
    code += re.findall(r"`([^`\n]+)`", prose(text_of(document)))
    named = {name for text in code for name in re.findall(r"^make (\w+)", text, re.MULTILINE)}
    assert named <= targets


@pytest.mark.parametrize("document", READ, ids=name_of)
def test_a_setting_that_is_named_is_one(document: Path) -> None:
    known = {*CONNECTION_VARIABLES, *RUN_VARIABLES, *map(variable, Settings.model_fields)}
    known.add("RAYCML_COMMENT_TOKEN")  # of the example for GitLab alone
    known |= {f"RAYCML_CONTRACT_{name}" for name in ("HOST", "KEY", "PROJECT")}
    known |= {"RAYCML_RAYS", "RAYCML_SCREENSHOTS"}  # of the tests, as those before them
    named = set(re.findall(r"\bRAYCML_[A-Z_]+[A-Z]\b", text_of(document)))
    assert named <= known


def entries() -> dict[str, str]:
    """The entries of the troubleshooting page, by heading."""
    parts = re.split(r"^#{2,3} (.*)\n", text_of(TROUBLESHOOTING), flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


def test_everything_that_needs_a_person_has_a_cause_and_a_remedy() -> None:
    wanted = [reason.title for reason in Reason if reason.outlook is Outlook.PERSON]
    wanted += [each.title for each in EventReason if each.kind is Kind.WARNING]
    wanted += [f"Exit code {int(code)}" for code in Exit if code is not Exit.DONE]
    found = entries()
    assert not [title for title in wanted if "**Cause.**" not in found.get(title, "")]
    assert not [title for title in wanted if "**Do.**" not in found.get(title, "")]


def test_every_condition_has_an_entry() -> None:
    status = ROOT / "controller" / "core" / "status"
    types = {
        t for f in status.glob("*.py") for t in re.findall(r'Condition\(\s*"(\w+)"', text_of(f))
    }
    assert len(types) > 5
    assert not [t for t in types if not any(title.startswith(f"{t} ") for title in entries())]


def test_no_entry_is_about_a_reason_that_does_not_exist() -> None:
    known = {reason.title for reason in Reason} | {each.title for each in EventReason}
    assert not [t for t in entries() if re.fullmatch(r"([A-Z][a-z]+){2,}", t) and t not in known]


SPECS = [
    (document, block)
    for document in manuals()
    for block in blocks(text_of(document))
    if block.language == "yaml" and "apiVersion: raycml" in block.text
]


@pytest.mark.parametrize(("document", "block"), SPECS, ids=lambda v: getattr(v, "name", ""))
def test_a_spec_that_is_shown_is_valid(document: Path, block: Block) -> None:
    title, text = block.title, block.text
    holders, problems = parse(title or "spec.yaml", text.encode())
    assert holders
    assert not problems


def test_a_field_that_becomes_of_a_variable_is_one_of_a_spec() -> None:
    text = text_of(DOCS / "tutorials" / "from-launch-scripts.md")
    shown = text.split("| in the spec |")[1].split("\n\n")[0]
    fields = re.findall(r"`([a-z][A-Za-z]+(?:\[\])?(?:\.[A-Za-z]+)*)`", shown)
    known = {word for path, _ in all_fields() for word in path.replace("[]", "").split(".")}
    assert len(fields) > 10
    assert {word for field in fields for word in field.replace("[]", "").split(".")} <= known


def test_the_hook_that_is_shown_is_the_one_that_there_is() -> None:
    [text] = re.findall(r"```yaml\n(repos:.*?)```", text_of(DOCS / "operations.md"), re.DOTALL)
    shown = yaml.safe_load(text)["repos"][0]["hooks"]
    there = yaml.safe_load(text_of(ROOT / ".pre-commit-hooks.yaml"))
    assert [hook["id"] for hook in shown] == [hook["id"] for hook in there]


def test_no_more_planted_bugs_are_claimed_than_there_are() -> None:
    claimed = re.search(r"More than (\d+) planted bugs", text_of(DOCS / "testing.md"))
    assert claimed is not None
    assert len(CATALOGUE) > int(claimed[1])


@pytest.mark.parametrize("document", documents(), ids=name_of)
def test_no_path_of_a_developers_machine_is_named(document: Path) -> None:
    assert not re.search(r"/(work|root|tmp/r)\b", text_of(document))
    assert os.environ.get("HOME", "/root") not in text_of(document)
