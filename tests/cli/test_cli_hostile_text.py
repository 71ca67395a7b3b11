"""Text of strangers on a terminal and in a CI log: no control, no command, no made-up row.

A collaborator of the project chooses marks, names and scripts of applications, and writes files; a
server chooses its words.  The stage is the production composition.
"""

import io
import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from controlled import controlled
from hypothesis import example, given
from hypothesis import strategies as st
from stage import RUNTIME, Stage
from test_cli_terminal import Teller, at_terminal

from controller.core.model.member import MARK, Member, read_mark
from controller.printable import json_text, lines, one_line
from controller.process.system import System
from controller.telemetry import INFO, Redaction, open_log
from controller.terminal.screen import Screen

__all__ = ["at_terminal"]  # a fixture

COMMANDS = ["::error title=raycml::forged", "##[error]forged", "##vso[task.complete]forged"]
COMMANDS += ["section_start:1:forged\r\x1b[0K", "##teamcity[forged]", "[bold red]x[/] :warning:"]
CONTROLS = [
    "\x1b]0;owned\x07",
    "\x1b[2J",
    "\x9b2J",
    "\u202eevil\u202c",
    "\u2028",
    "\r",
    "\x7f",
    "\x00",
]
EVIL = "x" + "".join(CONTROLS) + "\n" + "\n".join(COMMANDS) + "\nzz"
TEXT = ["status", "plan", "orphans", "doctor", "events"]


def check(text: str, where: object, *, ours: str = "") -> None:
    """`ours` are the controls of rich, on a terminal."""
    for line in text.split("\n"):
        bare = line.strip()
        assert not bare.startswith("::"), (where, line)
        assert "##[" not in line, (where, line)
        assert "##vso[" not in line, (where, line)
        assert "section_start:1" not in line, (where, line)
        assert not line.startswith("zz"), (where, line)
    odd = {c for c in text if not c.isprintable()} - {"\n", "\t", *ours}
    assert not odd, (where, odd, text)


def intrude(stage: Stage, evil: str) -> None:
    """Applications whose marks, names and scripts are the collaborator's; and files."""
    marks = {
        "cluster": {"RAYCML_CLUSTER": evil},
        "member": {"RAYCML_MEMBER": f"{evil}/0"},
        "fingerprint": {"RAYCML_FINGERPRINT": evil, "RAYCML_VARIABLES": evil},
        "environment": {"RAYCML_ENVIRONMENT": evil, "RAYCML_AGREEMENT": evil},
    }
    for name, changes in marks.items():
        create(stage, f"evil-{name}", evil, changes)
    # One that holds the name of a member, with a mark of that very member.
    create(stage, "ray-two-head", evil, {"RAYCML_CLUSTER": "two", "RAYCML_VARIABLES": evil})
    stage.write(".raycml/pauses/two.json", json.dumps({"reason": evil, "by": evil}).encode())
    stage.write(".raycml/logs/one/head.log", evil.encode())


def create(stage: Stage, subdomain: str, evil: str, changes: dict[str, str]) -> None:
    stage.write("s.py", b"print(1)\n")
    mark = {
        "RAYCML_OWNER": stage.project,
        "RAYCML_CLUSTER": "lost",
        "RAYCML_MEMBER": "head",
        "RAYCML_SUBDOMAIN": subdomain,
        "RAYCML_FINGERPRINT": "v1:00",
        **changes,
    }
    body = {
        "name": subdomain + evil.replace("\x00", ""),
        "subdomain": subdomain,
        "script": "s.py",
        "runtime_identifier": RUNTIME,
        "cpu": 1,
        "memory": 1,
        "environment": mark,
    }
    project = stage.workspace.project(stage.project)
    now = stage.clock.now()
    made = stage.workspace.applications.create(project, stage.user, body, now)
    made.script = f"s.py{evil}"


def refuse(request: httpx.Request) -> httpx.Response | None:
    if request.method == "GET" or request.url.path.endswith(":download"):
        return None
    return httpx.Response(400, json={"message": EVIL})


def commands() -> Iterator[list[str]]:
    yield from ([name] for name in TEXT)
    yield from (
        ["status", "one"],
        ["status", "two"],
        ["status", EVIL],
        ["plan", "-v"],
        ["adopt", "one", "--map", f"head={EVIL}", "--yes"],
        ["adopt", "two", "--yes"],
        ["release", "lost", "--yes"],
        ["delete", EVIL, "--yes"],
        ["pause", EVIL, "--reason", "x"],
        ["pause", "one", "--reason", EVIL],
        ["unpause", "one"],
        ["reconcile", "--timeout", "30s"],
        ["validate", f"nowhere{EVIL}"],
        ["render", "--member", EVIL],
        ["run", EVIL, "--port", "0"],
        [EVIL],
    )


@pytest.mark.parametrize("fault", [None, refuse], ids=["well", "refused"])
def test_no_command_prints_what_a_terminal_or_a_host_obeys(
    stage: Stage, fault: Callable[[httpx.Request], httpx.Response | None] | None
) -> None:
    stage.spec("one", replicas=1)
    stage.run("reconcile")
    stage.spec("two", replicas=1)
    intrude(stage, EVIL)
    if fault is not None:
        stage.wire.instead = fault
    for command in commands():
        said = stage.run(*command)
        check(said.out, command)
        check(said.err, command)


