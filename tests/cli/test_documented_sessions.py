"""Every recorded session of the documents, run again on the embedded CML in this process.

`make reference` records anew what differs in more than ids, times and addresses.
"""

import io
import shlex
import subprocess
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from stage import Stage
from test_cli_adopt import make, wait_up

from controller.cli.main import run
from controller.terminal.exit_codes import Exit
from tests.documents.accept import REMEDY, accepts
from tests.documents.markdown import ROOT, Block, manuals, name_of
from tests.documents.sessions import Entry, entries, normal, steps, written

DOCUMENTS = [d for d in manuals() if any(b.language == "console" for b in steps(d.read_text()))]
TOOLS = {"sed", "rm"}
ELSEWHERE = {"python"}  # needs real Ray; tests/scenarios runs the same program
UNWELCOME = {Exit.UNEXPECTED, Exit.USAGE, Exit.SOURCE}


def _quickstart(stage: Stage) -> None:
    path = stage.folder / "specs" / "quickstart.yaml"
    path.parent.mkdir()
    path.write_text((ROOT / "specs" / "quickstart.yaml").read_text())


def _analytics(stage: Stage) -> None:
    stage.spec()
    assert stage.run("reconcile").code == Exit.DONE


_HEAD = "cluster-head"
_LAUNCHED = ((_HEAD, 2, 8), ("worker-1764100000", 4, 16), ("worker-1764100007", 4, 16))


def _scripts(stage: Stage) -> None:
    for name, cpu, memory in _LAUNCHED:
        script = f"scripts/{'head' if name == _HEAD else 'worker'}.py"
        stage.write(script, b"import ray\n")
        sizes = {"cpu": cpu, "memory": memory, "environment": {"OMP_NUM_THREADS": "4"}}
        make(stage, f"ray-{name}", script=script, bypass_authentication=name == _HEAD, **sizes)
    wait_up(stage)


# What a document takes to be there already.
BEFORE: Mapping[str, Callable[[Stage], None]] = {
    "README.md": _quickstart,
    "use-a-cluster.md": _analytics,
    "from-launch-scripts.md": _scripts,
}


@pytest.mark.parametrize("document", DOCUMENTS, ids=name_of)
def test_a_recorded_session_is_what_the_commands_print(stage: Stage, document: Path) -> None:
    BEFORE.get(document.name, lambda _: None)(stage)
    text = document.read_text(encoding="utf-8")
    done = [(block, replay(stage, block)) for block in steps(text)]
    for block, found in reversed(done):
        if accepts():
            text = text[: block.start] + found + text[block.end :]
            document.write_text(text, encoding="utf-8")
        assert normal(block.text) == normal(found) or accepts(), f"{document.name} {REMEDY}"


def replay(stage: Stage, block: Block) -> str:
    """The block as it is now: what differs only from run to run stays as it was recorded."""
    if block.title:
        path = stage.folder / block.title
        path.parent.mkdir(exist_ok=True)
        path.write_text(block.text)
        return block.text
    found = []
    for entry in entries(block):
        output = _printed(stage, entry)
        same = normal(output) == normal(entry.output)
        found.append(entry if same else Entry(entry.command, output))
    return written(found)


def _printed(stage: Stage, entry: Entry) -> str:
    words = shlex.split(entry.command, comments=True)
    if words[0] == "raycml":
        return _raycml(stage, [word for word in words[1:] if word != "--local"])
    if words[0] in TOOLS:
        subprocess.run(words, cwd=stage.folder, check=True, capture_output=True)
        return ""
    if words[0] in ELSEWHERE:
        return entry.output
    pytest.fail(f"`{entry.command}` cannot be run here: put it into a block of sh")


def _raycml(stage: Stage, words: list[str]) -> str:
    """Both streams in the order of their lines, as a terminal shows them."""
    screen = io.StringIO()
    with redirect_stdout(screen), redirect_stderr(screen):
        code = run(words, stage.machine(stage.dice))
    assert code not in UNWELCOME, screen.getvalue()
    return screen.getvalue()
