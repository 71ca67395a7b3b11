"""Every way in which a command can fail: its exit code, its sentence, and what it left undone."""

from collections.abc import Callable

import httpx
import pytest
from stage import KEY, Said, Stage

from controller.cli import main
from controller.terminal.exit_codes import Exit

ONLINE = [
    ["plan"],
    ["reconcile"],
    ["status"],
    ["delete", "analytics", "--yes"],
    ["pause", "analytics", "--reason", "x"],
    ["unpause", "analytics"],
]


def is_plain(said: Said) -> bool:
    """No traceback, and a next command to try."""
    return "Traceback" not in said.err and "\ntry: " in said.err


def answer(status: int, **headers: str) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(status, json={"message": "no", "code": 3}, headers=headers)


@pytest.mark.parametrize("command", [c for c in ONLINE if c[0] != "status"], ids=lambda c: c[0])
def test_an_invalid_spec_ends_a_command_before_cml_is_asked(
    stage: Stage, command: list[str]
) -> None:
    stage.spec()
    stage.spec("broken", cpu="lots")
    (stage.folder / "specs" / "torn.yaml").write_text("spec: [\n")
    said = stage.run(*command)
    assert said.code == Exit.INVALID_SPEC
    assert stage.wire.calls == []
    first, second, summary, _ = said.err.splitlines()
    assert first.startswith("specs/broken.yaml:14:24: `lots` ")
    assert second.startswith("specs/torn.yaml:")
    assert summary == "raycml: 2 problems in 2 files; nothing was done"
    assert is_plain(said)


@pytest.mark.parametrize("command", ONLINE, ids=lambda c: c[0])
def test_everything_that_is_missing_of_the_connection_is_named_at_once(
    stage: Stage, command: list[str]
) -> None:
    stage.spec()
    said = stage.run(*command, environ={"CML_HOST": "", "CDSW_PROJECT_ID": "x"})
    assert said.code == Exit.USAGE
    assert "CML_HOST and CML_API_KEY are not set" in said.err
    assert "--local" in said.err
    assert is_plain(said)


@pytest.mark.parametrize("command", ONLINE, ids=lambda c: c[0])
def test_a_wrong_key_is_an_error_of_authentication(stage: Stage, command: list[str]) -> None:
    stage.spec()
    said = stage.run(*command, environ={**stage.environ, "CML_API_KEY": "sk-wrong-0123456789"})
    assert said.code == Exit.UNAUTHORIZED
    assert "sk-wrong" not in said.err
    assert is_plain(said)


def test_a_key_that_may_only_read_ends_reconcile_at_once(stage: Stage) -> None:
    stage.spec()

    def forbid(request: httpx.Request) -> httpx.Response | None:
        create = request.method == "POST" and request.url.path.endswith("/applications")
        return answer(403)(request) if create else None

    stage.wire.instead = forbid
    said = stage.run("reconcile")
    assert said.code == Exit.UNAUTHORIZED
    assert stage.clock.elapsed == 0
    assert is_plain(said)


@pytest.mark.parametrize("named", ["nobody-has-it", "aaaa-bbbb-cccc-dddd"])
def test_an_unknown_project_is_a_wrong_setting(stage: Stage, named: str) -> None:
    stage.spec()
    said = stage.run("plan", environ={**stage.environ, "CML_PROJECT_ID": named})
    assert said.code == Exit.USAGE
    assert "CML_PROJECT_ID" in said.err
    assert is_plain(said)


def test_a_project_may_be_given_by_its_name(stage: Stage) -> None:
    stage.spec()
    assert stage.run("plan", environ={**stage.environ, "CML_PROJECT_ID": "fraud-models"}).code == 0


def test_an_unknown_project_of_a_spec_waits_for_a_person(stage: Stage) -> None:
    stage.spec(extra="project: nowhere")
    said = stage.run("reconcile")
    assert said.code == Exit.NOT_CONVERGED
    assert "ProjectNotFound" in said.err
    assert "correct `project` in its spec" in said.err