def test_json_is_the_exact_data_and_holds_no_command(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    intrude(stage, EVIL)
    for name in ("status", "plan", "orphans", "doctor", "events"):
        said = stage.run(name, "-o", "json")
        check(said.out, name)
        said.json()
    names = [each["name"] for each in stage.run("status", "-o", "json").json()["unreadable"]]  # type: ignore[attr-defined]  # a JSON-like value
    assert "evil-cluster" + EVIL.replace("\x00", "") in names


def test_a_terminal_is_shown_the_same(at_terminal: Teller) -> None:
    stage = at_terminal.stage
    stage.spec("one", replicas=1)
    intrude(stage, EVIL)
    for command in (["status"], ["plan"], ["orphans"], ["reconcile", "--timeout", "20s"]):
        said = at_terminal.run(*command)
        for text in (said.out, said.err):
            shown = text.replace("\x1b[", "").replace("\x1b", "ESC")
            assert "ESC" not in shown, (command, text)
            assert "\x1b[2J" not in text
            assert "\x07" not in text
            assert "\u202e" not in text
            assert "\x9b" not in text
        if "evil-cluster" in said.out:
            assert "[bold red]" in said.out
            assert ":warning:" in said.out


def test_an_application_with_an_unreadable_mark_is_reported_and_never_touched(stage: Stage) -> None:
    stage.spec("one", replicas=1)
    stage.run("reconcile")
    create(stage, "evil", EVIL, {"RAYCML_CLUSTER": EVIL})
    create(stage, "long", "", {"RAYCML_CLUSTER": "a" * 31})
    create(stage, "copy", "", {"RAYCML_CLUSTER": EVIL, "RAYCML_SUBDOMAIN": "another"})
    create(stage, "other", "", {"RAYCML_CLUSTER": EVIL, "RAYCML_OWNER": "another"})
    stage.wire.calls.clear()
    for command in (["reconcile", "--prune", "--yes"], ["delete", "lost", "--yes"]):
        stage.run(*command)
    assert stage.wire.writes() == []
    for command in (["status"], ["orphans"]):
        said = stage.run(*command).out
        assert "their RAYCML_ variables are invalid" in said
        assert "long" in said
        assert "copy" not in said
        assert "other" not in said
    with controlled(stage, stage.folder / "specs") as running:
        running.turn(3)
        status = running.snapshot.status
        assert status is not None
        assert [app.subdomain for app in status.unreadable] == ["evil", "long"]


@given(st.text(), st.sampled_from([*COMMANDS, *CONTROLS]), st.text())
@example("", "::error::x", "")
@example(" \n  ", "::error::x", "")
@example("a", "#" + "##[error]", "")
def test_cleaned_text_holds_nothing_that_is_obeyed(before: str, evil: str, after: str) -> None:
    text = before + evil + after
    check(lines(text), text)
    assert "\n" not in one_line(text)
    assert one_line(one_line(text)) == one_line(text)
    written = json_text(json.dumps({"said": text}, ensure_ascii=False, indent=1))
    check(written, text)
    assert json.loads(written) == {"said": text}


@given(st.text())
def test_text_that_nothing_obeys_is_left_as_it_is(text: str) -> None:
    if all(line.isprintable() for line in text.split("\n")) and not set(text) & {":", "#"}:
        assert lines(text) == text


@pytest.mark.parametrize("as_json", [True, False])
def test_a_log_line_is_one_line(as_json: bool, tmp_path: Path) -> None:
    stream = io.StringIO()
    now = Stage.__dataclass_fields__["clock"].default_factory().now  # type: ignore[misc]  # a clock
    log = open_log(stream, Redaction(), now, level=INFO, as_json=as_json)
    log.info("step", cluster=EVIL, said=EVIL, path=str(tmp_path))
    check(stream.getvalue(), "log")
    assert stream.getvalue().count("\n") == 1


NAMES = st.one_of(st.text(max_size=40), st.from_regex(r"[a-z0-9-]{1,40}", fullmatch=True))


@given(cluster=NAMES, group=NAMES, ordinal=st.integers(0, 10**7))
def test_a_mark_names_what_a_spec_could_declare_or_is_none(
    cluster: str, group: str, ordinal: int
) -> None:
    written = dict.fromkeys(MARK, "x") | {"RAYCML_CLUSTER": cluster, "RAYCML_SUBDOMAIN": "s"}
    for member in (str(Member(group, ordinal)), "head"):
        mark = read_mark({**written, "RAYCML_MEMBER": member}, "s")
        if mark is not None:
            assert mark.cluster.isascii()
            assert len(mark.cluster) <= 30
            assert len(mark.member.group) <= 20
            assert not set(f"{mark.key}") - set("abcdefghijklmnopqrstuvwxyz0123456789-/ ")


@pytest.mark.parametrize("evil", [*COMMANDS, *CONTROLS])
def test_a_command_and_a_control_are_shown_and_not_obeyed(evil: str) -> None:
    for text in (evil, f"x\n{evil}", f"  {evil}"):
        check(lines(text), text)


def test_both_streams_of_a_command_are_cleaned(stage: Stage) -> None:
    machine = System(stage.environ, stage.clock, random.Random(1))
    screen = Screen(machine, plain=False, verbose=False)
    screen.data(EVIL.replace("zz", "  zz"))
    screen.say(EVIL)
    shown = stage.capsys.readouterr()
    check(shown.out, "out")
    check(shown.err, "err")


@pytest.mark.parametrize("cluster", ["", "x\n", "\x1b", "A", "a" * 31, "a--b", "-a", "a/b", "é"])
def test_a_name_that_no_spec_can_have_makes_no_mark(cluster: str) -> None:
    written = dict.fromkeys(MARK, "x") | {"RAYCML_SUBDOMAIN": "s", "RAYCML_MEMBER": "head"}
    assert read_mark({**written, "RAYCML_CLUSTER": cluster}, "s") is None
    assert read_mark({**written, "RAYCML_CLUSTER": "a"}, "s") is not None
