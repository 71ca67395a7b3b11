"""Every command that a document names, run on the embedded CML in this process.

Left out are those whose own tests start what they need, and those that never end.
"""

from collections.abc import Iterator

import pytest
from stage import Stage
from test_cli_convert import MANIFEST

from controller.terminal.exit_codes import Exit
from tests.documents.markdown import SCRIPTS, command_lines, manuals

PROGRAMS = {"acceptance", "bootstrap", "emulator", "run"}
ENDLESS = {"-f", "-w", "--follow", "--watch"}
GIVEN = {
    "-": "kuberay.yaml",
    "MANIFEST": "kuberay.yaml",
    "MEMBER": "cpu/1",
    "NAME": "analytics",
    "OWNER": "theirs",
    "PATH": "specs/",
    "REVISION": "4c1f9a7",
    "cluster.yaml": "specs/",
    "gpu/2": "cpu/1",
    "head": "analytics:head",
    "head=ray-cluster-head": "head=ray-analytics-head",
}
CHANGES = {"adopt", "delete", "pause", "reconcile", "release", "retire"}
BAD = {Exit.UNEXPECTED, Exit.USAGE, Exit.INVALID_SPEC, Exit.SOURCE}
CLUSTERS = ("analytics", "quickstart", "training")


def commands() -> Iterator[tuple[str, ...]]:
    """Each command once, with what a reader would put in place of the words in capitals."""
    found = {
        tuple(GIVEN.get(word, word) for word in words if word != "--local")
        for document in (*manuals(), *SCRIPTS)
        for words in command_lines(document)
    }
    for words in sorted(found):
        if len(words) > 1 and words[0] not in PROGRAMS and not ENDLESS & {*words}:
            yield words


@pytest.fixture
def world(stage: Stage) -> Stage:
    for name in CLUSTERS:
        stage.spec(name)
    (stage.folder / "kuberay.yaml").write_text(MANIFEST, "utf-8")
    return stage


def test_a_command_of_a_document_runs(world: Stage) -> None:
    ended, changed = {}, True
    for words in commands():
        if changed:
            world.run("unpause", "analytics")
            world.run("adopt", "analytics", "--yes")
            assert world.run("reconcile").code == Exit.DONE
        changed = words[0] in CHANGES
        agreed = ["--yes"] if words[0] in {"adopt", "delete", "release"} else []
        ended[words] = world.run(*words, *agreed)
    assert len(ended) > 40
    assert not {" ".join(w): said.err for w, said in ended.items() if said.code in BAD}
