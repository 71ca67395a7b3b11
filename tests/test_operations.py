"""What the manuals say, held to the code: reasons, events, commands, options, settings, links."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import typer
import yaml

from controller.cli.main import app
from controller.core.model.reasons import Outlook, Reason
from controller.core.status.event_reasons import EventReason
from controller.core.status.events import Kind
from controller.settings import CONNECTION_VARIABLES, RUN_VARIABLES, Settings, variable
from controller.source.yaml.parse import parse

ROOT = Path(__file__).parent.parent
OPERATIONS = ROOT / "docs" / "operations.md"
FROM_SCRIPTS = ROOT / "docs" / "tutorials" / "from-launch-scripts.md"
MANUALS = [OPERATIONS, FROM_SCRIPTS]
DEPLOYED = sorted(p for p in (ROOT / "docs" / "deploy").rglob("*") if p.is_file())
READ = [*MANUALS, *(p for p in DEPLOYED if "__pycache__" not in p.parts)]


def rows(head: str) -> list[list[str]]:
    """The cells of the table of operations.md that has this head."""
    found = re.search(
        re.escape(head) + r"\n\|[-|]+\n((?:\|.*\n)+)", OPERATIONS.read_text(encoding="utf-8")
    )
    assert found is not None, head
    return [[c.strip() for c in line.strip("|").split("|")] for line in found[1].splitlines()]


def commands(text: str) -> Iterator[tuple[str, list[str]]]:
    """Every command that is named as code, or begins a line: its name and its options."""
    found = re.findall(r"`raycml ([^`\n]+)`", text)
    found += re.findall(r"^\s*(?:\$ |- |run: )?raycml ([^\n]+)$", text, re.MULTILINE)
    for each in found:
        words = re.split(r"\s(?:\|\||\||>|2>|#)|[;`]", each)[0].split()
        if re.fullmatch(r"[a-z]+", words[0]):
            yield words[0], [w.partition("=")[0] for w in words[1:] if re.match(r"--?[a-z]", w)]


def options(command: click.Command) -> set[str]:
    return {name for param in command.params for name in param.opts}


def test_every_reason_that_waits_for_a_person_has_a_remedy_and_no_other_has() -> None:
    table = rows("| reason | what it means | what to do |")
    wanted = [reason.title for reason in Reason if reason.outlook is Outlook.PERSON]
    assert [row[0] for row in table] == [f"`{title}`" for title in wanted]
    assert all(len(row) == 3 and all(row) for row in table)


def test_every_warning_has_a_remedy_and_no_other_event_has() -> None:
    table = rows("| event | what it means | what to do |")
    wanted = [each.title for each in EventReason if each.kind is Kind.WARNING]
    assert [row[0] for row in table] == [f"`{title}`" for title in wanted]
    assert all(len(row) == 3 and all(row) for row in table)


@pytest.mark.parametrize("manual", READ, ids=lambda p: p.name)
def test_every_command_and_option_that_is_named_exists(manual: Path) -> None:
    root = typer.main.get_command(app)
    assert isinstance(root, click.Group) or hasattr(root, "commands")
    known = root.commands
    for name, given in commands(manual.read_text(encoding="utf-8")):
        assert name in known, f"{manual.name}: raycml {name}"
        unknown = set(given) - options(known[name])
        assert not unknown, f"{manual.name}: raycml {name} {unknown}"


def test_the_search_for_commands_finds_them() -> None:
    text = "`raycml plan --prune`, and\n    raycml status NAME --watch | cat\n$ raycml adopt x"
    assert list(commands(text)) == [("plan", ["--prune"]), ("status", ["--watch"]), ("adopt", [])]
    assert sum(1 for _ in commands(OPERATIONS.read_text(encoding="utf-8"))) > 30


@pytest.mark.parametrize("manual", READ, ids=lambda p: p.name)
def test_every_setting_that_is_named_exists(manual: Path) -> None:
    known = {*CONNECTION_VARIABLES, *RUN_VARIABLES, *map(variable, Settings.model_fields)}
    known.add("RAYCML_COMMENT_TOKEN")  # of the example for GitLab alone
    named = set(re.findall(r"\bRAYCML_[A-Z_]+\b", manual.read_text(encoding="utf-8")))
    assert named <= known


@pytest.mark.parametrize("manual", MANUALS, ids=lambda p: p.name)
def test_every_link_leads_to_a_file_and_a_heading_that_there_are(manual: Path) -> None:
    links = re.findall(r"\]\(([^)\s]+)\)", manual.read_text(encoding="utf-8"))
    assert links
    for link in links:
        if link.startswith("https://"):
            continue
        name, _, anchor = link.partition("#")
        target = (manual.parent / name).resolve() if name else manual
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^a-z0-9]+", "-", t.lower()).strip("-") for t in titles}


def test_the_example_of_a_spec_is_valid() -> None:
    [text] = re.findall(r"```yaml\n(apiVersion.*?)```", FROM_SCRIPTS.read_text(), re.DOTALL)
    holders, problems = parse("analytics.yaml", text.encode())
    assert not problems
    assert [holder.cluster.name for holder in holders] == ["analytics"]


def test_every_field_in_the_table_of_variables_is_one_of_a_spec() -> None:
    text = FROM_SCRIPTS.read_text(encoding="utf-8")
    table = text.split("| in the spec |")[1].split("\n\n")[0]
    fields = re.findall(r"`([a-z][A-Za-z]+(?:\[\])?(?:\.[A-Za-z]+)*)`", table)
    schema = (ROOT / "README.md").read_text(encoding="utf-8")
    known = {
        w
        for path in re.findall(r"^\| `([a-zA-Z.\[\]]+)`", schema, re.MULTILINE)
        for w in _words(path)
    }
    assert len(fields) > 10
    for field in fields:
        assert set(_words(field)) <= known | {"pythonEnvironment"}, field


def _words(path: str) -> list[str]:
    return path.replace("[]", "").split(".")


def test_the_hook_that_is_shown_is_the_one_that_there_is() -> None:
    [text] = re.findall(r"```yaml\n(repos:.*?)```", OPERATIONS.read_text(), re.DOTALL)
    shown = yaml.safe_load(text)["repos"][0]["hooks"]
    there = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert [hook["id"] for hook in shown] == [hook["id"] for hook in there]