def test_an_unreachable_host_is_told_from_a_wrong_key(stage: Stage) -> None:
    stage.spec()

    def cut(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("no route")

    stage.wire.instead = cut
    said = stage.run("reconcile")
    assert said.code == Exit.UNEXPECTED
    assert "CML cannot be reached" in said.err
    assert "check CML_HOST" in said.err
    assert is_plain(said)


@pytest.mark.parametrize(("status", "words"), [(429, "rate-limiting"), (503, "cannot be reached")])
def test_a_busy_cml_at_the_start_ends_the_command(stage: Stage, status: int, words: str) -> None:
    stage.spec()
    stage.wire.instead = answer(status)
    said = stage.run("plan")
    assert said.code == Exit.UNEXPECTED
    assert words in said.err
    assert is_plain(said)


@pytest.mark.parametrize(
    "host", ["http://cml.example.com", "ftp://x", "https://u:p@host", "https://h/path", "ht tp"]
)
def test_an_address_that_cannot_be_used_is_a_wrong_setting(stage: Stage, host: str) -> None:
    stage.spec()
    said = stage.run("plan", environ={**stage.environ, "CML_HOST": host})
    assert said.code == Exit.USAGE
    assert stage.wire.calls == []
    assert is_plain(said)


@pytest.mark.parametrize(
    "command",
    [
        ["plan", "--exitcode"],
        ["recncile"],
        ["reconcile", "--wait-for", "redy"],
        ["reconcile", "--timeout", "soon"],
        ["reconcile", "--timeout", "0"],
        ["reconcile", "--allow-prune", "-1"],
        ["plan", "-o", "yaml"],
        ["pause", "analytics"],
        ["delete"],
        ["emulator", "restart"],
    ],
    ids=" ".join,
)
def test_a_mistake_on_the_command_line_is_a_usage_error(stage: Stage, command: list[str]) -> None:
    stage.spec()
    said = stage.run(*command)
    assert said.code == Exit.USAGE
    assert said.out == ""
    assert said.err.startswith("raycml: ")
    assert "--help`" in said.err


@pytest.mark.parametrize(
    "command",
    [
        ["status", "analitics"],
        ["delete", "analitics", "--yes"],
        ["pause", "analitics", "--reason", "x"],
        ["unpause", "analitics"],
    ],
    ids=lambda c: c[0],
)
def test_an_unknown_cluster_is_a_usage_error_with_a_guess(stage: Stage, command: list[str]) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.wire.calls.clear()
    said = stage.run(*command)
    assert said.code == Exit.USAGE
    assert "did you mean `analytics`?" in said.err
    assert stage.wire.writes() == []
    assert is_plain(said)


@pytest.mark.parametrize("name", ["../../etc", "a/b", "", "."])
def test_no_name_leads_out_of_the_folder_of_pauses(stage: Stage, name: str) -> None:
    stage.spec()
    for command in (["unpause", name], ["pause", name, "--reason", "x"]):
        assert stage.run(*command).code == Exit.USAGE
    assert stage.wire.writes() == []


def test_a_missing_path_is_an_unavailable_source(stage: Stage) -> None:
    assert stage.run("plan").code == Exit.SOURCE
    assert "raycml init" in stage.run("plan").err
    assert stage.run("plan", "nowhere/").code == Exit.SOURCE
    assert stage.wire.calls == []


def test_prune_refuses_a_single_file(stage: Stage) -> None:
    path = stage.spec()
    said = stage.run("reconcile", str(path), "--prune", "--yes")
    assert said.code == Exit.USAGE
    assert "needs the whole folder" in said.err
    assert stage.wire.calls == []


def test_prune_asks_a_person_where_there_is_none_to_ask(stage: Stage) -> None:
    three = [stage.spec(name) for name in ("analytics", "ingest", "training")]
    stage.run("reconcile")
    three[2].unlink()
    stage.wire.calls.clear()
    said = stage.run("reconcile", "--prune")
    assert said.code == Exit.REFUSED
    assert "This permanently deletes cluster training (3 applications)" in said.err
    assert stage.wire.writes() == []


def test_prune_of_more_than_half_needs_a_number(stage: Stage) -> None:
    three = [stage.spec(name) for name in ("analytics", "ingest", "training")]
    stage.run("reconcile")
    for path in three[1:]:
        path.unlink()
    stage.wire.calls.clear()
    said = stage.run("reconcile", "--prune", "--yes")
    assert said.code == Exit.REFUSED
    assert "--allow-prune 2" in said.err
    assert stage.wire.writes() == []
    assert stage.run("reconcile", "--prune", "--yes", "--allow-prune", "2").code == 0
    assert len(stage.applications()) == 3


def test_a_pause_is_obeyed_by_those_who_delete(stage: Stage) -> None:
    path = stage.spec()
    stage.spec("training")
    stage.run("reconcile")
    stage.run("pause", "analytics", "--reason", "in use")
    path.unlink()
    stage.wire.calls.clear()
    for command in (["delete", "analytics", "--yes"], ["reconcile", "--prune", "--yes"]):
        said = stage.run(*command)
        assert said.code == Exit.REFUSED
        assert "analytics is paused by jdoe: in use" in said.err
    assert stage.wire.writes() == []


def test_a_protected_cluster_is_not_deleted(stage: Stage) -> None:
    stage.spec()
    stage.run("reconcile")
    stage.spec(extra="protect: true")
    stage.wire.calls.clear()
    said = stage.run("delete", "analytics", "--yes")
    assert said.code == Exit.REFUSED
    assert stage.wire.calls == []
    assert is_plain(said)


def test_a_single_file_leaves_other_clusters_out_of_sight(stage: Stage) -> None:
    stage.spec()
    other = stage.spec("training")
    stage.run("reconcile")
    assert "analytics" not in stage.run("plan", str(other)).out


def test_plan_has_an_exit_code_for_scripts(stage: Stage) -> None:
    stage.spec()
    assert stage.run("plan").code == Exit.DONE
    assert stage.run("plan", "--exit-code").code == Exit.PENDING
    stage.run("reconcile")
    assert stage.run("plan", "--exit-code").code == Exit.DONE


def test_a_setting_that_cannot_be_used_is_named_without_its_value(stage: Stage) -> None:
    stage.spec()
    wrong = {"RAYCML_POOL_THREADS": "sk-many", "RAYCML_START_DEADLIN_S": "5"}
    said = stage.run("plan", environ={**stage.environ, **wrong})
    assert said.code == Exit.USAGE
    assert "RAYCML_POOL_THREADS must be a valid integer" in said.err
    assert "did you mean `RAYCML_START_DEADLINE_S`?" in said.err
    assert "sk-many" not in said.err
    assert stage.wire.calls == []


def test_an_unexpected_error_is_one_line_and_its_traceback_needs_v(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: object) -> int:
        raise ZeroDivisionError(f"with {KEY}")

    monkeypatch.setattr(main, "_invoke", burst)
    said = stage.run("plan")
    assert said.code == Exit.UNEXPECTED
    assert said.err.splitlines()[0] == (
        "raycml: internal error: ZeroDivisionError: with [redacted]"
    )
    assert is_plain(said)
    loud = stage.run("plan", "-v")
    assert "Traceback" in loud.err
    assert KEY not in loud.err


def test_help_opens_with_an_example_everywhere(stage: Stage) -> None:
    for command in main.COMMANDS:
        name = command.__name__.replace("_", "-")
        said = stage.run(name, "--help")
        assert said.code == 0
        assert f"Example: raycml {name}" in said.out
    assert stage.run().code == 0
    assert stage.run("--version").out.startswith("raycml ")


def test_exit_codes_are_what_they_were_promised_to_be() -> None:
    assert {int(code): code.name for code in Exit} == {
        0: "DONE",
        1: "UNEXPECTED",
        2: "PENDING",
        3: "INVALID_SPEC",
        4: "UNAUTHORIZED",
        5: "NOT_CONVERGED",
        6: "REFUSED",
        7: "LEASE_HELD",
        8: "SOURCE",
        64: "USAGE",
        130: "INTERRUPTED",
        143: "TERMINATED",
    }
    assert all(code.meaning.endswith(".") for code in Exit)


@pytest.mark.parametrize("until", ["2", "2.5", " 90 "])
def test_an_end_without_a_unit_is_refused(stage: Stage, until: str) -> None:
    stage.spec()
    said = stage.run("pause", "analytics", "--reason", "x", "--until", until)
    assert said.code == Exit.USAGE
    assert "has no unit; write 2h" in said.err
    assert stage.wire.calls == []
