"""Advice that can be pasted: with the paths and the `--local` of the command that gives it."""

import signal
from pathlib import Path

import pytest

from controller.terminal.advice import with_local, with_paths
from tests.cli.stage import Stage


@pytest.mark.parametrize(
    ("advice", "retyped"),
    [
        ("`raycml status`", "`raycml status --local`"),
        (
            "`raycml unpause a`, then repeat the command",
            "`raycml unpause a --local`, then repeat the command",
        ),
        (
            "`raycml approve` lists; `raycml plan`",
            "`raycml approve --local` lists; `raycml plan --l",
        ),
        (
            "run `raycml reconcile specs` to continue",
            "run `raycml reconcile specs --local` to continue",
        ),
        ("`raycml delete a --yes --local`", "`raycml delete a --yes --local`"),
        ("`raycml validate specs`", "`raycml validate specs`"),
        ("`raycml init`, or give the files", "`raycml init`, or give the files"),
        ("`raycml emulator status`", "`raycml emulator status`"),
        ("pass --yes to confirm", "pass --yes to confirm"),
    ],
)
def test_commands_of_an_advice_go_to_the_same_cml(advice: str, retyped: str) -> None:
    assert with_local(advice, ["delete", "a", "--local"]).startswith(retyped)
    assert with_local(advice, ["delete", "a"]) == advice


def test_paths_are_repeated_as_a_shell_needs_them() -> None:
    assert with_paths("raycml validate", None) == "raycml validate"
    paths = [Path("specs/a.yaml"), Path("my specs")]
    assert with_paths("raycml validate", paths) == "raycml validate specs/a.yaml 'my specs'"


@pytest.mark.parametrize("command", ["plan", "reconcile"])
def test_a_broken_spec_is_validated_where_it_is(stage: Stage, command: str) -> None:
    Path("elsewhere").mkdir()
    Path("elsewhere/a.yaml").write_text("kind: RayJob\n")
    said = stage.run(command, "elsewhere")
    assert said.code == 3
    assert said.err.endswith("try: `raycml validate elsewhere`\n")
    assert stage.run("validate", "elsewhere").code == 3


def test_ctrl_c_advises_the_same_specs(stage: Stage) -> None:
    stage.spec(file="one.yaml")
    pressed: list[int] = []

    def press() -> None:
        if not pressed:
            pressed.append(1)
            signal.raise_signal(signal.SIGINT)

    stage.clock.passing.append(press)
    said = stage.run("reconcile", "specs/one.yaml")
    assert said.code == 130
    assert "run `raycml reconcile specs/one.yaml` to continue" in said.err


@pytest.mark.parametrize("command", ["reconcile", "delete", "run"])
def test_a_dry_run_is_a_plan(stage: Stage, command: str) -> None:
    said = stage.run(command, "--dry-run")
    assert said.code == 64
    assert said.err == (
        f"raycml: raycml {command} has no --dry-run\ntry: `raycml plan` shows the changes\n"
    )
