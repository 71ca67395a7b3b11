"""What is different where a person looks: questions, colour, the live table."""

import io
import sys

import pytest
from stage import Said, Stage


class Terminal(io.StringIO):
    """A stream that says that a person is at its other end."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def at_terminal(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> "Teller":
    return Teller(stage, monkeypatch)


class Teller:
    """Runs commands with all three streams on a terminal."""

    def __init__(self, stage: Stage, patch: pytest.MonkeyPatch) -> None:
        self.stage, self._patch = stage, patch

    def run(self, *arguments: str, typed: str = "") -> Said:
        out, err = Terminal(), Terminal()
        with self._patch.context() as patch:
            patch.setattr(sys, "stdin", Terminal(typed))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            said = self.stage.run(*arguments)
        return Said(said.code, out.getvalue(), err.getvalue())


def test_delete_asks_and_a_no_changes_nothing(at_terminal: Teller) -> None:
    stage = at_terminal.stage
    stage.spec()
    stage.run("reconcile")
    stage.wire.calls.clear()
    for typed in ("n\n", "\n"):
        said = at_terminal.run("delete", "analytics", typed=typed)
        assert said.code == 6
        assert "This permanently deletes cluster analytics (3 applications)" in said.err
    assert at_terminal.run("delete", "analytics", typed="").code == 130
    assert stage.wire.writes() == []


def test_delete_goes_on_after_a_yes(at_terminal: Teller) -> None:
    at_terminal.stage.spec()
    at_terminal.stage.run("reconcile")
    assert at_terminal.run("delete", "analytics", typed="y\n").code == 0
    assert at_terminal.stage.applications() == {}


def test_a_plan_is_coloured_only_for_eyes(at_terminal: Teller) -> None:
    at_terminal.stage.spec()
    plain = at_terminal.stage.run("plan").out
    assert "\x1b[" not in plain
    coloured = at_terminal.run("plan").out
    assert "\x1b[32m+ analytics head" in coloured
    assert at_terminal.run("plan", "--no-color").out == plain
    at_terminal.stage.environ["NO_COLOR"] = "1"
    assert at_terminal.run("plan").out == plain


def test_the_live_table_shows_members_and_keeps_the_steps(
    at_terminal: Teller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    at_terminal.stage.spec()
    said = at_terminal.run("reconcile", "--no-color")
    assert said.code == 0
    assert "+ analytics cpu/1  created  Missing" in said.err
    assert "PENDING" in said.err
    assert "CML is starting it" in said.err
    assert said.err.rstrip().endswith("passes)")
    assert "joined" in said.out
